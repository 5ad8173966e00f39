// A name as a part of a URL. It is made once and stays when the name changes, so that links do not break.

const MAX_SLUG_CHARACTERS = 80;
/** Paths under /api/products that mean something else. */
const RESERVED: ReadonlySet<string> = new Set(["managed"]);
/** Letters that no decomposition turns into plain ones. */
const PLAIN: Readonly<Record<string, string>> = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th" };

/**
 * `Nitrile Gloves, Größe M` is `nitrile-gloves-grosse-m`. Undefined when nothing
 * of the name can stand in a slug, or it is reserved.
 */
export function slugOf(name: string): string | undefined {
  const slug = name
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[ßæœøłđðþ]/g, (letter) => PLAIN[letter] ?? "")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, MAX_SLUG_CHARACTERS)
    .replaceAll(/^-+|-+$/g, "");
  return slug === "" || RESERVED.has(slug) ? undefined : slug;
}

/** The slug of a thing of this kind whose name alone gives none, or a taken one. The end of an id is random. */
export function distinctSlug(name: string, id: string, kind: "product" | "category" | "brand"): string {
  return `${slugOf(name) ?? kind}-${id.slice(-8).toLowerCase()}`;
}
