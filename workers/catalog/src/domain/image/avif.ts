// AVIF (https://aomediacodec.github.io/av1-avif/): boxes as ISO/IEC 14496-12 has them. The size stands in an `ispe` property under
// meta/iprp/ipco; thumbnails, tiles and alpha planes have one too, so the largest is the picture's.
import type { Size } from "../image.ts";
import { asciiAt } from "./text.ts";

interface Box {
  readonly type: string;
  /** Where its content begins and ends. */
  readonly start: number;
  readonly end: number;
}

const BRANDS: ReadonlySet<string> = new Set(["avif", "avis"]);
/** Version and flags, before the content of a "full" box. */
const FULL_BOX_BYTES = 4;

/**
 * Boxes and brands of one file together. An encoder writes some 30; ten megabytes of empty boxes are over a million, and walking
 * them would stall whoever shares the isolate.
 */
const MAX_BOXES = 1_000;

/** Reads the boxes of one file, each once, and keeps none. */
class BoxWalk {
  readonly #view: DataView;
  #left = MAX_BOXES;

  constructor(view: DataView) {
    this.#view = view;
  }

  /** Counts one box or brand; a file with more than MAX_BOXES is none that an encoder wrote. */
  #count(): boolean {
    this.#left -= 1;
    return this.#left >= 0;
  }

  #boxAt(offset: number, to: number): Box | undefined {
    const shortLength = this.#view.getUint32(offset);
    // 1: a length of 64 bits follows. 0: to the end of the file.
    const isLong = shortLength === 1;
    const long = (): number => Number(this.#view.getBigUint64(offset + 8));
    const length = isLong ? long() : shortLength === 0 ? to - offset : shortLength;
    const header = isLong ? 16 : 8;
    if (length < header || offset + length > to) return undefined;
    return { type: asciiAt(this.#view, offset + 4, 4), start: offset + header, end: offset + length };
  }

  /** Visits the boxes between two places. False when they do not fill the space exactly, or are too many. */
  each(from: number, to: number, visit: (box: Box) => void): boolean {
    for (let offset = from; offset !== to;) {
      const box = this.#count() ? this.#boxAt(offset, to) : undefined;
      if (box === undefined) return false;
      visit(box);
      offset = box.end;
    }
    return true;
  }

  /** The first box of this type between two places; undefined when there is none or the places are not sound. */
  first(from: number, to: number, type: string): Box | undefined {
    let found: Box | undefined;
    const sound = this.each(from, to, (box) => {
      if (box.type === type) found ??= box;
    });
    return sound ? found : undefined;
  }

  /** Whether the file type box names AVIF: the major brand, its version, then the compatible brands. */
  hasBrand({ start, end }: Box): boolean {
    for (let offset = start; offset + 4 <= end && this.#count(); offset += 4) {
      if (offset !== start + 4 && BRANDS.has(asciiAt(this.#view, offset, 4))) return true;
    }
    return false;
  }
}

/** Undefined when it is no whole AVIF; throws RangeError when it is cut short. */
export function avifSize(view: DataView): Size | undefined {
  if (asciiAt(view, 4, 4) !== "ftyp") return undefined;
  const walk = new BoxWalk(view);
  const top: { ftyp?: Box; meta?: Box; mdat?: Box } = {};
  const isWhole = walk.each(0, view.byteLength, (box) => {
    if (box.type === "ftyp" || box.type === "meta" || box.type === "mdat") top[box.type] ??= box;
  });
  const { ftyp, meta, mdat } = top;
  if (!isWhole || mdat === undefined || meta === undefined) return undefined;
  if (ftyp === undefined || !walk.hasBrand(ftyp)) return undefined;
  const properties = walk.first(meta.start + FULL_BOX_BYTES, meta.end, "iprp");
  const list = properties && walk.first(properties.start, properties.end, "ipco");
  if (list === undefined) return undefined;
  let largest: Size | undefined;
  const isSound = walk.each(list.start, list.end, ({ type, start }) => {
    if (type !== "ispe") return;
    const size = { width: view.getUint32(start + 4), height: view.getUint32(start + 8) };
    if (largest === undefined || size.width * size.height > largest.width * largest.height) largest = size;
  });
  return isSound ? largest : undefined;
}
