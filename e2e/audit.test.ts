// Every write by staff leaves one audit row with its actor, in the same batch as its effect. A new route for staff needs a recipe here,
// with the audit actions that it leaves.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ManagedImage, ManagedProduct } from "#shared/contracts/catalog-staff";
import type { ProductPage } from "#shared/contracts/catalog";
import type { Template } from "#shared/contracts/notifications-staff";
import type { Order } from "#shared/contracts/orders";
import type { Payment } from "#shared/contracts/payments";
import { DATABASES } from "../scripts/local/workers.ts";
import { allRoutes } from "../workers/gateway/src/routes.ts";
import { Client, confirmedOrder, eventually, newBuyer, placeOrder, signIn } from "../scripts/shop/client.ts";
import type { Shelf } from "../scripts/shop/client.ts";
import { openShop } from "./harness.ts";
import type { Shop } from "./harness.ts";
import type { Store } from "./sql.ts";

/** A prepared request. */
interface Write {
  readonly path: string;
  readonly body?: unknown;
  /** Bytes of a picture, in place of `body`. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
}

interface Recipe {
  readonly prepare: () => Promise<Write>;
  /** The audit actions that it leaves. */
  readonly leaves: readonly string[];
  /** The state is in a Durable Object, and the audit row follows with the projection. */
  readonly inObject?: true;
  /** The request has an effect each time. */
  readonly repeats?: true;
  readonly by?: "vendor";
}

let shop: Shop;
let admin: Client;
let vendor: Client;
let shelf: Shelf;
let sample: ProductPage["items"][number];

const STORES = Object.keys(DATABASES) as Store[];
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

function newProduct(): Record<string, unknown> {
  const { category, brand } = sample;
  const sku = `AUDIT-${crypto.randomUUID()}`;
  const places = { categoryId: category.id, brandId: brand.id };
  return { name: "An audited thing", sku, description: "", price: 100, currency: "USD", weightGrams: 1, ...places };
}

async function madeProduct(): Promise<string> {
  return (await vendor.expect<ManagedProduct>(201, "POST", "/api/products", newProduct())).id;
}

async function addPicture(productId: string): Promise<ManagedImage> {
  const answer = await shop.send(`/api/products/${productId}/images`, {
    method: "POST",
    headers: { ...vendorHeaders, "content-type": "image/png" },
    body: PNG,
  });
  return await answer.json();
}

async function paidOrder(): Promise<Order> {
  const { buyer } = await newBuyer(new Client(shop.send));
  return await confirmedOrder(shop.send, buyer, [{ productId: await shelf.take(5), quantity: 1 }]);
}

async function paymentOf({ id }: Order): Promise<string> {
  const { items } = await admin.expect<{ items: Payment[] }>(200, "GET", `/api/payments/order/${id}`);
  return items[0]?.id ?? "";
}

async function capturedOrder(): Promise<{ readonly order: Order; readonly paymentId: string }> {
  const order = await paidOrder();
  const paymentId = await paymentOf(order);
  await admin.expect(200, "POST", `/api/payments/${paymentId}/capture`);
  return { order, paymentId };
}

async function reserved(): Promise<{ orderId: string; items: unknown[] }> {
  return { orderId: `audit-${crypto.randomUUID()}`, items: [{ productId: await shelf.take(5), quantity: 1 }] };
}

async function failedNotification(): Promise<string> {
  const rows = await eventually("a message was sent", async () => {
    const found = await shop.query<{ id: string }>(
      "notifications",
      "SELECT id FROM notifications WHERE status = 'sent'",
    );
    return found.length > 0 ? found : undefined;
  });
  const id = rows[0]?.id ?? "";
  await shop.query("notifications", "UPDATE notifications SET status = 'failed', sent_at = NULL WHERE id = ?", id);
  return id;
}

const givenUp = new Set<string>();

/** Makes a dead letter of an event that notifications has handled; replayed, it has no second effect. */
async function deadLetter(): Promise<string> {
  const { id, envelope } = await eventually("notifications has handled an order", async () => {
    const events = await shop.query<{ id: string; envelope: string }>(
      "orders",
      "SELECT id, envelope FROM outbox WHERE type = 'ORDER_CREATED'",
    );
    const handled = await shop.query<{ event_id: string }>("notifications", "SELECT event_id FROM inbox");
    const ids = new Set(handled.map((row) => row.event_id));
    return events.find((event) => ids.has(event.id) && !givenUp.has(event.id));
  });
  givenUp.add(id);
  await shop.query("notifications", "DELETE FROM inbox WHERE event_id = ?", id);
  await shop.query(
    "notifications",
    "INSERT INTO dead_letters VALUES (?, 'ORDER_CREATED', 'made up', ?, 10, 'made up', 1, NULL)",
    id,
    envelope,
  );
  return id;
}

