// The part of the platform's `send_email` builder object that the shop uses
// (https://developers.cloudflare.com/email-service/api/send-emails/workers-api/).
import * as z from "zod";
import type { Letter } from "./letter.ts";

/** A SQLite row of a Durable Object holds 2 MB; a UTF-16 character needs at most 3 bytes of UTF-8. */
const MAX_CHARACTERS = 500_000;
/** The platform's limit. */
const MAX_RECIPIENTS = 50;

const Address = z.union([z.email(), z.strictObject({ name: z.string(), email: z.email() })]);
type Address = z.output<typeof Address>;

/** Strict, so that a member the mailbox ignores (attachments, cc) is not silently lost. */
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

/** A refusal with a code of the platform's. The sender reads `code`, which RPC preserves. */
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

/** @throws MailRefused for a mail that the platform would refuse. */
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
