// The pictures of a product in the order in which the shop shows them.
import type { ImageChanges, ManagedImage } from "#shared/contracts/catalog-staff";

/** The pictures after a change of one; undefined when there is none by this id. A place past the last is the last. */
export function rearranged(
  images: readonly ManagedImage[],
  imageId: string,
  { alt, position }: ImageChanges,
): readonly ManagedImage[] | undefined {
  const index = images.findIndex(({ id }) => id === imageId);
  const image = images[index];
  if (image === undefined) return undefined;
  const changed = alt === undefined ? image : { ...image, alt };
  const others = images.toSpliced(index, 1);
  return others.toSpliced(position === undefined ? index : position - 1, 0, changed);
}