async function made(path: string): Promise<string> {
  return (await admin.expect<{ id: string }>(201, "POST", path, { name: `Audited ${crypto.randomUUID()}` })).id;
}

const RECIPES: Readonly<Record<string, Recipe>> = {
  "PATCH /api/admin/users/{userId}": {
    prepare: async () => {
      const { session } = await newBuyer(new Client(shop.send));
      return { path: `/api/admin/users/${session.user.id}`, body: { role: "vendor" } };
    },
    leaves: ["user.change_role"],
  },
  "POST /api/categories": {
    prepare: async () => ({ path: "/api/categories", body: { name: "Audited" } }),
    leaves: ["category.create"],
    repeats: true,
  },
  "PATCH /api/categories/{categoryId}": {
    prepare: async () => ({ path: `/api/categories/${await made("/api/categories")}`, body: { name: "Other" } }),
    leaves: ["category.update"],
  },
  "DELETE /api/categories/{categoryId}": {
    prepare: async () => ({ path: `/api/categories/${await made("/api/categories")}` }),
    leaves: ["category.delete"],
  },
  "POST /api/brands": {
    prepare: async () => ({ path: "/api/brands", body: { name: "Audited" } }),
    leaves: ["brand.create"],
    repeats: true,
  },
  "PATCH /api/brands/{brandId}": {
    prepare: async () => ({ path: `/api/brands/${await made("/api/brands")}`, body: { name: "Other" } }),
    leaves: ["brand.update"],
  },
  "DELETE /api/brands/{brandId}": {
    prepare: async () => ({ path: `/api/brands/${await made("/api/brands")}` }),
    leaves: ["brand.delete"],
  },
  "POST /api/products": {
    prepare: async () => ({ path: "/api/products", body: newProduct() }),
    leaves: ["product.create"],
    by: "vendor",
  },
  "PATCH /api/products/{idOrSlug}": {
    prepare: async () => ({ path: `/api/products/${await madeProduct()}`, body: { price: 200 } }),
    leaves: ["product.update"],
    by: "vendor",
  },
  "DELETE /api/products/{idOrSlug}": {
    prepare: async () => ({ path: `/api/products/${await madeProduct()}` }),
    leaves: ["product.archive"],
    by: "vendor",
  },
  "POST /api/products/{productId}/images": {
    prepare: async () => ({ path: `/api/products/${await madeProduct()}/images`, bytes: new Uint8Array(PNG) }),
    leaves: ["product.add_image"],
    by: "vendor",
  },
  "PATCH /api/products/{productId}/images/{imageId}": {
    prepare: async () => {
      const productId = await madeProduct();
      const { id } = await addPicture(productId);
      return { path: `/api/products/${productId}/images/${id}`, body: { alt: "An audited picture" } };
    },
    leaves: ["product.update_image"],
    by: "vendor",
  },
  "DELETE /api/products/{productId}/images/{imageId}": {
    prepare: async () => {
      const productId = await madeProduct();
      return { path: `/api/products/${productId}/images/${(await addPicture(productId)).id}` };
    },
    leaves: ["product.remove_image"],
    by: "vendor",
  },
  "PATCH /api/orders/{orderId}/status": {
    prepare: async () => ({ path: `/api/orders/${(await paidOrder()).id}/status`, body: { status: "PROCESSING" } }),
    leaves: ["order.status"],
  },
  "PATCH /api/orders/{orderId}": {
    prepare: async () => ({ path: `/api/orders/${(await paidOrder()).id}`, body: { metadata: { desk: "3" } } }),
    leaves: ["order.update"],
  },
  "PUT /api/orders/{orderId}/tracking": {
    prepare: async () => {
      const { id } = await paidOrder();
      for (const status of ["PROCESSING", "SHIPPED"]) {
        await admin.expect(200, "PATCH", `/api/orders/${id}/status`, { status });
      }
      return { path: `/api/orders/${id}/tracking`, body: { carrier: "UPS", number: "1Z999" } };
    },
    leaves: ["order.tracking"],
  },
  "POST /api/orders/{orderId}/cancel": {
    prepare: async () => {
      const { buyer } = await newBuyer(new Client(shop.send));
      const order = await placeOrder(buyer, [{ productId: await shelf.take(5), quantity: 1 }]);
      return { path: `/api/orders/${order.id}/cancel`, body: { reason: "asked by telephone" } };
    },
    leaves: ["order.cancel"],
  },
  "POST /api/orders/{orderId}/refunds": {
    prepare: async () => {
      const { order } = await capturedOrder();
      const lines = [{ itemId: order.items[0]?.id, quantity: 1 }];
      return { path: `/api/orders/${order.id}/refunds`, body: { lines } };
    },
    leaves: ["order.refund"],
  },
  "POST /api/payments/{paymentId}/capture": {
    prepare: async () => ({ path: `/api/payments/${await paymentOf(await paidOrder())}/capture`, body: {} }),
    leaves: ["payment.capture"],
  },
  "POST /api/payments/{paymentId}/refund": {
    prepare: async () => ({ path: `/api/payments/${(await capturedOrder()).paymentId}/refund`, body: { amount: 1 } }),
    leaves: ["payment.refund"],
  },
  "POST /api/inventory/reserve": {
    prepare: async () => ({ path: "/api/inventory/reserve", body: await reserved() }),
    leaves: ["stock.reserve"],
  },
  "POST /api/inventory/release": {
    prepare: async () => {
      const body = await reserved();
      await admin.expect(201, "POST", "/api/inventory/reserve", body);
      return { path: "/api/inventory/release", body: { orderId: body.orderId } };
    },
    leaves: ["stock.release"],
  },
  "POST /api/inventory/{productId}/adjust": {
    prepare: async () => ({
      path: `/api/inventory/${await shelf.take(5)}/adjust`,
      body: { delta: 1, reason: "restock" },
    }),
    leaves: ["stock.adjust"],
    inObject: true,
  },
  "POST /api/inventory/{productId}/count": {
    prepare: async () => ({
      path: `/api/inventory/${await shelf.take(5)}/count`,
      body: { counted: 4, reason: "stock take" },
    }),
    leaves: ["stock.count"],
    inObject: true,
  },
  "PUT /api/inventory/{productId}/threshold": {
    prepare: async () => ({ path: `/api/inventory/${await shelf.take(5)}/threshold`, body: { lowStockThreshold: 1 } }),
    leaves: ["stock.set_threshold"],
    inObject: true,
  },
  "POST /api/admin/notifications/{notificationId}/retry": {
    prepare: async () => ({ path: `/api/admin/notifications/${await failedNotification()}/retry` }),
    leaves: ["notification.retry"],
  },
  "PUT /api/admin/templates/{templateId}": {
    prepare: async () => {
      const path = "/api/admin/templates/welcome.email.en";
      const { textBody, htmlBody } = await admin.expect<Template>(200, "GET", path);
      return { path, body: { subject: "An audited welcome", textBody, htmlBody } };
    },
    leaves: ["template.update"],
  },
  "POST /api/admin/templates/{templateId}/preview": {
    prepare: async () => ({ path: "/api/admin/templates/welcome.email.en/preview" }),
    leaves: [],
  },
  "POST /api/admin/dead-letters/{deadLetterId}/replay": {
    prepare: async () => ({ path: `/api/admin/dead-letters/notifications:${await deadLetter()}/replay` }),
    leaves: ["dead_letter.replay"],
    repeats: true,
  },
  // Stands after the one above, whose dead letter is open until then.
  "POST /api/admin/dead-letters/replay": {
    prepare: async () => {
      await deadLetter();
      return { path: "/api/admin/dead-letters/replay" };
    },
    leaves: ["dead_letter.replay"],
  },
};

