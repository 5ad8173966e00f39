// The tree of categories.
import { describe, expect, it } from "vitest";
import { buildTree } from "../../src/domain/category.ts";

describe("buildTree", () => {
  const row = (id: string, parentId: string | null, ownCount: number) => ({
    id,
    parentId,
    slug: id,
    name: id,
    ownCount,
  });

  it("counts the products of a category and of all below it", () => {
    const [tools] = buildTree([row("tools", null, 1), row("saws", "drills", 4), row("drills", "tools", 2)]);
    expect(tools).toMatchObject({ productCount: 7, children: [{ productCount: 6, children: [{ productCount: 4 }] }] });
  });

  it("leaves out a category whose parent is missing", () => {
    expect(buildTree([row("lost", "gone", 3)])).toEqual([]);
  });
});
