// Levels and the ledger: one product's level comes from its object, lists come from D1.
import * as z from "zod";
import type { Call } from "#shared/call";
import type {
  AvailabilitiesInput,
  ListLevelsInput,
  ListTransactionsInput,
  ListedLevel,
  LowStockInput,
  ProductInput,
  PublicLevel,
  Transaction,
} from "#shared/contracts/inventory";
import type { Outcome } from "#shared/errors";
import { NumberThenId, readPage } from "#shared/paging";
import type { Page, PageQuery } from "#shared/paging";
import { ok } from "#shared/result";
import type { OwnedLevel } from "../objects/requests.ts";
import { byEmptiness, readAvailabilities, readLedger, readLevels } from "../store/lists.ts";
import type { LevelFilter, LevelKey } from "../store/lists.ts";
import type { InventoryDeps } from "./deps.ts";
import { onStock, productNotFound } from "./products.ts";

/** The vendor to whose products a list is restricted; undefined for other staff. */
export function vendorOf({ actor }: Call): string | undefined {
  return actor.role === "vendor" ? actor.id : undefined;
}

export async function level(
  deps: InventoryDeps,
  call: Call,
  { productId }: z.output<typeof ProductInput>,
): Promise<Outcome<OwnedLevel>> {
  const answer = await onStock(deps, call, productId, (stock) => stock.level());
  return answer.ok ? answer : productNotFound();
}

export async function availabilities(
  deps: InventoryDeps,
  _call: Call,
  { productIds }: z.output<typeof AvailabilitiesInput>,
): Promise<Outcome<readonly PublicLevel[]>> {
  return ok(await readAvailabilities(deps, productIds));
}

async function listBy(
  deps: InventoryDeps,
  name: string,
  filter: LevelFilter,
  page: PageQuery,
): Promise<Outcome<Page<ListedLevel>>> {
  const { status, sku, vendorId } = filter;
  const list = {
    scope: [name, status ?? null, sku ?? null, vendorId ?? null],
    read: (after: LevelKey | undefined, limit: number) => readLevels(deps, filter, after, limit),
    render: (row: ListedLevel) => row,
  };
  return byEmptiness(filter)
    ? await readPage(page, { ...list, key: NumberThenId, keyOf: ({ available, productId }) => [available, productId] })
    : await readPage(page, { ...list, key: z.tuple([z.string()]), keyOf: ({ productId }) => [productId] });
}

/** See InventoryContract.listLevels. */
export async function listLevels(
  deps: InventoryDeps,
  call: Call,
  { status, sku, vendorId, ...page }: z.output<typeof ListLevelsInput>,
): Promise<Outcome<Page<ListedLevel>>> {
  const own = vendorOf(call);
  if (own !== undefined && vendorId !== undefined && vendorId !== own) return ok({ items: [], nextCursor: null });
  return await listBy(deps, "levels", { status, sku, vendorId: own ?? vendorId }, page);
}

export async function listLowStock(
  deps: InventoryDeps,
  call: Call,
  page: z.output<typeof LowStockInput>,
): Promise<Outcome<Page<ListedLevel>>> {
  const filter = { status: "scarce", sku: undefined, vendorId: vendorOf(call) } as const;
  return await listBy(deps, "low stock", filter, page);
}

export async function listTransactions(
  deps: InventoryDeps,
  call: Call,
  { productId, type, ...page }: z.output<typeof ListTransactionsInput>,
): Promise<Outcome<Page<Transaction>>> {
  const filter = { productId, type, vendorId: vendorOf(call) };
  return await readPage(page, {
    scope: ["transactions", productId ?? null, type ?? null, filter.vendorId ?? null],
    key: NumberThenId,
    read: (after, limit) => readLedger(deps, filter, after, limit),
    keyOf: ({ createdAt, id }) => [createdAt, id],
    render: (row) => ({ ...row, createdAt: new Date(row.createdAt).toISOString() }),
  });
}
