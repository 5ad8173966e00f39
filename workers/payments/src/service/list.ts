// Lists payments: those of one order for callers who may see it, and those of all orders for staff.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { ListAllPaymentsInput, OrderPaymentsInput, Payment } from "#shared/contracts/payments";
import type { Outcome } from "#shared/errors";
import { decodeCursor, toPage } from "#shared/paging";
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
  { limit, cursor, status, createdFrom, createdTo, flagged }: z.output<typeof ListAllPaymentsInput>,
): Promise<Outcome<Page<Payment>>> {
  const scope = ["payments", status, createdFrom, createdTo, flagged];
  const place = cursor === undefined ? ok(undefined) : await decodeCursor(scope, cursor);
  if (!place.ok) return place;
  const filter = { status, createdFrom: msOf(createdFrom), createdTo: msOf(createdTo), flagged: flagged === "true" };
  const after = place.value && { createdAt: Number(place.value[0]), id: String(place.value[1]) };
  const keys = await deps.db.all(listKeys(filter, after, limit + 1));
  const ids = keys.slice(0, limit).map(({ id }) => id);
  const found = ids.length === 0 ? [] : await readPayments(deps, byIds(ids));
  const payments = new Map(found.map((payment) => [payment.id, payment]));
  const page = await toPage(
    keys,
    limit,
    scope,
    ({ createdAt, id }) => [createdAt, id],
    ({ id }) => payments.get(id),
  );
  return ok({ ...page, items: page.items.filter((payment) => payment !== undefined) });
}
