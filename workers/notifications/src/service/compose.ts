// Renders an event's message for every channel, language and reader. The INSERT of store/draft.ts then chooses among these texts by
// the user's preferences, so that nothing has to be read first.
import type { Channel } from "#shared/contracts/notifications";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { kindOf } from "../domain/kinds.ts";
import type { Kind } from "../domain/kinds.ts";
import type { MessageContent, Reader } from "../domain/messages.ts";
import { TemplateError, pickLocale, placeholdersOf, render } from "../domain/template.ts";
import type { Rendered, Template } from "../domain/template.ts";
import type { Draft, InsertedRow, Offer } from "../store/draft.ts";
import type { Outgoing } from "../store/outgoing.ts";
import type { NotificationsDeps } from "./deps.ts";

/** Guests and admins have no preferences, so one language is enough. */
function neededLocales(content: MessageContent, locales: readonly string[], picked: string): readonly string[] {
  return content.userId === null ? [picked] : locales;
}

/** A user whose address the event calls unproven may have verified it since. */
function readersOf({ isProven, userId }: MessageContent): readonly Reader[] {
  if (isProven) return ["proven"];
  return userId === null ? ["unproven"] : ["proven", "unproven"];
}

function offerOf(content: MessageContent, channel: Channel, templates: readonly Template[]): Offer | undefined {
  const candidates = templates.filter((template) => template.kind === content.kind && template.channel === channel);
  const locales = candidates.map(({ locale }) => locale);
  const picked = pickLocale(locales, content.locale);
  if (picked === undefined) return undefined;
  const wanted = neededLocales(content, locales, picked);
  const textsFor = (reader: Reader): Record<string, Rendered> =>
    Object.fromEntries(
      candidates
        .filter(({ locale }) => wanted.includes(locale))
        .map((template) => [template.locale, render(template, content.variables(template.locale, reader))]),
    );
  const texts = Object.fromEntries(readersOf(content).map((reader) => [reader, textsFor(reader)]));
  return { id: newId("ntf"), channel, picked, texts };
}

/** Whether a template of this kind shows the lines of an order. */
export function showsLines(kind: string, templates: readonly Template[]): boolean {
  return templates.some(
    (template) =>
      template.kind === kind &&
      [template.textBody, template.htmlBody, template.subject].some((text) => placeholdersOf(text).includes("lines")),
  );
}

function channelsOf(kind: Kind, { userId }: MessageContent, available: readonly Channel[]): Channel[] {
  return kind.channels.filter((channel) => available.includes(channel) && (channel === "email" || userId !== null));
}

/**
 * @param channels the channels that this shop sends on.
 * @throws TemplateError when the template of the kind's first channel, or a variable, is missing.
 */
export function compose(
  event: Pick<EventEnvelope, "id" | "subject">,
  content: MessageContent,
  templates: readonly Template[],
  channels: readonly Channel[],
): Draft {
  const kind = kindOf(content.kind);
  if (kind === undefined) throw new TemplateError(`there is no kind ${content.kind}`);
  const offers = channelsOf(kind, content, channels).flatMap((channel) => offerOf(content, channel, templates) ?? []);
  const [first = "email"] = kind.channels;
  if (!offers.some(({ channel }) => channel === first)) {
    throw new TemplateError(`there is no template ${content.kind} for ${first}`);
  }
  return {
    ...content,
    eventId: event.id,
    about: event.subject,
    kind: { ...kind, name: content.kind, mandatory: kind.mandatory || content.userId === null },
    offers,
  };
}

/** The rows to send now, from what a draft's INSERT returned. Drops the template cache if the templates have changed. */
export function claimedRows(deps: NotificationsDeps, inserted: readonly InsertedRow[]): readonly Outgoing[] {
  deps.templates.noteChange(inserted[0]?.templatesAsOf);
  return inserted.filter(({ status }) => status === "pending");
}