const ready = new Map<string, Write>();
let adminHeaders: Record<string, string>;
let vendorHeaders: Record<string, string>;

async function headersOf(email: string, password: string): Promise<Record<string, string>> {
  const answer = await new Client(shop.send).expect<{ accessToken: string }>(200, "POST", "/api/auth/login", {
    email,
    password,
  });
  return { authorization: `Bearer ${answer.accessToken}` };
}

beforeAll(async () => {
  ({ shop, admin, shelf } = await openShop());
  vendor = await signIn(new Client(shop.send), "vendor@example.com", "Vendor123!");
  adminHeaders = await headersOf("admin@example.com", "Admin123!");
  vendorHeaders = await headersOf("vendor@example.com", "Vendor123!");
  const page = await admin.expect<ProductPage>(200, "GET", "/api/products?limit=1");
  const [first] = page.items;
  if (first === undefined) throw new Error("an empty shop");
  sample = first;
  await Promise.all(named.map(async ([name, { prepare }]) => ready.set(name, await prepare())));
  await shop.quiet();
});

afterAll(async () => {
  await shop.close();
});

/** Sends a prepared request, always with the same idempotency key. Returns the status and the request id. */
async function send(name: string, recipe: Recipe): Promise<{ readonly status: number; readonly requestId: string }> {
  const { path, body, bytes } = ready.get(name) ?? { path: "" };
  const requestId = `audit-${crypto.randomUUID()}`;
  const content = bytes ?? (body === undefined ? undefined : JSON.stringify(body));
  const answer = await shop.send(path, {
    method: name.split(" ")[0] ?? "",
    headers: {
      ...(recipe.by === "vendor" ? vendorHeaders : adminHeaders),
      "x-request-id": requestId,
      "idempotency-key": `audit ${name}`,
      ...(content === undefined ? {} : { "content-type": bytes === undefined ? "application/json" : "image/png" }),
    },
    ...(content === undefined ? {} : { body: content }),
  });
  await answer.arrayBuffer();
  return { status: answer.status, requestId };
}

