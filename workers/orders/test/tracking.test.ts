// Tracking: set with SHIPPED, set or changed later, published once per change, and never lost under a success.
import { beforeEach, expect, it } from "vitest";
import type { SetTrackingInput } from "#shared/contracts/orders-staff";
import type { OrderTracking } from "#shared/contracts/orders";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { callAs } from "#shared/testkit/kit";
import { changeStatus, setTracking } from "../src/service/commands.ts";
import { getTracking } from "../src/service/orders.ts";
import { capturedPayment, confirmedOrder, eventTypes, must, openShop, ordersEnv, refusal, reread } from "./shop.ts";
import type { Shop } from "./shop.ts";

const admin = callAs("admin");
const [FIRST, SECOND] = [
  { carrier: "UPS", number: "1Z999" },
  { carrier: "DHL", number: "JJD0001", url: "https://dhl.example/JJD0001" },
];
let shop: Shop;
beforeEach(() => {
  shop = openShop({ captureOrder: async (_call, { orderId }) => ok(capturedPayment(orderId)) });
});

const move = async (orderId: string, status: string, more: object = {}) =>
  await changeStatus(shop.deps, admin, { orderId, status: status as "SHIPPED", ...more });

async function set(
  orderId: string,
  tracking: (typeof SetTrackingInput)["_output"]["tracking"],
  call = admin,
): Promise<Outcome<OrderTracking>> {
  return await setTracking(shop.deps, call, { orderId, tracking });
}

async function shipped(more: object = {}, call = callAs("customer")): Promise<string> {
  const { id } = await confirmedOrder(shop, call);
  must(await move(id, "PROCESSING"));
  must(await move(id, "SHIPPED", more));
  return id;
}

async function changesOf(orderId: string): Promise<unknown[]> {
  await shop.idle();
  return shop.sent
    .filter(({ event, consumer }) => event.subject === orderId && consumer === "notifications")
    .filter(({ event }) => event.type === "ORDER_TRACKING_CHANGED")
    .map(({ event }) => (event.data as { tracking: unknown }).tracking);
}

it("sent with another status than SHIPPED is refused at its path, and nothing changes", async () => {
  const { id } = await confirmedOrder(shop);
  for (const status of ["PROCESSING", "DELIVERED", "CANCELLED"]) {
    const refused = refusal(await move(id, status, { tracking: FIRST }));
    expect(refused).toMatchObject({ code: "validation_failed", errors: [{ path: "tracking" }] });
  }
  expect((await reread(shop, id)).status).toBe("CONFIRMED");
});

it.each(["PUT", "PATCH"])(
  "set and changed by %s is in the order, its history, the audit, and told once each",
  async (by) => {
    const buyer = callAs("customer");
    const id = await shipped({}, buyer);
    const change = async (tracking: typeof FIRST): Promise<void> => {
      if (by === "PUT") must(await set(id, tracking));
      else must(await move(id, "SHIPPED", { tracking }));
    };
    await change(FIRST);
    await change(FIRST);
    await change(SECOND);
    const order = await reread(shop, id);
    expect(order.tracking).toEqual(SECOND);
    expect(order.history.slice(3)).toMatchObject([
      { from: "PROCESSING", to: "SHIPPED" },
      { from: "SHIPPED", to: "SHIPPED", actor: admin.actor.id, reason: null, tracking: FIRST },
      { from: "SHIPPED", to: "SHIPPED", tracking: SECOND },
    ]);
    expect(order.history[3]).not.toHaveProperty("tracking");
    expect(await changesOf(id)).toEqual([FIRST, SECOND]);
    expect(must(await getTracking(shop.deps, buyer, { orderId: id }))).toMatchObject({
      ...SECOND,
      status: "SHIPPED",
      events: [{}, {}, {}, { status: "SHIPPED" }, { tracking: FIRST }, { tracking: SECOND }],
    });
    const { results } = await ordersEnv.DB.prepare(
      "SELECT details FROM audit_log WHERE subject = ? AND action = 'order.tracking' ORDER BY id",
    )
      .bind(id)
      .all<{ details: string }>();
    expect(results.map(({ details }) => JSON.parse(details) as unknown)).toEqual(
      [FIRST, SECOND].map((tracking) => ({ from: "SHIPPED", to: "SHIPPED", reason: null, tracking })),
    );
  },
);

it("can be set right after delivery", async () => {
  const id = await shipped({ tracking: FIRST });
  must(await move(id, "DELIVERED"));
  expect(must(await set(id, SECOND)).status).toBe("DELIVERED");
  expect(await changesOf(id)).toEqual([SECOND]);
  expect(refusal(await move(id, "SHIPPED", { tracking: FIRST })).code).toBe("illegal_transition");
  expect((await reread(shop, id)).tracking).toEqual(SECOND);
});

it("of an order that has not left is refused with its status", async () => {
  const { id } = await confirmedOrder(shop);
  expect(refusal(await set(id, FIRST))).toMatchObject({ code: "illegal_transition", from: "CONFIRMED", to: "SHIPPED" });
  expect(await reread(shop, id)).not.toHaveProperty("tracking");
});

it("needs staff of the whole order: no buyer, no vendor of a part", async () => {
  const [buyer, vendor] = [callAs("customer"), callAs("vendor")];
  const id = await shipped({}, buyer);
  expect(refusal(await set(id, FIRST, buyer)).code).toBe("forbidden");
  expect(refusal(await set(id, FIRST, vendor)).code).toBe("not_found");
  const items = [{ productId: shop.product({ vendorId: vendor.actor.id }), quantity: 1 }];
  const own = await confirmedOrder(shop, buyer, items);
  must(await move(own.id, "PROCESSING"));
  must(await move(own.id, "SHIPPED"));
  expect(must(await set(own.id, FIRST, vendor))).toMatchObject(FIRST);
});

it("set to the same value concurrently is one change", async () => {
  const id = await shipped();
  const answers = await Promise.all(Array.from({ length: 4 }, () => set(id, FIRST)));
  expect(answers.every((answer) => answer.ok)).toBe(true);
  expect(await changesOf(id)).toEqual([FIRST]);
  expect((await eventTypes(shop, id)).filter((type) => type === "ORDER_TRACKING_CHANGED")).toHaveLength(1);
});
