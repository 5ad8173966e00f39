// JPEG (ITU-T T.81, annex B): segments that begin with markers. The frame header has the size, scans have the pixels. Cameras append
// complete further pictures (CIPA DC-007, multi-picture format), which are accepted; any other bytes at the end are not.
import type { Size } from "./bytes.ts";

const START = 0xffd8;
const START_OF_SCAN = 0xda;
const END = 0xd9;
/** Markers within SOF0 to SOF15 that begin no frame: DHT, JPG, DAC. */
const NO_FRAMES: ReadonlySet<number> = new Set([0xc4, 0xc8, 0xcc]);

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && !NO_FRAMES.has(marker);
}

/** The end of a scan: the first marker that is neither a stuffed byte nor a restart marker. */
function scanEnd(view: DataView, from: number): number {
  for (let offset = from; ; offset += 1) {
    if (view.getUint8(offset) !== 0xff) continue;
    const next = view.getUint8(offset + 1);
    const isScan = next === 0x00 || next === 0xff || (next >= 0xd0 && next <= 0xd7);
    if (!isScan) return offset;
  }
}

/** Reads one picture from its start marker: its size, and the offset of its end. */
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

/** The size of a complete JPEG; undefined for any other file. @throws RangeError when the file is truncated. */
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
