// The seed is built for one fixed instant, so that it is the same everywhere; it is written as if that instant were the day before.
// Otherwise orders would look older each month, and inventory would forget their settled reservations.
import type { ImportedPayment } from "../../dev/stripe-sandbox/src/import.ts";
import type { Row } from "./seed.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

/** A column as SQLite's `pragma_table_info` tells it. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

/** How the schemas name a time: `at`, `created_at`, `leased_until`, `active_from`, and the outbox's `time`. */
const TIME_NAME = /^(?:at|time)$|_(?:at|until|from)$/;

/** Whether a column holds a time, in milliseconds since the epoch. */
export function isTimeColumn({ name, type }: Column): boolean {
  return type === "INTEGER" && TIME_NAME.test(name);
}

/**
 * By how many milliseconds, a whole number of days, a seed built for the instant `builtFor` (midnight UTC) is moved so that this
 * instant is the midnight with which the day before `now` began. The same on all of a day.
 */
export function shiftOn(now: number, builtFor: number): number {
  return Math.floor(now / DAY_MS) * DAY_MS - DAY_MS - builtFor;
}

/** The rows with their times moved. Null stays null. */
export function shiftRows(rows: readonly Row[], columns: readonly Column[], shiftMs: number): readonly Row[] {
  const times = columns.filter(isTimeColumn).map(({ name }) => name);
  return rows.map((row) => {
    const moved = times.flatMap((name): [string, number][] => {
      const value = row[name];
      return typeof value === "number" ? [[name, value + shiftMs]] : [];
    });
    return { ...row, ...Object.fromEntries(moved) };
  });
}

/** A payment for the sandbox with its times moved. */
export function shiftPayment(payment: ImportedPayment, shiftMs: number): ImportedPayment {
  return {
    ...payment,
    createdAt: payment.createdAt + shiftMs,
    canceledAt: payment.canceledAt === null ? null : payment.canceledAt + shiftMs,
    refunds: payment.refunds.map((refund) => ({ ...refund, createdAt: refund.createdAt + shiftMs })),
  };
}
