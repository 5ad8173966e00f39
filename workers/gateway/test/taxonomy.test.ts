// Admins' writes of categories, brands, roles and picture order over HTTP: what is parsed, what is refused before a Worker is called,
// and the status of each refusal.
import { describe, expect, it, vi } from "vitest";
import type { AccountsContract } from "#shared/contracts/accounts";
import type { CatalogContract } from "#shared/contracts/catalog";
import { fail } from "#shared/errors";
import type { ErrorCode } from "#shared/errors";
import { ok } from "#shared/result";
import { bearer, gateway, problemOf, tokenFor } from "./support.ts";

const asAdmin = bearer(await tokenFor("admin"));
const category = { id: "cat_1", slug: "c", name: "C", parentId: null, path: "C" };

describe("a category", () => {
  it("is a department without a parent, and becomes one only by null", async () => {
    const createCategory = vi.fn<CatalogContract["createCategory"]>(async () => ok(category));
    const updateCategory = vi.fn<CatalogContract["updateCategory"]>(async () => ok(category));
    const deleteCategory = vi.fn<CatalogContract["deleteCategory"]>(async () => ok(null));
    const send = gateway({ catalog: { createCategory, updateCategory, deleteCategory } });
    const made = await send("/api/categories", { method: "POST", headers: asAdmin, json: { name: " C " } });
    expect([made.status, await made.json()]).toEqual([201, category]);
    expect(createCategory.mock.calls[0]?.[1]).toEqual({ name: "C", parentId: null });
    for (const changes of [{ name: "D" }, { parentId: null }, {}]) {
      const changed = await send("/api/categories/cat_1", { method: "PATCH", headers: asAdmin, json: changes });
      expect(changed.status).toBe(200);
      expect(updateCategory.mock.lastCall?.[1]).toEqual({ categoryId: "cat_1", changes });
    }
    const removed = await send("/api/categories/cat_1", { method: "DELETE", headers: asAdmin });
    expect([removed.status, await removed.text()]).toEqual([204, ""]);
  });

  it.each([
    ["POST", "/api/categories", {}],
    ["POST", "/api/categories", { name: 1 }],
    ["POST", "/api/categories", { name: "A", parentId: "" }],
    ["POST", "/api/categories", { name: "A", parentId: ["cat_1"] }],
    ["PATCH", "/api/categories/cat_1", { name: null }],
    ["PATCH", "/api/categories/cat_1", { parentId: "brd_1" }],
    ["PATCH", "/api/categories/cat_1", []],
    ["POST", "/api/brands", { name: "\u202E" }],
    ["PATCH", "/api/brands/brd_1", { name: "" }],
    ["PATCH", "/api/admin/users/usr_1", {}],
    ["PATCH", "/api/admin/users/usr_1", { role: "guest" }],
    ["PATCH", "/api/admin/users/usr_1", { role: "vendor", email: "a@example.com" }],
    ["PATCH", "/api/products/prd_1/images/img_1", { position: "1" }],
    ["PATCH", "/api/products/prd_1/images/img_1", { position: 0 }],
  ])("%s %s is refused with %j", async (method, path, json) => {
    const response = await gateway()(path, { method, headers: asAdmin, json });
    expect(await problemOf(response)).toMatchObject({ status: 400, code: "validation_failed" });
  });

  it.each(["/api/categories/brd_1", "/api/categories/tools", "/api/brands/cat_1", "/api/admin/users/prd_1"])(
    "%s cannot be there",
    async (path) => {
      const response = await gateway()(path, { method: "PATCH", headers: asAdmin, json: {} });
      expect(await problemOf(response)).toMatchObject({ status: 404, code: "not_found" });
    },
  );
});

describe("a refusal", () => {
  it.each<readonly [ErrorCode, number]>([
    ["category_in_use", 409],
    ["not_found", 404],
  ])("to delete as %s is %i", async (code, status) => {
    const deleteCategory: CatalogContract["deleteCategory"] = async () => fail(code, "No.");
    const send = gateway({ catalog: { deleteCategory } });
    const response = await send("/api/categories/cat_1", { method: "DELETE", headers: asAdmin });
    expect(await problemOf(response)).toMatchObject({ status, code });
  });

  it.each<readonly [ErrorCode, number]>([
    ["last_admin", 409],
    ["forbidden", 403],
    ["not_found", 404],
  ])("to change a role as %s is %i", async (code, status) => {
    const changeRole: AccountsContract["changeRole"] = async () => fail(code, "No.");
    const send = gateway({ accounts: { changeRole } });
    const response = await send("/api/admin/users/usr_1", {
      method: "PATCH",
      headers: asAdmin,
      json: { role: "vendor" },
    });
    expect(await problemOf(response)).toMatchObject({ status, code });
  });
});
