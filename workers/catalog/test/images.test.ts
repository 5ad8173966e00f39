// Uploaded pictures, with a real bucket and a real D1: what is accepted, what a crash leaves, and what the sweep deletes.
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ManagedImage, ManagedProduct } from "#shared/contracts/catalog-staff";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { callAs, guestCall } from "#shared/testkit/kit";
import { LOOSE_OBJECT_TTL_MS } from "../src/constants.ts";
import type { CatalogDeps } from "../src/service/deps.ts";
import { addImage, purgeLooseObjects } from "../src/service/images.ts";
import { insertTaxonomy, rpc, testDeps, testEnv } from "./fixture.ts";
import { avif, concat, jpeg, lossyWebp, png, text } from "./pictures.ts";

const vendor = callAs("vendor");
let productId = "";
let salt = 0;

/** A picture with unique bytes. */
function fresh(): Uint8Array<ArrayBuffer> {
  salt += 1;
  return png(8, 6, String(salt));
}

function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.detail}`);
  return outcome.value;
}

async function add(bytes: Uint8Array<ArrayBuffer>, more: object = {}): Promise<ManagedImage> {
  return valueOf(await rpc.addImage(vendor, { productId, bytes, ...more })).image;
}

async function present(): Promise<ManagedProduct> {
  return valueOf(await rpc.managedProduct(vendor, { productId }));
}

async function objects(): Promise<string[]> {
  return (await testEnv.IMAGES.list({ prefix: `${productId}/` })).objects.map(({ key }) => key);
}

async function looseKeys(): Promise<string[]> {
  const { results } = await testEnv.DB.prepare("SELECT key FROM loose_objects WHERE key LIKE ?")
    .bind(`${productId}/%`)
    .all<{ key: string }>();
  return results.map(({ key }) => key);
}

beforeAll(async () => {
  await insertTaxonomy();
});

beforeEach(async () => {
  const created = await rpc.createProduct(vendor, {
    name: "Pictured",
    sku: newId("req"),
    description: "",
    price: 100,
    currency: "USD",
    categoryId: "cat_saws",
    brandId: "brd_iron",
    weightGrams: 1,
  });
  productId = valueOf(created).product.id;
});

describe("an uploaded picture", () => {
  it.each([
    ["png", png(640, 480), "image/png"],
    ["jpg", jpeg(640, 480), "image/jpeg"],
    ["webp", lossyWebp(640, 480), "image/webp"],
    ["avif", avif(640, 480), "image/avif"],
  ] as const)("as %s is kept, shown and served as it came", async (extension, bytes, contentType) => {
    const image = await add(bytes, { declaredType: contentType, alt: "From the side" });
    expect(image).toEqual({
      id: image.id,
      url: `/images/products/${productId}/${image.id}.${extension}`,
      alt: "From the side",
      contentType,
      width: 640,
      height: 480,
      sizeBytes: bytes.length,
    });
    expect(await rpc.getProduct(guestCall(), { idOrSlug: productId })).toMatchObject({
      value: { images: [{ url: image.url, alt: "From the side" }] },
    });
    const file = valueOf(await rpc.imageFile(guestCall(), { productId, imageId: image.id }));
    expect(file).toMatchObject({ contentType, sizeBytes: bytes.length });
    expect(new Uint8Array(await new Response(file.body).arrayBuffer())).toEqual(bytes);
    expect(await looseKeys()).toEqual([]);
  });

  it("is added behind the others, with the product's name by default, and bumps the product's version", async () => {
    const urls = [(await add(fresh())).url, (await add(fresh())).url];
    expect(await present()).toMatchObject({ version: 3, images: urls.map((url) => ({ url, alt: "Pictured" })) });
    const { results } = await testEnv.DB.prepare("SELECT action FROM audit_log WHERE subject = ?")
      .bind(productId)
      .all();
    expect(results.map((row) => row["action"])).toEqual(["product.create", "product.add_image", "product.add_image"]);
  });

  it("is the same picture when it is sent again, also ten times concurrently", async () => {
    const bytes = fresh();
    const answers = await Promise.all(Array.from({ length: 10 }, () => rpc.addImage(vendor, { productId, bytes })));
    const added = answers.map((answer) => valueOf(answer));
    expect(new Set(added.map(({ image }) => image.id)).size).toBe(1);
    expect(added.filter((answer) => answer.added)).toHaveLength(1);
    expect((await present()).images).toHaveLength(1);
    // The sweep deletes the objects of the others.
    expect(await looseKeys()).toHaveLength(9);
    await purgeLooseObjects(testDeps(), { everything: true });
    expect(await objects()).toHaveLength(1);
  });

  it("is refused above twenty", async () => {
    const answers = await Promise.all(
      Array.from({ length: 23 }, () => rpc.addImage(vendor, { productId, bytes: fresh() })),
    );
    const refused = answers.flatMap((answer) => (answer.ok ? [] : [answer.error.code]));
    expect(refused).toEqual(["too_many_images", "too_many_images", "too_many_images"]);
    const { images } = await present();
    expect(images).toHaveLength(20);
    expect(new Set(images.map(({ id }) => id)).size).toBe(20);
  });
});

describe("a file that is not a picture", () => {
  it.each([
    ["nothing", new Uint8Array(), "validation_failed"],
    ["SVG", text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"), "unsupported_media_type"],
    ["GIF", text("GIF89a;"), "unsupported_media_type"],
    ["a page behind a picture", concat(png(8, 8), text("<script>")), "unsupported_media_type"],
    ["half a picture", png(8, 8).subarray(0, 40), "unsupported_media_type"],
    ["too many pixels", png(100_000, 100_000), "validation_failed"],
    ["too many bytes", new Uint8Array(10 * 1024 * 1024 + 1), "payload_too_large"],
  ] as const)("%s is refused, and nothing is kept", async (_name, bytes, code) => {
    expect(await rpc.addImage(vendor, { productId, bytes })).toMatchObject({ error: { code } });
    expect([await objects(), await looseKeys(), (await present()).version]).toEqual([[], [], 1]);
  });

  it("is one with another declared type", async () => {
    for (const declaredType of ["image/jpeg", "image/svg+xml", "text/html", "image/png-x"]) {
      expect(await rpc.addImage(vendor, { productId, bytes: fresh(), declaredType })).toMatchObject({
        error: { code: "unsupported_media_type" },
      });
    }
    for (const declaredType of ["", "application/octet-stream", "IMAGE/PNG; x=y"]) {
      expect(await rpc.addImage(vendor, { productId, bytes: fresh(), declaredType })).toMatchObject({ ok: true });
    }
  });

  it("refuses a picture for another vendor's product", async () => {
    const stranger = callAs("vendor");
    expect(await rpc.addImage(stranger, { productId, bytes: fresh() })).toMatchObject({
      error: { code: "product_not_found" },
    });
    const { id: imageId } = await add(fresh());
    expect(await rpc.removeImage(stranger, { productId, imageId })).toMatchObject({ error: { code: "not_found" } });
    expect([(await present()).images.length, await looseKeys()]).toEqual([1, []]);
  });
});

describe("a removed picture", () => {
  it("leaves the product at once, and its object is deleted when no cached page shows it any more", async () => {
    const { id: imageId } = await add(fresh());
    const other = await add(fresh());
    expect(await rpc.removeImage(vendor, { productId, imageId })).toEqual({ ok: true, value: null });
    expect((await present()).images).toEqual([other]);
    expect(await rpc.imageFile(guestCall(), { productId, imageId })).toMatchObject({ ok: true });
    expect(await rpc.removeImage(vendor, { productId, imageId })).toMatchObject({ error: { code: "not_found" } });
    const early = testDeps(0, () => Date.now() + LOOSE_OBJECT_TTL_MS - 60_000);
    await purgeLooseObjects(early, { everything: false });
    expect(await objects()).toHaveLength(2);
    await purgeLooseObjects(
      testDeps(0, () => Date.now() + LOOSE_OBJECT_TTL_MS + 1),
      { everything: false },
    );
    expect([await objects(), await looseKeys()]).toEqual([[`${productId}/${other.id}`], []]);
    expect(await rpc.imageFile(guestCall(), { productId, imageId })).toMatchObject({ error: { code: "not_found" } });
  });

  it("may be one that was not uploaded", async () => {
    await testEnv.DB.prepare("INSERT INTO product_images (product_id, position, url, alt) VALUES (?, 1, '/x.svg', 'x')")
      .bind(productId)
      .run();
    const [drawn] = (await present()).images;
    expect(drawn).toEqual({
      id: "img_1",
      url: "/x.svg",
      alt: "x",
      contentType: null,
      width: null,
      height: null,
      sizeBytes: null,
    });
    expect(await rpc.removeImage(vendor, { productId, imageId: "img_1" })).toMatchObject({ ok: true });
    expect([(await present()).images, await looseKeys()]).toEqual([[], []]);
  });
});

describe("a crash", () => {
  const upload = async (images: Partial<CatalogDeps["images"]>): Promise<string> => {
    const deps = { ...testDeps(), images: Object.assign(Object.create(testEnv.IMAGES) as R2Bucket, images) };
    try {
      const outcome = await addImage(deps, vendor, { productId, bytes: fresh() });
      return outcome.ok ? "added" : outcome.error.code;
    } catch (error) {
      return error instanceof Error ? error.message : "?";
    }
  };

  it("before the object is put leaves an entry that the sweep removes", async () => {
    expect(await upload({ put: () => Promise.reject(new Error("crash")) })).toBe("crash");
    expect([(await present()).images, await objects(), (await looseKeys()).length]).toEqual([[], [], 1]);
    await purgeLooseObjects(testDeps(), { everything: true });
    expect(await looseKeys()).toEqual([]);
  });

  it("between object and row leaves an object that the sweep deletes", async () => {
    const put = async (key: string, bytes: unknown): Promise<never> => {
      await testEnv.IMAGES.put(key, bytes as Uint8Array);
      throw new Error("crash");
    };
    expect(await upload({ put: put as CatalogDeps["images"]["put"] })).toBe("crash");
    expect([(await present()).images, await looseKeys()]).toEqual([[], await objects()]);
    await purgeLooseObjects(testDeps(), { everything: false });
    expect(await objects()).toHaveLength(1);
    await purgeLooseObjects(testDeps(), { everything: true });
    expect([await objects(), await looseKeys()]).toEqual([[], []]);
  });

  it("of the sweep between its two steps is repaired by the next one", async () => {
    const { id: imageId } = await add(fresh());
    await rpc.removeImage(vendor, { productId, imageId });
    const deps = testDeps();
    const images = { ...deps.images, delete: () => Promise.reject(new Error("crash")) };
    const swept = await purgeLooseObjects({ ...deps, images }, { everything: true }).catch(
      (error: Error) => error.message,
    );
    expect([swept, (await looseKeys()).length]).toEqual(["crash", 1]);
    await purgeLooseObjects(deps, { everything: false });
    expect([await objects(), await looseKeys()]).toEqual([[], []]);
  });
});

it("an upload whose object the sweep has claimed writes no row", async () => {
  const deps = testDeps();
  const images = Object.assign(Object.create(testEnv.IMAGES) as R2Bucket, {
    put: async (key: string, bytes: Uint8Array) => {
      const put = await testEnv.IMAGES.put(key, bytes);
      await purgeLooseObjects(deps, { everything: true });
      return put;
    },
  });
  const outcome = await addImage({ ...deps, images }, vendor, { productId, bytes: fresh() }).catch(() => "refused");
  expect(outcome).toBe("refused");
  expect((await present()).images).toEqual([]);
  await purgeLooseObjects(deps, { everything: true });
  expect(await objects()).toEqual([]);
});

describe("a change of a picture", () => {
  async function alts(): Promise<string[]> {
    return (await present()).images.map(({ alt }) => alt);
  }

  async function addNamed(...names: readonly string[]): Promise<ManagedImage[]> {
    const images: ManagedImage[] = [];
    for (const alt of names) images.push(await add(fresh(), { alt }));
    return images;
  }

  it("moves it to a position and shifts the others, and lists show the first one", async () => {
    const images = await addNamed("a", "b", "c", "d");
    const move = async (index: number, position: number): Promise<string> => {
      const changes = { position };
      const { items } = valueOf(
        await rpc.updateImage(vendor, { productId, imageId: images[index]?.id ?? "", changes }),
      );
      expect(items.map(({ alt }) => alt)).toEqual(await alts());
      return items.map(({ alt }) => alt).join("");
    };
    expect([await move(3, 1), await move(0, 4), await move(1, 20), await move(2, 2)]).toEqual([
      "dabc",
      "dbca",
      "dcab",
      "dcab",
    ]);
    expect(await rpc.pricedProducts(guestCall(), { ids: [productId] })).toMatchObject({
      value: [{ imageUrl: images[3]?.url }],
    });
    // The last move changed nothing, so it wrote nothing.
    expect((await present()).version).toBe(1 + 4 + 3);
    valueOf(await rpc.removeImage(vendor, { productId, imageId: images[2]?.id ?? "" }));
    await addNamed("e");
    expect((await alts()).join("")).toBe("dabe");
  });

  it("changes its text", async () => {
    const [image] = await addNamed("before");
    const imageId = image?.id ?? "";
    const changed = valueOf(await rpc.updateImage(vendor, { productId, imageId, changes: { alt: " After " } }));
    expect(changed.items).toEqual([{ ...image, alt: "After" }]);
    const { results } = await testEnv.DB.prepare("SELECT action, details FROM audit_log WHERE subject = ? ORDER BY id")
      .bind(productId)
      .all<{ action: string; details: string }>();
    expect(results.at(-1)).toEqual({
      action: "product.update_image",
      details: JSON.stringify({ imageId, alt: "After" }),
    });
    expect(await rpc.updateImage(vendor, { productId, imageId, changes: {} })).toEqual({ ok: true, value: changed });
  });

  it("loses none of several concurrent ones", async () => {
    const images = await addNamed("a", "b", "c", "d");
    const answers = await Promise.all(
      images.map(({ id }, index) =>
        rpc.updateImage(vendor, { productId, imageId: id, changes: { alt: `${String(index)}!`, position: 1 } }),
      ),
    );
    expect(answers.every(({ ok }) => ok)).toBe(true);
    expect((await alts()).toSorted()).toEqual(["0!", "1!", "2!", "3!"]);
  });

  it("moves pictures that were not uploaded too, which keep their ids and URLs", async () => {
    await testEnv.DB.batch(
      [1, 2, 3].map((position) =>
        testEnv.DB.prepare("INSERT INTO product_images (product_id, position, url, alt) VALUES (?1, ?2, ?3, ?4)").bind(
          productId,
          position,
          `/images/products/${productId}/${String(position)}.svg`,
          String(position),
        ),
      ),
    );
    const ids = async (imageId: string, position: number): Promise<string[]> =>
      valueOf(await rpc.updateImage(vendor, { productId, imageId, changes: { position } })).items.map(({ id }) => id);
    expect(await ids("img_3", 1)).toEqual(["img_3", "img_1", "img_2"]);
    const [uploaded] = await addNamed("new");
    expect(await ids(uploaded?.id ?? "", 2)).toEqual(["img_3", uploaded?.id, "img_1", "img_2"]);
    expect((await present()).images.map(({ url }) => url.slice(url.lastIndexOf("/") + 1))).toEqual([
      "3.svg",
      `${uploaded?.id ?? ""}.png`,
      "1.svg",
      "2.svg",
    ]);
    valueOf(await rpc.removeImage(vendor, { productId, imageId: "img_1" }));
    expect((await present()).images.map(({ id }) => id)).toEqual(["img_3", uploaded?.id, "img_2"]);
    expect(await rpc.updateImage(vendor, { productId, imageId: "img_1", changes: { position: 1 } })).toMatchObject({
      error: { code: "not_found" },
    });
  });

  it("is refused to other vendors, and for another product", async () => {
    const [image] = await addNamed("mine");
    const imageId = image?.id ?? "";
    const changes = { alt: "theirs" };
    expect(await rpc.updateImage(callAs("vendor"), { productId, imageId, changes })).toMatchObject({
      error: { code: "product_not_found" },
    });
    expect(await rpc.updateImage(vendor, { productId: "prd_none", imageId, changes })).toMatchObject({
      error: { code: "product_not_found" },
    });
    for (const wrong of [{ position: 0 }, { position: 21 }, { position: 1.5 }, { alt: "" }, { alt: "\u202Ea" }]) {
      expect(await rpc.updateImage(vendor, { productId, imageId, changes: wrong })).toMatchObject({
        error: { code: "validation_failed" },
      });
    }
    expect(await alts()).toEqual(["mine"]);
  });
});
