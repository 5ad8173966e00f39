// Where a text ceases to be JSON (RFC 8259). JSON.parse decides whether it is; its message tells the place of some errors and of
// others not, so the place is looked for here, once a text was refused. No recursion: the text may be nested as deep as it is long.

const SPACE = /[ \t\n\r]*/y;
// All from the blank on but the quote and the backslash; no repetition of the same characters in another, which could be slow.
const STRING = /"[ !#-[\]-\uFFFF]*(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[ !#-[\]-\uFFFF]*)*"/y;
const ATOM = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y;

interface Place {
  /** UTF-16 units from the start of the text; its length when the text ends too early. */
  readonly offset: number;
  readonly expected: string;
}

/** Reads one token after another and keeps what is open. */
class Reader {
  readonly #text: string;
  readonly #open: ("{" | "[")[] = [];
  at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skipSpace();
  }

  /** Reads what the pattern matches here. */
  take(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.#text)) return false;
    this.at = pattern.lastIndex;
    this.#skipSpace();
    return true;
  }

  takeSign(sign: string): boolean {
    if (this.#text[this.at] !== sign) return false;
    this.at += 1;
    this.#skipSpace();
    if (sign === "{" || sign === "[") this.#open.push(sign);
    if (sign === "}" || sign === "]") this.#open.pop();
    return true;
  }

  get inside(): "{" | "[" | undefined {
    return this.#open.at(-1);
  }

  get isAtEnd(): boolean {
    return this.at >= this.#text.length;
  }

  #skipSpace(): void {
    SPACE.lastIndex = this.at;
    SPACE.test(this.#text);
    this.at = SPACE.lastIndex;
  }
}

/** What comes after a complete value: `value`, `name`, `end`, or in words what is missing here. */
function afterValue(reader: Reader): string {
  for (;;) {
    if (reader.inside === undefined) return reader.isAtEnd ? "end" : "nothing more";
    const isObject = reader.inside === "{";
    if (reader.takeSign(",")) return isObject ? "name" : "value";
    if (!reader.takeSign(isObject ? "}" : "]")) return isObject ? "`,` or `}`" : "`,` or `]`";
  }
}

/** The first place where the text is no JSON any more, or undefined when it is JSON. */
export function findJsonError(text: string): Place | undefined {
  const reader = new Reader(text);
  let next = "value";
  for (;;) {
    if (next === "end") return undefined;
    if (next !== "value" && next !== "name") return { offset: reader.at, expected: next };
    if (next === "name") {
      if (!reader.take(STRING)) return { offset: reader.at, expected: "a name in double quotes" };
      if (!reader.takeSign(":")) return { offset: reader.at, expected: "`:`" };
    }
    if (reader.takeSign("{")) next = reader.takeSign("}") ? afterValue(reader) : "name";
    else if (reader.takeSign("[")) next = reader.takeSign("]") ? afterValue(reader) : "value";
    else if (reader.take(STRING) || reader.take(ATOM)) next = afterValue(reader);
    else return { offset: reader.at, expected: "a value" };
  }
}

/** The place in words: `line 2, column 5: expected a value`. */
export function describeJsonError(text: string): string {
  const { offset, expected } = findJsonError(text) ?? { offset: text.length, expected: "nothing more" };
  const before = text.slice(0, offset).split("\n");
  const place = `line ${String(before.length)}, column ${String((before.at(-1)?.length ?? 0) + 1)}`;
  const end = offset >= text.length ? " before the end" : "";
  return `${place}: expected ${expected}${end}`;
}
