// The delivery addresses of the seeded companies: mostly in the country of the warehouse, some in neighbouring countries, some overseas.
import type { Address } from "#shared/contracts/orders";
import type { SeedPerson } from "./people.ts";
import { between, mulberry32, pick } from "./random.ts";

type Place = Pick<Address, "city" | "region" | "postalCode" | "country">;

const PLACES: readonly Place[] = [
  { city: "Columbus", region: "OH", postalCode: "43215", country: "US" },
  { city: "Charlotte", region: "NC", postalCode: "28202", country: "US" },
  { city: "Tucson", region: "AZ", postalCode: "85701", country: "US" },
  { city: "Spokane", region: "WA", postalCode: "99201", country: "US" },
  { city: "Dayton", region: "OH", postalCode: "45402", country: "US" },
  { city: "Tulsa", region: "OK", postalCode: "74103", country: "US" },
  { city: "Rochester", region: "NY", postalCode: "14604", country: "US" },
  { city: "Hamilton", region: "ON", postalCode: "L8P 4W3", country: "CA" },
  { city: "Monterrey", region: "NLE", postalCode: "64000", country: "MX" },
  { city: "Bremen", postalCode: "28195", country: "DE" },
  { city: "Leeds", postalCode: "LS1 4AP", country: "GB" },
];
const STREETS = [
  "Commerce Way",
  "Foundry Road",
  "Dock Street",
  "Mill Lane",
  "Industrial Parkway",
  "Depot Avenue",
] as const;

/** The delivery address of a person. It is the same each time. */
export function addressOf({ id, name, company }: SeedPerson): Address {
  const random = mulberry32(Number(id.replace(/\D/g, "")));
  return {
    name: `${company}, attn. ${name}`,
    line1: `${String(between(random, 10, 980))} ${pick(random, STREETS)}`,
    ...(random() < 0.4 ? { line2: `Dock ${String(between(random, 1, 12))}` } : {}),
    ...pick(random, PLACES),
  };
}
