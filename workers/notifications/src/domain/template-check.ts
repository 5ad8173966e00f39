// Checks an edited template: known variables, harmless html, and texts that fit the channel.
import type { Channel } from "#shared/contracts/notifications";
import type { FieldError } from "#shared/errors";
import { PUSH_MAX_CHARACTERS, PUSH_TITLE_MAX_CHARACTERS, SMS_TEMPLATE_MAX_CHARACTERS } from "../constants.ts";
import type { Kind } from "./kinds.ts";
import { brokenPlaceholder, placeholdersOf } from "./template.ts";
import type { TemplateTexts } from "./template.ts";

/** Tags that neither load, run nor ask for input. */
const TAGS = new Set(
  `a b blockquote br code div em h1 h2 h3 h4 hr i img li ol p pre small span strong table tbody td th thead tr u ul`.split(
    " ",
  ),
);
const ATTRIBUTES = new Set("align alt colspan height href rowspan src style title valign width".split(" "));

/** A tag whose attributes are in double quotes. Sticky: it matches at one position and never searches. */
const TAG = /<\/?([a-z][a-z0-9]*)((?:\s+[a-z]+="[^"<>]*")*)\s*\/?>/iy;
const ATTRIBUTE = /\s+([a-z]+)="([^"<>]*)"/gi;

/** The only variable that the shop itself makes an address of. People type the others. */
const LINK_VARIABLE = "link";

function attributeFault(name: string, value: string): string | undefined {
  if (!ATTRIBUTES.has(name)) return `the attribute ${name} is not allowed`;
  if (name === "href" || name === "src") {
    if (name === "href" && value.trim() === `{{${LINK_VARIABLE}}}`) return undefined;
    const isAllowed = name === "href" ? /^(https:\/\/|mailto:)[^\s{}]+$/i : /^https:\/\/[^\s{}]+$/i;
    return isAllowed.test(value) ? undefined : `${name}="${value}" is neither https nor {{${LINK_VARIABLE}}}`;
  }
  if (value.includes("{{")) return `the attribute ${name} takes no variable`;
  return name === "style" && /url|expression|@|\\|position/i.test(value)
    ? `the style "${value}" is not allowed`
    : undefined;
}

function tagFault(tag: string, attributes: string): string | undefined {
  if (!TAGS.has(tag)) return `<${tag}> is not allowed`;
  for (const [, name = "", value = ""] of attributes.matchAll(ATTRIBUTE)) {
    const fault = attributeFault(name.toLowerCase(), value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The first harmful part of html; undefined when there is none. */
export function htmlFault(html: string): string | undefined {
  for (let at = html.indexOf("<"); at >= 0; at = html.indexOf("<", TAG.lastIndex)) {
    TAG.lastIndex = at;
    const match = TAG.exec(html);
    if (match === null) return `not a plain tag: ${html.slice(at, at + 30)}`;
    const fault = tagFault((match[1] ?? "").toLowerCase(), match[2] ?? "");
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function placeholderFault(text: string, kind: Kind): string | undefined {
  const broken = brokenPlaceholder(text);
  if (broken !== undefined) return `not a placeholder: ${broken}`;
  const unknown = placeholdersOf(text).filter((name) => !Object.hasOwn(kind.sample, name));
  if (unknown.length === 0) return undefined;
  return `unknown variable ${unknown.join(", ")}; this kind has ${Object.keys(kind.sample).toSorted().join(", ")}`;
}

function lengthFaults(channel: Channel, { subject, textBody }: TemplateTexts): FieldError[] {
  const limits = {
    email: {},
    sms: { textBody: SMS_TEMPLATE_MAX_CHARACTERS },
    push: { subject: PUSH_TITLE_MAX_CHARACTERS, textBody: PUSH_MAX_CHARACTERS },
  } as const satisfies Record<Channel, Partial<Record<keyof TemplateTexts, number>>>;
  const texts = { subject, textBody };
  return Object.entries(limits[channel]).flatMap(([path, limit]) =>
    texts[path as keyof typeof texts].length > limit
      ? [{ path, message: `has more than the ${String(limit)} characters of ${channel}` }]
      : [],
  );
}

function requiredVariableFaults(kind: Kind, channel: Channel, texts: TemplateTexts): FieldError[] {
  const bodies = channel === "email" ? (["textBody", "htmlBody"] as const) : (["textBody"] as const);
  return kind.required.flatMap((name) =>
    bodies
      .filter((path) => !placeholdersOf(texts[path]).includes(name))
      .map((path) => ({ path, message: `must contain {{${name}}}` })),
  );
}

/** A subject is stored, and lists return it. */
function secretFaults({ secret }: Kind, { subject }: TemplateTexts): FieldError[] {
  return placeholdersOf(subject)
    .filter((name) => secret.includes(name))
    .map((name) => ({ path: "subject", message: `must not contain the secret {{${name}}}` }));
}

/** Every fault with the member it is in; empty for a good template. */
export function templateFaults(kind: Kind, channel: Channel, texts: TemplateTexts): FieldError[] {
  const html =
    channel === "email"
      ? texts.htmlBody === ""
        ? "a mail needs html"
        : htmlFault(texts.htmlBody)
      : texts.htmlBody === ""
        ? undefined
        : `${channel} has no html`;
  return [
    ...(["subject", "textBody", "htmlBody"] as const).flatMap((path) => {
      const message = placeholderFault(texts[path], kind);
      return message === undefined ? [] : [{ path, message }];
    }),
    ...(/[\p{Cc}]/u.test(texts.subject) ? [{ path: "subject", message: "is more than one line" }] : []),
    ...(html === undefined ? [] : [{ path: "htmlBody", message: html }]),
    ...lengthFaults(channel, texts),
    ...requiredVariableFaults(kind, channel, texts),
    ...secretFaults(kind, texts),
  ];
}
