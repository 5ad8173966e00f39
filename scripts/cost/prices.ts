// Cloudflare's public list prices for the Workers Paid plan, in US dollars, each with its page. Prices change: compare the pages before
// relying on a sum, and date the table anew. Not here, because the shop does not use it: KV, static assets (free), Logpush. The pages
// name no price for the Cache API and for rate limits; both count as free. Stripe's and Twilio's fees are not Cloudflare's.
export const PRICES_AS_OF = "2026-11-30";

/** The monthly minimum of an account, which brings the included amounts. */
export const BASE_FEE = { usd: 5, source: "https://developers.cloudflare.com/workers/platform/pricing/" } as const;

export interface Price {
  /** Dollars for `per` units beyond the included ones. */
  readonly usd: number;
  readonly per: number;
  /** Units of a month within the base fee. */
  readonly included: number;
  readonly unit: string;
  readonly source: string;
  /** What the page leaves open, and what is assumed here. */
  readonly note?: string;
}

const MILLION = 1_000_000;
const BILLION = 1_000 * MILLION;
const WORKERS = "https://developers.cloudflare.com/workers/platform/pricing/";
const D1 = "https://developers.cloudflare.com/d1/platform/pricing/";
const OBJECTS = "https://developers.cloudflare.com/durable-objects/platform/pricing/";
const QUEUES = "https://developers.cloudflare.com/queues/platform/pricing/";
const R2 = "https://developers.cloudflare.com/r2/pricing/";
const EMAIL = "https://developers.cloudflare.com/email-service/platform/pricing/";
const OBSERVABILITY = "https://developers.cloudflare.com/observability/pricing/";

export const PRICES = {
  requests: {
    usd: 0.3,
    per: MILLION,
    included: 10 * MILLION,
    unit: "requests",
    source: WORKERS,
    note: "Calls over service bindings are free. Crons count in Cloudflare's own example. No page says whether a queue's batch counts; here it does.",
  },
  cpu: { usd: 0.02, per: MILLION, included: 30 * MILLION, unit: "CPU ms", source: WORKERS },
  rowsRead: { usd: 0.001, per: MILLION, included: 25 * BILLION, unit: "rows read in D1", source: D1 },
  rowsWritten: {
    usd: 1,
    per: MILLION,
    included: 50 * MILLION,
    unit: "rows written in D1",
    source: D1,
    note: "An index entry is a row. D1 reports the number with each result.",
  },
  databaseStorage: { usd: 0.75, per: 1, included: 5, unit: "GB-months in D1", source: D1 },
  objectRequests: {
    usd: 0.15,
    per: MILLION,
    included: MILLION,
    unit: "object requests",
    source: OBJECTS,
    note: "Each RPC call and each alarm. Incoming WebSocket messages count a twentieth; the shop's clients send none.",
  },
  objectDuration: {
    usd: 12.5,
    per: MILLION,
    included: 400_000,
    unit: "object GB-s",
    source: OBJECTS,
    note: "128 MB for the time that an object works. An idle object that can hibernate costs nothing.",
  },
  objectRowsWritten: {
    usd: 1,
    per: MILLION,
    included: 50 * MILLION,
    unit: "rows written in objects",
    source: OBJECTS,
    note: "A key-value put and a setAlarm are a row each.",
  },
  objectStorage: { usd: 0.2, per: 1, included: 5, unit: "GB-months in objects", source: OBJECTS },
  queueOperations: {
    usd: 0.4,
    per: MILLION,
    included: MILLION,
    unit: "queue operations",
    source: QUEUES,
    note: "Write, read and delete of each message up to 64 KB, however they are batched.",
  },
  logs: {
    usd: 0.25,
    per: 1,
    included: 50,
    unit: "GB of logs",
    source: OBSERVABILITY,
    note: "The price from 2026-12-01; before, 20 million events are included and a million more cost $0.60. The page does not say how large an invocation's own event is; see LOG_EVENT_BYTES.",
  },
  logStorage: { usd: 0.1, per: 1, included: 12, unit: "GB-months of logs", source: OBSERVABILITY },
  mails: { usd: 0.35, per: 1_000, included: 3_000, unit: "e-mails", source: EMAIL },
  bucketLists: { usd: 4.5, per: MILLION, included: MILLION, unit: "R2 class A operations", source: R2 },
} as const satisfies Readonly<Record<string, Price>>;

export type Meter = keyof typeof PRICES;
