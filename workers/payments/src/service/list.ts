// Lists payments: those of one order for callers who may see it, and those of all orders for staff.
import type * as z from "zod";
import type { Call } from "#shared/call";
import type { ListAllPaymentsInput, OrderPaymentsInput, Payment } from "#shared/contracts/payments";
import type { Outcome } from "#shared/errors";
import { NumberThenId, readPage } from "#shared/paging";
import type { Page } from "#shared/paging";
import { ok } from "#shared/result";
import { listKeys } from "../store/list.ts";
import { byIds, byOrder } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";
import { readPayments } from "./render.ts";

/** See PaymentsContract.listPayments. */
export async function listPayments(
  deps: PaymentsDeps,
  _call: Call,
  { orderId }: z.output<typeof OrderPaymentsInput>,
): Promise<Outcome<{ readonly items: readonly Payment[] }>> {
  return ok({ items: await readPayments(deps, byOrder(orderId)) });
}

function msOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time);
}

/** See PaymentsContract.listAllPayments. */
export async function listAllPayments(
  deps: PaymentsDeps,
  _call: Call,
  { status, createdFrom, createdTo, flagged, ...query }: z.output<typeof ListAllPaymentsInput>,
): Promise<Outcome<Page<Payment>>> {
  const filter = { status, createdFrom: msOf(createdFrom), createdTo: msOf(createdTo), flagged: flagged === "true" };
  const page = await readPage(query, {
    scope: ["payments", status, createdFrom, createdTo, flagged],
    key: NumberThenId,
    read: (after, limit) => deps.db.all(listKeys(filter, after, limit)),
    keyOf: ({ createdAt, id }) => [createdAt, id],
    render: ({ id }) => id,
  });
  if (!page.ok) return page;
  const { items: ids, nextCursor } = page.value;
  const found = ids.length === 0 ? [] : await readPayments(deps, byIds(ids));
  const payments = new Map(found.map((payment) => [payment.id, payment]));
  return ok({ items: ids.flatMap((id) => payments.get(id) ?? []), nextCursor });
}
