// `npm start` and `npm run dev` share their data in both directions. Only one run at a time holds the data, and a run whose command was
// killed does not block the next.
import { afterEach, describe, expect, it } from "vitest";
import type { ProductPage } from "#shared/contracts/catalog";
import type { Cart } from "#shared/contracts/carts";
import { Client, addToCart, confirmedOrder, getOrder, orderReaches, signIn } from "../scripts/shop/client.ts";
import { startServer } from "../scripts/shop/process.ts";
import type { Server } from "../scripts/shop/process.ts";

let server: Server | undefined;

afterEach(async () => {
  await server?.stop();
});

async function productOf(guest: Client): Promise<string> {
  const page = await guest.expect<ProductPage>(200, "GET", "/api/products?inStock=true&limit=100");
  const product = page.items.find(({ availability, minOrderQuantity: minimum }) => {
    return availability === "in_stock" && minimum === 1;
  });
  if (product === undefined) throw new Error("nothing is in stock");
  return product.id;
}

describe("npm start and npm run dev", () => {
  it("share data, sessions and objects, and end what a killed command left running", async () => {
    server = await startServer();
    const buyer = await signIn(new Client(server.send), "customer@example.com", "Customer123!");
    const productId = await productOf(buyer);
    const first = await confirmedOrder(server.send, buyer, [{ productId, quantity: 1 }]);
    await addToCart(buyer, productId, 2);
    await server.killCommand();

    await server.start("dev");
    expect(await getOrder(buyer, first.id)).toMatchObject({ status: "CONFIRMED", paymentStatus: "AUTHORIZED" });
    expect((await buyer.expect<Cart>(200, "GET", "/api/cart")).items).toMatchObject([{ productId, quantity: 2 }]);
    expect(await server.startAnother("start")).toMatch(/in use: npm run dev with pid/);
    const second = await confirmedOrder(server.send, buyer, [{ productId, quantity: 1 }]);
    await server.killCommand();

    await server.start("start");
    await orderReaches(buyer, second.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    expect((await buyer.expect<Cart>(200, "GET", "/api/cart")).itemCount).toBe(2);
    expect(await server.end()).not.toBe(0);
  }, 300_000);
});
