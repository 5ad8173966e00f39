// The smallest files that have the structure of each kind of picture. Their pixels mean nothing; `salt` makes two differ.

function bytes(...parts: readonly (string | number | readonly number[] | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    parts.flatMap((part) => {
      if (typeof part === "string") return Array.from(part, (character) => character.codePointAt(0) ?? 0);
      return typeof part === "number" ? [part] : [...part];
    }),
  );
}

const be32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const be16 = (value: number): number[] => [value >>> 8, value & 255];
const le32 = (value: number): number[] => be32(value).toReversed();
const le24 = (value: number): number[] => le32(value).slice(0, 3);

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return bytes(...parts);
}

export function text(content: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(content));
}

export function png(width: number, height: number, salt = ""): Uint8Array<ArrayBuffer> {
  const chunk = (type: string, data: Uint8Array): Uint8Array => bytes(be32(data.length), type, data, be32(0));
  return bytes(
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    chunk("IHDR", bytes(be32(width), be32(height), [8, 2, 0, 0, 0])),
    chunk("tEXt", bytes(`Comment\u0000${salt}`)),
    chunk("IDAT", bytes([1, 2, 3])),
    chunk("IEND", bytes()),
  );
}

/** A PNG of exactly so many bytes, most of them a comment. */
export function pngOf(length: number): Uint8Array<ArrayBuffer> {
  const small = png(8, 8);
  const made = new Uint8Array(length);
  // The comment is the second chunk: 33 bytes of signature and IHDR before it, its text after its length, type and keyword.
  const [chunk, comment] = [33, 49];
  const filler = length - small.length;
  made.set(small.subarray(0, comment));
  made.set(small.subarray(comment), comment + filler);
  made.set(be32(8 + filler), chunk);
  return made;
}

export function jpeg(width: number, height: number, salt = ""): Uint8Array<ArrayBuffer> {
  const segment = (marker: number, data: Uint8Array): Uint8Array => bytes(0xff, marker, be16(data.length + 2), data);
  return bytes(
    [0xff, 0xd8],
    // A preview inside a segment is not the picture.
    segment(0xe1, bytes("Exif", [0xff, 0xd8, 0xff, 0xd9], salt)),
    segment(0xc4, bytes([0, 1, 2])),
    segment(0xc2, bytes(8, be16(height), be16(width), 1)),
    segment(0xda, bytes([1, 1, 0, 0, 63, 0])),
    [0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56],
    segment(0xda, bytes([1, 1, 0, 0, 63, 0])),
    [0x78],
    [0xff, 0xd9],
  );
}

function riff(...chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const content = concat(...chunks);
  return bytes("RIFF", le32(content.length + 4), "WEBP", content);
}

function webpChunk(type: string, data: Uint8Array): Uint8Array {
  return bytes(type, le32(data.length), data, data.length % 2 === 1 ? [0] : []);
}

export function lossyWebp(width: number, height: number): Uint8Array<ArrayBuffer> {
  const size = [width & 255, width >>> 8, height & 255, height >>> 8];
  return riff(webpChunk("VP8 ", bytes([0, 0, 0, 0x9d, 0x01, 0x2a], size, [9, 9, 9])));
}

export function losslessWebp(width: number, height: number): Uint8Array<ArrayBuffer> {
  return riff(webpChunk("VP8L", bytes(0x2f, le32(((height - 1) << 14) | (width - 1)), [7])));
}

export function extendedWebp(width: number, height: number): Uint8Array<ArrayBuffer> {
  const header = webpChunk("VP8X", bytes([0, 0, 0, 0], le24(width - 1), le24(height - 1)));
  return riff(header, webpChunk("VP8L", bytes(0x2f, le32(0), [7])), webpChunk("EXIF", bytes("x")));
}

function box(type: string, ...content: readonly Uint8Array[]): Uint8Array {
  const inside = concat(...content);
  return bytes(be32(inside.length + 8), type, inside);
}

/** `extra` empty boxes stand beside the size, `brands` beside the brand. */
export function avif(
  width: number,
  height: number,
  brand = "avif",
  { extra = 0, brands = 0 }: { readonly extra?: number; readonly brands?: number } = {},
): Uint8Array<ArrayBuffer> {
  const full = bytes(be32(0));
  const free = box("free");
  const empty = (count: number): Uint8Array =>
    Uint8Array.from({ length: count * free.length }, (_none, index) => free[index % free.length] ?? 0);
  const extent = (w: number, h: number): Uint8Array => box("ispe", full, bytes(be32(w), be32(h)));
  return concat(
    box("ftyp", bytes("mif1", be32(0), "miaf", "none".repeat(brands), brand)),
    box("meta", full, box("iprp", box("ipco", extent(1, 1), box("pixi", full), extent(width, height), empty(extra)))),
    box("mdat", bytes([1, 2, 3])),
  );
}
