// Renders templates: `{{name}}` becomes the variable's text, escaped in html. A missing variable is an error, because half a message
// is worse than a late one.
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

/** A variable or a template is missing, or a placeholder is malformed. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

const PLACEHOLDER = /\{\{\s*([A-Za-z][A-Za-z0-9_]*)\s*\}\}/g;

/** The names in a text, each once. */
export function placeholdersOf(text: string): string[] {
  return [...new Set([...text.matchAll(PLACEHOLDER)].map(([, name = ""]) => name))];
}

/** A malformed placeholder with some text around it; undefined when there is none. */
export function brokenPlaceholder(text: string): string | undefined {
  const rest = text.replaceAll(PLACEHOLDER, "");
  // The expression below tries twenty lengths at every character, so look for plain text first.
  if (!rest.includes("{{") && !rest.includes("}}")) return undefined;
  return /\{\{.{0,20}|.{0,20}\}\}/.exec(rest)?.[0] ?? "";
}

function escapeHtml(text: string): string {
  const buffer = [""];
  escapeToBuffer(text, buffer);
  return buffer[0] ?? "";
}

/** In one pass, so that placeholders inside a variable's text stay text. */
function fill(text: string, value: (name: string) => string): string {
  const broken = brokenPlaceholder(text);
  if (broken !== undefined) throw new TemplateError(`not a placeholder: ${broken}`);
  return text.replaceAll(PLACEHOLDER, (_match, name: string) => value(name));
}

/** Joins lines: a header is one line, and a name of several lines could pass for text of the shop's. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
}

/** Never cuts a surrogate pair in two. */
function truncate(text: string, characters: number): string {
  if (text.length <= characters) return text;
  return `${text.slice(0, characters - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

/** Cuts text to the channel's limit: a long product name must not stop a text message. */
function fit(channel: Channel, text: string): string {
  if (channel === "email") return text;
  return truncate(text, channel === "sms" ? SMS_MAX_CHARACTERS : PUSH_MAX_CHARACTERS);
}

/** @throws TemplateError naming the variable that is missing. */
export function render(template: Template, variables: Variables): Rendered {
  const value = (name: string): string => {
    const text = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (text === undefined) throw new TemplateError(`${template.kind} has no value for ${name}`);
    return text;
  };
  return {
    subject: oneLine(fill(template.subject, value)),
    text: fit(template.channel, fill(template.textBody, value)),
    html: fill(template.htmlBody, (name) => escapeHtml(value(name))),
  };
}

/** The best locale for a reader: `de-AT`, else `de`, else the fallback; undefined when none exists. */
export function pickLocale(locales: readonly string[], wanted: string): string | undefined {
  const [language = ""] = wanted.split("-");
  return [wanted, language, FALLBACK_LOCALE]
    .map((each) => locales.find((locale) => locale.toLowerCase() === each.toLowerCase()))
    .find((locale) => locale !== undefined);
}
