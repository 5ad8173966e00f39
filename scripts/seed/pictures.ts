// Draws the pictures of the seeded products: each a plain shape of its department, in colours and proportions derived from the SKU.
// The same product always gets the same picture, and no two products look alike.

/** What a picture shows. */
export interface PictureSubject {
  readonly productId: string;
  readonly name: string;
  readonly sku: string;
  /** Names from the department down, joined by " / ". */
  readonly categoryPath: string;
  readonly departmentSlug: string;
  readonly categorySlug: string;
}

/** The hue and the shape of a department's products. */
interface Look {
  readonly hue: number;
  readonly shape: (ink: Ink) => string;
}

/** The colours of a shape. `vary(n)` is 0 to 1, and constant for one picture and n. */
interface Ink {
  readonly body: string;
  readonly dark: string;
  readonly light: string;
  readonly vary: (n: number) => number;
}

const SIZE = 480;

/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return value >>> 0;
}

function span(low: number, high: number, part: number): number {
  return Math.round(low + (high - low) * part);
}

function rect(x: number, y: number, width: number, height: number, fill: string, radius = 6): string {
  return `<rect x="${String(x)}" y="${String(y)}" width="${String(width)}" height="${String(height)}" rx="${String(radius)}" fill="${fill}"/>`;
}

function circle(x: number, y: number, radius: number, fill: string): string {
  return `<circle cx="${String(x)}" cy="${String(y)}" r="${String(radius)}" fill="${fill}"/>`;
}

function path(d: string, fill: string): string {
  return `<path d="${d}" fill="${fill}"/>`;
}

function line(d: string, stroke: string, width: number): string {
  return `<path d="${d}" fill="none" stroke="${stroke}" stroke-width="${String(width)}" stroke-linecap="round" stroke-linejoin="round"/>`;
}

function box({ body, dark, light, vary }: Ink): string {
  const width = span(150, 220, vary(1));
  const height = span(110, 170, vary(2));
  const x = 240 - width / 2;
  const y = 330 - height;
  return rect(x, y, width, height, body) + rect(x, y, width, 26, dark) + rect(226, y, 28, height / 2, light, 2);
}

function wrench({ body, dark, light, vary }: Ink): string {
  const length = span(150, 210, vary(1));
  return `<g transform="rotate(${String(span(-50, -30, vary(2)))} 240 240)">${rect(240 - length / 2, 222, length, 36, body, 18)}${circle(
    240 - length / 2,
    240,
    44,
    dark,
  )}${circle(240 - length / 2, 240, 20, light)}${circle(240 + length / 2, 240, 34, dark)}${rect(240 + length / 2, 228, 44, 24, light, 2)}</g>`;
}

function helmet({ body, dark, light, vary }: Ink): string {
  const crown = span(120, 150, vary(1));
  return (
    path(`M130 290 A110 ${String(crown)} 0 0 1 350 290 Z`, body) +
    rect(108, 284, 264, 30, dark, 15) +
    path(`M226 ${String(292 - crown)} h28 v${String(crown - 8)} h-28 Z`, light)
  );
}

function chair({ body, dark, light, vary }: Ink): string {
  const back = span(110, 140, vary(1));
  return (
    rect(180, 250 - back, 120, back, body, 18) +
    rect(196, 266 - back, 88, 20, light, 10) +
    rect(165, 252, 150, 28, dark, 14) +
    rect(231, 280, 18, 50, dark, 2) +
    line("M180 344 L240 324 L300 344", dark, 12)
  );
}

function bottle({ body, dark, light, vary }: Ink): string {
  const width = span(84, 116, vary(1));
  const x = 240 - width / 2;
  return (
    rect(x, 190, width, 150, body, 18) +
    rect(222, 150, 36, 44, body, 6) +
    rect(214, 132, 52, 26, dark, 6) +
    rect(266, 138, 34, 12, dark, 6) +
    rect(x + 12, 236, width - 24, 64, light, 6)
  );
}

function cable({ body, dark, light, vary }: Ink): string {
  const radius = span(76, 100, vary(1));
  return (
    circle(240, 240, radius + 14, dark) +
    circle(240, 240, radius, body) +
    circle(240, 240, radius * 0.62, light) +
    circle(240, 240, radius * 0.34, dark) +
    line(`M${String(240 + radius)} 250 q40 40 10 84`, body, 14)
  );
}

function pipe({ body, dark, light, vary }: Ink): string {
  const bore = span(50, 74, vary(1));
  return (
    rect(130, 240 - bore / 2, 150, bore, body, 4) +
    path(`M280 ${String(240 - bore / 2)} q70 0 70 ${String(bore)} v60 h-${String(bore)} v-60 h-10 Z`, body) +
    rect(118, 232 - bore / 2, 26, bore + 16, dark, 4) +
    rect(342 - bore, 290, bore + 16, 26, dark, 4) +
    rect(160, 240 - bore / 4, 90, 8, light, 4)
  );
}

