// What is measured on shops of two sizes: every read of the public, of a buyer and of staff. Each read has many paths, so that no cache
// and no single row answers all of them. Pages are smaller than what the smaller shop has, so that both shops answer full ones.
import type { DatabaseName } from "../../local/state.ts";

export type Reader = "guest" | "buyer" | "admin";

export interface Read {
  readonly name: string;
  readonly as: Reader;
  /** The path of the n-th request. */
  readonly path: (n: number) => string;
  /** The page after that one is measured. */
  readonly nextPage?: boolean;
  /** Has no parameter that a cache tells apart, so only its first answer is uncached. */
  readonly once?: boolean;
}

/** Runs SQL on a database of the measured shop. */
export type Query = <Row>(database: DatabaseName, sql: string) => Promise<Row[]>;

/** Rows of a full page. */
const PAGE = 5;
const SAMPLES = 40;
const HOUR_MS = 3_600_000;

interface Sample {
  readonly [column: string]: string;
}

/** Rows from all over a table. */
async function sampled(query: Query, database: DatabaseName, columns: string, from: string): Promise<Sample[]> {
  return await query<Sample>(
    database,
    `SELECT ${columns} FROM (SELECT *, row_number() OVER () AS place, count(*) OVER () AS rows ${from})
      WHERE place % max(1, rows / ${String(SAMPLES)}) = 0 LIMIT ${String(SAMPLES)}`,
  );
}

