// Writing products and pictures over HTTP: forms and raw bodies, limits, tags, keys, and hostile input.
import { describe, expect, it, vi } from "vitest";
import type { CatalogContract } from "#shared/contracts/catalog";
import type { ManagedImage, ManagedProduct } from "#shared/contracts/catalog-staff";
import { fail } from "#shared/errors";
import { ok } from "#shared/result";
import { bearer, gateway, problemOf, tokenFor } from "./support.ts";

const product: ManagedProduct = {
  id: "prd_1",
  slug: "p",
  sku: "S",
  name: "N",
  description: "",
  price: 1,
  currency: "USD",
  brand: { id: "brd_1", name: "B" },
  category: { id: "cat_1", name: "C", path: "C" },
  images: [],
  availability: "out_of_stock",
  weightGrams: 1,
  minOrderQuantity: 1,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  status: "active",
  version: 3,
  vendorId: null,
  available: 0,
};
const image: ManagedImage = {
  id: "img_1",
  url: "/images/products/prd_1/img_1.png",
  alt: "N",
  contentType: "image/png",
  width: 1,
  height: 1,
  sizeBytes: 3,
};
const body = {
  name: "N",
  sku: "S",
  description: "",
  price: 1,
  currency: "USD",
  categoryId: "cat_1",
  brandId: "brd_1",
  weightGrams: 1,
};
const asVendor = bearer(await tokenFor("vendor"));

/** A catalog that takes everything. */
function catalog(): {
  readonly [M in "createProduct" | "updateProduct" | "archiveProduct" | "addImage"]: ReturnType<
    typeof vi.fn<CatalogContract[M]>
  >;
} {
  return {
    createProduct: vi.fn<CatalogContract["createProduct"]>(async () => ok({ product, replayed: false })),
    updateProduct: vi.fn<CatalogContract["updateProduct"]>(async () => ok(product)),
    archiveProduct: vi.fn<CatalogContract["archiveProduct"]>(async () => ok(product)),
    addImage: vi.fn<CatalogContract["addImage"]>(async () => ok({ image, added: true })),
  };
}

describe("a product", () => {
  it("is created under the request's key, and a replay is marked", async () => {
    const own = catalog();
    own.createProduct.mockResolvedValue(ok({ product, replayed: true }));
    const headers = { ...asVendor, "idempotency-key": "k" };
    const response = await gateway({ catalog: own })("/api/products", { method: "POST", headers, json: body });
    expect([response.status, response.headers.get("idempotency-replayed"), response.headers.get("etag")]).toEqual([
      201,
      "true",
      '"3"',
    ]);
    expect(own.createProduct.mock.calls[0]?.[1]).toEqual({
      ...body,
      minOrderQuantity: 1,
      status: "active",
      idempotencyKey: "k",
    });
  });

  it("is changed only in the given members, under the version of If-Match", async () => {
    const own = catalog();
    const send = gateway({ catalog: own });
    const headers = { ...asVendor, "if-match": '"7"' };
    await send("/api/products/prd_1", { method: "PATCH", headers, json: { price: 5 } });
    expect(own.updateProduct.mock.calls[0]?.[1]).toEqual({ productId: "prd_1", changes: { price: 5 }, ifVersion: 7 });
    await send("/api/products/prd_1", { method: "DELETE", headers });
    expect(own.archiveProduct.mock.calls[0]?.[1]).toEqual({ productId: "prd_1", ifVersion: 7 });
    const weak = await send("/api/products/prd_1", { method: "DELETE", headers: { ...asVendor, "if-match": 'W/"7"' } });
    expect(await problemOf(weak)).toMatchObject({ status: 412, code: "product_version_conflict" });
  });

  it.each([
    ["nothing", "", "malformed_json"],
    ["no object", "[]", "validation_failed"],
    ["null", "null", "validation_failed"],
    ["prototype members only", '{"__proto__":{"name":"x"},"constructor":{}}', "validation_failed"],
    ["a number as text", JSON.stringify({ ...body, price: "1" }), "validation_failed"],
    ["a number past any", JSON.stringify(body).replace('"price":1', '"price":1e400'), "validation_failed"],
    ["a second price that is none", JSON.stringify(body).replace("}", ',"price":-1}'), "validation_failed"],
    ["an object as name", JSON.stringify({ ...body, name: { $ne: 1 } }), "validation_failed"],
    ["half a character", JSON.stringify(body).replace('"N"', '"\\ud800"'), "malformed_json"],
    ["a NUL", JSON.stringify({ ...body, name: "a\u0000" }), "malformed_json"],
    ["an id that is none", JSON.stringify({ ...body, brandId: "brd_' OR 1=1" }), "validation_failed"],
  ])("is refused from %s", async (_name, text, code) => {
    const own = catalog();
    const headers = { ...asVendor, "content-type": "application/json" };
    for (const method of ["POST", "PATCH"]) {
      const path = method === "POST" ? "/api/products" : "/api/products/prd_1";
      // To a change, members that mean nothing are nothing.
      if (method === "PATCH" && text.includes("__proto__")) continue;
      const response = await gateway({ catalog: own })(path, { method, headers, body: text });
      expect([method, (await problemOf(response)).code]).toEqual([method, code]);
    }
    expect(own.createProduct).not.toHaveBeenCalled();
    expect(own.updateProduct).not.toHaveBeenCalled();
  });

  it.each(["x", "prd_", "prd_'", "prd_%00", "..%2f..", "slug-of-one", "managed"])(
    "called %s cannot be written",
    async (id) => {
      for (const method of ["PATCH", "DELETE"]) {
        const response = await gateway()(`/api/products/${id}`, {
          method,
          headers: asVendor,
          ...(method === "PATCH" ? { json: {} } : {}),
        });
        expect([404, 405]).toContain(response.status);
      }
    },
  );
});

