// The pictures of the seeded products: one file for each row, safe to open, and no two alike.
import { existsSync, readFileSync } from "node:fs";
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

beforeAll(() => {
  buildLocalAssets();
});

it("have a file for each picture of the seeded catalog", () => {
  const urls = catalogSeed().product_images.map((row) => String(row["url"]));
  expect(urls.filter((url) => !existsSync(path.join(LOCAL_ASSETS, url)))).toEqual([]);
});

it("show the product, its SKU and where it belongs", () => {
  const [first] = pictureSubjects();
  const svg = readFileSync(path.join(LOCAL_ASSETS, `images/products/${String(first?.productId)}/1.svg`), "utf8");
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