/** Words of the products' names: those that most products have, and those of one product. */
async function wordsOf(
  query: Query,
): Promise<{ readonly common: readonly string[]; readonly rare: readonly string[] }> {
  const names = await query<{ name: string }>(
    "product",
    "SELECT name FROM products ORDER BY search_id DESC LIMIT 5000",
  );
  const counts = new Map<string, number>();
  for (const { name } of names) {
    for (const word of new Set(name.toLowerCase().match(/[a-z]{4,}/g))) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const sorted = [...counts].toSorted((a, b) => b[1] - a[1]).map(([word]) => word);
  return { common: sorted.slice(0, 8), rare: sorted.slice(-SAMPLES) };
}

function cycled<T>(items: readonly T[], n: number): T {
  const item = items[n % items.length];
  if (item === undefined) throw new Error("the shop has nothing of this kind");
  return item;
}

/** The reads of this shop. */
export async function readsOf(query: Query, now: number): Promise<readonly Read[]> {
  const products = await sampled(query, "product", "id, slug, sku, name", "FROM products WHERE status = 'active'");
  const categories = await sampled(
    query,
    "product",
    "slug",
    "FROM categories WHERE id IN (SELECT category_id FROM products)",
  );
  const departments = await sampled(query, "product", "slug", "FROM categories WHERE parent_id IS NULL");
  const brands = await sampled(query, "product", "slug", "FROM brands WHERE id IN (SELECT brand_id FROM products)");
  const orders = await sampled(
    query,
    "order",
    "id, number, email, addressee, customer_id",
    "FROM orders WHERE created_at < (SELECT max(created_at) - 86400000 FROM orders)",
  );
  const told = await sampled(query, "order", "subject", "FROM outbox");
  const messaged = await sampled(query, "notification", "user_id", "FROM notifications");
  const audited = await sampled(query, "order", "subject", "FROM audit_log");
  const { common, rare } = await wordsOf(query);
  // No public answer is asked for twice: the size of the page differs.
  const limit = (n: number): string => `limit=${String(PAGE + (n % 90))}`;
  const ago = (ms: number): string => encodeURIComponent(new Date(now - ms).toISOString());
  const guest = (name: string, path: Read["path"]): Read => ({ name, as: "guest", path });
  const next = (name: string, path: Read["path"]): Read => ({ name, as: "guest", path, nextPage: true });
  const admin = (name: string, path: string | Read["path"]): Read => ({
    name,
    as: "admin",
    path: typeof path === "string" ? () => `${path}${path.includes("?") ? "&" : "?"}limit=${String(PAGE)}` : path,
  });
  const plain = (name: string, path: string, as: Reader = "admin"): Read => ({ name, as, path: () => path });
  const staffed = (path: string): string => `${path}limit=${String(PAGE)}`;
  return [
    guest("product by id", (n) => `/api/products/${cycled(products, n)["id"]}`),
    guest("product by slug", (n) => `/api/products/${cycled(products, n)["slug"]}`),
    guest("stock of a product, public", (n) => `/api/inventory/${cycled(products, n)["id"]}`),
    guest("list, with its facets", (n) => `/api/products?${limit(n)}`),
    next("list, the second page", (n) => `/api/products?${limit(n)}`),
    guest("list, a category", (n) => `/api/products?category=${cycled(categories, n)["slug"]}&${limit(n)}`),
    guest("list, a department", (n) => `/api/products?category=${cycled(departments, n)["slug"]}&${limit(n)}`),
    guest("list, a brand", (n) => `/api/products?brand=${cycled(brands, n)["slug"]}&${limit(n)}`),
    guest("list, prices", (n) => `/api/products?minPrice=${String(500 + n)}&maxPrice=${String(1_500 + n)}&${limit(n)}`),
    guest("list, in stock", (n) => `/api/products?inStock=true&${limit(n)}`),
    guest("list, by price", (n) => `/api/products?sort=price&${limit(n)}`),
    next("list, by price, the second page", (n) => `/api/products?sort=price&${limit(n)}`),
    next(
      "list, a department, the second page",
      (n) => `/api/products?category=${cycled(departments, n)["slug"]}&${limit(n)}`,
    ),
    guest("list, by price, dearest first", (n) => `/api/products?sort=-price&${limit(n)}`),
    guest("list, by name", (n) => `/api/products?sort=name&${limit(n)}`),
    guest(
      "list, a category by price",
      (n) => `/api/products?category=${cycled(categories, n)["slug"]}&sort=price&${limit(n)}`,
    ),
    guest("search, a common word", (n) => `/api/products?q=${cycled(common, n)}&${limit(n)}`),
    guest("search, a rare word", (n) => `/api/products?q=${cycled(rare, n)}&${limit(n)}`),
    guest("search, two words", (n) => `/api/products?q=${cycled(common, n)}%20${cycled(common, n + 1)}&${limit(n)}`),
    guest(
      "search, a word in a department",
      (n) => `/api/products?q=${cycled(common, n)}&category=${cycled(departments, n)["slug"]}&${limit(n)}`,
    ),
    guest("search, a common word by price", (n) => `/api/products?q=${cycled(common, n)}&sort=price&${limit(n)}`),
    next("search, the second page", (n) => `/api/products?q=${cycled(common, n)}&${limit(n)}`),
    { name: "categories", as: "guest", path: () => "/api/categories", once: true },
    { name: "brands", as: "guest", path: () => "/api/brands", once: true },
    plain("cart", "/api/cart", "buyer"),
    plain("own orders", staffed("/api/orders?"), "buyer"),
    plain("own messages", staffed("/api/notifications?"), "buyer"),
    plain("account overview", "/api/account/overview", "buyer"),
    { name: "order by id", as: "admin", path: (n) => `/api/orders/${cycled(orders, n)["id"]}` },
    { name: "order with its details", as: "admin", path: (n) => `/api/orders/${cycled(orders, n)["id"]}/details` },
    { name: "payments of an order", as: "admin", path: (n) => `/api/payments/order/${cycled(orders, n)["id"]}` },
    admin("orders", "/api/orders"),
    admin("orders, by number", (n) => staffed(`/api/orders?number=${cycled(orders, n)["number"]}&`)),
    admin("orders, by e-mail", (n) =>
      staffed(`/api/orders?email=${encodeURIComponent(cycled(orders, n)["email"] ?? "")}&`),
    ),
    admin("orders, q = a number", (n) => staffed(`/api/orders?q=${cycled(orders, n)["number"]}&`)),
    admin("orders, q = an addressee", (n) =>
      staffed(`/api/orders?q=${encodeURIComponent(cycled(orders, n)["addressee"] ?? "")}&`),
    ),
    admin("orders, a status", "/api/orders?status=SHIPPED"),
    admin("orders, a status long past", "/api/orders?status=CONFIRMED&createdTo=" + ago(30 * 24 * HOUR_MS)),
    admin("orders, a payment status", "/api/orders?paymentStatus=REFUNDED"),
    admin("orders, a day", `/api/orders?createdFrom=${ago(72 * HOUR_MS)}&createdTo=${ago(48 * HOUR_MS)}`),
    admin("orders, changed since", `/api/orders?updatedSince=${ago(72 * HOUR_MS)}`),
    admin("orders, a buyer's", (n) => staffed(`/api/orders?customerId=${cycled(orders, n)["customer_id"]}&`)),
    { name: "stock level", as: "admin", path: (n) => `/api/inventory/${cycled(products, n)["id"]}` },
    admin("levels", "/api/inventory"),
    admin("levels, low", "/api/inventory?status=low_stock"),
    admin("levels, out of stock", "/api/inventory?status=out_of_stock"),
    admin("levels, by SKU", (n) =>
      staffed(`/api/inventory?sku=${encodeURIComponent(cycled(products, n)["sku"] ?? "")}&`),
    ),
    admin("low stock", "/api/inventory/low-stock"),
    admin("ledger", "/api/inventory/transactions"),
    admin("ledger of a product", (n) => staffed(`/api/inventory/transactions?productId=${cycled(products, n)["id"]}&`)),
    admin("ledger, a type", "/api/inventory/transactions?type=damaged"),
    admin("payments", "/api/payments"),
    admin("payments, a status", "/api/payments?status=CAPTURED"),
    admin("payments, a rare status", "/api/payments?status=REFUNDED"),
    admin("payments, flagged", "/api/payments?flagged=true"),
    admin("managed products", "/api/products/managed"),
    admin("managed products, active", "/api/products/managed?status=active"),
    { name: "managed product", as: "admin", path: (n) => `/api/products/managed/${cycled(products, n)["id"]}` },
    admin("managed products, a brand", (n) => staffed(`/api/products/managed?brand=${cycled(brands, n)["slug"]}&`)),
    admin("managed products, a search", (n) => staffed(`/api/products/managed?q=${cycled(rare, n)}&`)),
    admin("messages", "/api/admin/notifications"),
    admin("messages, failed", "/api/admin/notifications?status=failed"),
    admin("messages, a kind", "/api/admin/notifications?kind=payment_failed"),
    admin("messages, a user's", (n) => staffed(`/api/admin/notifications?userId=${cycled(messaged, n)["user_id"]}&`)),
    admin("events", "/api/admin/events"),
    admin("events of a subject", (n) => staffed(`/api/admin/events?subject=${cycled(told, n)["subject"]}&`)),
    admin("events of a type", "/api/admin/events?type=ORDER_SHIPPED"),
    admin("feed of events", "/api/admin/events?after=0"),
    admin("dead letters", "/api/admin/dead-letters"),
    admin("dead letters, open", "/api/admin/dead-letters?state=open"),
    admin("findings", "/api/admin/findings"),
    admin("findings, open", "/api/admin/findings?outcome=open"),
    admin("audit log", "/api/admin/audit"),
    admin("audit log of a subject", (n) => staffed(`/api/admin/audit?subject=${cycled(audited, n)["subject"]}&`)),
    admin("audit log, an action", "/api/admin/audit?action=order.status"),
    plain("lag", "/api/admin/lag"),
    admin("users", "/api/admin/users"),
    admin("users, a role", "/api/admin/users?role=vendor"),
    admin("users, by e-mail", "/api/admin/users?q=amara"),
    plain("admin overview", "/api/admin/overview"),
    plain("metrics", "/api/metrics"),
  ];
}
