// Text that people type and other people read: in lists, in mails, on parcels.
import * as z from "zod";

/** Something to read: one letter or digit at least, so that no text of blanks and joiners looks empty in every list. */
const READABLE = /[\p{L}\p{N}]/u;
/** Control characters, line and paragraph separators, and the marks that turn the direction of what follows. */
export const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202A-\u202E\u2066-\u2069]/u;

/** One line of text that a person can read. */
export function line(maxLength: number): z.ZodString {
  return z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .refine((text) => READABLE.test(text), "must hold a letter or a digit")
    .refine((text) => !UNPRINTABLE.test(text), "must not hold control characters");
}

/** Text of any number of lines. */
export function text(maxLength: number): z.ZodString {
  return z.string().trim().min(1).max(maxLength);
}

/**
 * A code that people type and scanners read, such as a SKU: printable ASCII, no blank at either end. A look-alike letter of another
 * alphabet would make a second product of the same code.
 */
export function code(maxLength: number): z.ZodString {
  return z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .regex(/^[\x20-\x7E]*$/, "must hold letters, digits and signs of ASCII only")
    .refine((text) => READABLE.test(text), "must hold a letter or a digit");
}
