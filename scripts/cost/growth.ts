// How large the databases become: the bytes that an order leaves in each table, and for how long the table keeps them. Pure.
import { EVENT_RETENTION_MS, INBOX_RETENTION_MS } from "#shared/deliveries";
import { AUDIT_RETENTION_MS } from "#shared/operations";
import { RETENTION_MS as RESERVATION_RETENTION_MS } from "../../workers/inventory/src/constants.ts";
import { PROVEN_ORDER_RETENTION_MS } from "../../workers/notifications/src/constants.ts";
import { STRIPE_EVENT_RETENTION_MS } from "../../workers/payments/src/constants.ts";

/** D1's limit for one database, which cannot be raised (https://developers.cloudflare.com/d1/platform/limits/). */
export const DATABASE_BYTES = 10_000_000_000;

const DAY_MS = 24 * 60 * 60 * 1_000;
const YEARS = 100;
const HORIZON_DAYS = YEARS * 365;

/** The tables that are purged. The others keep an order's rows for ever. */
const RETENTION_MS: ReadonlyMap<string, number> = new Map([
  ["outbox", EVENT_RETENTION_MS],
  ["inbox", INBOX_RETENTION_MS],
  ["audit_log", AUDIT_RETENTION_MS],
  ["stripe_events", STRIPE_EVENT_RETENTION_MS],
  ["reservations", RESERVATION_RETENTION_MS],
  ["proven_orders", PROVEN_ORDER_RETENTION_MS],
]);

type BytesPerOrder = Readonly<Record<string, number>>;

function keptDays(table: string): number {
  return (RETENTION_MS.get(table) ?? Number.POSITIVE_INFINITY) / DAY_MS;
}

/** Bytes of an order that stay for ever, and those that are purged. */
export function partsOf(tables: BytesPerOrder): { readonly kept: number; readonly purged: number } {
  const entries = Object.entries(tables);
  const sum = (rows: typeof entries): number => rows.reduce((total, [, bytes]) => total + bytes, 0);
  return {
    kept: sum(entries.filter(([table]) => !RETENTION_MS.has(table))),
    purged: sum(entries.filter(([table]) => RETENTION_MS.has(table))),
  };
}

/** The size of a database after so many days of a steady number of orders. */
export function bytesAfter(
  tables: BytesPerOrder,
  { days, ordersPerDay }: { days: number; ordersPerDay: number },
): number {
  return Object.entries(tables).reduce(
    (sum, [table, bytes]) => sum + bytes * ordersPerDay * Math.min(days, keptDays(table)),
    0,
  );
}

/** The day on which an empty database is full; undefined within a hundred years. */
export function daysUntilFull(tables: BytesPerOrder, ordersPerDay: number): number | undefined {
  for (let days = 1; days <= HORIZON_DAYS; days += 1) {
    if (bytesAfter(tables, { days, ordersPerDay }) >= DATABASE_BYTES) return days;
  }
  return undefined;
}

/** GB-months in D1 of one order within a year. */
export function storageOfFirstYear(databases: readonly BytesPerOrder[]): number {
  const byteDays = databases
    .flatMap((tables) => Object.entries(tables))
    .reduce((sum, [table, bytes]) => sum + bytes * Math.min(365, keptDays(table)), 0);
  return byteDays / 30 / 1_000_000_000;
}
