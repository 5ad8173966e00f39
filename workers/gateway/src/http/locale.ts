// The language that a caller would rather read, from Accept-Language (RFC 9110, 12.5.4).
import { LOCALES } from "#shared/call";
import type { Locale } from "#shared/call";

/** Browsers send some hundred characters at most; what is longer is nobody's languages. */
const MAX_HEADER_CHARACTERS = 1_000;

interface Range {
  readonly language: string;
  readonly quality: number;
}

function rangeOf(element: string): Range[] {
  const [tag = "", ...parameters] = element.split(";").map((part) => part.trim());
  const weight = parameters.find((parameter) => /^q=/i.test(parameter))?.slice(2) ?? "1";
  const language = /^([a-z]{1,8})(-[a-z0-9]{1,8})*$/i.exec(tag)?.[1];
  if (language === undefined || !/^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight)) return [];
  return [{ language: language.toLowerCase(), quality: Number(weight) }];
}

/** The best of the languages that the shop speaks; `de-AT` is content with `de`. Undefined when none is asked for. */
export function preferredLocale(header: string | null): Locale | undefined {
  if (header === null || header.length > MAX_HEADER_CHARACTERS) return undefined;
  return (
    header
      .split(",")
      .flatMap(rangeOf)
      .filter(({ quality }) => quality > 0)
      // Stable: of two that weigh the same, the first named.
      .toSorted((a, b) => b.quality - a.quality)
      .map(({ language }) => LOCALES.find((locale) => locale === language))
      .find((locale) => locale !== undefined)
  );
}
