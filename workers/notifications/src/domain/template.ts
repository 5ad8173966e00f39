// Rendering: `{{name}}` is replaced by a variable's text, escaped where it goes into html. All or nothing: a variable that is
// missing is an error, because half a message is worse than a late one.
import { escapeToBuffer } from "hono/utils/html";
import type { Channel } from "#shared/contracts/notifications";
import { FALLBACK_LOCALE, PUSH_MAX_CHARACTERS, SMS_MAX_CHARACTERS } from "../constants.ts";

/** The texts of a template, with their placeholders. */
export interface TemplateTexts {
  readonly subject: string;
  readonly textBody: string;
  readonly htmlBody: string;
}

export interface Template extends TemplateTexts {
  readonly kind: string;
  readonly channel: Channel;
  readonly locale: string;
}

export interface Rendered {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export type Variables = Readonly<Record<string, string>>;

/** The template lacks what it asks for, or asks for it in a way that cannot be read. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

const PLACEHOLDER = /\{\{\s*([A-Za-z][A-Za-z0-9_]*)\s*\}\}/g;

/** The names in a text, each once. */
export function placeholdersOf(text: string): string[] {
  return [...new Set([...text.matchAll(PLACEHOLDER)].map(([, name = ""]) => name))];
}

/** Braces that make no placeholder, as far as one needs to see them; undefined when there are none. */
export function brokenPlaceholder(text: string): string | undefined {
  const rest = text.replaceAll(PLACEHOLDER, "");
  // Looked for as text first: the expression, for the error's sake, tries twenty lengths at every character.
  if (!rest.includes("{{") && !rest.includes("}}")) return undefined;
  return /\{\{.{0,20}|.{0,20}\}\}/.exec(rest)?.[0] ?? "";
}

function escapeHtml(text: string): string {
  const buffer = [""];
  escapeToBuffer(text, buffer);
  return buffer[0] ?? "";
}

/** One pass: text that a variable brings is never read as a placeholder. */
function fill(text: string, value: (name: string) => string): string {
  const broken = brokenPlaceholder(text);
  if (broken !== undefined) throw new TemplateError(`not a placeholder: ${broken}`);
  return text.replaceAll(PLACEHOLDER, (_match, name: string) => value(name));
}

/** A header is one line, whatever a name contains, and so is a name: a stranger who types one must not write our mail. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
}

/** Cut between characters, never inside one. */
function atMost(text: string, characters: number): string {
  if (text.length <= characters) return text;
  return `${text.slice(0, characters - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

/** What the channel cannot carry is cut: a long product name must not keep a text message from going out. */
function fitted(channel: Channel, text: string): string {
  if (channel === "email") return text;
  return atMost(text, channel === "sms" ? SMS_MAX_CHARACTERS : PUSH_MAX_CHARACTERS);
}

/** @throws TemplateError naming the variable that is missing. */
export function render(template: Template, variables: Variables): Rendered {
  const value = (name: string): string => {
    const text = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (text === undefined) throw new TemplateError(`${template.kind} lacks the variable ${name}`);
    return text;
  };
  return {
    subject: oneLine(fill(template.subject, value)),
    text: fitted(template.channel, fill(template.textBody, value)),
    html: fill(template.htmlBody, (name) => escapeHtml(value(name))),
  };
}

/** The locale in the reader's language: `de-AT`, else `de`, else the one every kind has; undefined when none of these is there. */
export function pickLocale(locales: readonly string[], wanted: string): string | undefined {
  const [language = ""] = wanted.split("-");
  return [wanted, language, FALLBACK_LOCALE]
    .map((each) => locales.find((locale) => locale.toLowerCase() === each.toLowerCase()))
    .find((locale) => locale !== undefined);
}
