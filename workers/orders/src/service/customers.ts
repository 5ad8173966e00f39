// A customer's orders and cart as admins see them.
import type { z } from "zod";
import type { Call } from "#shared/call";
import { isAdmin } from "#shared/call";
import type { Cart, CustomerInput, CustomerTotals } from "#shared/contracts/orders";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { readCustomerTotals } from "../store/orders.ts";
import { render, contextOf } from "./cart.ts";
import type { OrdersDeps } from "./deps.ts";

const FORBIDDEN = fail("forbidden", "Only an admin sees a customer's orders and cart.");

export async function customerTotals(
  deps: OrdersDeps,
  { actor }: Call,
  { customerId }: z.output<typeof CustomerInput>,
): Promise<Outcome<CustomerTotals>> {
  if (!isAdmin(actor)) return FORBIDDEN;
  const rows = await readCustomerTotals(deps.db, customerId);
  const bought = rows.filter(({ total }) => total !== null);
  return ok({
    count: rows.reduce((sum, { count }) => sum + count, 0),
    total: Object.fromEntries(bought.map(({ currency, total }) => [currency, total ?? 0])),
  });
}

/** An account's cart has the account's id for its name: see owner.ts. */
export async function customerCart(
  deps: OrdersDeps,
  call: Call,
  { customerId }: z.output<typeof CustomerInput>,
): Promise<Outcome<Cart>> {
  if (!isAdmin(call.actor)) return FORBIDDEN;
  return await render(deps, call, customerId, await deps.cart(customerId).view(contextOf(deps, call)));
}
