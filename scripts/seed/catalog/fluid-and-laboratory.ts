// Departments "Hydraulics & Pneumatics" and "Laboratory & Measurement".
import type { Department } from "./vocabulary.ts";

export const FLUID: Department = {
  code: "FLU",
  name: "Hydraulics & Pneumatics",
  brands: ["Aeroflux", "Druckmann", "Hydrovale", "Fittingham"],
  children: [
    {
      name: "Pneumatics",
      categories: [
        {
          code: "FIT",
          name: "Push-In Fittings",
          title: "{shape} Push-In Fitting {tube} mm - {thread}, {body}, {pack} pcs",
          axes: {
            shape: [
              ["Straight", 1],
              ["Elbow", 1.2],
              ["Tee", 1.5],
            ],
            tube: [
              ["4", 0.8],
              ["6", 0.9],
              ["8", 1],
              ["10", 1.25],
              ["12", 1.5],
            ],
            thread: ["G1/8", "G1/4", "G3/8"],
            body: [
              ["Polymer", 0.7],
              ["Nickel-Plated Brass", 1.2],
              ["Stainless 316L", 4],
            ],
            pack: [
              ["5", 0.6],
              ["10", 1.1],
            ],
          },
          price: [490, 14_900],
          grams: [40, 620],
          minimums: [2, 5, 10],
          about: [
            "{shape} push-in fitting for {tube} mm tube and {thread} thread, body of {body}.",
            "For compressed air up to 10 bar and vacuum to -0.95 bar, from -10 to +80 °C.",
            "The NBR seal and pre-coated thread need no extra sealant; release is by hand.",
          ],
        },
        {
          code: "CYL",
          name: "Pneumatic Cylinders",
          title: "Pneumatic Cylinder ISO {standard}, Bore {bore} mm, Stroke {stroke} mm",
          axes: {
            standard: [
              ["15552", 1.3],
              ["6432", 0.7],
              ["21287", 1],
            ],
            bore: [
              ["20", 0.6],
              ["25", 0.7],
              ["32", 0.9],
              ["50", 1.3],
              ["63", 1.6],
            ],
            stroke: [
              ["25", 0.85],
              ["50", 0.95],
              ["100", 1.1],
              ["200", 1.4],
            ],
          },
          price: [2_900, 24_900],
          grams: [140, 4_800],
          about: [
            "Double-acting cylinder to ISO {standard} with a bore of {bore} mm and a stroke of {stroke} mm.",
            "Adjustable end cushioning and a magnet in the piston for position sensing.",
            "Hard-anodised barrel, chrome-plated rod; works with dry or oiled air from 1 to 10 bar.",
          ],
        },
      ],
    },
    {
      code: "VLV",
      name: "Valves",
      title: "{kind} {size}, {body}, PN {pressure}",
      axes: {
        kind: [
          ["Ball Valve", 1],
          ["Check Valve", 0.8],
          ["Solenoid Valve 24 V DC", 2.4],
          ["Needle Valve", 1.1],
        ],
        size: [
          ["G1/4", 0.6],
          ["G1/2", 1],
          ["G3/4", 1.3],
          ["G1", 1.7],
        ],
        body: [
          ["Brass", 0.8],
          ["Stainless 316", 1.8],
        ],
        pressure: [
          ["16", 0.9],
          ["40", 1.1],
          ["63", 1.3],
        ],
      },
      price: [790, 19_900],
      grams: [90, 2_700],
      minimums: [2, 4],
      about: [
        "{kind} with {size} threads, body of {body}, rated PN {pressure}.",
        "PTFE seats close tightly to EN 12266-1, leakage rate A.",
        "For water, air, oil and neutral gases from -20 to +150 °C.",
      ],
    },
  ],
};

