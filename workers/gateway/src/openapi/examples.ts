// An example of each operation for the document, as a seeded shop answered it, with tokens and lists shortened. Tests compare all of
// them with the schemas, and those that read seeded data with a running shop.
import accounts from "./examples/accounts.json" with { type: "json" };
import cart from "./examples/cart.json" with { type: "json" };
import catalog from "./examples/catalog.json" with { type: "json" };
import inventory from "./examples/inventory.json" with { type: "json" };
import notifications from "./examples/notifications.json" with { type: "json" };
import operations from "./examples/operations.json" with { type: "json" };
import orders from "./examples/orders.json" with { type: "json" };
import payments from "./examples/payments.json" with { type: "json" };

export interface Example {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  /** The status of the example answer. */
  readonly status?: number;
  readonly answer?: unknown;
}

export const EXAMPLES: Readonly<Record<string, Example>> = {
  ...accounts,
  ...cart,
  ...catalog,
  ...inventory,
  ...notifications,
  ...operations,
  ...orders,
  ...payments,
};
