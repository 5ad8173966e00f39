// Departments "Power & Hand Tools" and "Electrical & Lighting".
import type { Department } from "./vocabulary.ts";

export const TOOLS: Department = {
  code: "TOL",
  name: "Power & Hand Tools",
  brands: ["Torqline", "Rauhfels", "Ironmark", "Vanta Tools"],
  children: [
    {
      name: "Power Tools",
      categories: [
        {
          code: "DRL",
          name: "Cordless Drills",
          title: "Cordless {kind} {voltage} V, {torque} Nm, {battery}",
          axes: {
            kind: [
              ["Drill Driver", 1],
              ["Combi Drill", 1.15],
              ["Impact Driver", 1.1],
            ],
            voltage: [
              ["12", 0.75],
              ["18", 1],
            ],
            torque: [
              ["45", 0.85],
              ["60", 1],
              ["90", 1.25],
              ["130", 1.5],
            ],
            battery: [
              ["2 x 2.0 Ah", 1],
              ["2 x 4.0 Ah", 1.3],
              ["2 x 5.0 Ah", 1.45],
              ["Body Only", 0.6],
            ],
          },
          price: [6_900, 39_900],
          grams: [950, 3_600],
          about: [
            "Brushless {voltage} V {kind} with {torque} Nm of torque and a two-speed metal gearbox.",
            "Supplied as {battery}; every battery of the {voltage} V platform fits.",
            "An LED ring lights the work without a shadow, and the clutch has 20 steps for repeatable screw depth.",
          ],
        },
        {
          code: "GRD",
          name: "Angle Grinders",
          title: "Angle Grinder {disc} mm, {power} W, {feature}",
          axes: {
            disc: [
              ["115", 0.8],
              ["125", 1],
              ["150", 1.35],
              ["230", 1.9],
            ],
            power: [
              ["900", 0.85],
              ["1100", 1],
              ["1500", 1.3],
              ["2200", 1.7],
            ],
            feature: ["Variable Speed", "Paddle Switch", "Soft Start"],
          },
          price: [5_900, 32_900],
          grams: [1_900, 6_200],
          about: [
            "{power} W grinder for {disc} mm discs with {feature} and restart protection after a power cut.",
            "The guard turns without tools and the handle damps vibration to below 5 m/s².",
            "Dust-shielded bearings make it last in masonry and metal shops.",
          ],
        },
      ],
    },
    {
      code: "WRN",
      name: "Wrenches & Sockets",
      title: "{kind} {drive}, {count} Pieces, {finish}",
      axes: {
        kind: [
          ["Socket Set", 1],
          ["Combination Wrench Set", 0.9],
          ["Ratchet Wrench Set", 1.4],
          ["Torx and Hex Key Set", 0.5],
        ],
        drive: ["Metric", "Metric and Inch"],
        count: [
          ["12", 0.6],
          ["25", 1],
          ["58", 1.7],
          ["94", 2.3],
        ],
        finish: ["Chrome Vanadium", "Matt Chrome"],
      },
      price: [1_890, 24_900],
      grams: [480, 8_900],
      about: [
        "{kind} of {count} pieces in {finish} steel, forged and hardened to DIN 3113.",
        "Large laser-etched sizes are read at arm's length; the tray shows at once what is missing.",
        "Covered by a lifetime warranty for industrial use.",
      ],
    },
  ],
};

export const ELECTRICAL: Department = {
  code: "ELE",
  name: "Electrical & Lighting",
  brands: ["Voltaris", "Lumenor", "Kabelwerk Süd", "Ampère & Fils"],
  children: [
    {
      code: "CAB",
      name: "Cables & Wires",
      title: "{kind} {cores}, {length} m {form}",
      axes: {
        kind: [
          ["Control Cable YSLY-JZ", 1],
          ["Rubber Cable H07RN-F", 1.5],
          ["Installation Cable NYM-J", 0.8],
          ["Data Cable Cat 7 S/FTP", 1.2],
        ],
        cores: [
          ["3 x 1.5 mm²", 0.6],
          ["5 x 1.5 mm²", 0.9],
          ["5 x 2.5 mm²", 1.3],
          ["4 x 0.75 mm²", 0.5],
        ],
        length: [
          ["25", 0.3],
          ["50", 0.6],
          ["100", 1.1],
        ],
        form: ["Ring", "Drum"],
      },
      price: [1_900, 42_900],
      grams: [1_200, 38_000],
      about: [
        "{kind}, {cores}, as a {length} m {form} with metre marking on the sheath.",
        "Flame-retardant to IEC 60332-1-2 and rated for 300/500 V.",
        "Fine-stranded copper stays flexible in cable chains and narrow ducts.",
      ],
    },
    {
      code: "LED",
      name: "LED Lighting",
      title: "LED {kind} {power} W, {colour}, {rating}",
      axes: {
        kind: [
          ["High Bay Light", 2.2],
          ["Floodlight", 1.1],
          ["Batten Light", 0.8],
          ["Work Light", 0.9],
        ],
        power: [
          ["30", 0.6],
          ["50", 0.9],
          ["100", 1.4],
          ["150", 1.9],
        ],
        colour: ["4000 K", "5000 K", "6500 K"],
        rating: ["IP54", "IP65", "IP67"],
      },
      price: [2_190, 27_900],
      grams: [450, 6_800],
      about: [
        "{power} W LED {kind} with {colour} light, housing {rating} and a life of 50,000 hours (L80/B10).",
        "Replaces discharge lamps and saves more than half of the energy, with full light from the first second.",
        "Flicker-free driver, 1-10 V dimmable; mounting bracket included.",
      ],
    },
    {
      code: "MCB",
      name: "Circuit Protection",
      title: "{kind} {poles}, {current} A, {curve}, {breaking} kA",
      axes: {
        kind: [
          ["Miniature Circuit Breaker", 1],
          ["RCBO 30 mA Type A", 2.6],
          ["Surge Arrester Type 2", 3],
        ],
        poles: [
          ["1P", 0.7],
          ["2P", 1.2],
          ["3P", 1.6],
        ],
        current: [
          ["10", 1],
          ["16", 1],
          ["32", 1.15],
          ["63", 1.5],
        ],
        curve: ["Curve B", "Curve C"],
        breaking: [
          ["6", 1],
          ["10", 1.3],
        ],
      },
      price: [690, 14_900],
      grams: [110, 680],
      minimums: [3, 6, 12],
      about: [
        "{kind}, {poles}, {current} A, {curve}, for DIN rail mounting to EN 60898-1.",
        "Breaking capacity of {breaking} kA; the contact position shows on the front.",
        "Double terminals take busbar and wire up to 25 mm².",
      ],
    },
    {
      code: "ENC",
      name: "Enclosures",
      title: "{material} Enclosure {size} mm, {rating}, {door}",
      axes: {
        material: [
          ["Sheet Steel", 1],
          ["Polycarbonate", 0.7],
          ["Stainless Steel 304", 2.1],
        ],
        size: [
          ["200 x 300 x 150", 0.5],
          ["400 x 300 x 200", 0.9],
          ["600 x 400 x 210", 1.4],
          ["800 x 600 x 300", 2.2],
        ],
        rating: ["IP65", "IP66"],
        door: ["Plain Door", "Glazed Door"],
      },
      price: [2_900, 58_900],
      grams: [1_300, 34_000],
      about: [
        "{material} wall enclosure, {size} mm, protected to {rating} and IK10.",
        "Comes with a galvanised mounting plate, cam lock and foamed-in seal.",
        "The {door} can be hung on either side; cable entry through a removable bottom plate.",
      ],
    },
  ],
};
