// A row under a slug of its own: that of its name, or when it is taken one with a random end, which needs no look beforehand.
import { UniqueViolation } from "#shared/database";
import { distinctSlug, slugOf } from "../domain/slug.ts";

/** `write` runs once more with another slug when the first is refused by the UNIQUE constraint of this name. */
export async function underOwnSlug<T>(
  { id, name }: { readonly id: string; readonly name: string },
  kind: "category" | "brand",
  constraint: "categories.slug" | "brands.slug",
  write: (slug: string) => Promise<T>,
): Promise<T> {
  const plain = slugOf(name);
  if (plain === undefined) return await write(distinctSlug(name, id, kind));
  try {
    return await write(plain);
  } catch (error) {
    if (!(error instanceof UniqueViolation) || error.constraint !== constraint) throw error;
    return await write(distinctSlug(name, id, kind));
  }
}
