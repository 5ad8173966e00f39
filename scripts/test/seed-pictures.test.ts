// The pictures of the seeded products: one for each row, safe to open, and no two alike.
import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { buildLocalAssets } from "../local/assets.ts";
import { LOCAL_ASSETS } from "../local/workers.ts";
import { catalogSeed, pictureSubjects } from "../seed/catalog.ts";
import { drawProduct } from "../seed/pictures.ts";

const subject = {
  productId: "prd_1",
  name: `<script>alert("1")</script> & 'Söhne' \u0007`,
  sku: "S-1",
  categoryPath: "Power & Hand Tools / Drills",
  departmentSlug: "power-hand-tools",
  categorySlug: "drills",
};

let pictures: Readonly<Record<string, string>>;

beforeAll(() => {
  buildLocalAssets();
  pictures = JSON.parse(readFileSync(path.join(LOCAL_ASSETS, "pictures.json"), "utf8")) as typeof pictures;
});

it("are one for each picture of the seeded catalog", () => {
  const urls = catalogSeed().product_images.map((row) => String(row["url"]));
  expect(Object.keys(pictures).toSorted()).toEqual(urls.toSorted());
});

it("show the product, its SKU and where it belongs", () => {
  const [first] = pictureSubjects();
  const svg = pictures[`/images/products/${String(first?.productId)}/1.svg`];
  const [word = ""] = String(first?.categoryPath).split(" ");
  for (const text of [first?.name, first?.sku, word]) expect(svg).toContain(text);
});

it("escape what they show", () => {
  const svg = drawProduct(subject, 1);
  expect(svg).not.toContain("<script");
  expect(svg).toContain("&lt;script&gt;");
  expect(svg).not.toContain("\u0007");
});

it("are the same each time, and differ by position and by product", () => {
  const images = [1, 2, 3].map((position) => drawProduct(subject, position));
  expect(new Set([...images, drawProduct({ ...subject, sku: "S-2" }, 1)]).size).toBe(4);
  expect(drawProduct(subject, 1)).toBe(images[0]);
});
