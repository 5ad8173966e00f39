// What a category of the seeded shop is made of: the words of its products' names, what they cost and weigh.

/** One value of an axis; the number scales price and weight, since a larger size costs and weighs more. */
export type Choice = string | readonly [text: string, factor: number];

/** A category that holds products. `{axis}` in texts stands for the value chosen on that axis; `{brand}` for the brand. */
export interface ProductCategory {
  /** Three letters of the SKU. */
  readonly code: string;
  readonly name: string;
  /** Follows the brand in the product's name and uses every axis, so that no two names are the same. */
  readonly title: string;
  readonly axes: Readonly<Record<string, readonly Choice[]>>;
  /** Minor units, from and to, after scaling. */
  readonly price: readonly [number, number];
  /** Grams, from and to, after scaling. */
  readonly grams: readonly [number, number];
  /** Minimum order quantities among which one in four products chooses; 1 where absent. */
  readonly minimums?: readonly number[];
  /** The first sentence, always there, and others, of which one or two follow. Plain words within a sentence go lower case. */
  readonly about: readonly [string, string, string, ...string[]];
}

/** A level between department and product category. */
export interface CategoryGroup {
  readonly name: string;
  readonly categories: readonly ProductCategory[];
}

export interface Department {
  /** Three letters of the SKU. */
  readonly code: string;
  readonly name: string;
  readonly children: readonly (CategoryGroup | ProductCategory)[];
  /** The brands of its products. */
  readonly brands: readonly string[];
}

export function isGroup(node: CategoryGroup | ProductCategory): node is CategoryGroup {
  return "categories" in node;
}
