// The format and size of a picture, by its bytes alone.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pictureOf } from "../../src/domain/image.ts";
import { avifSize } from "../../src/domain/image/avif.ts";
import { avif, concat, extendedWebp, jpeg, losslessWebp, lossyWebp, png, text } from "../pictures.ts";

const KINDS = [
  ["png", png(640, 480), "image/png"],
  ["jpeg", jpeg(640, 480), "image/jpeg"],
  ["lossy webp", lossyWebp(640, 480), "image/webp"],
  ["lossless webp", losslessWebp(640, 480), "image/webp"],
  ["extended webp", extendedWebp(640, 480), "image/webp"],
  ["avif", avif(640, 480), "image/avif"],
] as const;

describe.each(KINDS)("%s", (_name, whole, contentType) => {
  it("is recognized with its size", () => {
    expect(pictureOf(whole)).toEqual({ contentType, width: 640, height: 480 });
  });

  it("is read from a part of a larger buffer", () => {
    const padded = concat(text("junk"), whole, text("junk"));
    expect(pictureOf(padded.subarray(4, 4 + whole.length))).toEqual({ contentType, width: 640, height: 480 });
  });

  it("is refused when it is truncated anywhere", () => {
    const taken = Array.from({ length: whole.length }, (_, length) => length).filter(
      (length) => pictureOf(whole.subarray(0, length)) !== undefined,
    );
    expect(taken).toEqual([]);
  });

  it.each(["\n", "<script>alert(1)</script>", "PK\u0003\u0004", "\u0000"])("is refused with %j at its end", (tail) => {
    expect(pictureOf(concat(whole, text(tail)))).toBeUndefined();
  });

  it("is refused after other bytes", () => {
    expect(pictureOf(concat(text("<html>"), whole))).toBeUndefined();
  });

  it("never throws, whatever byte changes", () => {
    const property = fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), (place, value) => {
      const changed = Uint8Array.from(whole);
      changed[place] = value;
      pictureOf(changed);
    });
    expect(fc.check(property, { numRuns: 2_000 }).failed).toBe(false);
  });
});

it.each([
  ["nothing", ""],
  ["SVG", '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'],
  ["HTML", "<!doctype html><script>alert(1)</script>"],
  ["GIF", "GIF89a\u0001\u0000\u0001\u0000\u0000\u0000\u0000;"],
  ["BMP", "BM________________"],
  ["PDF", "%PDF-1.7"],
  ["a RIFF that is sound", "RIFF\u0004\u0000\u0000\u0000WAVE"],
])("%s is not a picture", (_name, content) => {
  expect(pictureOf(text(content))).toBeUndefined();
});

it("any bytes are read without throwing", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    pictureOf(bytes);
  });
  expect(fc.check(property).failed).toBe(false);
});

it("a video in the same boxes is not a picture", () => {
  expect(pictureOf(avif(640, 480, "mp42"))).toBeUndefined();
});

describe("an AVIF of very many boxes", () => {
  it("is recognized up to a thousand of them", () => {
    expect(pictureOf(avif(640, 480, "avif", { extra: 900 }))).toMatchObject({ width: 640, height: 480 });
  });

  it.each([{ extra: 1_000 }, { brands: 1_000 }])("is refused above: %j", (many) => {
    expect(pictureOf(avif(640, 480, "avif", many))).toBeUndefined();
  });

  it("is refused without being read to its end", () => {
    const reads = { count: 0 };
    const bytes = avif(640, 480, "avif", { extra: 100_000 });
    const view = new Proxy(new DataView(bytes.buffer), {
      get(target, property) {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== "function") return member;
        reads.count += 1;
        return member.bind(target) as unknown;
      },
    });
    expect(avifSize(view)).toBeUndefined();
    expect(reads.count).toBeLessThan(20_000);
  });
});

it("a second complete JPEG behind the first is accepted, because cameras write it", () => {
  expect(pictureOf(concat(jpeg(640, 480), jpeg(64, 48)))).toMatchObject({ width: 640, height: 480 });
  expect(pictureOf(concat(jpeg(640, 480), png(64, 48)))).toBeUndefined();
});

it.each([
  [0, 10],
  [10, 0],
])("a picture of %i by %i pixels is refused", (width, height) => {
  for (const make of [png, jpeg, lossyWebp]) expect(pictureOf(make(width, height))).toBeUndefined();
});
