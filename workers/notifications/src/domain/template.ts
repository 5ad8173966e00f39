// Rendering: `{{name}}` is replaced by a variable's text, escaped where it goes into html. All or nothing: a variable that is
// missing is an error, because half a mail is worse than a late one.
import { escapeToBuffer } from "hono/utils/html";
import type { Channel } from "#shared/contracts/notifications";
import { FALLBACK_LOCALE } from "../constants.ts";

export interface Template {
  readonly kind: string;
  readonly channel: Channel;
  readonly locale: string;
  readonly subject: string;
  readonly textBody: string;
  readonly htmlBody: string;
  /** Names that must all be there, whether the texts use them or not. */
  readonly variables: readonly string[];
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

function escapeHtml(text: string): string {
  const buffer = [""];
  escapeToBuffer(text, buffer);
  return buffer[0] ?? "";
}

/** One pass: text that a variable brings is never read as a placeholder. */
function fill(text: string, value: (name: string) => string): string {
  const rest = text.replaceAll(PLACEHOLDER, "");
  // Looked for as text first: the expression, for the error's sake, tries twenty lengths at every character.
  if (rest.includes("{{") || rest.includes("}}")) {
    throw new TemplateError(`not a placeholder: ${/\{\{.{0,20}|.{0,20}\}\}/.exec(rest)?.[0] ?? ""}`);
  }
  return text.replaceAll(PLACEHOLDER, (_match, name: string) => value(name));
}

/** A header is one line, whatever a name contains. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
}

/** @throws TemplateError naming the variable that is missing. */
export function render(template: Template, variables: Variables): Rendered {
  const value = (name: string): string => {
    const text = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (text === undefined) throw new TemplateError(`${template.kind} lacks the variable ${name}`);
    return text;
  };
  for (const name of template.variables) value(name);
  return {
    subject: oneLine(fill(template.subject, value)),
    text: fill(template.textBody, value),
    html: fill(template.htmlBody, (name) => escapeHtml(value(name))),
  };
}

/**
 * The template in the reader's language: `de-AT`, else `de`, else the one every kind has.
 * @throws TemplateError when there is none of this kind.
 */
export function pickTemplate(templates: readonly Template[], kind: string, channel: Channel, locale: string): Template {
  const [language = ""] = locale.split("-");
  const candidates = templates.filter((template) => template.kind === kind && template.channel === channel);
  const found = [locale, language, FALLBACK_LOCALE]
    .map((wanted) => candidates.find((template) => template.locale.toLowerCase() === wanted.toLowerCase()))
    .find((template) => template !== undefined);
  if (found === undefined) throw new TemplateError(`there is no template ${kind} for ${channel}`);
  return found;
}
