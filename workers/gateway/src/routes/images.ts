// Product images: those that staff uploaded, from the catalog's bucket, and those that are drawn here. A URL always shows the same
// picture: a changed product gets others under new URLs.
import { z } from "zod";
import { ProductId } from "#shared/contracts/catalog";
import type { CatalogContract } from "#shared/contracts/catalog";
import type { Call } from "#shared/call";
import type { ImageType } from "#shared/contracts/catalog-staff";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { IMAGE_CACHE_SECONDS } from "../constants.ts";
import { drawProduct } from "../images.ts";
import { conditionalResponse, tagOf } from "../http/etag.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

const EXTENSIONS: Readonly<Record<string, ImageType>> = {
  png: "image/png",
  jpg: "image/jpeg",
  webp: "image/webp",
  avif: "image/avif",
};

/** Positions are 1 to 100; see ProductImageInput. */
const DRAWN = /^([1-9]\d?|100)\.svg$/;
const UPLOADED = /^(img_[0-9a-f]{32})\.(png|jpg|webp|avif)$/;

const ImageParams = z.object({
  productId: ProductId.describe("The product's id."),
  file: z
    .string()
    .refine((file) => DRAWN.test(file) || UPLOADED.test(file))
    .describe("`img_….png`, `.jpg`, `.webp` or `.avif` as uploaded, or `1.svg`, `2.svg`, … as drawn."),
});

const IMAGE_HEADERS = {
  "cache-control": "public, max-age=31536000, immutable",
  // Opened by itself, an SVG is a document: it may style itself and do nothing else. No other kind does even that.
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
};

interface Asked {
  readonly productId: string;
  readonly file: string;
}

async function drawn(
  catalog: CatalogContract,
  call: Call,
  { productId }: Asked,
  position: number,
): Promise<Outcome<Response>> {
  const subject = await catalog.productImage(call, { productId, position });
  if (!subject.ok) return subject;
  const svg = drawProduct(subject.value, position);
  const etag = await tagOf(svg);
  return ok(new Response(svg, { headers: { "content-type": "image/svg+xml", etag } }));
}

async function uploaded(catalog: CatalogContract, call: Call, { productId, file }: Asked): Promise<Outcome<Response>> {
  const [, imageId = "", extension = ""] = UPLOADED.exec(file) ?? [];
  const found = await catalog.imageFile(call, { productId, imageId });
  if (!found.ok) return found;
  const { contentType, sizeBytes, body } = found.value;
  if (contentType !== EXTENSIONS[extension]) {
    await body.cancel();
    return fail("not_found", "There is no such image.");
  }
  const headers = { "content-type": contentType, "content-length": String(sizeBytes), etag: `"${imageId}"` };
  // A stream of known length keeps its Content-Length, without which a browser shows no progress.
  return ok(new Response(body.pipeThrough(new FixedLengthStream(sizeBytes)), { headers }));
}

/** Keeps the picture where it was asked for, so that a page of products costs the catalog nothing the second time. */
async function keep(key: string, picture: Response): Promise<void> {
  const headers = new Headers(picture.headers);
  headers.set("cache-control", `public, max-age=${String(IMAGE_CACHE_SECONDS)}`);
  try {
    await caches.default.put(key, new Response(picture.body, { headers }));
  } catch (error) {
    log("warn", "the Cache API takes nothing", { error });
  }
}

/** 200 with the picture, or 304 when the client has it. */
function shown(request: Request, picture: Response): Response {
  const type = picture.headers.get("content-type") ?? "";
  const length = picture.headers.get("content-length");
  return conditionalResponse(request, picture.body, {
    ...IMAGE_HEADERS,
    etag: picture.headers.get("etag") ?? "",
    "content-type": type,
    ...(length === null ? {} : { "content-length": length }),
  });
}

/** A picture drawn anew, after its product changed, has a mark of its own. */
function cacheKeyOf(request: Request, { productId, file }: Asked): string {
  const mark = new URL(request.url).searchParams.get("v") ?? "";
  const suffix = /^[0-9a-f]{8}$/.test(mark) ? `?v=${mark}` : "";
  return `https://images.tradepost.internal/${productId}/${file}${suffix}`;
}

export const imageRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/images/products/{productId}/{file}",
    operationId: "getProductImage",
    tag: "Catalog",
    summary: "A product's image: img_….png, .jpg, .webp or .avif as uploaded, or 1.svg, 2.svg, … as drawn",
    access: "public",
    limit: "read",
    anyQuery: true,
    params: ImageParams,
    answers: { 200: null, 304: null },
    mediaType: "image/*",
    errors: ["product_not_found", "not_found"],
    handle: async ({ catalog }, { call, params, request, waitUntil }) => {
      const key = cacheKeyOf(request, params);
      const kept = await caches.default.match(key).catch(() => undefined);
      if (kept !== undefined) return ok(shown(request, kept));
      const position = DRAWN.exec(params.file)?.[1];
      const made =
        position === undefined
          ? await uploaded(catalog, call, params)
          : await drawn(catalog, call, params, Number(position));
      if (!made.ok) return made;
      waitUntil(keep(key, made.value.clone()));
      return ok(shown(request, made.value));
    },
  }),
];
