// What the Workers spent, added up from the lines that they log at debug level: "cost" for what a step used, "done" for the end of an
// invocation.
import type { LogEntry } from "./harness.ts";

export interface Spending {
  readonly d1RoundTrips: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly objectCalls: number;
  readonly objectAlarms: number;
  readonly messagesSent: number;
  readonly queueBatches: number;
  /** Events of Workers Logs at level info beside one for each request from outside: the shop's lines, and one for each call of a Worker or an object. */
  readonly logEvents: number;
}

const COUNTED = ["d1RoundTrips", "rowsRead", "rowsWritten", "objectCalls", "messagesSent"] as const;

/** Requests from outside, batches, parts of an invocation that log their own end, and objects: counted as such, or not at all. */
const NOT_A_CALL = /^(?:fetch$|webhook$|scheduled$|queue |event |stripe |Cart\.|Stock\.|dispatch$|live feed$)/;
const KEPT_LEVELS = ["info", "warn", "error"];

export function spendingOf(entries: readonly LogEntry[]): Spending {
  const costs = entries.filter(({ message }) => message === "cost");
  const ended = entries.filter(({ message }) => message === "done").map(({ operation = "" }) => operation);
  const sum = (kind: string): number => costs.reduce((total, entry) => total + Number(entry[kind] ?? 0), 0);
  const counted = Object.fromEntries(COUNTED.map((kind) => [kind, sum(kind)])) as Pick<
    Spending,
    (typeof COUNTED)[number]
  >;
  const objectAlarms = ended.filter((operation) => operation.endsWith(".alarm")).length;
  const calls = ended.filter((operation) => !NOT_A_CALL.test(operation)).length;
  const lines = entries.filter(({ level }) => KEPT_LEVELS.includes(level)).length;
  return {
    ...counted,
    objectAlarms,
    queueBatches: ended.filter((operation) => operation.startsWith("queue ")).length,
    logEvents: calls + counted.objectCalls + objectAlarms + lines,
  };
}
