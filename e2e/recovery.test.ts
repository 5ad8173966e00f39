// The server is killed, not stopped, between the acceptance of an order and the delivery of its events, and started again on the
// same data. The local queue forgets everything then, so what arrives afterwards came out of the outbox.
import { afterEach, describe, expect, it } from "vitest";
import type { Order } from "#shared/contracts/orders";
import { ADDRESS, Client, eventually, getOrder, levelOf, orderReaches, pay, signIn, openShelf } from "./client.ts";
import { startServer } from "./process.ts";
import type { Server } from "./process.ts";

const ROUNDS = 3;
const ORDERS_PER_ROUND = 8;

let server: Server | undefined;

afterEach(async () => {
  await server?.stop();
});

describe("kill -9", () => {
  it("between accept and delivery loses no event and doubles none", async () => {
    server = await startServer();
    let guest = new Client(server.send);
    const admin = async (): Promise<Client> => await signIn(guest, "admin@example.com", "Admin123!");
    const productId = await (await openShelf(await admin())).take(1_000);
    const accepted: string[] = [];

    for (let round = 0; round < ROUNDS; round++) {
      const client = await signIn(guest, "customer@example.com", "Customer123!");
      const requests = Array.from({ length: ORDERS_PER_ROUND }, async () => {
        try {
          const answer = await client.call<Order>("POST", "/api/orders", {
            items: [{ productId, quantity: 1 }],
            shippingAddress: ADDRESS,
          });
          if (answer.status === 201) accepted.push(answer.body.id);
        } catch {
          // The server died under this request; whether its order exists is what the sweeps find out.
        }
      });
      // The first answers are the moment at which some orders are written and their events are on the way.
      await Promise.race(requests);
      await server.kill();
      await Promise.all(requests);
      await server.start();
      guest = new Client(server.send);
    }

    expect(accepted.length).toBeGreaterThanOrEqual(ROUNDS);
    const buyer = await signIn(guest, "customer@example.com", "Customer123!");
    await server.cron("gateway");
    for (const orderId of accepted) {
      await orderReaches(buyer, orderId, ({ stockStatus }) => stockStatus === "RESERVED", "has its stock");
    }
    const [paid] = accepted;
    if (paid !== undefined) {
      await pay(server.send, buyer, paid);
      await orderReaches(buyer, paid, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    }

    // Orders that were written but never answered are reserved too; holds without an order run out.
    const orders = await buyer.expect<{ items: Order[] }>(200, "GET", "/api/orders?status=PENDING&limit=100");
    const confirmed = await buyer.expect<{ items: Order[] }>(200, "GET", "/api/orders?status=CONFIRMED&limit=100");
    const ours = [...orders.items, ...confirmed.items].filter(({ items }) =>
      items.some((line) => line.productId === productId),
    );
    for (const order of ours) {
      const now = await getOrder(buyer, order.id);
      expect(now.history.filter(({ to }) => to === "PENDING")).toHaveLength(1);
    }
    await eventually("reservations equal orders, plus at most the holds that will run out", async () => {
      const { reserved } = await levelOf(await admin(), productId);
      return reserved >= ours.length && reserved <= ours.length + ROUNDS * ORDERS_PER_ROUND ? true : undefined;
    });
    // A mail whose sender died is leased to it for a minute; that its row is there once is what the events are answerable for.
    await eventually("each order has its one message", async () => {
      const { items } = await buyer.expect<{ items: { template: string; body: string }[] }>(
        200,
        "GET",
        "/api/notifications?limit=100",
      );
      const received = items.filter(({ template }) => template === "order_received").map(({ body }) => body);
      expect(new Set(received).size).toBe(received.length);
      return ours.every(({ number }) => received.some((body) => body.includes(number))) || undefined;
    });
  }, 180_000);
});
