// Turns zod schemas into the document's components. Zod writes JSON Schema 2020-12, which OpenAPI 3.1 uses, and the `meta({ id })` of a
// schema is the name of its component.
import * as z from "zod";

export type Json = Readonly<Record<string, unknown>>;

/** `input`: of a request. `output`: of an answer. */
export type Side = "input" | "output";

const COMPONENT = "#/components/schemas/";
/** Marks a reference in a request until it is known whether the component differs from that of answers. */
const SENT = "~input";
const SENT_REFERENCE = /"#\/components\/schemas\/(\w+)~input"/g;

/** The format says what the pattern says, in one word. */
const NAMED_FORMATS: readonly unknown[] = ["date-time", "email", "uri"];

/** Removes what no reader needs: the bounds of safe integers, repeated keys of a record, the patterns of known formats. */
function tidy(schema: Record<string, unknown>): void {
  if (schema["minimum"] === Number.MIN_SAFE_INTEGER) delete schema["minimum"];
  if (schema["maximum"] === Number.MAX_SAFE_INTEGER) delete schema["maximum"];
  // A record over an enum already names its keys.
  if (schema["propertyNames"] !== undefined) delete schema["required"];
  if (NAMED_FORMATS.includes(schema["format"])) delete schema["pattern"];
}

/** Collects the named schemas that the document references. */
export class Schemas {
  readonly #input = new Map<string, string>();
  readonly #output = new Map<string, string>();

  /** The schema, with its named parts moved to the components. */
  of(schema: z.ZodType, side: Side): Json {
    const made = z.toJSONSchema(schema, {
      io: side,
      unrepresentable: "any",
      override: ({ jsonSchema }) => {
        tidy(jsonSchema);
        // Answers may get more members, so a client must not rely on there being none.
        if (side === "output" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      },
    });
    const mark = side === "input" ? SENT : "";
    const text = JSON.stringify(made).replaceAll(/"#\/\$defs\/(\w+)"/g, `"${COMPONENT}$1${mark}"`);
    const { $schema: _schema, $defs: definitions, id: _id, ...rest } = JSON.parse(text) as Json;
    for (const [name, definition] of Object.entries((definitions ?? {}) as Readonly<Record<string, Json>>)) {
      const { id: _ownId, ...described } = definition;
      this.add(name, described, side);
    }
    return rest;
  }

  add(name: string, described: Json, side: Side): void {
    (side === "input" ? this.#input : this.#output).set(name, JSON.stringify(described));
  }

  /** Names whose schemas differ between requests and answers, in themselves or in what they reference. */
  #differing(): ReadonlySet<string> {
    const differing = new Set<string>();
    for (let before = -1; before < differing.size;) {
      before = differing.size;
      for (const [name, text] of this.#input) {
        const received = this.#output.get(name);
        if (received === undefined) continue;
        const refersToOne = [...text.matchAll(SENT_REFERENCE)].some(([, other = ""]) => differing.has(other));
        if (refersToOne || text.replaceAll(SENT, "") !== received) differing.add(name);
      }
    }
    return differing;
  }

  /**
   * The whole document with its components, by name. A schema that differs between requests and answers becomes two components:
   * `Address` in answers, `AddressInput` in requests.
   */
  complete(document: (components: Json) => Json): string {
    const differing = this.#differing();
    const sentName = (name: string): string => (differing.has(name) ? `${name}Input` : name);
    const components = [
      ...[...this.#input].map(([name, text]) => [sentName(name), JSON.parse(text) as Json] as const),
      ...[...this.#output].map(([name, text]) => [name, JSON.parse(text) as Json] as const),
    ].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify(document(Object.fromEntries(components))).replaceAll(
      SENT_REFERENCE,
      (_match, name: string) => `"${COMPONENT}${sentName(name)}"`,
    );
  }
}

/** A reference to the component of this name. */
export function reference(name: string): Json {
  return { $ref: `${COMPONENT}${name}` };
}
