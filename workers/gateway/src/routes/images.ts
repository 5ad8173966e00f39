// The pictures of products that staff uploaded, from the catalog's bucket. A URL has the picture's id and never shows another picture.
import * as z from "zod";
import type { Call } from "#shared/call";
import { ProductId } from "#shared/contracts/catalog";
import type { CatalogContract } from "#shared/contracts/catalog";
import type { ImageType } from "#shared/contracts/catalog-staff";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { IMAGE_CACHE_SECONDS } from "../constants.ts";
import { conditionalResponse } from "../http/etag.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

const TYPES: Readonly<Record<string, ImageType>> = {
  png: "image/png",
  jpg: "image/jpeg",
  webp: "image/webp",
  avif: "image/avif",
};

const FILE = /^(img_[0-9a-f]{32})\.(png|jpg|webp|avif)$/;

const ImageParams = z.object({
  productId: ProductId.describe("The product's id."),
  file: z
    .string()
    .refine((file) => FILE.test(file))
    .describe("The picture's id with its extension: `img_….png`, `.jpg`, `.webp` or `.avif`."),
});

/** The picture as it goes into the Cache API. Fails with not_found. */
async function readPicture(
  catalog: CatalogContract,
  call: Call,
  { productId, file }: z.infer<typeof ImageParams>,
): Promise<Outcome<Response>> {
  const [, imageId = "", extension = ""] = FILE.exec(file) ?? [];
  const found = await catalog.imageFile(call, { productId, imageId });
  if (!found.ok) return found;
  const { contentType, sizeBytes, body } = found.value;
  if (contentType !== TYPES[extension]) {
    await body.cancel();
    return fail("not_found", "There is no such image.");
  }
  const headers = {
    "cache-control": `public, max-age=${String(IMAGE_CACHE_SECONDS)}`,
    "content-type": contentType,
    "content-length": String(sizeBytes),
    etag: `"${imageId}"`,
  };
  // A stream of known length keeps its Content-Length, without which a browser shows no progress.
  return ok(new Response(body.pipeThrough(new FixedLengthStream(sizeBytes)), { headers }));
}

/** Keeps the picture at this location, so that showing it again costs the catalog nothing. */
async function cachePicture(key: string, picture: Response): Promise<void> {
  try {
    await caches.default.put(key, picture);
  } catch (error) {
    log("warn", "the Cache API cannot be written", { error });
  }
}

/** 200 with the picture, or 304 when the client has it. */
function pictureResponse(request: Request, { body, headers }: Response): Response {
  const sent = ["content-type", "content-length"].flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return conditionalResponse(request, body, {
    ...Object.fromEntries(sent),
    etag: headers.get("etag") ?? "",
    "cache-control": "public, max-age=31536000, immutable",
    // An uploaded file opened as a document may do nothing.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
  });
}

export const imageRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/images/products/{productId}/{file}",
    operationId: "getProductImage",
    tag: "Catalog",
    summary: "A picture of a product, as it was uploaded",
    access: "public",
    limit: "read",
    anyQuery: true,
    params: ImageParams,
    answers: { 200: null, 304: null },
    mediaType: "image/*",
    errors: ["product_not_found", "not_found"],
    handle: async ({ catalog }, { call, params, request, waitUntil }) => {
      const key = `https://images.tradepost.internal/${params.productId}/${params.file}`;
      const cached = await caches.default.match(key).catch(() => undefined);
      if (cached !== undefined) return ok(pictureResponse(request, cached));
      const picture = await readPicture(catalog, call, params);
      if (!picture.ok) return picture;
      waitUntil(cachePicture(key, picture.value.clone()));
      return ok(pictureResponse(request, picture.value));
    },
  }),
];
