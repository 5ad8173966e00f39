// AVIF (https://aomediacodec.github.io/av1-avif/): boxes of ISO/IEC 14496-12. The size is in an `ispe` property under meta/iprp/ipco.
// Thumbnails, tiles and alpha planes have one too, so the largest is that of the picture.
import { asciiAt } from "./bytes.ts";
import type { Size } from "./bytes.ts";

interface Box {
  readonly type: string;
  /** The offsets of its content. */
  readonly start: number;
  readonly end: number;
}

const BRANDS: ReadonlySet<string> = new Set(["avif", "avis"]);
/** Version and flags, before the content of a "full" box. */
const FULL_BOX_BYTES = 4;

/**
 * The most boxes and brands of one file. An encoder writes some 30. Ten megabytes of empty boxes are over a million, and reading
 * them would stall every request in the isolate.
 */
const MAX_BOXES = 1_000;

/** Reads the boxes of one file, each once. */
class BoxWalk {
  readonly #view: DataView;
  #left = MAX_BOXES;

  constructor(view: DataView) {
    this.#view = view;
  }

  /** Counts one box or brand. False above MAX_BOXES. */
  #count(): boolean {
    this.#left -= 1;
    return this.#left >= 0;
  }

  #boxAt(offset: number, to: number): Box | undefined {
    const shortLength = this.#view.getUint32(offset);
    // 1: a length of 64 bits follows. 0: the box extends to the end of the file.
    const isLong = shortLength === 1;
    const long = (): number => Number(this.#view.getBigUint64(offset + 8));
    const length = isLong ? long() : shortLength === 0 ? to - offset : shortLength;
    const header = isLong ? 16 : 8;
    if (length < header || offset + length > to) return undefined;
    return { type: asciiAt(this.#view, offset + 4, 4), start: offset + header, end: offset + length };
  }

  /** Visits the boxes between two offsets. False when they do not fill the space exactly, or are too many. */
  each(from: number, to: number, visit: (box: Box) => void): boolean {
    for (let offset = from; offset !== to;) {
      const box = this.#count() ? this.#boxAt(offset, to) : undefined;
      if (box === undefined) return false;
      visit(box);
      offset = box.end;
    }
    return true;
  }

  /** The first box of this type between two offsets; undefined when there is none or the boxes are not valid. */
  first(from: number, to: number, type: string): Box | undefined {
    let found: Box | undefined;
    const sound = this.each(from, to, (box) => {
      if (box.type === type) found ??= box;
    });
    return sound ? found : undefined;
  }

  /** Whether the file type box (major brand, version, compatible brands) names AVIF. */
  hasBrand({ start, end }: Box): boolean {
    for (let offset = start; offset + 4 <= end && this.#count(); offset += 4) {
      if (offset !== start + 4 && BRANDS.has(asciiAt(this.#view, offset, 4))) return true;
    }
    return false;
  }
}

/** The size of a complete AVIF; undefined for any other file. @throws RangeError when the file is truncated. */
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
