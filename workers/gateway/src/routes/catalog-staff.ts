// Products and their pictures for staff, as they are now: no cache keeps these answers.
import * as z from "zod";
import { ProductId } from "#shared/contracts/catalog";
import {
  AltText,
  IMAGE_TYPES,
  ImageChanges,
  ListManagedInput,
  MAX_IMAGE_BYTES,
  ManagedImage,
  ManagedImages,
  ManagedProduct,
  ManagedProductInput,
  ManagedProductPage,
  NewProduct,
  ProductChanges,
  RemoveImageInput,
} from "#shared/contracts/catalog-staff";
import { invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { checkInput } from "#shared/validation";
import { readUpload } from "../http/upload.ts";
import { replayedHeader, replyWith, route } from "../route.ts";
import type { Reply, Route } from "../route.ts";

/** Writes take an id only. The parameter has the name of the public read's, because one path has one pattern. */
const WrittenProduct = z.object({ idOrSlug: ProductId.describe("The product's id.") });

/** A product for staff, with its version as ETag for If-Match. */
function managedReply(
  status: number,
  product: ManagedProduct,
  headers: Readonly<Record<string, string>> = {},
): Outcome<Reply> {
  return replyWith(status, ok(product), { etag: `"${String(product.version)}"`, ...headers });
}

/** The alt text of an upload: the form's, or the query's for a raw body. */
function altOf(text: string | undefined): Outcome<string | undefined> {
  if (text === undefined || text.trim() === "") return ok(undefined);
  const { errors, value } = checkInput(AltText, text);
  return errors.length === 0 ? ok(value) : invalidInput(errors.map(({ message }) => ({ path: "alt", message })));
}

export const catalogStaffRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/products/managed",
    operationId: "listManagedProducts",
    tag: "Catalog",
    summary: "Products in any status, newest first; a vendor's own",
    access: "staff",
    limit: "read",
    query: ListManagedInput,
    answers: { 200: ManagedProductPage },
    errors: ["invalid_cursor"],
    handle: async ({ catalog }, { call, query }) => replyWith(200, await catalog.listManagedProducts(call, query)),
  }),
  route({
    method: "get",
    path: "/api/products/managed/{productId}",
    operationId: "getManagedProduct",
    tag: "Catalog",
    summary: "One product in any status, as it is now; the ETag is for If-Match",
    access: "staff",
    limit: "read",
    params: ManagedProductInput,
    versioned: true,
    answers: { 200: ManagedProduct },
    errors: ["product_not_found"],
    handle: async ({ catalog }, { call, params }) => {
      const product = await catalog.managedProduct(call, params);
      return product.ok ? managedReply(200, product.value) : product;
    },
  }),
  route({
    method: "post",
    path: "/api/products",
    operationId: "createProduct",
    tag: "Catalog",
    summary: "Create a product; a vendor owns what they create, an admin names the owner",
    access: "staff",
    limit: "write",
    idempotent: true,
    body: NewProduct,
    answers: { 201: ManagedProduct },
    errors: ["sku_taken", "external_id_taken", "idempotency_in_progress", "idempotency_key_reused"],
    handle: async ({ catalog }, { call, body, idempotencyKey }) => {
      const created = await catalog.createProduct(call, { ...body, idempotencyKey });
      if (!created.ok) return created;
      return managedReply(201, created.value.product, replayedHeader(created.value));
    },
  }),
  route({
    method: "patch",
    path: "/api/products/{idOrSlug}",
    operationId: "updateProduct",
    tag: "Catalog",
    summary: "Change the given members; an archived product may become active again",
    access: "staff",
    limit: "write",
    ifMatch: true,
    params: WrittenProduct,
    body: ProductChanges,
    answers: { 200: ManagedProduct },
    errors: ["product_not_found", "sku_taken", "external_id_taken", "product_version_conflict"],
    handle: async ({ catalog }, { call, params, body, ifVersion }) => {
      const input = { productId: params.idOrSlug, changes: body, ifVersion };
      const product = await catalog.updateProduct(call, input);
      return product.ok ? managedReply(200, product.value) : product;
    },
  }),
  route({
    method: "delete",
    path: "/api/products/{idOrSlug}",
    operationId: "archiveProduct",
    tag: "Catalog",
    summary: "Archive a product; repeating it changes nothing",
    access: "staff",
    limit: "write",
    ifMatch: true,
    params: WrittenProduct,
    answers: { 200: ManagedProduct },
    errors: ["product_not_found", "product_version_conflict"],
    handle: async ({ catalog }, { call, params, ifVersion }) => {
      const product = await catalog.archiveProduct(call, { productId: params.idOrSlug, ifVersion });
      return product.ok ? managedReply(200, product.value) : product;
    },
  }),
  route({
    method: "post",
    path: "/api/products/{productId}/images",
    operationId: "createProductImage",
    tag: "Catalog",
    summary: "Add a picture; the same bytes again are 200 and the same picture",
    access: "staff",
    limit: "write",
    params: ManagedProductInput,
    query: z.object({
      alt: z
        .string()
        .optional()
        .describe("What the picture shows, in words. For a raw body; a form has its own `alt`."),
    }),
    upload: ["multipart/form-data", ...IMAGE_TYPES],
    answers: { 200: ManagedImage, 201: ManagedImage },
    errors: ["product_not_found", "too_many_images"],
    handle: async ({ catalog }, { call, params, query, request }) => {
      const upload = await readUpload(request, IMAGE_TYPES, { maxBytes: MAX_IMAGE_BYTES, texts: ["alt"] });
      if (!upload.ok) return upload;
      const { bytes, declaredType, fields } = upload.value;
      const alt = altOf(fields["alt"] ?? query.alt);
      if (!alt.ok) return alt;
      const added = await catalog.addImage(call, { ...params, bytes, declaredType, alt: alt.value });
      return added.ok ? replyWith(added.value.added ? 201 : 200, ok(added.value.image)) : added;
    },
  }),
  route({
    method: "patch",
    path: "/api/products/{productId}/images/{imageId}",
    operationId: "updateProductImage",
    tag: "Catalog",
    summary: "Change a picture's alt text, or move it to a position from 1; answers all pictures in order",
    access: "staff",
    limit: "write",
    params: RemoveImageInput,
    body: ImageChanges,
    answers: { 200: ManagedImages },
    errors: ["product_not_found", "not_found"],
    handle: async ({ catalog }, { call, params, body }) =>
      replyWith(200, await catalog.updateImage(call, { ...params, changes: body })),
  }),
  route({
    method: "delete",
    path: "/api/products/{productId}/images/{imageId}",
    operationId: "deleteProductImage",
    tag: "Catalog",
    summary: "Remove a picture from a product",
    access: "staff",
    limit: "write",
    params: RemoveImageInput,
    answers: { 204: null },
    errors: ["product_not_found", "not_found"],
    handle: async ({ catalog }, { call, params }) => replyWith(204, await catalog.removeImage(call, params)),
  }),
];
