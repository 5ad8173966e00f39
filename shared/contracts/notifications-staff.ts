// The RPC contract of the notifications Worker for admins: all messages, and the templates.
import * as z from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { PageQuery } from "../paging.ts";
import type { Page } from "../paging.ts";

const Channel = z.enum(["email", "sms", "push"]);
const Status = z.enum(["pending", "sent", "failed", "held_back"]).meta({
  id: "AdminNotificationStatus",
  description:
    "pending: waits to be sent. sent: the provider took it. failed: the last attempt failed. held_back: its recipient has reached a ceiling of the shop's.",
});
const KindName = z.string().regex(/^[a-z][a-z_]{0,49}$/);

export const AdminNotification = z
  .object({
    id: z.string().describe("The message's id."),
    eventId: z.string().describe("The event that caused it."),
    about: z.string().describe("The id of what it is about: an order, a product, a user."),
    audience: z.enum(["user", "admins"]).describe("Whether it goes to a user or to the admins."),
    userId: z.string().nullable().describe("Who it goes to. Null for a guest and for the admins."),
    recipient: z.string().describe("An address, a phone number or the id of a push subscription."),
    channel: Channel.describe("How it goes out."),
    template: z.string().describe("The kind of message, for example `order_received`."),
    locale: z.string().describe("The language that it is written in, as a BCP 47 tag."),
    subject: z.string().describe("Its subject line."),
    body: z.string().nullable().describe("Its text. Null if it is confidential."),
    status: Status.describe("Whether it went out. A held-back message is in none of the user's lists."),
    attempts: z.int().describe("The number of attempts."),
    nextAttemptAt: z.iso.datetime().nullable().describe("When the next attempt is due. Null unless pending."),
    lastError: z.string().nullable().describe("The provider's last error. Null without one."),
    createdAt: z.iso.datetime().describe("When it was created."),
    sentAt: z.iso.datetime().nullable().describe("When the provider took it. Null until then."),
    readAt: z.iso.datetime().nullable().describe("When the user read it. Null until then."),
  })
  .meta({ id: "AdminNotification", description: "A message as admins see it." });
export type AdminNotification = z.infer<typeof AdminNotification>;

export const ListAllNotificationsInput = PageQuery.extend({
  status: Status.optional().describe("Only messages in this status."),
  channel: Channel.optional().describe("Only messages on this channel."),
  kind: KindName.optional().describe("Only messages of this kind, for example `order_received`."),
  userId: z.string().min(1).max(100).optional().describe("Only messages to this user."),
});
export const RetryNotificationInput = z.object({ notificationId: idSchema("ntf").describe("The message's id.") });

export const TemplateId = z
  .string()
  .regex(/^[a-z][a-z_]{0,49}\.(email|sms|push)\.[A-Za-z0-9-]{2,35}$/)
  .describe("`<kind>.<channel>.<locale>`, for example `order_received.email.de`.");

export const Template = z
  .object({
    id: z.string().describe("`<kind>.<channel>.<locale>`, for example `order_received.email.de`."),
    kind: z.string().describe("The kind of message."),
    channel: Channel.describe("The channel that it is for."),
    locale: z.string().describe("The language that it is written in, as a BCP 47 tag."),
    subject: z.string().describe("The subject line, with variables."),
    textBody: z.string().describe("The text, with variables."),
    htmlBody: z.string().describe("The HTML, with variables. Empty on channels without HTML."),
    variables: z.array(z.string()).describe("The variables that this kind's templates may use as `{{name}}`."),
    version: z.int().describe("Grows by one with every change. The same number is the ETag, for `If-Match`."),
    updatedAt: z.iso.datetime().describe("When it last changed."),
    updatedBy: z.string().nullable().describe("The admin who changed it. Null for the texts that came with the shop."),
  })
  .meta({ id: "Template", description: "The texts for messages of one kind, channel and language." });
export type Template = z.infer<typeof Template>;

export const TemplateVersion = Template.pick({
  version: true,
  subject: true,
  textBody: true,
  htmlBody: true,
  updatedAt: true,
  updatedBy: true,
}).meta({ id: "TemplateVersion", description: "An earlier version of a template." });
export type TemplateVersion = z.infer<typeof TemplateVersion>;