export const LABORATORY: Department = {
  code: "LAB",
  name: "Laboratory & Measurement",
  brands: ["Messwerk", "Calibra", "Vitrolab", "Quantor Instruments"],
  children: [
    {
      code: "CAL",
      name: "Calipers & Micrometers",
      title: "{kind} {range} mm, {resolution} mm, {protection}",
      axes: {
        kind: [
          ["Digital Caliper", 1],
          ["Vernier Caliper", 0.6],
          ["Digital Micrometer", 1.6],
          ["Depth Gauge", 1.1],
        ],
        range: [
          ["0-25", 0.8],
          ["0-150", 1],
          ["0-200", 1.25],
          ["0-300", 1.9],
        ],
        resolution: [
          ["0.01", 1],
          ["0.001", 1.7],
        ],
        protection: [
          ["IP54", 1],
          ["IP67", 1.35],
        ],
      },
      price: [2_490, 39_900],
      grams: [150, 980],
      about: [
        "{kind} with a range of {range} mm and a resolution of {resolution} mm, protected to {protection}.",
        "Hardened stainless steel with lapped measuring faces to DIN 862.",
        "Comes in a case with a works calibration certificate.",
      ],
    },
    {
      code: "MMT",
      name: "Test Instruments",
      title: "{kind} {category}, {feature}",
      axes: {
        kind: [
          ["Digital Multimeter", 1],
          ["Clamp Meter", 1.3],
          ["Insulation Tester", 2.4],
          ["Infrared Thermometer", 0.7],
          ["Laser Distance Meter", 1.1],
        ],
        category: [
          ["CAT III 600 V", 1],
          ["CAT IV 600 V", 1.25],
        ],
        feature: [
          ["True RMS", 1.1],
          ["Bluetooth LE", 1.3],
          ["Backlit Display", 1],
        ],
      },
      price: [3_900, 54_900],
      grams: [180, 1_400],
      about: [
        "{kind} with {feature}, safe to {category} as EN 61010-1 asks.",
        "Holds minimum, maximum and average values; switches itself off after 15 minutes.",
        "Test leads, batteries and pouch included, with a three-year warranty.",
      ],
    },
    {
      code: "GLS",
      name: "Laboratory Glassware",
      title: "{kind} {volume} ml, {glass}, {pack} pcs",
      axes: {
        kind: [
          ["Beaker", 0.8],
          ["Erlenmeyer Flask", 1],
          ["Volumetric Flask Class A", 2.1],
          ["Graduated Cylinder", 1.5],
        ],
        volume: [
          ["50", 0.7],
          ["100", 0.8],
          ["250", 1],
          ["500", 1.3],
          ["1000", 1.9],
        ],
        glass: [
          ["Borosilicate 3.3", 1],
          ["Amber Borosilicate", 1.4],
        ],
        pack: [
          ["2", 0.5],
          ["10", 2.1],
        ],
      },
      price: [450, 18_900],
      grams: [60, 5_600],
      minimums: [2, 5],
      about: [
        "{kind} of {volume} ml made of {glass} to DIN ISO 3585, {pack} in a pack.",
        "Durable white graduation and a large field for writing.",
        "Resists acids and sudden changes of temperature; autoclavable at 121 °C.",
      ],
    },
    {
      code: "SCL",
      name: "Scales & Balances",
      title: "{kind} {capacity}, {resolution}, {power}",
      axes: {
        kind: [
          ["Platform Scale", 1.2],
          ["Bench Scale", 1],
          ["Counting Scale", 1.4],
        ],
        capacity: [
          ["6 kg", 0.8],
          ["15 kg", 0.9],
          ["60 kg", 1.2],
          ["150 kg", 1.5],
        ],
        resolution: [
          ["0.5 g", 1.3],
          ["1 g", 1.1],
          ["5 g", 1],
        ],
        power: ["Mains", "Battery"],
      },
      price: [7_900, 79_900],
      grams: [2_400, 24_000],
      about: [
        "{kind} for up to {capacity} in steps of {resolution}, {power}-powered.",
        "Stainless steel pan, backlit display and tare over the whole range.",
        "Ready for verification to class III; RS-232 and USB connect to dispatch software.",
      ],
    },
  ],
};
