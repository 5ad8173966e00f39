// The life of a product over all Workers: created with a picture, restocked, found, ordered, changed and archived. Each change is visible
// to everyone within five seconds, in spite of caches.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { UserPage } from "#shared/contracts/accounts";
import type { Brand, ProductDetail, ProductPage } from "#shared/contracts/catalog";
import type { ManagedImage, ManagedProduct } from "#shared/contracts/catalog-staff";
import type { ManagedCategory } from "#shared/contracts/catalog-taxonomy";
import type { Level } from "#shared/contracts/inventory";
import type { Cart } from "#shared/contracts/carts";
import { jpeg, png, pngOf } from "../workers/catalog/test/pictures.ts";
import { Client, addToCart, confirmedOrder, eventually, newBuyer, placeOrder, signIn } from "../scripts/shop/client.ts";
import type { Problem } from "../scripts/shop/client.ts";
import { startShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

/** Five seconds are promised (stock arrives by an event, up to two seconds later). The rest is for a busy machine. */
const VISIBLE_WITHIN_MS = 8_000;

let shop: Shop;
let guest: Client;
let vendor: Client;

beforeAll(async () => {
  shop = await startShop();
  guest = new Client(shop.send);
  vendor = await signIn(guest, "vendor@example.com", "Vendor123!");
});

afterAll(async () => {
  await shop.close();
});

/** A word of one product only. */
function rareWord(): string {
  return `zq${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
}

async function newProduct(name: string): Promise<ManagedProduct> {
  const { items } = await guest.expect<ProductPage>(200, "GET", "/api/products?limit=1");
  const [like] = items;
  return await vendor.expect<ManagedProduct>(201, "POST", "/api/products", {
    name,
    sku: name,
    description: "Made by a test.",
    price: 2_500,
    currency: "USD",
    categoryId: like?.category.id,
    brandId: like?.brand.id,
    weightGrams: 250,
  });
}

async function authorization(): Promise<Record<string, string>> {
  const { body } = await guest.call<{ accessToken: string }>("POST", "/api/auth/login", {
    email: "vendor@example.com",
    password: "Vendor123!",
  });
  return { authorization: `Bearer ${body.accessToken}` };
}

async function upload(productId: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
  return await shop.send(`/api/products/${productId}/images`, {
    method: "POST",
    headers: { ...(await authorization()), ...headers },
    body,
  });
}

async function search(word: string): Promise<ProductPage> {
  return await guest.expect<ProductPage>(200, "GET", `/api/products?q=${word}`);
}

async function soon<T>(what: string, read: () => Promise<T | undefined>): Promise<T> {
  return await eventually(what, read, VISIBLE_WITHIN_MS);
}

describe("a product", () => {
  it("is created, gets a picture, is restocked, found, ordered, changed and archived", async () => {
    const word = rareWord();
    const product = await newProduct(`Wrench ${word}`);
    const form = new FormData();
    form.set("alt", "The wrench, from above");
    form.set("file", new File([png(320, 200, word)], "wrench.png", { type: "image/png" }));
    const added = await upload(product.id, form);
    expect(added.status).toBe(201);
    const image: ManagedImage = await added.json();

    // From here on the list is cached, and each change has to invalidate it.
    expect((await search(word)).items).toMatchObject([
      { id: product.id, availability: "out_of_stock", price: 2_500, images: [{ url: image.url }] },
    ]);

    expect(await vendor.expect<Level>(200, "GET", `/api/inventory/${product.id}`)).toMatchObject({ onHand: 0 });
    await vendor.expect(200, "POST", `/api/inventory/${product.id}/adjust`, { delta: 500, reason: "restock" });
    const { buyer } = await newBuyer(guest);
    const order = await confirmedOrder(shop.send, buyer, [{ productId: product.id, quantity: 2 }]);
    expect(order.items).toMatchObject([{ productId: product.id, unitPrice: 2_500, lineTotal: 5_000 }]);

    await addToCart(buyer, product.id, 1);
    const changed = await vendor.call<ManagedProduct>("PATCH", `/api/products/${product.id}`, { price: 3_000 });
    expect(changed).toMatchObject({ status: 200, body: { price: 3_000, slug: product.slug } });
    expect(changed.headers.get("etag")).toBe(`"${String(changed.body.version)}"`);
    await soon("the cart shows the new price", async () => {
      const cart = await buyer.expect<Cart>(200, "GET", "/api/cart");
      return cart.items[0]?.unitPrice === 3_000 ? cart : undefined;
    });
    await soon("the list shows the new price, and that there is stock", async () => {
      const [item] = (await search(word)).items;
      return item?.price === 3_000 && item.availability === "in_stock" ? true : undefined;
    });
    expect((await placeOrder(buyer)).items).toMatchObject([{ unitPrice: 3_000 }]);

    await addToCart(buyer, product.id, 1);
    const archived = await vendor.expect<ManagedProduct>(200, "DELETE", `/api/products/${product.id}`);
    expect(archived.status).toBe("archived");
    const refused = await buyer.call<Problem>("POST", "/api/orders/quote", {
      items: [{ productId: product.id, quantity: 1 }],
      shippingAddress: order.shippingAddress,
    });
    expect(refused).toMatchObject({ status: 409, body: { code: "product_unavailable" } });
    await soon("the archived product is gone from search", async () => {
      return (await search(word)).items.length === 0 ? true : undefined;
    });
    await soon("and by its id", async () => {
      return (await guest.call("GET", `/api/products/${product.id}`)).status === 404 ? true : undefined;
    });
    const own = await vendor.expect<{ items: ManagedProduct[] }>(200, "GET", `/api/products/managed?q=${word}`);
    expect(own.items).toMatchObject([{ id: product.id, status: "archived" }]);
  });
});

describe("a shop", () => {
  it("is set up by an admin through the API: roles, brands, categories, owners of products", async () => {
    const admin = await signIn(guest, "admin@example.com", "Admin123!");
    const { session } = await newBuyer(guest);
    const { id: userId, email } = session.user;
    const listed = await admin.expect<UserPage>(200, "GET", `/api/admin/users?q=${encodeURIComponent(email)}`);
    expect(listed.items).toMatchObject([{ id: userId, role: "customer" }]);
    await admin.expect(200, "PATCH", `/api/admin/users/${userId}`, { role: "vendor" });
    const raised = await signIn(guest, email, "correct horse battery");

    const word = rareWord();
    const brand = await admin.expect<Brand>(201, "POST", "/api/brands", { name: `Brand ${word}` });
    const top = await admin.expect<ManagedCategory>(201, "POST", "/api/categories", { name: `Top ${word}` });
    const below = { name: "Below", parentId: top.id };
    const category = await admin.expect<ManagedCategory>(201, "POST", "/api/categories", below);
    const { id } = await admin.expect<ManagedProduct>(201, "POST", "/api/products", {
      name: `Thing ${word}`,
      sku: word,
      description: "",
      price: 100,
      currency: "USD",
      weightGrams: 1,
      categoryId: category.id,
      brandId: brand.id,
      vendorId: userId,
    });
    await soon("inventory knows whose it is", async () => {
      const level = await raised.call<Level>("GET", `/api/inventory/${id}`);
      return level.status === 200 && level.body.onHand === 0 ? true : undefined;
    });
    expect((await search(word)).items).toMatchObject([{ category: { path: `Top ${word} / Below` } }]);
    await admin.expect(200, "PATCH", `/api/categories/${top.id}`, { name: "Renamed" });
    await admin.expect(200, "PATCH", `/api/brands/${brand.id}`, { name: "Otherbrand" });
    await soon("everyone sees the new names", async () => {
      const [item] = (await search(word)).items;
      return item?.category.path === "Renamed / Below" && item.brand.name === "Otherbrand" ? true : undefined;
    });
    const refused = await admin.call<Problem>("DELETE", `/api/categories/${category.id}`);
    expect(refused).toMatchObject({ status: 409, body: { code: "category_in_use" } });
  });
});

describe("a picture", () => {
  it("is served unchanged, as immutable, and only as a picture", async () => {
    const { id } = await newProduct(rareWord());
    const bytes = jpeg(64, 48, id);
    const added = await upload(id, bytes, { "content-type": "image/jpeg" });
    expect(added.status).toBe(201);
    const image: ManagedImage = await added.json();
    expect(image).toMatchObject({ contentType: "image/jpeg", width: 64, height: 48, sizeBytes: bytes.length });
    const first = await shop.send(image.url);
    for (const served of [first, await shop.send(image.url)]) {
      expect(served.status).toBe(200);
      expect(new Uint8Array(await served.arrayBuffer())).toEqual(bytes);
      expect(Object.fromEntries(served.headers)).toMatchObject({
        "content-type": "image/jpeg",
        "x-content-type-options": "nosniff",
        "cache-control": "public, max-age=31536000, immutable",
        "content-security-policy": expect.stringContaining("sandbox") as string,
      });
    }
    const etag = first.headers.get("etag") ?? "";
    const again = await shop.send(image.url, { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const head = await shop.send(image.url, { method: "HEAD" });
    expect([head.status, head.headers.get("etag"), await head.text()]).toEqual([200, etag, ""]);
    expect((await shop.send(image.url.replace(".jpg", ".png"))).status).toBe(404);
    expect((await upload(id, bytes, { "content-type": "image/jpeg" })).status).toBe(200);
  });

  it("of ten megabytes is accepted, and one byte more is refused, in every form of upload", async () => {
    const { id } = await newProduct(rareWord());
    const limit = 10 * 1024 * 1024;
    const largest = pngOf(limit);
    const type = { "content-type": "image/png" };
    const taken = await upload(id, largest, type);
    expect(taken.status).toBe(201);
    const image: ManagedImage = await taken.json();
    expect((await (await shop.send(image.url)).arrayBuffer()).byteLength).toBe(limit);

    const tooLarge = pngOf(limit + 1);
    const declared = await upload(id, tooLarge, type);
    expect([declared.status, await declared.json()]).toMatchObject([413, { code: "payload_too_large" }]);
    const form = new FormData();
    form.set("file", new File([tooLarge], "x.png", { type: "image/png" }));
    expect((await upload(id, form)).status).toBe(413);
    const chunked = await shop.send(`/api/products/${id}/images`, {
      method: "POST",
      headers: { ...(await authorization()), ...type },
      body: new Blob([tooLarge]).stream(),
      duplex: "half",
    } as RequestInit);
    expect(chunked.status).toBe(413);
    const { images } = await vendor.expect<ManagedProduct>(200, "GET", `/api/products/managed/${id}`);
    expect(images).toHaveLength(1);
  });

  it("that was removed disappears from the product, and from the bucket at the next sweep", async () => {
    const { id } = await newProduct(rareWord());
    const image: ManagedImage = await (await upload(id, png(9, 9, id), { "content-type": "image/png" })).json();
    await vendor.expect(204, "DELETE", `/api/products/${id}/images/${image.id}`);
    await soon("the page is without it", async () => {
      const page = await guest.expect<ProductDetail>(200, "GET", `/api/products/${id}`);
      return page.images.length === 0 ? true : undefined;
    });
    expect((await shop.cron("catalog"))["purgedObjects"]).toBeGreaterThan(0);
    expect((await shop.send(image.url)).status).toBe(404);
  });
});
