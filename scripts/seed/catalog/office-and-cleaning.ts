// Departments "Office & Furniture" and "Cleaning & Hygiene".
import type { Department } from "./vocabulary.ts";

export const OFFICE: Department = {
  code: "OFF",
  name: "Office & Furniture",
  brands: ["Sitwerk", "Büro Lindgren", "Desklund", "Paperstone"],
  children: [
    {
      name: "Furniture",
      categories: [
        {
          code: "CHR",
          name: "Office Chairs",
          title: "{kind} {back} Back, {cover}, {colour}",
          axes: {
            kind: [
              ["Task Chair", 1],
              ["Ergonomic Office Chair", 1.7],
              ["Conference Chair", 0.9],
              ["Industrial Work Chair", 1.2],
            ],
            back: [
              ["Medium", 1],
              ["High", 1.2],
            ],
            cover: [
              ["Mesh", 1],
              ["Wool Blend", 1.3],
              ["Imitation Leather", 1.1],
            ],
            colour: ["Black", "Anthracite", "Petrol Blue"],
          },
          price: [8_900, 64_900],
          grams: [8_500, 26_000],
          about: [
            "{kind} with a {back} back in {cover}, tested to EN 1335 for eight hours a day.",
            "Seat height, depth and lumbar support adjust while seated.",
            "Castors for hard or soft floors are included; spare parts are kept for ten years.",
          ],
        },
        {
          code: "DSK",
          name: "Desks & Workbenches",
          title: "{kind} {size} cm, {top} Top, {frame} Frame",
          axes: {
            kind: [
              ["Height-Adjustable Desk", 1.5],
              ["Office Desk", 0.8],
              ["Workbench", 1.3],
            ],
            size: [
              ["120 x 80", 0.85],
              ["160 x 80", 1],
              ["180 x 80", 1.1],
              ["200 x 100", 1.3],
            ],
            top: [
              ["Melamine Oak", 1],
              ["White Laminate", 1],
              ["Beech Multiplex", 1.4],
            ],
            frame: ["Silver", "Black", "White"],
          },
          price: [15_900, 99_900],
          grams: [24_000, 82_000],
          about: [
            "{kind} of {size} cm with a {top} top of 25 mm and a {frame} steel frame.",
            "Levelling feet even out floors; a cable tray keeps plugs out of sight.",
            "Assembles in under 30 minutes with the tool supplied; tested to EN 527.",
          ],
        },
      ],
    },
    {
      code: "PAP",
      name: "Paper & Notebooks",
      title: "{kind} {format}, {weight} g/m², {pack}",
      axes: {
        kind: [
          ["Copy Paper", 1],
          ["Recycled Copy Paper", 1.1],
          ["Coloured Paper", 1.5],
          ["Spiral Notebooks", 1.3],
        ],
        format: [
          ["A4", 1],
          ["A3", 2],
          ["A5", 0.6],
        ],
        weight: [
          ["80", 1],
          ["90", 1.2],
          ["120", 1.7],
        ],
        pack: [
          ["1 Pack", 0.3],
          ["5 Packs", 1],
          ["10 Packs", 1.9],
        ],
      },
      price: [590, 9_900],
      grams: [900, 26_000],
      minimums: [2, 5],
      about: [
        "{kind} in {format}, {weight} g/m², sold as {pack}.",
        "Whiteness CIE 161 or recycled shade, without jams in laser and inkjet devices.",
        "From certified forestry and bleached without chlorine.",
      ],
    },
  ],
};

export const CLEANING: Department = {
  code: "CLN",
  name: "Cleaning & Hygiene",
  brands: ["Reinova", "Clearmont", "Hygienix Pro", "Wischgut"],
  children: [
    {
      code: "CHM",
      name: "Cleaning Chemicals",
      title: "{kind} {scent}, {form}, {size}",
      axes: {
        kind: [
          ["All-Purpose Cleaner", 1],
          ["Industrial Degreaser", 1.5],
          ["Sanitary Cleaner", 1.1],
          ["Floor Cleaner", 1.05],
        ],
        scent: ["Citrus", "Unscented", "Fresh"],
        form: [
          ["Ready to Use", 0.8],
          ["Concentrate", 1.3],
        ],
        size: [
          ["1 l", 0.4],
          ["5 l", 1],
          ["10 l", 1.8],
          ["20 l", 3.2],
        ],
      },
      price: [390, 9_900],
      grams: [1_050, 21_500],
      minimums: [2, 4, 6],
      about: [
        "{kind}, {scent}, supplied as {form} in {size}.",
        "Biodegradable surfactants to OECD 301; safe on stone, steel and sealed floors.",
        "Safety data sheet and operating instructions come with every delivery.",
      ],
    },
    {
      code: "WIP",
      name: "Wipes & Paper Towels",
      title: "{kind} {ply}-Ply, {colour}, {sheets} Sheets, {pack}",
      axes: {
        kind: [
          ["Industrial Paper Roll", 1.2],
          ["Folded Hand Towels", 1],
          ["Nonwoven Wipes", 1.6],
        ],
        ply: [
          ["1", 0.8],
          ["2", 1],
          ["3", 1.3],
        ],
        colour: ["White", "Blue"],
        sheets: [
          ["500", 0.7],
          ["1000", 1.2],
        ],
        pack: [
          ["2 Rolls", 0.7],
          ["Case of 6", 1.7],
        ],
      },
      price: [890, 12_900],
      grams: [900, 13_500],
      minimums: [2, 3],
      about: [
        "{kind}, {ply}-ply and {colour}, {sheets} sheets each, sold as {pack}.",
        "Takes up oil and water quickly and does not tear when wet.",
        "Approved for contact with food and for use in dispensers of all common makes.",
      ],
    },
    {
      code: "WST",
      name: "Waste Bags & Bins",
      title: "{kind} {volume} l, {colour}, {detail}",
      axes: {
        kind: [
          ["Waste Bags", 0.5],
          ["Pedal Bin", 1.6],
          ["Wheeled Bin EN 840", 2],
          ["Recycling Station", 2.8],
        ],
        volume: [
          ["60", 0.7],
          ["80", 0.9],
          ["120", 1.2],
          ["240", 1.7],
        ],
        colour: ["Grey", "Blue", "Yellow"],
        detail: ["Standard", "Heavy Duty"],
      },
      price: [790, 18_900],
      grams: [700, 15_500],
      about: [
        "{kind} of {volume} l in {colour}, {detail} grade.",
        "Colours follow the usual code for paper, packaging and residual waste.",
        "Made of recycled polyethylene; resists frost, UV and chemicals.",
      ],
    },
    {
      code: "HND",
      name: "Hand Hygiene",
      title: "{kind} {type}, {size}",
      axes: {
        kind: [
          ["Hand Soap", 0.7],
          ["Hand Disinfectant EN 1500", 1.2],
          ["Hand Cleaning Paste", 1],
          ["Skin Protection Cream", 1.4],
        ],
        type: ["Sensitive", "Classic", "Perfume-Free"],
        size: [
          ["100 ml", 0.3],
          ["500 ml", 0.7],
          ["1 l", 1.1],
          ["5 l", 3.9],
        ],
      },
      price: [290, 7_900],
      grams: [130, 5_400],
      minimums: [6, 10],
      about: [
        "{kind}, {type}, in {size} for washrooms, workshops and kitchens.",
        "Dermatologically tested, free of silicone and kind to skin washed many times a day.",
        "Fits wall dispensers with euro bottles; refill on site or replace the bottle.",
      ],
    },
  ],
};
