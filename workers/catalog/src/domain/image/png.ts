// PNG (https://www.w3.org/TR/png-3/): a signature and chunks, IHDR first and IEND last.
import { asciiAt } from "./bytes.ts";
import type { Size } from "./bytes.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;
const HEADER_BYTES = 13;
/** Length, type and checksum of a chunk. */
const CHUNK_FRAME_BYTES = 12;

/** The size of a complete PNG; undefined for any other file. @throws RangeError when the file is truncated. */
export function pngSize(view: DataView): Size | undefined {
  if (SIGNATURE.some((byte, index) => view.getUint8(index) !== byte)) return undefined;
  const start = SIGNATURE.length;
  if (view.getUint32(start) !== HEADER_BYTES || asciiAt(view, start + 4, 4) !== "IHDR") return undefined;
  const size = { width: view.getUint32(start + 8), height: view.getUint32(start + 12) };
  let hasData = false;
  for (let offset: number = start; ;) {
    const type = asciiAt(view, offset + 4, 4);
    const next = offset + CHUNK_FRAME_BYTES + view.getUint32(offset);
    if (type === "IDAT") hasData = true;
    if (type === "IEND") return hasData && next === view.byteLength ? size : undefined;
    offset = next;
  }
}
