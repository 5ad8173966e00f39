// The isolate's small memory, and the tree of categories.
import { describe, expect, it } from "vitest";
import { Recent } from "../../src/domain/recent.ts";
import { buildTree } from "../../src/domain/tree.ts";

describe("Recent", () => {
  it("forgets what is as old as its time to live", () => {
    const recent = new Recent(2_000, 10);
    recent.set("a", 1, 1_000);
    expect(recent.get("a", 2_999)).toBe(1);
    expect(recent.get("a", 3_000)).toBeUndefined();
  });

  it("drops what was written longest ago when it is full", () => {
    const recent = new Recent(2_000, 2);
    recent.set("a", 1, 0);
    recent.set("b", 2, 0);
    recent.set("a", 3, 0);
    recent.set("c", 4, 0);
    expect([recent.get("a", 0), recent.get("b", 0), recent.get("c", 0)]).toEqual([3, undefined, 4]);
  });
});

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

  it("leaves out what hangs on a missing parent", () => {
    expect(buildTree([row("lost", "gone", 3)])).toEqual([]);
  });
});
