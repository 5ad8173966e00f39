// The whole seed as rows, by database and table, in the order of writing. It is the same on every machine.
import type { ImportedPayment } from "../../dev/stripe-sandbox/src/import.ts";
import { catalogSeed, seedProducts } from "./catalog.ts";
import { orderTables, seedOrders } from "./orders.ts";
import { paymentTables, sandboxPayments } from "./payments.ts";
import { seedPeople, userRows } from "./people.ts";
import type { SeedRow } from "./people.ts";
import { SEED_NOW } from "./random.ts";
import { seedStock } from "./stock.ts";

/** Rows by table, each keyed by column. */
export type SeedTables = Readonly<Record<string, readonly SeedRow[]>>;

export interface Seed {
  readonly databases: {
    readonly auth: SeedTables;
    readonly product: SeedTables;
    readonly inventory: SeedTables;
    readonly order: SeedTables;
    readonly payment: SeedTables;
    /** Empty: the templates come with the migrations, and no messages were sent about seeded orders. */
    readonly notification: SeedTables;
  };
  readonly sandboxPayments: readonly ImportedPayment[];
  /** See SEED_NOW. */
  readonly builtFor: number;
}

export function buildSeed(): Seed {
  const people = seedPeople();
  const products = seedProducts();
  const orders = seedOrders(people, products);
  const stock = seedStock(products, orders);
  return {
    databases: {
      auth: { users: userRows(people) },
      product: { ...catalogSeed(stock.of) },
      inventory: stock.tables,
      order: orderTables(orders),
      payment: paymentTables(orders),
      notification: {},
    },
    sandboxPayments: sandboxPayments(orders),
    builtFor: SEED_NOW,
  };
}
