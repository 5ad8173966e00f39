// Departments "Material Handling" and "Packaging & Shipping".
import type { Department } from "./vocabulary.ts";

export const HANDLING: Department = {
  code: "MAT",
  name: "Material Handling",
  brands: ["Liftmark", "Karrwerk", "Stowell", "Palanor"],
  children: [
    {
      name: "Trucks & Trolleys",
      categories: [
        {
          code: "PLT",
          name: "Pallet Trucks",
          title: "{kind} {capacity} kg, Forks {forks} mm, {wheels} Wheels",
          axes: {
            kind: [
              ["Hand Pallet Truck", 1],
              ["Weighing Pallet Truck", 2.4],
              ["Electric Pallet Truck", 4.5],
              ["Quick-Lift Pallet Truck", 1.2],
            ],
            capacity: [
              ["1500", 0.85],
              ["2000", 1],
              ["2500", 1.15],
              ["3000", 1.4],
            ],
            forks: [
              ["800", 0.95],
              ["1150", 1],
              ["1500", 1.2],
            ],
            wheels: ["Nylon", "Polyurethane"],
          },
          price: [26_900, 249_900],
          grams: [58_000, 210_000],
          about: [
            "{kind} for loads up to {capacity} kg on {forks} mm forks, built to EN ISO 3691-5.",
            "{wheels} tandem rollers run quietly and cross dock plates without a jolt.",
            "The pump is sealed and free of maintenance; an overload valve protects it.",
          ],
        },
        {
          code: "TRL",
          name: "Hand Trucks & Platform Trolleys",
          title: "{kind} {capacity} kg, {material}, {tyres} Tyres",
          axes: {
            kind: [
              ["Hand Truck", 0.7],
              ["Platform Trolley", 1],
              ["Stair Climbing Truck", 1.4],
              ["Shelf Trolley", 1.6],
            ],
            capacity: [
              ["150", 0.8],
              ["250", 1],
              ["400", 1.35],
              ["500", 1.6],
            ],
            material: [
              ["Steel", 1],
              ["Aluminium", 1.5],
            ],
            tyres: ["Pneumatic", "Solid Rubber", "Puncture-Proof"],
          },
          price: [5_900, 48_900],
          grams: [6_500, 46_000],
          about: [
            "{material} {kind} that carries {capacity} kg and folds down or hangs up when not in use.",
            "{tyres} tyres roll easily over thresholds and gratings.",
            "Two of four castors have brakes; corner bumpers save door frames.",
          ],
        },
      ],
    },
    {
      code: "SLG",
      name: "Slings & Lifting Gear",
      title: "{kind} {load} t, {length} m, {colour}",
      axes: {
        kind: [
          ["Round Sling EN 1492-2", 0.7],
          ["Webbing Sling EN 1492-1", 0.6],
          ["Chain Sling Grade 100 EN 818-4", 3.2],
          ["Ratchet Lashing Strap EN 12195-2", 0.5],
        ],
        load: [
          ["1", 0.6],
          ["2", 1],
          ["3", 1.4],
          ["5", 2.1],
        ],
        length: [
          ["1", 0.7],
          ["2", 1],
          ["4", 1.6],
          ["6", 2.1],
        ],
        colour: ["Violet", "Green", "Orange"],
      },
      price: [690, 26_900],
      grams: [280, 19_000],
      minimums: [2, 4],
      about: [
        "{kind} with a working load limit of {load} t and {length} m of usable length, in {colour}.",
        "Sewn or riveted tag with serial number, load and test date.",
        "Supplied with a test certificate; inspect before every lift.",
      ],
    },
  ],
};

