// Products of one category, composed from its vocabulary: no two alike, each priced and weighed by what it is.
import { between, pick, shuffled } from "../random.ts";
import type { Random } from "../random.ts";
import { fill, fillSentence } from "./text.ts";
import type { Values } from "./text.ts";
import type { Choice, Department, ProductCategory } from "./vocabulary.ts";

export interface ComposedProduct {
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  readonly brand: string;
  /** Minor units. */
  readonly price: number;
  readonly weightGrams: number;
  readonly minOrderQuantity: number;
}

interface Variant {
  readonly values: Values;
  /** The product of its choices' factors. */
  readonly scale: number;
}

/** How far price and weight stray from what the size alone would give, as a part of the whole range. */
const SPREAD = 0.06;
/** One in four products of a category that has minimum quantities. */
const MINIMUM_SHARE = 0.25;

function choice(entry: Choice): { text: string; factor: number } {
  return typeof entry === "string" ? { text: entry, factor: 1 } : { text: entry[0], factor: entry[1] };
}

/** Every combination of the axes. */
function variants(category: ProductCategory): Variant[] {
  return Object.entries(category.axes).reduce<Variant[]>(
    (partial, [axis, choices]) =>
      partial.flatMap(({ values, scale }) =>
        choices.map(choice).map(({ text, factor }) => ({
          values: { ...values, [axis]: text },
          scale: scale * factor,
        })),
      ),
    [{ values: {}, scale: 1 }],
  );
}

/** A point of the range on a logarithmic scale, as prices are: `position` 0 is its low end, 1 its high one. */
function within([low, high]: readonly [number, number], position: number, round: (value: number) => number): number {
  const value = low * (high / low) ** Math.min(1, Math.max(0, position));
  return Math.min(high, Math.max(low, round(value)));
}

/** 12.49 below a hundred, 249.00 above: what price lists look like. */
function roundPrice(minor: number): number {
  return minor < 10_000 ? Math.round(minor / 10) * 10 - 1 : Math.round(minor / 1_000) * 1_000 - 100;
}

function roundGrams(grams: number): number {
  const step = grams < 1_000 ? 5 : grams < 10_000 ? 50 : 100;
  return Math.round(grams / step) * step;
}

function describe(random: Random, category: ProductCategory, values: Values): string {
  const [first, ...others] = category.about;
  const following = shuffled(random, others).slice(0, between(random, 1, 2));
  // In the order of the vocabulary, which is that of a reader.
  return [first, ...others.filter((sentence) => following.includes(sentence))]
    .map((sentence) => fillSentence(sentence, values))
    .join(" ");
}

/** @throws RangeError when the vocabulary gives fewer combinations than are asked for. */
export function composeProducts(
  random: Random,
  department: Department,
  category: ProductCategory,
  count: number,
): ComposedProduct[] {
  const all = variants(category);
  if (all.length < count) throw new RangeError(`${category.name} has only ${all.length} combinations`);
  const scales = all.map(({ scale }) => Math.log(scale));
  const low = Math.min(...scales);
  const span = Math.max(...scales) - low || 1;
  return shuffled(random, all)
    .slice(0, count)
    .map(({ values, scale }, index) => {
      const brand = pick(random, department.brands);
      const position = (Math.log(scale) - low) / span;
      const stray = (): number => (random() * 2 - 1) * SPREAD;
      const hasMinimum = category.minimums !== undefined && random() < MINIMUM_SHARE;
      return {
        sku: `${department.code}-${category.code}-${String(index + 1).padStart(4, "0")}`,
        name: `${brand} ${fill(category.title, values)}`,
        description: describe(random, category, values),
        brand,
        price: within(category.price, position + stray(), roundPrice),
        weightGrams: within(category.grams, position + stray(), roundGrams),
        minOrderQuantity: hasMinimum ? pick(random, category.minimums) : 1,
      };
    });
}
