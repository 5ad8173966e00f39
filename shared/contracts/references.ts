// Staff's references on an order or a product to other systems. Buyers and the public never see them.
import * as z from "zod";
import { code } from "../text.ts";

export const MAX_METADATA_PAIRS = 20;
const MAX_EXTERNAL_ID_CHARACTERS = 100;
const MAX_VALUE_CHARACTERS = 500;
const KEY = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$/;

export const ExternalId = code(MAX_EXTERNAL_ID_CHARACTERS);

/** Runs before the record, which ignores a key named `__proto__` silently. */
function checkKeys(value: unknown, context: z.core.$RefinementCtx): unknown {
  if (typeof value !== "object" || value === null) return value;
  for (const key of Object.keys(value)) {
    if (KEY.test(key)) continue;
    const message = "is not a key: 1 to 40 letters, digits, dots, hyphens and underscores, a letter or a digit first";
    context.issues.push({ code: "custom", message, input: value, path: [key] });
  }
  return value;
}

export const Metadata = z
  .preprocess(
    checkKeys,
    z
      .record(z.string(), z.string().max(MAX_VALUE_CHARACTERS))
      .refine(
        (pairs) => Object.keys(pairs).length <= MAX_METADATA_PAIRS,
        `has more than ${String(MAX_METADATA_PAIRS)} pairs`,
      ),
  )
  .meta({
    type: "object",
    additionalProperties: { type: "string", maxLength: MAX_VALUE_CHARACTERS },
    maxProperties: MAX_METADATA_PAIRS,
  });
export type Metadata = z.infer<typeof Metadata>;

/** Members of a request body of staff's. */
export const References = z
  .strictObject({
    externalId: ExternalId.nullable().describe(
      "Its id in another system, in ASCII. Unique among all of its kind. Null removes it.",
    ),
    metadata: Metadata.nullable().meta({
      description:
        "Notes as pairs of texts, 20 at most; a value has up to 500 characters. All pairs are replaced. Null removes them.",
    }),
  })
  .partial();

/** Members of a response to staff. */
export const ShownReferences = z.object({
  externalId: z
    .string()
    .nullable()
    .optional()
    .describe("Its id in another system. Null when there is none. In responses to staff only."),
  metadata: z
    .record(z.string(), z.string())
    .optional()
    .describe("Staff's notes as pairs of texts. In responses to staff only."),
});
export type ShownReferences = z.infer<typeof ShownReferences>;
