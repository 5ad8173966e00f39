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

/** The boxes between two places, which they have to fill exactly; undefined when they do not. */
function boxesIn(view: DataView, from: number, to: number): Box[] | undefined {
  const boxes: Box[] = [];
  for (let offset = from; offset !== to;) {
    const shortLength = view.getUint32(offset);
    // 1: a length of 64 bits follows. 0: to the end of the file.
    const isLong = shortLength === 1;
    const length = isLong ? Number(view.getBigUint64(offset + 8)) : shortLength === 0 ? to - offset : shortLength;
    const header = isLong ? 16 : 8;
    if (length < header || offset + length > to) return undefined;
    boxes.push({ type: asciiAt(view, offset + 4, 4), start: offset + header, end: offset + length });
    offset += length;
  }
  return boxes;
}

function hasBrand(view: DataView, { start, end }: Box): boolean {
  // The major brand, its version, then the compatible brands.
  for (let offset = start; offset + 4 <= end; offset += 4) {
    if (offset !== start + 4 && BRANDS.has(asciiAt(view, offset, 4))) return true;
  }
  return false;
}

function inside(view: DataView, boxes: readonly Box[] | undefined, type: string, skip = 0): Box[] | undefined {
  const box = boxes?.find((candidate) => candidate.type === type);
  return box && boxesIn(view, box.start + skip, box.end);
}

/** Undefined when it is no whole AVIF; throws RangeError when it is cut short. */
export function avifSize(view: DataView): Size | undefined {
  if (asciiAt(view, 4, 4) !== "ftyp") return undefined;
  const boxes = boxesIn(view, 0, view.byteLength);
  const [type] = boxes ?? [];
  if (type === undefined || !hasBrand(view, type) || boxes?.every((box) => box.type !== "mdat")) return undefined;
  const meta = inside(view, boxes, "meta", FULL_BOX_BYTES);
  const properties = inside(view, inside(view, meta, "iprp"), "ipco") ?? [];
  const sizes = properties
    .filter((property) => property.type === "ispe")
    .map(({ start }) => ({ width: view.getUint32(start + 4), height: view.getUint32(start + 8) }));
  return sizes.toSorted((a, b) => b.width * b.height - a.width * a.height)[0];
}
