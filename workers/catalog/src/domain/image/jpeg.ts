// JPEG (ITU-T T.81, annex B): segments behind markers; the frame header tells the size, scans hold the picture. Cameras put a
// second whole picture behind the first (CIPA DC-007, multi-picture format), which is taken; anything else there is not.
import type { Size } from "../image.ts";

const START = 0xffd8;
const START_OF_SCAN = 0xda;
const END = 0xd9;
/** SOF0 to SOF15, without the three of that range that mean something else (DHT, JPG, DAC). */
const NO_FRAMES: ReadonlySet<number> = new Set([0xc4, 0xc8, 0xcc]);

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && !NO_FRAMES.has(marker);
}

/** Stuffed bytes and restart markers belong to the scan; any other marker ends it. */
function scanEnd(view: DataView, from: number): number {
  for (let offset = from; ; offset += 1) {
    if (view.getUint8(offset) !== 0xff) continue;
    const next = view.getUint8(offset + 1);
    const isScan = next === 0x00 || next === 0xff || (next >= 0xd0 && next <= 0xd7);
    if (!isScan) return offset;
  }
}

/** One picture from its start marker: its size, and where it ends. */
function onePicture(view: DataView, start: number): { readonly size: Size; readonly end: number } | undefined {
  if (view.getUint16(start) !== START) return undefined;
  let size: Size | undefined;
  let hasScan = false;
  for (let offset = start + 2; ;) {
    if (view.getUint8(offset) !== 0xff) return undefined;
    const marker = view.getUint8(offset + 1);
    if (marker === 0xff) {
      // Fill bytes may stand before any marker.
      offset += 1;
      continue;
    }
    if (marker === END) return size !== undefined && hasScan ? { size, end: offset + 2 } : undefined;
    const length = view.getUint16(offset + 2);
    if (length < 2) return undefined;
    if (isFrame(marker)) size ??= { height: view.getUint16(offset + 5), width: view.getUint16(offset + 7) };
    offset += 2 + length;
    if (marker === START_OF_SCAN) {
      hasScan = true;
      offset = scanEnd(view, offset);
    }
  }
}

/** Undefined when it is no whole JPEG; throws RangeError when it is cut short. */
export function jpegSize(view: DataView): Size | undefined {
  const first = onePicture(view, 0);
  if (first === undefined) return undefined;
  for (let offset = first.end; offset < view.byteLength;) {
    const further = onePicture(view, offset);
    if (further === undefined) return undefined;
    offset = further.end;
  }
  return first.size;
}
