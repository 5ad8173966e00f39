// The 3-D Secure page of the bank in a real browser: its own buttons work, and no form of another page does.
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CreatedOrder, Order } from "#shared/contracts/orders";
import type { PaymentIntent } from "#shared/contracts/payments";
import { openBrowser } from "./browser.ts";
import { ADDRESS, confirmPayment, newBuyer, orderReaches } from "../scripts/shop/client.ts";
import type { Client, Shelf } from "../scripts/shop/client.ts";
import { openSharedShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

let shop: Shop;
let shelf: Shelf;
let admin: Client;
let browser: Browser;

beforeAll(async () => {
  ({ shop, admin, shelf } = await openSharedShop());
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
  await shop.close();
});

interface Scene {
  readonly buyer: Client;
  readonly order: CreatedOrder;
  /** The page of the bank. */
  readonly url: string;
  readonly secret: string;
}

async function atTheBank(): Promise<Scene> {
  const { buyer } = await newBuyer(admin);
  const order = await buyer.expect<CreatedOrder>(201, "POST", "/api/orders", {
    items: [{ productId: await shelf.take(5), quantity: 1 }],
    shippingAddress: ADDRESS,
  });
  const intent = await buyer.expect<PaymentIntent>(201, "POST", "/api/payments/intent", { orderId: order.id });
  expect((await confirmPayment(shop.send, intent, "pm_card_threeDSecure2Required")).status).toBe(200);
  await orderReaches(buyer, order.id, ({ paymentStatus }) => paymentStatus === "REQUIRES_ACTION", "requires an action");
  const { stripePaymentIntentId, clientSecret: secret } = intent;
  return { buyer, order, secret, url: `${shop.origin}/_stripe/3ds/${stripePaymentIntentId}?secret=${secret}` };
}

async function newPage(): Promise<Page> {
  return await (await browser.newContext({ locale: "en-US" })).newPage();
}

describe("the bank's page in a browser", () => {
  it("confirms the order by its own button", async () => {
    const { buyer, order, url } = await atTheBank();
    const page = await newPage();
    await page.goto(url);
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByText("Payment confirmed").waitFor();
    const confirmed = await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    expect(confirmed.paymentStatus).toBe("AUTHORIZED");
  });

  it("fails the payment by its other button, and the order stays payable", async () => {
    const { buyer, order, url } = await atTheBank();
    const page = await newPage();
    await page.goto(url);
    await page.getByRole("button", { name: "Fail" }).click();
    await orderReaches(buyer, order.id, ({ paymentStatus }) => paymentStatus === "FAILED", "has a failed payment");
    expect((await buyer.call("POST", "/api/payments/intent", { orderId: order.id })).status).toBe(200);
  });

  describe("refuses a form that is not its own", () => {
    let stranger: Server;

    beforeAll(async () => {
      stranger = createServer((request, response) => {
        const target = new URL(request.url ?? "", "http://stranger").searchParams;
        response.setHeader("content-type", "text/html");
        response.end(`<form method="post" action="${target.get("url") ?? ""}">
          <input name="secret" value="${target.get("secret") ?? ""}"><input name="outcome" value="approve">
          <button>Win a prize</button></form>`);
      });
      await new Promise<void>((resolve) => {
        stranger.listen(0, "127.0.0.1", resolve);
      });
    });
    afterAll(() => {
      stranger.close();
    });

    /** Posts the form of a page. Returns the status of the response and the payment status of the order. */
    async function submit({ buyer, order }: Scene, page: Page): Promise<readonly [number, string]> {
      const [answer] = await Promise.all([
        page.waitForResponse((response) => response.request().method() === "POST"),
        page.getByRole("button", { name: "Win a prize" }).click(),
      ]);
      const { paymentStatus } = await buyer.expect<Order>(200, "GET", `/api/orders/${order.id}`);
      return [answer.status(), paymentStatus];
    }

    it("on another site", async () => {
      const scene = await atTheBank();
      const { port } = stranger.address() as AddressInfo;
      const page = await newPage();
      await page.goto(
        `http://127.0.0.1:${String(port)}/?${new URLSearchParams({ url: scene.url, secret: scene.secret }).toString()}`,
      );
      expect(await submit(scene, page)).toEqual([403, "REQUIRES_ACTION"]);
    });

    it("of a page without an origin", async () => {
      const scene = await atTheBank();
      const page = await newPage();
      await page.setContent(`<form method="post" action="${scene.url}"><input name="secret" value="${scene.secret}">
        <input name="outcome" value="approve"><button>Win a prize</button></form>`);
      expect(await submit(scene, page)).toEqual([403, "REQUIRES_ACTION"]);
    });
  });
});
