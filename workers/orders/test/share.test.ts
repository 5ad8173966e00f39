// Which orders count toward the share of a product that unproven buyers may hold together, and that inventory learns of their
// money only.
import { beforeEach, expect, it } from "vitest";
import type { Call } from "#shared/call";
import type { InventoryContract } from "#shared/contracts/inventory";
import type { EventEnvelope } from "#shared/events/envelope";
import { unconfirmedEvents } from "#shared/deliveries";
import { callAs, guestCall, stubOf } from "#shared/testkit/kit";
import { createOrder } from "../src/service/place-order.ts";
import { must, openShop, paymentEvent, request, stockEvent } from "./shop.ts";
import type { Shop } from "./shop.ts";

type HoldInput = Parameters<InventoryContract["hold"]>[1];

let asked: HoldInput[];
let shop: Shop;

beforeEach(() => {
  asked = [];
  const base = openShop();
  const inventory: Partial<InventoryContract> = {
    ...base.inventory.contract(),
    hold: async (call, input) => {
      asked.push(input);
      return await base.deps.inventory.hold(call, input);
    },
  };
  shop = base.with({ orderCaps: true, inventory: stubOf<InventoryContract>(inventory) });
});

const proven = callAs("customer");
const unproven: Call = {
  ...callAs("customer"),
  actor: { ...callAs("customer").actor, emailVerified: false } as Call["actor"],
};

/** Orders six of a product that is sold from six on; gives the order's id. */
async function order(at: Shop, call: Call): Promise<string> {
  const items = [{ productId: at.product({ minOrderQuantity: 6 }), quantity: 6 }];
  const email = call.actor.role === "guest" ? { email: "a@example.com" } : {};
  return must(await createOrder(at.deps, call, request({ items, ...email }))).order.id;
}

async function confirmed(at: Shop, call: Call): Promise<{ readonly event: EventEnvelope; readonly heardBy: string[] }> {
  const id = await order(at, call);
  await at.receive(stockEvent("STOCK_RESERVED", id), paymentEvent(id, "AUTHORIZED", 1));
  const told = at.sent.filter(({ event }) => event.subject === id && event.type === "ORDER_CONFIRMED");
  const [first] = told;
  if (first === undefined) throw new Error("no ORDER_CONFIRMED was sent");
  return { event: first.event, heardBy: told.map(({ consumer }) => consumer).toSorted() };
}

it.each([
  ["a guest's", guestCall(), true],
  ["an unproven account's", unproven, true],
  ["a proven account's", proven, false],
] as const)("%s hold counts: %s", async (_whose, call, counted) => {
  await order(shop, call);
  expect(asked).toMatchObject([{ counted, lines: [{ quantity: 6, minimum: 6 }] }]);
});

it("without the caps no order counts", async () => {
  await order(shop.with({ orderCaps: false }), guestCall());
  expect(asked).toMatchObject([{ counted: false }]);
});

it("inventory learns that a counted order's money is authorized, and the sweep relies on it", async () => {
  const { event, heardBy } = await confirmed(shop, guestCall());
  expect(event.data).toMatchObject({ counted: true, moneyAuthorized: true });
  expect(heardBy).toEqual(["inventory", "notifications"]);
  expect((await unconfirmedEvents(shop.deps)).find(({ id }) => id === event.id)).toMatchObject({ counted: true });
});

it("inventory does not learn it of a proven buyer's order, and the sweep does not wait for it", async () => {
  const { event, heardBy } = await confirmed(shop, proven);
  expect(event.data).toMatchObject({ counted: false });
  expect(heardBy).toEqual(["notifications"]);
  expect((await unconfirmedEvents(shop.deps)).find(({ id }) => id === event.id)).toMatchObject({ counted: false });
});