describe("a picture", () => {
  const path = "/api/products/prd_1/images";
  const bytes = new Uint8Array([1, 2, 3]);

  function form(...files: readonly File[]): FormData {
    const made = new FormData();
    for (const file of files) made.append("picture", file);
    made.set("alt", " The front ");
    return made;
  }

  it("is accepted as a form's one file, under any name", async () => {
    const own = catalog();
    const file = new File([bytes], "../../x.png", { type: "image/png" });
    const response = await gateway({ catalog: own })(path, { method: "POST", headers: asVendor, body: form(file) });
    expect([response.status, await response.json()]).toEqual([201, image]);
    expect(own.addImage.mock.calls[0]?.[1]).toEqual({
      productId: "prd_1",
      bytes,
      declaredType: "image/png",
      alt: "The front",
    });
  });

  it("is accepted as a raw body, with its alt text in the query", async () => {
    const own = catalog();
    own.addImage.mockResolvedValue(ok({ image, added: false }));
    const headers = { ...asVendor, "content-type": "Image/PNG" };
    const response = await gateway({ catalog: own })(`${path}?alt=Side`, { method: "POST", headers, body: bytes });
    expect(response.status).toBe(200);
    expect(own.addImage.mock.calls[0]?.[1]).toMatchObject({ bytes, declaredType: "image/png", alt: "Side" });
  });

  const REFUSED: readonly (readonly [string, () => BodyInit, Readonly<Record<string, string>>, number])[] = [
    ["of two files", () => form(new File([bytes], "a"), new File([bytes], "b")), {}, 400],
    ["of none", () => form(), {}, 400],
    ["that is no form", () => "x", { "content-type": "multipart/form-data; boundary=b" }, 400],
    ["without a boundary", () => "x", { "content-type": "multipart/form-data" }, 400],
    ["as JSON", () => "{}", { "content-type": "application/json" }, 415],
    ["as SVG", () => "<svg/>", { "content-type": "image/svg+xml" }, 415],
    ["as GIF", () => "GIF89a", { "content-type": "image/gif" }, 415],
    ["without a type", () => bytes, {}, 415],
    ["as a urlencoded form", () => "file=x", { "content-type": "application/x-www-form-urlencoded" }, 415],
    ["that says it is long", () => bytes, { "content-type": "image/png", "content-length": "99999999" }, 413],
  ];

  it.each(REFUSED)("%s is refused", async (_name, make, headers, status) => {
    const own = catalog();
    const sent = { ...asVendor, ...headers };
    const response = await gateway({ catalog: own })(path, { method: "POST", headers: sent, body: make() });
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(own.addImage).not.toHaveBeenCalled();
  });

  it("is counted while it arrives, whatever Content-Length says", async () => {
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        controller.enqueue(new Uint8Array(1024 * 1024));
      },
    });
    const headers = { ...asVendor, "content-type": "image/png" };
    const response = await gateway({ catalog: catalog() })(path, { method: "POST", headers, body: endless });
    expect(await problemOf(response)).toMatchObject({ status: 413, code: "payload_too_large" });
  });

  it("with an unprintable alt text is refused", async () => {
    const headers = { ...asVendor, "content-type": "image/png" };
    for (const alt of ["a\u0007b", "x".repeat(201), "\u202E1"]) {
      const query = `?alt=${encodeURIComponent(alt)}`;
      const response = await gateway({ catalog: catalog() })(`${path}${query}`, {
        method: "POST",
        headers,
        body: bytes,
      });
      expect(await problemOf(response)).toMatchObject({ code: "validation_failed", errors: [{ path: "alt" }] });
    }
  });

  it("is for staff", async () => {
    const headers = { ...bearer(await tokenFor("customer")), "content-type": "image/png" };
    expect((await gateway()(path, { method: "POST", headers, body: bytes })).status).toBe(403);
  });
});

describe("an uploaded picture's URL", () => {
  const file = `img_${"0".repeat(32)}`;

  it("serves the object of the bucket, caches it, and answers 304 to its tag", async () => {
    const productId = "prd_shown";
    const imageFile = vi.fn<CatalogContract["imageFile"]>(async () =>
      ok({ contentType: "image/webp", sizeBytes: 3, body: new Blob([new Uint8Array([7, 8, 9])]).stream() }),
    );
    const send = gateway({ catalog: { imageFile } });
    const url = `/images/products/${productId}/${file}.webp`;
    for (let time = 0; time < 2; time += 1) {
      const response = await send(url);
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array([7, 8, 9]));
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "content-type": "image/webp",
        "x-content-type-options": "nosniff",
        "cache-control": "public, max-age=31536000, immutable",
        etag: `"${file}"`,
      });
    }
    expect(imageFile).toHaveBeenCalledTimes(1);
    const known = await send(url, { headers: { "if-none-match": `W/"${file}"` } });
    expect([known.status, await known.text()]).toEqual([304, ""]);
  });

  it("with a wrong extension, or without an object, is 404", async () => {
    const imageFile: CatalogContract["imageFile"] = async (_call, { imageId }) =>
      imageId === file
        ? ok({ contentType: "image/webp", sizeBytes: 1, body: new Blob(["x"]).stream() })
        : fail("not_found", "There is no such image.");
    const send = gateway({ catalog: { imageFile } });
    for (const name of [
      `${file}.png`,
      `img_${"1".repeat(32)}.png`,
      `${file}.svg`,
      `${file}.html`,
      file,
      "0.svg",
      "img_1.png",
    ]) {
      expect([name, (await send(`/images/products/prd_none/${name}`)).status]).toEqual([name, 404]);
    }
  });
});