export const PACKAGING: Department = {
  code: "PAC",
  name: "Packaging & Shipping",
  brands: ["Packwell", "Cartonnage Blanc", "Tapeline", "Wrapidus"],
  children: [
    {
      code: "BOX",
      name: "Cardboard Boxes",
      title: "{kind} {size} mm, {flute} Flute, {pack} pcs",
      axes: {
        kind: [
          ["Folding Carton", 1],
          ["Shipping Box with Tear Strip", 1.4],
          ["Archive Box", 1.2],
        ],
        size: [
          ["200 x 150 x 100", 0.5],
          ["300 x 200 x 150", 0.8],
          ["400 x 300 x 300", 1.4],
          ["600 x 400 x 400", 2.3],
        ],
        flute: [
          ["B", 1],
          ["BC", 1.6],
        ],
        pack: [
          ["25", 1],
          ["50", 1.9],
          ["100", 3.4],
        ],
      },
      price: [990, 19_900],
      grams: [1_900, 29_000],
      minimums: [2, 4],
      about: [
        "{kind} of {flute} flute corrugated board, inside dimensions {size} mm, packed flat by {pack}.",
        "Made of at least 80 % recycled fibre and fully recyclable.",
        "Stack printing marks and arrows help packers to close each box the same way.",
      ],
    },
    {
      code: "TAP",
      name: "Packing Tapes",
      title: "{material} Packing Tape {width} mm x {length} m, {colour}, {pack} Rolls",
      axes: {
        material: [
          ["PP Hot-Melt", 0.8],
          ["PVC Natural Rubber", 1.2],
          ["Reinforced Paper", 1.3],
        ],
        width: [
          ["48", 1],
          ["50", 1],
          ["75", 1.5],
        ],
        length: [
          ["50", 0.8],
          ["66", 1],
        ],
        colour: ["Brown", "Clear", "White"],
        pack: [
          ["6", 1],
          ["36", 5.2],
        ],
      },
      price: [890, 11_900],
      grams: [900, 9_800],
      minimums: [2, 3, 6],
      about: [
        "{material} tape, {width} mm wide and {length} m long, {pack} rolls to the carton.",
        "Unwinds quietly and holds on recycled board from -5 to +40 °C.",
        "Fits all common hand dispensers and carton sealers.",
      ],
    },
    {
      code: "STR",
      name: "Stretch Film",
      title: "{kind} Stretch Film {gauge} µm x {width} mm, {colour}, {pack} Rolls",
      axes: {
        kind: [
          ["Hand", 1],
          ["Machine", 3.6],
          ["Pre-Stretched", 0.8],
        ],
        gauge: [
          ["12", 0.7],
          ["17", 0.9],
          ["20", 1],
          ["23", 1.15],
        ],
        width: ["450", "500"],
        colour: ["Clear", "Black"],
        pack: [
          ["2", 0.8],
          ["6", 2.2],
        ],
      },
      price: [790, 21_900],
      grams: [1_500, 42_000],
      about: [
        "{colour} stretch film, {kind} grade, {gauge} µm thick and {width} mm wide.",
        "High puncture resistance secures pallets with fewer turns.",
        "Cast LLDPE with 30 % recycled content, tested for load stability to EUMOS 40509.",
      ],
    },
    {
      code: "LBL",
      name: "Shipping Labels",
      title: "{kind} Labels {size} mm, {adhesive}, {pack} per Pack",
      axes: {
        kind: [
          ["Thermal Transfer", 1],
          ["Direct Thermal", 0.9],
          ["Laser Sheet", 1.1],
        ],
        size: [
          ["57 x 32", 0.5],
          ["100 x 50", 0.8],
          ["100 x 150", 1.3],
          ["105 x 148", 1.3],
        ],
        adhesive: ["Permanent", "Removable", "Freezer-Grade"],
        pack: [
          ["1000", 1],
          ["4000", 3.3],
        ],
      },
      price: [690, 9_900],
      grams: [250, 7_400],
      minimums: [2, 5],
      about: [
        "{kind} labels of {size} mm with {adhesive} adhesive, {pack} in a pack.",
        "Sharp bar codes at 203 and 300 dpi; the top coat resists smudging in transit.",
        "Free of bisphenols and suitable for all common desktop and industrial printers.",
      ],
    },
  ],
};
