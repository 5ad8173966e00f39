// Departments "Safety & Workwear" and "Fasteners & Fixings".
import type { Department } from "./vocabulary.ts";

export const SAFETY: Department = {
  code: "SAF",
  name: "Safety & Workwear",
  brands: ["Norvik", "Halden Safety", "Protecta North", "Sturmhand"],
  children: [
    {
      name: "Hand Protection",
      categories: [
        {
          code: "GLV",
          name: "Cut-Resistant Gloves",
          title: "Cut-Resistant Gloves {fibre}, {coating} Coated, EN 388 Level {level}, Size {size}",
          axes: {
            fibre: [
              ["HPPE", 1],
              ["HPPE-Steel", 1.3],
              ["Aramid", 1.2],
            ],
            coating: ["PU", "Nitrile Foam", "Latex"],
            level: [
              ["B", 0.85],
              ["C", 1],
              ["D", 1.15],
              ["F", 1.5],
            ],
            size: ["8", "9", "10"],
          },
          price: [490, 2_490],
          grams: [45, 130],
          minimums: [6, 12],
          about: [
            "{fibre} liner with a {coating} palm, tested to EN 388:2016 and rated level {level} against cuts.",
            "The knitted back keeps the hand cool on long shifts in assembly, glazing and sheet metal work.",
            "Machine washable at 40 °C, up to five times without loss of protection.",
            "Touchscreen-capable fingertips; sold by the pair.",
          ],
        },
        {
          code: "GLC",
          name: "Chemical-Resistant Gloves",
          title: "Chemical-Resistant Gloves {material}, {length} cm, EN ISO 374-1 Type {type}, Size {size}",
          axes: {
            material: [
              ["Nitrile", 1],
              ["Neoprene", 1.3],
              ["Butyl Rubber", 2.4],
              ["PVC", 0.8],
            ],
            length: [
              ["30", 1],
              ["35", 1.15],
              ["40", 1.3],
            ],
            type: ["A", "B"],
            size: ["8", "9", "10", "11"],
          },
          price: [350, 3_990],
          grams: [60, 320],
          minimums: [6, 10],
          about: [
            "{material} gauntlet of {length} cm for handling acids, bases and solvents, certified to EN ISO 374-1 type {type}.",
            "The textured palm grips wet and oily parts safely.",
            "Flock-lined for easy donning; check the permeation table for your substance before use.",
          ],
        },
      ],
    },
    {
      code: "EYE",
      name: "Eye & Face Protection",
      title: "{kind} {lens} Lens, {coating}, EN 166 {rating}",
      axes: {
        kind: [
          ["Safety Glasses", 1],
          ["Overspectacles", 1.1],
          ["Safety Goggles", 1.8],
          ["Face Shield", 2.4],
        ],
        lens: ["Clear", "Smoke", "Amber"],
        coating: ["Anti-Fog", "Anti-Scratch", "Anti-Fog and Anti-Scratch"],
        rating: [
          ["1F", 1],
          ["1B", 1.3],
        ],
      },
      price: [390, 3_490],
      grams: [24, 290],
      minimums: [5, 10],
      about: [
        "{kind} with a polycarbonate lens that blocks 99.9 % of UV radiation, marked EN 166 {rating}.",
        "Soft nose bridge and temples adjust without tools for an all-day fit.",
        "{coating} treatment on both sides keeps the view clear when moving between cold and warm areas.",
        "Fits over most prescription frames.",
      ],
    },
  ],
};

export const FASTENERS: Department = {
  code: "FAS",
  name: "Fasteners & Fixings",
  brands: ["Boltwerk", "Kestrel Fixings", "Schraubenhaus", "Ferrum Line"],
  children: [
    {
      name: "Bolts & Screws",
      categories: [
        {
          code: "SCS",
          name: "Socket Head Cap Screws",
          title: "Socket Head Cap Screws DIN 912 {thread} x {length}, {material}, {pack} pcs",
          axes: {
            thread: [
              ["M4", 0.6],
              ["M5", 0.75],
              ["M6", 1],
              ["M8", 1.6],
              ["M10", 2.6],
            ],
            length: [
              ["16", 0.9],
              ["20", 1],
              ["30", 1.2],
              ["40", 1.4],
            ],
            material: [
              ["Steel 8.8", 0.7],
              ["Steel 12.9", 1],
              ["Stainless A2-70", 1.3],
              ["Stainless A4-80", 1.9],
            ],
            pack: [
              ["50", 0.6],
              ["100", 1],
              ["200", 1.8],
            ],
          },
          price: [420, 8_900],
          grams: [120, 7_500],
          minimums: [5, 10],
          about: [
            "Hexagon socket head cap screws to DIN 912 / ISO 4762 in {material}, {thread} with {length} mm under the head.",
            "Rolled threads of tolerance 6g hold the specified preload reliably.",
            "Each pack carries a lot number; a 3.1 inspection certificate is available on request.",
          ],
        },
        {
          code: "HEX",
          name: "Hex Bolts",
          title: "Hex Bolts DIN 933 {thread} x {length}, {material}, {pack} pcs",
          axes: {
            thread: [
              ["M6", 0.5],
              ["M8", 0.8],
              ["M10", 1.2],
              ["M12", 1.9],
              ["M16", 3.6],
            ],
            length: [
              ["25", 0.9],
              ["40", 1.1],
              ["60", 1.5],
              ["80", 1.9],
            ],
            material: [
              ["Steel 8.8 Zinc Plated", 0.8],
              ["Steel 10.9", 1],
              ["Stainless A2-70", 1.5],
            ],
            pack: [
              ["25", 0.4],
              ["50", 0.7],
              ["100", 1.3],
            ],
          },
          price: [450, 11_900],
          grams: [150, 15_000],
          minimums: [4, 8],
          about: [
            "Fully threaded hexagon bolts to DIN 933 / ISO 4017, {thread} x {length} mm, made of {material}.",
            "For machine building, steel frames and maintenance stores that need one part for many depths.",
            "Delivered in a resealable carton with the thread printed on the label for quick picking.",
          ],
        },
      ],
    },
    {
      code: "NUT",
      name: "Nuts & Washers",
      title: "{part} {thread}, {material}, {pack} pcs",
      axes: {
        part: [
          ["Hex Nuts DIN 934", 1],
          ["Lock Nuts DIN 985", 1.5],
          ["Flat Washers DIN 125", 0.6],
          ["Spring Washers DIN 127", 0.7],
        ],
        thread: [
          ["M5", 0.6],
          ["M6", 0.8],
          ["M8", 1.2],
          ["M10", 1.9],
          ["M12", 2.6],
        ],
        material: [
          ["Zinc Plated", 0.7],
          ["Stainless A2", 1.2],
          ["Stainless A4", 1.7],
        ],
        pack: [
          ["100", 0.8],
          ["250", 1.7],
        ],
      },
      price: [240, 5_900],
      grams: [90, 6_000],
      minimums: [5, 10, 20],
      about: [
        "{part} for {thread} threads in {material}, packed by {pack}.",
        "Measured by sampling to ISO 3269, so that automatic feeders run without jams.",
        "Suitable for indoor assembly and, in stainless grades, for wet and outdoor use.",
      ],
    },
  ],
};
