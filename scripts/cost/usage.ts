// What one order, one view and one idle month use of each meter: the counts that the budget tests hold, and what was measured.
import type { Usage } from "./bill.ts";
import { plus, times } from "./bill.ts";
import counts from "../../shared/budget.json" with { type: "json" };
import measured from "./measured.json" with { type: "json" };

/** Assumed: no page says how large the event is that Cloudflare adds for each invocation. The shop's own lines have some 350 bytes. */
const LOG_EVENT_BYTES = 1_500;
/** Assumed: how long an object is busy for one call or alarm, the write and a round trip to D1 included. */
const OBJECT_BUSY_MS = 50;
/** Products of the shop whose idle month is counted. Each is compared with its object once an hour. */
const PRODUCTS = 1_000;

const OBJECT_GB = 0.128;
const OPERATIONS_PER_MESSAGE = 3;
const GB = 1_000_000_000;
const LOG_RETENTION_MONTHS = 7 / 30;
const HOURS_PER_MONTH = 30 * 24;
const MINUTES_PER_MONTH = HOURS_PER_MONTH * 60;
/** The cron of the catalog, which lists its bucket, and that of accounts. */
const CATALOG_RUNS_PER_MONTH = MINUTES_PER_MONTH / 5;
const ACCOUNTS_RUNS_PER_MONTH = 30;
/** A row of `stock_levels` and its index entry. */
const ROWS_PER_COMPARISON = 2;

function logsOf(events: number): Usage {
  const gigabytes = (events * LOG_EVENT_BYTES) / GB;
  return { logs: gigabytes, logStorage: gigabytes * LOG_RETENTION_MONTHS };
}

function objectsOf(requests: number): Usage {
  return { objectRequests: requests, objectDuration: ((requests * OBJECT_BUSY_MS) / 1_000) * OBJECT_GB };
}

/** A one-line order from the cart to CONFIRMED. */
export function orderUsage(): Usage {
  const { order, orderInObjects } = counts;
  const requests = order.requests + order.queueBatches;
  return plus(objectsOf(order.objectCalls + order.objectAlarms), logsOf(requests + order.logEvents), {
    requests,
    cpu: measured.cpuMs.order,
    rowsRead: order.rowsRead,
    rowsWritten: order.rowsWritten,
    objectRowsWritten: orderInObjects.stockRowsWritten + orderInObjects.cartRowsWritten,
    queueOperations: order.messagesSent * OPERATIONS_PER_MESSAGE,
  });
}

/** The mails of that order; a shop may send them by another provider. */
export function mailUsage(): Usage {
  return { mails: counts.order.mails };
}

/** A product's page that the isolate or the Cache API answers. */
export function cachedViewUsage(): Usage {
  const { cachedView } = counts;
  return plus(logsOf(cachedView.requests + cachedView.logEvents), {
    requests: cachedView.requests,
    cpu: measured.cpuMs.cachedView,
  });
}

/** The same page when both databases are asked. */
export function uncachedViewUsage(): Usage {
  const { uncachedView } = counts;
  return plus(logsOf(uncachedView.requests + uncachedView.logEvents), {
    requests: uncachedView.requests,
    cpu: measured.cpuMs.uncachedView,
    rowsRead: uncachedView.rowsRead,
  });
}

/** A month of crons in which nobody comes. */
export function idleMonthUsage(): Usage {
  const { idleMinute } = counts;
  const comparisons = PRODUCTS * HOURS_PER_MONTH;
  const minute = plus(logsOf(idleMinute.requests + idleMinute.logEvents), {
    requests: idleMinute.requests,
    rowsRead: idleMinute.rowsRead,
    rowsWritten: idleMinute.rowsWritten,
  });
  return plus(times(minute, MINUTES_PER_MONTH), objectsOf(comparisons), {
    requests: CATALOG_RUNS_PER_MONTH + ACCOUNTS_RUNS_PER_MONTH,
    rowsWritten: comparisons * ROWS_PER_COMPARISON,
    bucketLists: CATALOG_RUNS_PER_MONTH,
  });
}
