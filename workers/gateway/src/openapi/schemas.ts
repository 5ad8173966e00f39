// From zod to the document's components: zod writes JSON Schema 2020-12, which is what OpenAPI 3.1 speaks, and a schema's
// `meta({ id })` is its name among the components.
import { z } from "zod";

export type Json = Readonly<Record<string, unknown>>;

/** `input` is what a request holds, `output` what an answer holds. */
export type Side = "input" | "output";

const COMPONENT = "#/components/schemas/";
/** Marks a reference that stands in a request until it is known whether the schema reads otherwise there. */
const SENT = "~input";
const SENT_REFERENCE = /"#\/components\/schemas\/(\w+)~input"/g;

/** Formats say the same in one word; their patterns are for validators and not for readers. */
const NAMED_FORMATS: readonly unknown[] = ["date-time", "email", "uri"];

/** What zod writes and no reader needs: the bounds of exact integers, the keys of a record twice, the patterns of known formats. */
function tidy(schema: Record<string, unknown>): void {
  if (schema["minimum"] === Number.MIN_SAFE_INTEGER) delete schema["minimum"];
  if (schema["maximum"] === Number.MAX_SAFE_INTEGER) delete schema["maximum"];
  // A record over an enum names its keys once, as such.
  if (schema["propertyNames"] !== undefined) delete schema["required"];
  if (NAMED_FORMATS.includes(schema["format"])) delete schema["pattern"];
}

/** Collects the named schemas that the document refers to. */
export class Schemas {
  readonly #input = new Map<string, string>();
  readonly #output = new Map<string, string>();

  /** A schema with its named parts moved to the components. */
  of(schema: z.ZodType, side: Side): Json {
    const made = z.toJSONSchema(schema, {
      io: side,
      unrepresentable: "any",
      override: ({ jsonSchema }) => {
        tidy(jsonSchema);
        // A client must not depend on there being no other members in an answer: we may add some.
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

  /** Names that a request and an answer describe differently, themselves or in what they refer to. */
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
   * The whole document with its components, by name. A schema that requests and answers describe differently is two components:
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

/** A reference to a component that is added under this name. */
export function reference(name: string): Json {
  return { $ref: `${COMPONENT}${name}` };
}
