// Moves the times of the seed. It is built for one fixed instant, so that it is the same everywhere, and written as if that instant
// were yesterday. Otherwise orders would grow older each month, and inventory would purge their finished reservations.
import type { ImportedPayment } from "../../dev/stripe-sandbox/src/import.ts";
import type { Row } from "./seed.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

/** A column as SQLite's `pragma_table_info` returns it. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

/** Names of times in the schemas: `at`, `created_at`, `leased_until`, `active_from`, and `time` of the outbox. */
const TIME_NAME = /^(?:at|time)$|_(?:at|until|from)$/;

/** Whether a column holds a time, in milliseconds since the epoch. */
export function isTimeColumn({ name, type }: Column): boolean {
  return type === "INTEGER" && TIME_NAME.test(name);
}

/**
 * How many milliseconds, in whole days, to add to the times of a seed built for `builtFor`, a midnight in UTC, so that it becomes the
 * midnight at which the day before `now` began. The same throughout a day.
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
