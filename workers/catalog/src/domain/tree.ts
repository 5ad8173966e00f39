// Categories as a tree, with the products at and below each.
import type { CategoryNode } from "#shared/contracts/catalog";

export interface CategoryRow {
  readonly id: string;
  readonly parentId: string | null;
  readonly slug: string;
  readonly name: string;
  /** Active products of this very category. */
  readonly ownCount: number;
}

/** Keeps the order of the rows among siblings. A row whose parent is missing is left out with all below it. */
export function buildTree(rows: readonly CategoryRow[]): CategoryNode[] {
  const byParent = Map.groupBy(rows, ({ parentId }) => parentId);
  const below = (parentId: string | null): CategoryNode[] =>
    (byParent.get(parentId) ?? []).map(({ id, slug, name, ownCount }) => {
      const children = below(id);
      const productCount = children.reduce((sum, child) => sum + child.productCount, ownCount);
      return { id, slug, name, productCount, children };
    });
  return below(null);
}
