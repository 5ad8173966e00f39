// Gives a new row the slug of its name, or one with a random end when another row has that.
import { UniqueViolation } from "#shared/database";
import { distinctSlug, slugOf } from "../domain/slug.ts";

const CONSTRAINTS = { product: "products.slug", category: "categories.slug", brand: "brands.slug" } as const;

/** Calls `write` with a slug, and once more with another when the first is taken. */
export async function withOwnSlug<T>(
  kind: keyof typeof CONSTRAINTS,
  { id, name }: { readonly id: string; readonly name: string },
  write: (slug: string) => Promise<T>,
): Promise<T> {
  const plain = slugOf(name);
  if (plain === undefined) return await write(distinctSlug(name, id, kind));
  try {
    return await write(plain);
  } catch (error) {
    if (!(error instanceof UniqueViolation) || error.constraint !== CONSTRAINTS[kind]) throw error;
    return await write(distinctSlug(name, id, kind));
  }
}
