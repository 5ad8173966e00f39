// The data of a larger shop: the seed with copies of its products, users and orders, straight in the local databases. Nothing is made
// in Durable Objects: an absent Stock object opens from D1's rows when it is first called, and an absent Cart is an empty cart.
import type { DatabaseSync } from "node:sqlite";
import { mulberry32, pick } from "../../seed/random.ts";
import type { DatabaseName } from "../../local/state.ts";
import { copyRows, writeMap } from "./copies.ts";
import type { Copies } from "./copies.ts";

/** Of each of these, a factor of 1 has as many. Products and users come from the seed: 600 and 128. */
const PER_FACTOR = {
  orders: 1_000,
  events: 500,
  audit: 200,
  letters: 5,
  findings: 5,
  carts: 20,
  sessions: 300,
} as const;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Orders reach back so far, evenly. */
const ORDERED_SINCE_MS = 365 * DAY_MS;
/** Older orders have ended. */
const OPEN_FOR_MS = 7 * DAY_MS;
/** Inventory and payments keep what has ended, and outboxes what is confirmed, for so long. */
const RESERVATIONS_KEPT_MS = 30 * DAY_MS;
const EVENTS_KEPT_MS = 90 * DAY_MS;
const BRAND_SETS = 8;
const RANDOM_SEED = 100;

/** Two syllables make a word that no product of the seed has: 1,600 of them. */
const SYLLABLES =
  "ba bre cal dor esk fen gri hal ith jor kem lun mor nax oll pir quo rud sel tam ulv vek wim xan yor zet bly cro dre fli glo kru pla sno tri umb vra zwi oth arn";

/** A word that follows from a number, as SQL. */
function word(number: string): string {
  const list = `json('${JSON.stringify(SYLLABLES.split(" "))}')`;
  const at = (index: string): string => `json_extract(${list}, '$[' || ((${index}) % 40) || ']')`;
  return `${at(number)} || ${at(`(${number}) / 40`)}`;
}

/** A whole number from 0 to 2^24 that looks random and follows from a number, as SQL. */
function scatter(number: string): string {
  return `((((${number}) + 1) * 7919 * 104729) >> 7) & 16777215`;
}

/** What stands for `usr_seed`, `prd_seed` and the `@` of e-mail addresses in copy `k` of the seed; 0 is the seed itself. */
function namesOf(k: number): { users: string; products: string; at: string } {
  const mark = `c${String(k).padStart(3, "0")}x`;
  return k === 0
    ? { users: "usr_seed", products: "prd_seed", at: "@" }
    : { users: `usr_${mark}`, products: `prd_${mark}`, at: `+${mark}@` };
}

function replaced(text: string, pairs: readonly (readonly [from: string, to: string])[]): string {
  return pairs.reduce((inner, [from, to]) => `replace(${inner}, ${from}, ${to})`, text);
}

/** The other copies of the seed's users and products. */
function seedCopies(database: DatabaseSync, factor: number): Copies {
  const rows = Array.from({ length: factor - 1 }, (_none, n) => ({ n, k: n + 1, ...namesOf(n + 1) }));
  if (rows.length > 0) writeMap(database, "scale_copies", rows);
  return {
    database,
    map: "scale_copies",
    count: rows.length,
    text: (column) =>
      replaced(column, [
        ["'usr_seed'", "m.users"],
        ["'prd_seed'", "m.products"],
        ["'@'", "m.at"],
      ]),
    shift: "-(m.k * 3600000)",
  };
}

