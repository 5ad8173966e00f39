// Reading payments: an order's, for whoever orders or the gateway has found entitled to see them, and all of them for staff.
import { eq } from "drizzle-orm";
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { ListAllPaymentsInput, OrderPaymentsInput, Payment } from "#shared/contracts/payments";
import { inJson } from "#shared/database";
import type { Outcome } from "#shared/errors";
import { decodeCursor, toPage } from "#shared/paging";
import type { Page } from "#shared/paging";
import { ok } from "#shared/result";
import { payments } from "../schema.ts";
import { listKeys } from "../store/list.ts";
import type { PaymentKey } from "../store/list.ts";
import type { PaymentsDeps } from "./deps.ts";
import { readPayments } from "./render.ts";

/** See PaymentsContract.listPayments. */
export async function listPayments(
  deps: PaymentsDeps,
  _call: Call,
  { orderId }: z.output<typeof OrderPaymentsInput>,
): Promise<Outcome<{ readonly items: readonly Payment[] }>> {
  return ok({ items: await readPayments(deps, eq(payments.orderId, orderId)) });
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
  const key = cursor === undefined ? ok(undefined) : await decodeCursor(scope, cursor);
  if (!key.ok) return key;
  const filter = { status, createdFrom: msOf(createdFrom), createdTo: msOf(createdTo), flagged: flagged === "true" };
  const after = key.value && ({ createdAt: Number(key.value[0]), id: String(key.value[1]) } satisfies PaymentKey);
  const keys = await listKeys(deps.db, filter, after, limit + 1);
  const ids = keys.slice(0, limit).map(({ id }) => id);
  const found = ids.length === 0 ? [] : await readPayments(deps, inJson(payments.id, ids));
  const byId = new Map(found.map((payment) => [payment.id, payment]));
  const page = await toPage(
    keys,
    limit,
    scope,
    ({ createdAt, id }) => [createdAt, id],
    ({ id }) => byId.get(id),
  );
  return ok({ ...page, items: page.items.filter((payment) => payment !== undefined) });
}
