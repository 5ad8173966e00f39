// `npm run smoke -- [url]`: takes one order from login to delivery on a running server, and prints each step with its time. Exits with 1
// at the first wrong response. Needs the seeded accounts and the Stripe sandbox.
import type { Cart, ChangeOrderStatus, Order, Product } from "../client/tradepost.ts";
import { ADDRESS, Client, confirmPayment, eventually, orderReaches, signIn } from "./shop/client.ts";
import type { Send } from "./shop/client.ts";
import { readSettings } from "./local/settings.ts";

const QUANTITY = 2;
const MAILS = ["order_received", "payment_received", "order_shipped", "order_delivered"];

/** @throws Error with the expected and the actual value. */
function require(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what}: expected ${String(expected)}, got ${String(actual)}`);
}

async function step<T>(name: string, work: () => Promise<T>, describe: (result: T) => string = () => ""): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  const ms = (performance.now() - startedAt).toFixed(0);
  console.log(`ok  ${name.padEnd(34)}${`${ms} ms`.padStart(8)}  ${describe(result)}`);
  return result;
}

async function browse({ api }: Client): Promise<Product> {
  const page = await api.call("GET /api/products", { query: { inStock: true, limit: 100 } });
  const product = page.items.find((item) => item.minOrderQuantity <= QUANTITY && item.availability === "in_stock");
  if (product === undefined) throw new Error("no product is in stock");
  const found = await api.call("GET /api/products", { query: { limit: 100, q: product.name } });
  require("the search finds it", found.items.some(({ id }) => id === product.id), true);
  const one = await api.call("GET /api/products/{idOrSlug}", { params: { idOrSlug: product.slug } });
  require("the product", one.id, product.id);
  return product;
}

async function fillCart({ api }: Client, productId: string): Promise<Cart> {
  await api.call("POST /api/cart/clear");
  const cart = await api.call("POST /api/cart/items", { body: { productId, quantity: QUANTITY } });
  require("items in the cart", cart.itemCount, QUANTITY);
  return cart;
}

async function changeStatus({ api }: Client, orderId: string, body: ChangeOrderStatus): Promise<Order> {
  const order = await api.call("PATCH /api/orders/{orderId}/status", { params: { orderId }, body });
  require("the status", order.status, body.status);
  return order;
}

async function mailsAbout(buyer: Client, number: string): Promise<string[]> {
  return await eventually("the mails", async () => {
    const page = await buyer.api.call("GET /api/notifications", { query: { limit: 100 } });
    const sent = page.items
      .filter(({ status, subject, body }) => status === "sent" && `${subject} ${body}`.includes(number))
      .map(({ template }) => template);
    return MAILS.every((template) => sent.includes(template)) ? sent : undefined;
  });
}

async function placeAndDeliver(send: Send): Promise<void> {
  const guest = new Client(send);
  await step("health", async () => {
    require("health", (await guest.api.call("GET /api/health")).status, "ok");
  });
  const buyer = await step("login", async () => await signIn(guest, "customer@example.com", "Customer123!"));
  const product = await step(
    "browse, search, look",
    async () => await browse(buyer),
    ({ name }) => name,
  );
  const cart = await step(
    "cart",
    async () => await fillCart(buyer, product.id),
    ({ subtotal, currency }) => `${subtotal} ${currency}`,
  );
  const quote = await step(
    "quote",
    async () => {
      const result = await buyer.api.call("POST /api/orders/quote", { body: { shippingAddress: ADDRESS } });
      require("the quote's subtotal", result.subtotal, cart.subtotal);
      require("the quote's total", result.total, result.subtotal - result.discount + result.shipping + result.tax);
      return result;
    },
    ({ total, shipping }) => `${total} with ${shipping} for shipping`,
  );
  const placed = await step(
    "order",
    async () => {
      const body = { shippingAddress: ADDRESS, expectedTotal: quote.total };
      const headers = { "Idempotency-Key": crypto.randomUUID() };
      const order = await buyer.api.call("POST /api/orders", { body, headers });
      require("the order's status", order.status, "PENDING");
      require("the order's total", order.total, quote.total);
      return order;
    },
    ({ number }) => number,
  );
  await step("stock RESERVED", async () => {
    return await orderReaches(buyer, placed.id, ({ stockStatus }) => stockStatus === "RESERVED", "has its stock");
  });
  const intent = await step("payment intent", async () => {
    const result = await buyer.api.call("POST /api/payments/intent", {
      body: { orderId: placed.id },
    });
    require("the amount", result.amount, placed.total);
    return result;
  });
  await step("card confirmed at the sandbox", async () => {
    require("the sandbox's answer", (await confirmPayment(send, intent)).status, 200);
  });
  await step("order CONFIRMED", async () => {
    const order = await orderReaches(buyer, placed.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    require("the payment", order.paymentStatus, "AUTHORIZED");
  });
  const admin = await step("login as admin", async () => await signIn(guest, "admin@example.com", "Admin123!"));
  await step("PROCESSING", async () => await changeStatus(admin, placed.id, { status: "PROCESSING" }));
  await step("SHIPPED", async () => {
    return await changeStatus(admin, placed.id, { status: "SHIPPED", tracking: { carrier: "DHL", number: "JD0001" } });
  });
  await step("payment CAPTURED, stock CONSUMED", async () => {
    await orderReaches(
      buyer,
      placed.id,
      ({ paymentStatus, stockStatus }) => paymentStatus === "CAPTURED" && stockStatus === "CONSUMED",
      "is CAPTURED and CONSUMED",
    );
    const params = { orderId: placed.id };
    const { items } = await buyer.api.call("GET /api/payments/order/{orderId}", { params });
    require("the amount captured", items[0]?.amountCaptured, placed.total);
  });
  await step("DELIVERED", async () => await changeStatus(admin, placed.id, { status: "DELIVERED" }));
  await step(
    "mails",
    async () => await mailsAbout(buyer, placed.number),
    (sent) => sent.join(", "),
  );
}

const [url = `http://localhost:${readSettings(process.env).port}`] = process.argv.slice(2);
const origin = url.replace(/\/+$/, "");
const startedAt = performance.now();
try {
  await placeAndDeliver(async (path, init) => await fetch(`${origin}${path}`, init));
  console.log(`Every step passed in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s on ${origin}`);
} catch (error) {
  console.error(`FAILED  ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof Error && error.cause !== undefined) console.error(error.cause);
  process.exitCode = 1;
}
