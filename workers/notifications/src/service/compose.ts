// From an event to what may go out about it: for each channel, its text in every language that there is. Which channels the reader
// wants, and in which language, is chosen where the rows are written, so that nothing is read first.
import type { Channel } from "#shared/contracts/notifications";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { kindOf } from "../domain/kinds.ts";
import type { MessageContent } from "../domain/messages.ts";
import { TemplateError, pickLocale, render } from "../domain/template.ts";
import type { Rendered, Template } from "../domain/template.ts";
import type { Draft, Offer } from "../store/outgoing.ts";

/** A guest and the admins have no preferences: the mail, in the one language. */
function ofReader(content: MessageContent, locales: readonly string[], picked: string): readonly string[] {
  return content.userId === null ? [picked] : locales;
}

function offerOf(content: MessageContent, channel: Channel, templates: readonly Template[]): Offer | undefined {
  const candidates = templates.filter((template) => template.kind === content.kind && template.channel === channel);
  const locales = candidates.map(({ locale }) => locale);
  const picked = pickLocale(locales, content.locale);
  if (picked === undefined) return undefined;
  const wanted = ofReader(content, locales, picked);
  const texts: Record<string, Rendered> = {};
  for (const template of candidates) {
    const { locale } = template;
    if (wanted.includes(locale)) texts[locale] = render(template, content.variables(locale));
  }
  return { id: newId("ntf"), channel, picked, texts };
}

/**
 * @param channels those that this shop sends on.
 * @throws TemplateError when the mail's template or one of its variables is missing; nothing half-made comes out.
 */
export function compose(
  event: Pick<EventEnvelope, "id" | "subject">,
  content: MessageContent,
  templates: readonly Template[],
  channels: readonly Channel[],
): Draft {
  const kind = kindOf(content.kind);
  if (kind === undefined) throw new TemplateError(`there is no kind ${content.kind}`);
  const open = kind.channels.filter(
    (channel) => channels.includes(channel) && (channel === "email" || content.userId !== null),
  );
  const offers = open.flatMap((channel) => offerOf(content, channel, templates) ?? []);
  if (!offers.some(({ channel }) => channel === "email")) {
    throw new TemplateError(`there is no template ${content.kind} for email`);
  }
  return {
    eventId: event.id,
    about: event.subject,
    audience: content.audience,
    userId: content.userId,
    email: content.recipient,
    kind: content.kind,
    defaults: kind.defaults,
    mandatory: kind.mandatory || content.userId === null,
    offers,
  };
}
