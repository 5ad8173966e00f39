// Product images, drawn here: no file is stored and nothing is asked of the internet.
import { z } from "zod";
import { ProductId } from "#shared/contracts/catalog";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { IMAGE_CACHE_SECONDS } from "../constants.ts";
import { drawProduct } from "../images.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

const ImageParams = z.object({
  productId: ProductId,
  file: z
    .string()
    .regex(/^[1-9]\d{0,2}\.svg$/)
    .transform((file) => Number.parseInt(file, 10)),
});

const IMAGE_HEADERS = {
  "content-type": "image/svg+xml",
  // A changed product gets new images under new positions, so a drawn one never changes.
  "cache-control": "public, max-age=31536000, immutable",
  // Opened by itself, an SVG is a document: it may style itself and do nothing else.
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
};

/** Keeps the drawing where it was asked for, so that a page of products costs the catalog nothing the second time. */
async function keep(key: string, svg: string): Promise<void> {
  const headers = {
    "cache-control": `public, max-age=${String(IMAGE_CACHE_SECONDS)}`,
    "content-type": "image/svg+xml",
  };
  try {
    await caches.default.put(key, new Response(svg, { headers }));
  } catch (error) {
    log("warn", "the Cache API takes nothing", { error });
  }
}

export const imageRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/images/products/{productId}/{file}",
    tag: "Catalog",
    summary: "A product's image as SVG: 1.svg, 2.svg, …",
    access: "public",
    limit: "read",
    params: ImageParams,
    answers: { 200: null },
    mediaType: "image/svg+xml",
    errors: ["product_not_found", "not_found"],
    handle: async ({ catalog }, { call, params, waitUntil }) => {
      const { productId, file: position } = params;
      const key = `https://images.tradepost.internal/${productId}/${String(position)}`;
      const kept = await caches.default.match(key).catch(() => undefined);
      if (kept !== undefined) return ok(new Response(kept.body, { headers: IMAGE_HEADERS }));
      const subject = await catalog.productImage(call, { productId, position });
      if (!subject.ok) return subject;
      const svg = drawProduct(subject.value, position);
      waitUntil(keep(key, svg));
      return ok(new Response(svg, { headers: IMAGE_HEADERS }));
    },
  }),
];
