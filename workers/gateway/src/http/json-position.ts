// Finds where a text stops being JSON (RFC 8259). JSON.parse decides whether it is JSON, but its message does not always have the
// position, so a refused text is searched here. Without recursion: the nesting may be as deep as the text is long.

const SPACE = /[ \t\n\r]*/y;
// No repetition inside a repetition of the same characters: backtracking could be slow.
const STRING = /"[ !#-[\]-\uFFFF]*(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[ !#-[\]-\uFFFF]*)*"/y;
const ATOM = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y;

interface Place {
  /** UTF-16 units from the start of the text; its length when the text ends too early. */
  readonly offset: number;
  readonly expected: string;
}

/** Reads token by token and keeps a stack of the open brackets. */
class Reader {
  readonly #text: string;
  readonly #open: ("{" | "[")[] = [];
  at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skipSpace();
  }

  /** Consumes what the pattern matches at this position. */
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

/** What must follow a complete value: `value`, `name`, `end`, or else the missing text in words. */
function afterValue(reader: Reader): string {
  for (;;) {
    if (reader.inside === undefined) return reader.isAtEnd ? "end" : "nothing more";
    const isObject = reader.inside === "{";
    if (reader.takeSign(",")) return isObject ? "name" : "value";
    if (!reader.takeSign(isObject ? "}" : "]")) return isObject ? "`,` or `}`" : "`,` or `]`";
  }
}

/** The first error, or undefined when the text is JSON. */
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

/** The first error in words: `line 2, column 5: expected a value`. */
export function describeJsonError(text: string): string {
  const { offset, expected } = findJsonError(text) ?? { offset: text.length, expected: "nothing more" };
  const before = text.slice(0, offset).split("\n");
  const place = `line ${String(before.length)}, column ${String((before.at(-1)?.length ?? 0) + 1)}`;
  const end = offset >= text.length ? " before the end" : "";
  return `${place}: expected ${expected}${end}`;
}