/** Limits for mails. The check of a template has lower ones for other channels. */
const MAX_SUBJECT_CHARACTERS = 200;
const MAX_TEXT_CHARACTERS = 20_000;
const MAX_HTML_CHARACTERS = 50_000;

const Texts = z.strictObject({
  subject: z
    .string()
    .trim()
    .min(1)
    .max(MAX_SUBJECT_CHARACTERS)
    .describe("The subject line, with variables as `{{name}}`."),
  textBody: z.string().trim().min(1).max(MAX_TEXT_CHARACTERS).describe("The text, with variables as `{{name}}`."),
  htmlBody: z
    .string()
    .trim()
    .max(MAX_HTML_CHARACTERS)
    .describe("The HTML, with variables as `{{name}}`. For e-mail only."),
});

export const ListTemplatesInput = PageQuery.extend({
  kind: KindName.optional().describe("Only templates of this kind."),
  channel: Channel.optional().describe("Only templates for this channel."),
  locale: z.string().min(2).max(35).optional().describe("Only templates in this language, a BCP 47 tag."),
});
export const TemplateRef = z.object({
  templateId: TemplateId.describe("The template's id: `<kind>.<channel>.<locale>`."),
});
export const PutTemplateBody = Texts.partial({ htmlBody: true }).meta({
  id: "PutTemplate",
  description: "The new texts of a template.",
});
export const PutTemplateInput = PutTemplateBody.extend({
  ...TemplateRef.shape,
  /** The version of If-Match; absent for any version. */
  ifVersion: z.int().optional(),
});
export const PreviewTemplateBody = Texts.partial()
  .extend({
    variables: z
      .record(z.string().max(50), z.string().max(2_000))
      .optional()
      .describe("Values for the template's variables, by name."),
  })
  .meta({
    id: "PreviewTemplate",
    description: "Texts and variables to try. The stored template and samples supply what is left out.",
  });
export const PreviewTemplateInput = PreviewTemplateBody.extend(TemplateRef.shape);

export const TemplatePreview = z
  .object({
    subject: z.string().describe("The subject line."),
    text: z.string().describe("The text."),
    html: z.string().describe("The HTML. Empty on channels without HTML."),
  })
  .meta({ id: "TemplatePreview", description: "A rendered message." });
export type TemplatePreview = z.infer<typeof TemplatePreview>;

/** The gateway lets only admins call these methods. Each write adds an audit row. */
export interface NotificationsStaffContract {
  /** All messages, newest first. Fails with invalid_cursor. */
  listAllNotifications(
    call: Call,
    input: z.input<typeof ListAllNotificationsInput>,
  ): Promise<Outcome<Page<AdminNotification>>>;
  /**
   * Makes a failed or held-back message pending with all attempts left. Idempotent for a pending one. Fails with not_found, and with
   * illegal_transition for a message that was sent or is confidential.
   */
  retryNotification(call: Call, input: z.input<typeof RetryNotificationInput>): Promise<Outcome<AdminNotification>>;
  /** By kind, channel and locale. Fails with invalid_cursor. */
  listTemplates(call: Call, input: z.input<typeof ListTemplatesInput>): Promise<Outcome<Page<Template>>>;
  /** Fails with not_found. */
  getTemplate(call: Call, input: z.input<typeof TemplateRef>): Promise<Outcome<Template>>;
  /** The earlier versions, newest first. Fails with not_found. */
  templateVersions(
    call: Call,
    input: z.input<typeof TemplateRef>,
  ): Promise<Outcome<{ readonly items: readonly TemplateVersion[] }>>;
  /**
   * Changes a template, or adds one for another channel or language of a known kind. Fails with not_found (no such kind, or not on this
   * channel), validation_failed and template_version_conflict.
   */
  putTemplate(call: Call, input: z.input<typeof PutTemplateInput>): Promise<Outcome<Template>>;
  /** Renders and stores nothing. Fails with not_found and validation_failed. */
  previewTemplate(call: Call, input: z.input<typeof PreviewTemplateInput>): Promise<Outcome<TemplatePreview>>;
}
