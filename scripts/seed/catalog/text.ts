// Words into names, sentences and slugs.

/** What stands in a product's texts for each axis, and for the brand. */
export type Values = Readonly<Record<string, string>>;

/** Lower case ASCII words joined by hyphens: `Kabelwerk Süd 2.5 mm²` gives `kabelwerk-sud-2-5-mm2`. */
export function slugify(text: string): string {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}

function valueOf(values: Values, axis: string): string {
  const value = values[axis];
  if (value === undefined) throw new Error(`no axis ${axis}`);
  return value;
}

/** `{axis}` becomes its value, as written. */
export function fill(template: string, values: Values): string {
  return template.replaceAll(/\{(\w+)\}/g, (_match, axis: string) => valueOf(values, axis));
}

/** Ordinary words only: types, standards and acronyms keep their capitals. */
const PLAIN_WORDS = /^[A-Z][a-z]+(?:[ -](?:[A-Z][a-z]+|[a-z]+))*$/;

/** Like `fill`, with plain words in lower case; at the beginning of the sentence only the first letter stays a capital. */
export function fillSentence(template: string, values: Values): string {
  return template.replaceAll(/\{(\w+)\}/g, (_match, axis: string, offset: number) => {
    const value = valueOf(values, axis);
    if (!PLAIN_WORDS.test(value)) return value;
    return offset === 0 ? value.charAt(0) + value.slice(1).toLowerCase() : value.toLowerCase();
  });
}
