// A mail as the platform's `send_email` binding takes it from a builder object
// (https://developers.cloudflare.com/email-service/api/send-emails/workers-api/), as far as the shop uses it.
import { z } from "zod";
import type { Letter } from "./letter.ts";

/** A row of an object's SQLite holds 2 MB; a character takes at most 3 bytes of UTF-8. */
const MAX_CHARACTERS = 500_000;
/** The platform's own. */
const MAX_RECIPIENTS = 50;

const Address = z.union([z.email(), z.strictObject({ name: z.string(), email: z.email() })]);
type Address = z.output<typeof Address>;

/** Strict: a member that the mailbox would drop (attachments, cc) must not seem to have been sent. */
const Message = z
  .strictObject({
    from: Address,
    to: z.union([Address, z.array(Address).min(1).max(MAX_RECIPIENTS)]),
    subject: z.string(),
    text: z.string().optional(),
    html: z.string().optional(),
    headers: z.record(z.string(), z.string()).optional(),
  })
  .refine(({ text, html }) => text !== undefined || html !== undefined, "has neither text nor html");

/** A refusal with the platform's codes: the sender reads `code`, which crosses RPC. */
export class MailRefused extends Error {
  readonly code: string;

  constructor(code: "E_VALIDATION_ERROR" | "E_CONTENT_TOO_LARGE", detail: string) {
    super(detail);
    this.name = "MailRefused";
    this.code = code;
  }
}

function addressOf(address: Address): string {
  return typeof address === "string" ? address : address.email;
}

function withName(address: Address): string {
  return typeof address === "string" ? address : `${address.name} <${address.email}>`;
}

/** @throws MailRefused when it is not a mail that the platform would take. */
export function letterOf(message: unknown, id: string, at: number): Letter {
  const parsed = Message.safeParse(message);
  if (!parsed.success) throw new MailRefused("E_VALIDATION_ERROR", z.prettifyError(parsed.error));
  const { from, to, subject, text, html, headers } = parsed.data;
  if (subject.length + (text?.length ?? 0) + (html?.length ?? 0) > MAX_CHARACTERS) {
    throw new MailRefused("E_CONTENT_TOO_LARGE", `the mailbox takes ${String(MAX_CHARACTERS)} characters`);
  }
  return {
    id,
    channel: "email",
    to: (Array.isArray(to) ? to : [to]).map(addressOf).join(", "),
    from: withName(from),
    subject,
    text: text ?? null,
    html: html ?? null,
    headers: headers ?? {},
    at,
  };
}