interface Original {
  readonly id: string;
  readonly number: string;
  readonly requestKey: string;
  readonly status: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

interface OrderCopy {
  readonly n: number;
  readonly base: string;
  readonly id: string;
  readonly created: number;
  readonly [column: string]: string | number;
}

/** Which order each copy is of: one that had ended by now, if it is older than a few days. */
function orderCopies(originals: readonly Original[], factor: number): OrderCopy[] {
  const random = mulberry32(RANDOM_SEED);
  const now = Math.max(...originals.map(({ updatedAt }) => updatedAt));
  const count = PER_FACTOR.orders * factor;
  const byDuration = originals.toSorted((a, b) => a.updatedAt - a.createdAt - (b.updatedAt - b.createdAt));
  const ended = originals.filter(({ status }) => status === "DELIVERED" || status === "CANCELLED");
  return Array.from({ length: count }, (_none, n) => {
    const age = Math.round(((count - n) * ORDERED_SINCE_MS) / count);
    const fitting = (age > OPEN_FOR_MS ? ended : originals).filter((each) => each.updatedAt - each.createdAt <= age);
    const original = fitting.length > 0 ? pick(random, fitting) : byDuration[0];
    if (original === undefined) throw new Error("the seed has no orders");
    const created = now - age;
    const serial = original.id.slice("ord_".length);
    const own = `scale${String(n).padStart(7, "0")}`;
    return {
      n,
      base: original.id,
      id: `ord_${own}`,
      created,
      shift: created - original.createdAt,
      base_serial: serial,
      serial: own,
      base_capital: `S${serial.slice(1)}`,
      capital: `S${own.slice(1)}`,
      base_key: original.requestKey,
      key: `${original.requestKey.slice(0, 52)}${n.toString(16).padStart(12, "0")}`,
      base_number: original.number,
      number: `TP-${new Date(created).toISOString().slice(2, 10).replaceAll("-", "")}-${String(n).padStart(8, "0")}`,
      ...namesOf(n % factor),
    };
  });
}

function ordersIn(database: DatabaseSync, count: number): Copies {
  return {
    database,
    map: "scale_orders",
    count,
    // The serials of users and products look like those of orders, so theirs stand aside meanwhile.
    text: (column) =>
      replaced(column, [
        ["'usr_seed'", "'usr_~'"],
        ["'prd_seed'", "'prd_~'"],
        ["m.base_serial", "m.serial"],
        ["m.base_capital", "m.capital"],
        ["m.base_key", "m.key"],
        ["m.base_number", "m.number"],
        ["'@'", "m.at"],
        ["'usr_~'", "m.users"],
        ["'prd_~'", "m.products"],
      ]),
    shift: "m.shift",
  };
}

/** Copies of the orders of the last `ms` only. */
function newestIn(copies: Copies, ms: number): Copies {
  const first = Math.floor(copies.count * (1 - ms / ORDERED_SINCE_MS));
  return { ...copies, map: `(SELECT * FROM scale_orders WHERE n >= ${String(first)})` };
}

/** An id of a message at a time, that sorts by it: `ms` and `n` are SQL. */
function idAt(prefix: string, ms: string, n: string, producer: number): string {
  return `'${prefix}_' || printf('%012x', ${ms}) || printf('7000800${String(producer)}%012x', ${n})`;
}

const ORDER_EVENTS = [
  "ORDER_CREATED",
  "ORDER_CONFIRMED",
  "ORDER_PROCESSING",
  "ORDER_SHIPPED",
  "ORDER_DELIVERED",
] as const;

interface Producer {
  readonly number: number;
  readonly source: string;
  readonly types: readonly string[];
  /** SQL of the event's data, over `m`. */
  readonly data: string;
}

function confirmAll(database: DatabaseSync): void {
  database.exec("UPDATE outbox_confirmed SET up_to = (SELECT max(seq) FROM outbox)");
}

/** Confirmed events about the newest orders, evenly over the time that they are kept. */
function writeEvents(database: DatabaseSync, orders: number, wanted: number, producer: Producer): void {
  const { number, source, types, data } = producer;
  const about = Math.min(Math.floor(wanted / types.length), orders);
  const time = `m.created + j.key * 60000`;
  const id = idAt("evt", time, `m.n * 8 + j.key`, number);
  const envelope = `json_object('specversion', '1.0', 'id', ${id}, 'source', 'tradepost/${source}', 'type', j.value, 'subject', m.id,
    'time', strftime('%Y-%m-%dT%H:%M:%fZ', (${time}) / 1000.0, 'unixepoch'), 'correlationid', 'req_' || m.serial, 'data', ${data})`;
  database
    .prepare(`INSERT INTO outbox (id, type, subject, correlation_id, time, envelope, seq)
      SELECT ${id}, j.value, m.id, 'req_' || m.serial, ${time}, ${envelope},
        (m.n - ?1) * ${String(types.length)} + j.key + 1
      FROM scale_orders m CROSS JOIN json_each('${JSON.stringify(types)}') j WHERE m.n >= ?1`)
    .run(orders - about);
  confirmAll(database);
}

/** The order events that a consumer has handled. */
function writeInbox(database: DatabaseSync, orders: number, wanted: number): void {
  const time = `m.created + j.value * 60000`;
  database
    .prepare(`INSERT OR IGNORE INTO inbox (event_id, handled_at) SELECT ${idAt("evt", time, "m.n * 8 + j.value", 1)}, ${time} + 1000
      FROM scale_orders m CROSS JOIN json_each('[0,1,2,3,4]') j WHERE m.n >= ?`)
    .run(orders - Math.floor(wanted / ORDER_EVENTS.length));
}

function run(database: DatabaseSync, statements: readonly string[]): void {
  for (const statement of statements) database.exec(statement);
}

/** What operators read in every database: the audit log of a year, findings and dead letters. */
function writeOperations(database: DatabaseSync, factor: number, now: number): void {
  const numbers = (count: number): string =>
    `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${String(count)})`;
  const at = (count: number, ms: number): string => `${String(now - ms)} + n * ${String(Math.floor(ms / count) - 1)}`;
  const { audit, letters, findings } = PER_FACTOR;
  const audited = at(audit * factor, ORDERED_SINCE_MS);
  run(database, [
    `INSERT INTO audit_log (id, at, actor_id, actor_role, action, subject, request_id, details) ${numbers(audit * factor)}
        SELECT ${idAt("aud", audited, "n", 0)}, ${audited}, 'usr_seed0001', 'admin',
          iif(n % 3 = 0, 'order.status', 'product.update'), 'ord_scale' || printf('%07d', n), 'req_scale' || n, '{}' FROM numbers`,
    `INSERT INTO findings (kind, subject, details, outcome, times, first_found_at, last_found_at) ${numbers(findings * factor)}
        SELECT iif(n % 2 = 0, 'webhook_missed', 'projection_differs'), 'sub_scale' || n, '{}', iif(n % 50 = 0, 'open', 'mended'), 1,
          ${at(findings * factor, EVENTS_KEPT_MS)}, ${at(findings * factor, EVENTS_KEPT_MS)} FROM numbers`,
    `INSERT INTO dead_letters (event_id, type, subject, envelope, attempts, error, dead_at) ${numbers(letters * factor)}
        SELECT 'evt_dead' || printf('%08d', n), 'ORDER_CREATED', 'ord_scale' || printf('%07d', n), '{}', 10, 'Error: refused',
          ${at(letters * factor, EVENTS_KEPT_MS)} FROM numbers`,
    // All but one in fifty were handled after all.
    `INSERT INTO inbox (event_id, handled_at) ${numbers(letters * factor)}
        SELECT 'evt_dead' || printf('%08d', n), ${String(now)} FROM numbers WHERE n % 50 <> 0`,
  ]);
}

function growAccounts(database: DatabaseSync, factor: number, now: number): void {
  const copies = seedCopies(database, factor);
  if (copies.count > 0) copyRows(copies, "users", {});
  const count = PER_FACTOR.sessions * factor;
  const numbers = `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${String(count)})`;
  const [began, ends] = [`${String(now)} - n * 1000`, String(now + 30 * DAY_MS)];
  run(database, [
    `INSERT INTO token_families (id, user_id, created_at, expires_at, ends_at, last_used_at) ${numbers}
        SELECT 'fam_scale' || n, printf('usr_seed%04d', n % 128 + 1), ${began}, ${ends}, ${ends}, ${began} FROM numbers`,
    `INSERT INTO refresh_tokens (token_hash, family_id, created_at, expires_at) ${numbers}
        SELECT printf('%064x', n), 'fam_scale' || n, ${began}, ${ends} FROM numbers`,
  ]);
  writeOwnEvents(database, PER_FACTOR.events * factor, {
    table: "users",
    source: "accounts",
    type: "USER_REGISTERED",
    now,
  });
}

function growCatalog(database: DatabaseSync, factor: number, orders: readonly OrderCopy[], now: number): void {
  const copies = seedCopies(database, factor);
  if (copies.count > 0) copyCatalog(copies);
  const events = PER_FACTOR.events * factor;
  writeOwnEvents(database, events, { table: "products", source: "catalog", type: "PRODUCT_UPSERTED", now });
  writeMap(database, "scale_orders", orders);
  writeInbox(database, orders.length, events);
}

function copyCatalog(copies: Copies): void {
  const mark = `(m.k % ${String(BRAND_SETS)})`;
  const brand = (id: string): string => `iif(${mark} = 0, ${id}, ${id} || 's' || ${mark})`;
  copyRows(
    { ...copies, map: `(SELECT * FROM scale_copies WHERE k < ${String(BRAND_SETS)})` },
    "brands",
    {},
    {
      id: brand("b.id"),
      slug: `b.slug || '-' || ${word("m.k * 41")}`,
      name: `b.name || ' ' || ${word("m.k * 41")}`,
    },
  );
  const number = `(b.search_id * 100 + m.k)`;
  const coined = `${word(scatter(number))} || ' ' || printf('%X', ${scatter(`${number} * 31`)})`;
  copyRows(
    copies,
    "products",
    {},
    {
      search_id: "NULL",
      slug: `b.slug || '-' || m.k`,
      sku: `b.sku || '-' || m.k`,
      name: `substr(b.name, 1, 120) || ', ' || ${coined}`,
      price: `max(1, b.price * (50 + ${scatter(number)} % 100) / 100)`,
      brand_id: brand("b.brand_id"),
      created_at: `b.created_at - ${scatter(`${number} * 17`)} * 2000`,
      change_seq: "NULL",
    },
  );
  // The pictures of a copy are drawn as the original's.
  copyRows(copies, "product_images", {}, { url: "b.url" });
}

/** The events of a Worker about the rows of one of its tables. */
function writeOwnEvents(
  database: DatabaseSync,
  wanted: number,
  {
    table,
    source,
    type,
    now,
  }: { readonly table: string; readonly source: string; readonly type: string; readonly now: number },
): void {
  const time = `${String(now - EVENTS_KEPT_MS)} + place * ${String(Math.floor(EVENTS_KEPT_MS / wanted))}`;
  const id = idAt("evt", time, "place", 4);
  database
    .prepare(`INSERT INTO outbox (id, type, subject, correlation_id, time, envelope, seq)
      SELECT ${id}, '${type}', id, 'req_scale' || place, ${time}, json_object('specversion', '1.0', 'id', ${id}, 'source', 'tradepost/${source}',
        'type', '${type}', 'subject', id, 'time', strftime('%Y-%m-%dT%H:%M:%fZ', (${time}) / 1000.0, 'unixepoch'),
        'correlationid', 'req_scale' || place, 'data', json_object('id', id)), place
      FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM ${table} LIMIT ?)`)
    .run(wanted);
  confirmAll(database);
}

function growInventory(database: DatabaseSync, factor: number, orders: readonly OrderCopy[]): void {
  const copies = seedCopies(database, factor);
  if (copies.count > 0) {
    copyRows(copies, "stock_levels", {}, { sku: "b.sku || '-' || m.k" });
    copyRows(copies, "ledger", { only: "type <> 'sale'" }, { id: "b.id || 'k' || m.k" });
  }
  writeMap(database, "scale_orders", orders);
  const sold = ordersIn(database, orders.length);
  const kept = newestIn(sold, RESERVATIONS_KEPT_MS);
  copyRows(kept, "reservations", { by: "order_id" });
  copyRows(
    sold,
    "ledger",
    { by: "reference", only: "type = 'sale'" },
    {
      id: "b.id || 'n' || m.n",
      on_hand_after: "0",
    },
  );
  run(database, [
    // The invariants of the levels: opening + ledger = on hand, on hand - reserved = available.
    `UPDATE stock_levels SET reserved = sums.reserved, on_hand = available + sums.reserved, opening = available + sums.reserved - sums.moved
        FROM (SELECT product_id,
            (SELECT coalesce(sum(quantity), 0) FROM reservations r WHERE r.product_id = s.product_id AND state = 'reserved') AS reserved,
            (SELECT coalesce(sum(delta), 0) FROM ledger l WHERE l.product_id = s.product_id) AS moved FROM stock_levels s) AS sums
        WHERE sums.product_id = stock_levels.product_id`,
    `UPDATE stock_levels SET on_hand = on_hand - opening, available = available - opening, opening = 0 WHERE opening < 0`,
    `UPDATE ledger SET on_hand_after = sums.after FROM (
          SELECT l.id, l.created_at, s.opening + sum(delta) OVER (PARTITION BY l.product_id ORDER BY l.created_at, l.id) AS after
          FROM ledger l JOIN stock_levels s ON s.product_id = l.product_id) AS sums
        WHERE sums.created_at = ledger.created_at AND sums.id = ledger.id`,
  ]);
  writeEvents(database, orders.length, PER_FACTOR.events * factor, {
    number: 2,
    source: "inventory",
    types: ["STOCK_RESERVED", "STOCK_CONSUMED"],
    data: "json_object('orderId', m.id, 'reservationOwner', m.key)",
  });
  writeInbox(database, orders.length, PER_FACTOR.events * factor);
}

function growOrders(database: DatabaseSync, factor: number, orders: readonly OrderCopy[], now: number): void {
  writeMap(database, "scale_orders", orders);
  const copies = ordersIn(database, orders.length);
  copyRows(copies, "orders", { by: "id" }, { change_seq: "NULL" });
  copyRows(copies, "order_items", { by: "order_id" });
  copyRows(copies, "order_history", { by: "order_id" });
  database
    .prepare(`INSERT INTO carts (id, expires_at) WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
      SELECT 'guest:' || printf('%064x', n), ? + n * 1000 FROM numbers`)
    .run(PER_FACTOR.carts * factor, now + 7 * DAY_MS);
  writeEvents(database, orders.length, PER_FACTOR.events * factor, {
    number: 1,
    source: "orders",
    types: ORDER_EVENTS,
    data: "json((SELECT event_data FROM orders WHERE orders.id = m.id))",
  });
  writeInbox(database, orders.length, PER_FACTOR.events * factor);
}

function growPayments(database: DatabaseSync, factor: number, orders: readonly OrderCopy[]): void {
  writeMap(database, "scale_orders", orders);
  const copies = ordersIn(database, orders.length);
  copyRows(copies, "payments", { by: "order_id" }, { next_check_at: "b.next_check_at" });
  copyRows(paymentsOf(copies), "payment_history", { by: "payment_id" });
  copyRows(paymentsOf(copies), "refunds", { by: "payment_id" });
  copyRows(copies, "closed_orders", { by: "order_id" });
  database
    .prepare(`INSERT INTO stripe_events (id, type, payload, received_at, processed_at, attempts)
      SELECT 'evt_3Scale' || printf('%08d', m.n) || j.key, j.value, json_object('id', 'evt_3Scale' || m.n, 'object', 'event', 'type', j.value,
        'data', json_object('object', json_object('id', 'pi_3Tradepost' || m.capital, 'object', 'payment_intent', 'client_secret',
        m.key || m.key, 'metadata', json_object('orderId', m.id, 'paymentId', 'pay_' || m.serial)))), m.created, m.created + 100, 1
      FROM scale_orders m CROSS JOIN json_each('["payment_intent.created","payment_intent.amount_capturable_updated","charge.captured"]') j
      WHERE m.n >= ?`)
    .run(Math.floor(orders.length * (1 - EVENTS_KEPT_MS / ORDERED_SINCE_MS)));
  writeEvents(database, orders.length, PER_FACTOR.events * factor, {
    number: 3,
    source: "payments",
    types: ["PAYMENT_AUTHORIZED", "PAYMENT_CAPTURED"],
    data: "json_object('paymentId', 'pay_' || m.serial, 'orderId', m.id, 'orderNumber', m.number)",
  });
  writeInbox(database, orders.length, PER_FACTOR.events * factor);
}

/** The copies by the payments of their orders. */
function paymentsOf(copies: Copies): Copies {
  return {
    ...copies,
    map: "(SELECT n, 'pay_' || base_serial AS base, shift, base_serial, serial, base_capital, capital, base_key, key, base_number, number, at, users, products FROM scale_orders)",
  };
}

function growNotifications(database: DatabaseSync, factor: number, orders: readonly OrderCopy[]): void {
  writeMap(database, "scale_orders", orders);
  const body = "'Your order ' || m.number || ' is confirmed. ' || replace(hex(zeroblob(150)), '00', 'ok ')";
  database
    .prepare(`INSERT INTO notifications (id, event_id, about, audience, user_id, recipient, channel, template, locale, subject, text_body,
        html_body, status, attempts, next_attempt_at, leased_until, created_at, sent_at)
      SELECT ${idAt("ntf", "m.created", "m.n", 1)}, ${idAt("evt", "m.created", "m.n * 8", 1)}, m.id, 'user', m.users || '0' || (100 + m.n % 28),
        'buyer' || m.at || 'example.com', 'email', 'order_confirmed', 'en', 'Order ' || m.number, ${body}, '<p>' || ${body} || '</p>',
        'sent', 1, m.created, 0, m.created, m.created + 500 FROM scale_orders m`)
    .run();
  writeInbox(database, orders.length, PER_FACTOR.events * factor);
}

/** Grows a freshly seeded state to `factor` times the seed. No runtime may have it open. */
export function grow(databases: Readonly<Record<DatabaseName, DatabaseSync>>, factor: number): void {
  const originals = databases.order
    .prepare(
      "SELECT id, number, request_key AS requestKey, status, created_at AS createdAt, updated_at AS updatedAt FROM orders ORDER BY id",
    )
    .all() as unknown as Original[];
  const orders = orderCopies(originals, factor);
  const now = Math.max(...originals.map(({ updatedAt }) => updatedAt));
  const steps: Readonly<Record<DatabaseName, (database: DatabaseSync) => void>> = {
    auth: (database) => growAccounts(database, factor, now),
    product: (database) => growCatalog(database, factor, orders, now),
    inventory: (database) => growInventory(database, factor, orders),
    order: (database) => growOrders(database, factor, orders, now),
    payment: (database) => growPayments(database, factor, orders),
    notification: (database) => growNotifications(database, factor, orders),
  };
  for (const [name, step] of Object.entries(steps)) {
    const database = databases[name as DatabaseName];
    // A run that is cut short leaves no template, so nothing has to survive a crash here.
    database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; BEGIN");
    step(database);
    writeOperations(database, factor, now);
    database.exec("DROP TABLE IF EXISTS scale_orders; DROP TABLE IF EXISTS scale_copies; COMMIT");
  }
}
