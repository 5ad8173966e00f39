// Slugs: names as parts of URLs. A slug stays when the name changes, so that links do not break.

const MAX_SLUG_CHARACTERS = 80;
/** Other paths under /api/products. */
const RESERVED: ReadonlySet<string> = new Set(["managed"]);
/** Letters that Unicode decomposition does not turn into ASCII. */
const PLAIN: Readonly<Record<string, string>> = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th" };

/** `Nitrile Gloves, Größe M` is `nitrile-gloves-grosse-m`. Undefined when no character is left, or the slug is reserved. */
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

/** A slug for a name that gives none, or one that is taken. It ends in the random part of the id. */
export function distinctSlug(name: string, id: string, kind: "product" | "category" | "brand"): string {
  return `${slugOf(name) ?? kind}-${id.slice(-8).toLowerCase()}`;
}