/** `<action> by <role>` of each audit row of a request, in any Worker. */
async function audited(requestId: string): Promise<string[]> {
  const rows = await Promise.all(
    STORES.map((store) =>
      shop.query<{ action: string; actor_role: string }>(
        store,
        "SELECT action, actor_role FROM audit_log WHERE request_id = ?",
        requestId,
      ),
    ),
  );
  return rows.flat().map((row) => `${row.action} by ${row.actor_role}`);
}

/** The tables that staff writes to. Nothing else changes them while the shop is quiet. */
const WRITTEN: readonly (readonly [Store, readonly string[]])[] = [
  ["accounts", ["users", "token_families"]],
  ["catalog", ["products", "product_images", "categories", "brands"]],
  ["orders", ["orders", "order_items", "order_history", "order_refunds"]],
  ["payments", ["payments", "payment_history", "refunds"]],
  ["notifications", ["templates", "template_versions", "notifications", "dead_letters"]],
];

async function digestOfAll(): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const [store, tables] of WRITTEN)
    for (const table of tables) {
      const rows = await shop.query(store, `SELECT * FROM ${table} ORDER BY 1, 2`);
      digests[`${store}.${table}`] = createHash("sha256").update(JSON.stringify(rows)).digest("hex");
    }
  return digests;
}

async function everywhere(sql: string): Promise<void> {
  for (const store of STORES) await shop.query(store, sql);
}

/** Routes by which only staff writes. */
const staffWrites = allRoutes
  .filter(({ method, access }) => method !== "get" && ["staff", "admin"].includes(access))
  .map(({ method, path }) => `${method.toUpperCase()} ${path}`);

const named = Object.entries(RECIPES);

describe("the audit log", () => {
  it("has a recipe here for every route by which staff writes", () => {
    expect([...staffWrites, "POST /api/orders/{orderId}/cancel"].toSorted()).toEqual(Object.keys(RECIPES).toSorted());
  });

  it("refuses a write whose audit row cannot be inserted, without any effect", async () => {
    const before = await digestOfAll();
    await everywhere("CREATE TRIGGER poison BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'poisoned'); END");
    const went: string[] = [];
    for (const [name, recipe] of named) {
      if (recipe.inObject !== undefined || recipe.leaves.length === 0) continue;
      const { status } = await send(name, recipe);
      // The replay of all dead letters reports the failed Worker beside the others.
      if (status < 500 && status !== 202) went.push(`${name}: ${String(status)}`);
    }
    await everywhere("DROP TRIGGER poison");
    expect(went).toEqual([]);
    expect(await digestOfAll()).toEqual(before);
  });

  it.each(named)("has one row for each action of %s, with its actor", async (name, recipe) => {
    const { status, requestId } = await send(name, recipe);
    expect(status).toBeLessThan(300);
    const expected = recipe.leaves.map((action) => `${action} by ${recipe.by ?? "admin"}`);
    await eventually("it is audited", async () =>
      (await audited(requestId)).length >= expected.length ? true : undefined,
    );
    expect(await audited(requestId)).toEqual(expected);
  });

  it.each(named.filter(([, { repeats }]) => repeats === undefined))(
    "has no further row when %s is repeated",
    async (name, recipe) => {
      const { requestId } = await send(name, recipe);
      expect(await audited(requestId)).toEqual([]);
    },
  );
});
