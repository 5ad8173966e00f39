// A worked example of each call, by its operation id, as a seeded shop answered it: tokens and keys are shortened, lists cut. They are
// shown in the document. Tests hold them to the schemas, and those that read what the seed has to a running shop.
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
  /** The status of the answer that is shown. */
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
