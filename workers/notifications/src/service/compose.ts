// From an event to the notification that it makes.
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import type { MessageContent } from "../domain/messages.ts";
import { pickTemplate, render } from "../domain/template.ts";
import type { Template } from "../domain/template.ts";
import type { NewNotification } from "../store/outgoing.ts";

/** @throws TemplateError when the template or one of its variables is missing; nothing half-made comes out. */
export function compose(
  event: Pick<EventEnvelope, "id" | "subject">,
  content: MessageContent,
  templates: readonly Template[],
): NewNotification {
  const template = pickTemplate(templates, content.kind, "email", content.locale);
  const { subject, text, html } = render(template, content.variables);
  return {
    id: newId("ntf"),
    eventId: event.id,
    about: event.subject,
    audience: content.audience,
    userId: content.userId,
    recipient: content.recipient,
    channel: template.channel,
    template: template.kind,
    locale: template.locale,
    subject,
    textBody: text,
    htmlBody: html,
    attempts: 1,
  };
}
