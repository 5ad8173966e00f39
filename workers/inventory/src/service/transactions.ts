// The ledger as a list.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { ListTransactionsInput, Transaction } from "#shared/contracts/inventory";
import type { Outcome } from "#shared/errors";
import { decodeCursor, toPage } from "#shared/paging";
import type { Page } from "#shared/paging";
import { ok } from "#shared/result";
import { readLedger } from "../store/ledger.ts";
import type { InventoryDeps } from "./deps.ts";
import { vendorOf } from "./levels.ts";

export async function listTransactions(
  deps: InventoryDeps,
  call: Call,
  { limit, cursor, productId, type }: z.output<typeof ListTransactionsInput>,
): Promise<Outcome<Page<Transaction>>> {
  const filter = { productId, type, vendorId: vendorOf(call) };
  const scope = ["transactions", productId ?? null, type ?? null, filter.vendorId ?? null];
  const after = cursor === undefined ? ok(undefined) : await decodeCursor(scope, cursor);
  if (!after.ok) return after;
  const rows = await readLedger(deps, filter, after.value, limit);
  return ok(
    await toPage(
      rows,
      limit,
      scope,
      (row) => [row.createdAt, row.id],
      (row) => ({ ...row, createdAt: new Date(row.createdAt).toISOString() }),
    ),
  );
}
