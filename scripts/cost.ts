// `npm run cost`: what the shop costs on Cloudflare, part by part, from the counts of the budget tests and the list prices.
// `npm run cost -- --measure` first measures CPU time and bytes again, on a scratch shop, and stores them in scripts/cost/measured.json.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { billOf, includedTimes, monthlyBill, plus, times, totalOf } from "./cost/bill.ts";
import type { Line, Usage } from "./cost/bill.ts";
import { daysUntilFull, partsOf, storageOfFirstYear } from "./cost/growth.ts";
import type { Measured } from "./cost/measure.ts";
import { BASE_FEE, PRICES, PRICES_AS_OF } from "./cost/prices.ts";
import { ROOT } from "./local/workers.ts";

const MEASURED = path.join(ROOT, "scripts/cost/measured.json");

const ORDERS_PER_DAY = [100, 1_000, 10_000];
const VIEWS_PER_ORDER = 100;

interface Part {
  readonly title: string;
  readonly usage: Usage;
  /** The project's aim in dollars. */
  readonly aim?: number;
}

function dollars(usd: number): string {
  return `$${usd.toFixed(usd < 0.01 ? 5 : 3)}`;
}

function print(lines: readonly Line[]): void {
  for (const { meter, units, usd } of lines) {
    const count = units.toLocaleString("en", { maximumFractionDigits: units < 10 ? 3 : 0 });
    console.log(`  ${dollars(usd).padStart(10)}  ${count.padStart(14)} ${PRICES[meter].unit}`);
  }
}

function printPart({ title, usage, aim }: Part): void {
  const lines = billOf(usage);
  const total = totalOf(lines);
  console.log(`\n${title}: ${dollars(total)}`);
  print(lines);
  const [dearest] = lines;
  if (aim === undefined || dearest === undefined) return;
  if (total <= aim) console.log(`  Within the aim of ${dollars(aim)}.`);
  else
    console.log(`  Over the aim of ${dollars(aim)}: ${PRICES[dearest.meter].unit} alone are ${dollars(dearest.usd)}.`);
}

function whole(number: number): string {
  return Math.floor(number).toLocaleString("en");
}

/** How long a database has room, from empty, at each rate. */
function printGrowth({ date, bytesPerOrder }: Measured): void {
  console.log(`\nBytes of an order to DELIVERED, measured ${date}, and days until a database has 10 GB:`);
  console.log(
    `  ${["database", "kept", "purged", ...ORDERS_PER_DAY.map((rate) => `${whole(rate)}/day`)].map(cell).join("")}`,
  );
  for (const [database, tables] of Object.entries(bytesPerOrder)) {
    const { kept, purged } = partsOf(tables);
    if (kept + purged === 0) continue;
    const days = ORDERS_PER_DAY.map((rate) => daysUntilFull(tables, rate));
    console.log(
      `  ${[database, whole(kept), whole(purged), ...days.map((day) => (day === undefined ? "never" : whole(day)))].map(cell).join("")}`,
    );
  }
}

function cell(text: string): string {
  return text.padStart(14);
}

const { values } = parseArgs({ options: { measure: { type: "boolean", default: false } } });
if (values.measure) {
  const { measure } = await import("./cost/measure.ts");
  writeFileSync(MEASURED, `${JSON.stringify(await measure(), null, 2)}\n`);
}
const measured = JSON.parse(readFileSync(MEASURED, "utf8")) as Measured;
// It reads what was measured when it is loaded.
const { cachedViewUsage, idleMonthUsage, mailUsage, orderUsage, uncachedViewUsage } = await import("./cost/usage.ts");

console.log(
  `Cloudflare's list prices of ${PRICES_AS_OF}, beyond the base fee of $${BASE_FEE.usd} a month and its included units.`,
);
printPart({ title: "1,000 orders of one line, to CONFIRMED", usage: times(orderUsage(), 1_000), aim: 0.05 });
printPart({ title: "Their e-mails", usage: times(mailUsage(), 1_000) });
const stored = { databaseStorage: storageOfFirstYear(Object.values(measured.bytesPerOrder)) };
printPart({ title: "Their rows in D1, kept for a year, to DELIVERED", usage: times(stored, 1_000) });
printPart({ title: "A million product views, cached", usage: times(cachedViewUsage(), 1_000_000), aim: 1 });
printPart({ title: "A million product views, not cached", usage: times(uncachedViewUsage(), 1_000_000) });

const idle = idleMonthUsage();
printPart({ title: "An idle month, at the prices beyond the included units", usage: idle });
console.log(`  Beyond the base fee it is billed ${dollars(totalOf(monthlyBill(idle)))}.`);

console.log("");
for (const [what, usage] of [
  ["orders", orderUsage()],
  ["cached views", cachedViewUsage()],
] as const) {
  const included = includedTimes(usage);
  if (included === undefined) continue;
  console.log(
    `The base fee includes ${whole(included.times)} ${what} a month; then ${PRICES[included.meter].unit} are billed.`,
  );
}
for (const rate of ORDERS_PER_DAY) {
  const orders = rate * 30;
  const views = times(cachedViewUsage(), orders * VIEWS_PER_ORDER);
  const lines = monthlyBill(plus(idle, times(plus(orderUsage(), mailUsage()), orders), views));
  const mails = totalOf(lines.filter(({ meter }) => meter === "mails"));
  const rest = BASE_FEE.usd + totalOf(lines) - mails;
  console.log(
    `A month of ${whole(rate)} orders a day, each with ${VIEWS_PER_ORDER} cached views: ${dollars(rest)}, and ${dollars(mails)} for e-mails.`,
  );
}
printGrowth(measured);
process.exit();
