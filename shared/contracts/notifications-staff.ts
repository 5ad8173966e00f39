// What admins ask of the notifications Worker: everything that was sent, and the templates.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { PageQuery } from "../paging.ts";
import type { Page } from "../paging.ts";

const Channel = z.enum(["email", "sms", "push"]);
const Status = z.enum(["pending", "sent", "failed"]);
const KindName = z.string().regex(/^[a-z][a-z_]{0,49}$/);

export const AdminNotification = z
  .object({
    id: z.string(),
    eventId: z.string(),
    /** The id of what it is about: an order, a product, a user. */
    about: z.string(),
    audience: z.enum(["user", "admins"]),
    userId: z.string().nullable(),
    /** An address, a phone number or the id of a push subscription. */
    recipient: z.string(),
    channel: Channel,
    template: z.string(),
    locale: z.string(),
    subject: z.string(),
    /** Null for what is confidential. */
    body: z.string().nullable(),
    status: Status,
    attempts: z.int(),
    /** Of a pending one. */
    nextAttemptAt: z.iso.datetime().nullable(),
    lastError: z.string().nullable(),
    createdAt: z.iso.datetime(),
    sentAt: z.iso.datetime().nullable(),
    readAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "AdminNotification" });
export type AdminNotification = z.infer<typeof AdminNotification>;

export const ListAllNotificationsInput = PageQuery.extend({
  status: Status.optional(),
  channel: Channel.optional(),
  kind: KindName.optional(),
  userId: z.string().min(1).max(100).optional(),
});
export const RetryNotificationInput = z.object({ notificationId: idSchema("ntf") });

/** `<kind>.<channel>.<locale>`, for example `order_received.email.de`. */
export const TemplateId = z.string().regex(/^[a-z][a-z_]{0,49}\.(email|sms|push)\.[A-Za-z0-9-]{2,35}$/);

export const Template = z
  .object({
    id: z.string(),
    kind: z.string(),
    channel: Channel,
    locale: z.string(),
    subject: z.string(),
    textBody: z.string(),
    /** Empty on channels without html. */
    htmlBody: z.string(),
    /** The variables that this kind's templates may use as `{{name}}`. */
    variables: z.array(z.string()),
    /** Grows by one with every change; also the ETag. */
    version: z.int(),
    updatedAt: z.iso.datetime(),
    /** The admin's id; null for what came with the shop. */
    updatedBy: z.string().nullable(),
  })
  .meta({ id: "Template" });
export type Template = z.infer<typeof Template>;

export const TemplateVersion = Template.pick({
  version: true,
  subject: true,
  textBody: true,
  htmlBody: true,
  updatedAt: true,
  updatedBy: true,
}).meta({ id: "TemplateVersion" });
export type TemplateVersion = z.infer<typeof TemplateVersion>;

/** Generous for a mail, and a bound on what every message is rendered from; other channels have less, see validation. */
const MAX_SUBJECT_CHARACTERS = 200;
const MAX_TEXT_CHARACTERS = 20_000;
const MAX_HTML_CHARACTERS = 50_000;

const Texts = z.strictObject({
  subject: z.string().trim().min(1).max(MAX_SUBJECT_CHARACTERS),
  textBody: z.string().trim().min(1).max(MAX_TEXT_CHARACTERS),
  htmlBody: z.string().trim().max(MAX_HTML_CHARACTERS),
});

export const ListTemplatesInput = PageQuery.extend({
  kind: KindName.optional(),
  channel: Channel.optional(),
  locale: z.string().min(2).max(35).optional(),
});
export const TemplateRef = z.object({ templateId: TemplateId });
export const PutTemplateBody = Texts.partial({ htmlBody: true });
export const PutTemplateInput = PutTemplateBody.extend({
  ...TemplateRef.shape,
  /** The version that the change is meant for; absent for whatever there is. */
  ifVersion: z.int().optional(),
});
/** Members that are left out are taken from the stored template, and variables from the kind's samples. */
export const PreviewTemplateBody = Texts.partial().extend({
  variables: z.record(z.string().max(50), z.string().max(2_000)).optional(),
});
export const PreviewTemplateInput = PreviewTemplateBody.extend(TemplateRef.shape);

export const TemplatePreview = z
  .object({ subject: z.string(), text: z.string(), html: z.string() })
  .meta({ id: "TemplatePreview" });
export type TemplatePreview = z.infer<typeof TemplatePreview>;

/** The gateway lets admins only call these; each write adds its audit row. */
export interface NotificationsStaffContract {
  /** Everything that was or will be sent, newest first. Fails with invalid_cursor. */
  listAllNotifications(
    call: Call,
    input: z.input<typeof ListAllNotificationsInput>,
  ): Promise<Outcome<Page<AdminNotification>>>;
  /**
   * Has a failed one tried again, from the start. Idempotent: one that is pending stays so. Fails with not_found, and with
   * illegal_transition for one that was sent or whose confidential text is gone.
   */
  retryNotification(call: Call, input: z.input<typeof RetryNotificationInput>): Promise<Outcome<AdminNotification>>;
  /** By kind, channel and locale. Fails with invalid_cursor. */
  listTemplates(call: Call, input: z.input<typeof ListTemplatesInput>): Promise<Outcome<Page<Template>>>;
  /** Fails with not_found. */
  getTemplate(call: Call, input: z.input<typeof TemplateRef>): Promise<Outcome<Template>>;
  /** What it was before, the newest first. Fails with not_found. */
  templateVersions(
    call: Call,
    input: z.input<typeof TemplateRef>,
  ): Promise<Outcome<{ readonly items: readonly TemplateVersion[] }>>;
  /**
   * Changes a template, or makes one for another channel or language of a kind that there is. Fails with not_found (no such
   * kind, or not on this channel), validation_failed and template_version_conflict.
   */
  putTemplate(call: Call, input: z.input<typeof PutTemplateInput>): Promise<Outcome<Template>>;
  /** Renders and stores nothing. Fails with not_found and validation_failed. */
  previewTemplate(call: Call, input: z.input<typeof PreviewTemplateInput>): Promise<Outcome<TemplatePreview>>;
}