function flask({ body, dark, light, vary }: Ink): string {
  const level = span(262, 300, vary(1));
  const half = span(30, 44, vary(1));
  return (
    path("M216 150 H264 V214 L328 318 Q336 340 312 340 H168 Q144 340 152 318 L216 214 Z", light) +
    path(
      `M${String(240 - half * 2)} ${String(level)} H${String(240 + half * 2)} L322 320 Q328 332 312 332 H168 Q152 332 158 320 Z`,
      body,
    ) +
    rect(206, 136, 68, 20, dark, 8) +
    circle(220, level + 20, 7, light) +
    circle(252, level + 12, 5, light)
  );
}

function trolley({ body, dark, light, vary }: Ink): string {
  const height = span(70, 110, vary(1));
  return (
    line("M130 130 L160 150 V308", dark, 14) +
    rect(152, 300, 200, 18, dark, 9) +
    rect(184, 296 - height, 130, height, body) +
    rect(184, 296 - height / 2, 130, 10, light, 2) +
    circle(186, 332, 18, dark) +
    circle(320, 332, 18, dark) +
    circle(186, 332, 7, light) +
    circle(320, 332, 7, light)
  );
}

function bolt({ body, dark, light, vary }: Ink): string {
  const length = span(120, 170, vary(1));
  const turns = Array.from({ length: Math.floor(length / 22) }, (_, index) =>
    line(`M214 ${String(222 + index * 20)} L266 ${String(212 + index * 20)}`, dark, 6),
  );
  return (
    path("M182 150 L211 128 H269 L298 150 V182 L269 200 H211 L182 182 Z", body) +
    path("M211 128 H269 L262 200 H218 Z", light) +
    rect(216, 198, 48, length, body, 4) +
    turns.join("")
  );
}

/** Matched against the slugs of the department and the category. */
const LOOKS: readonly (Look & { readonly words: RegExp })[] = [
  { words: /safety|workwear|protect/, hue: 42, shape: helmet },
  { words: /electric|cable|light/, hue: 265, shape: cable },
  { words: /office|furnitur|chair/, hue: 24, shape: chair },
  { words: /clean|hygien|janitor/, hue: 176, shape: bottle },
  { words: /hydraul|pneum|valve|pipe/, hue: 200, shape: pipe },
  { words: /laborat|measur|instrument/, hue: 292, shape: flask },
  { words: /handling|trolley|lifting/, hue: 350, shape: trolley },
  { words: /fasten|fixing|bolt|screw/, hue: 220, shape: bolt },
  { words: /tool|wrench|drill/, hue: 128, shape: wrench },
  { words: /packag|shipping|box/, hue: 32, shape: box },
];
const GENERIC: Look = { hue: 206, shape: box };

function lookOf({ departmentSlug, categorySlug }: PictureSubject): Look {
  const named = (slug: string): Look | undefined => LOOKS.find(({ words }) => words.test(slug));
  return named(departmentSlug) ?? named(categorySlug) ?? GENERIC;
}

/** Text escaped for XML. Control characters become spaces, because XML 1.0 has no escape for them. */
function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\uFFFE\uFFFF]/gu, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** What fits in the widest font that `system-ui` may stand for. */
const NAME_CHARACTERS = 32;
const LINE_CHARACTERS = 52;

function shorten(text: string, characters: number): string {
  const all = Array.from(text);
  return all.length <= characters ? text : `${all.slice(0, characters - 1).join("")}…`;
}

function caption(y: number, size: number, weight: number, fill: string, text: string): string {
  return `<text x="240" y="${String(y)}" font-size="${String(size)}" font-weight="${String(weight)}" fill="${fill}" text-anchor="middle">${escapeXml(text)}</text>`;
}

/** One picture of a product as SVG text. `position`, from 1, turns and tints it. */
export function drawProduct(subject: PictureSubject, position: number): string {
  const seed = hash(`${subject.sku}/${String(position)}`);
  const { hue, shape } = lookOf(subject);
  const tint = (hue + (seed % 25) - 12 + 360) % 360;
  const color = (saturation: number, lightness: number): string =>
    `hsl(${String(tint)} ${String(saturation)}% ${String(lightness)}%)`;
  const vary = (n: number): number => (hash(`${String(seed)}:${String(n)}`) % 1_000) / 1_000;
  const ink: Ink = { body: color(48, 52), dark: color(42, 30), light: color(60, 86), vary };
  const scale = [1, 1.12, 0.9][position % 3] ?? 1;
  const turn = [0, -8, 8][(position - 1) % 3] ?? 0;
  const title = escapeXml(subject.name);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(SIZE)} ${String(SIZE)}" role="img" aria-label="${title}" font-family="system-ui, sans-serif">` +
    `<title>${title}</title>` +
    rect(0, 0, SIZE, SIZE, color(36, 95), 0) +
    circle(span(160, 320, vary(8)), span(180, 260, vary(9)), span(120, 170, vary(7)), color(46, 89)) +
    `<ellipse cx="240" cy="352" rx="130" ry="12" fill="${color(30, 80)}"/>` +
    `<g transform="translate(240 250) rotate(${String(turn)}) scale(${String(scale)}) translate(-240 -250)">${shape(ink)}</g>` +
    caption(412, 20, 600, color(40, 22), shorten(subject.name, NAME_CHARACTERS)) +
    caption(438, 14, 400, color(20, 38), shorten(`${subject.sku} · ${subject.categoryPath}`, LINE_CHARACTERS)) +
    "</svg>"
  );
}
