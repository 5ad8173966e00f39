// Everybody's messages and the templates, for admins.
import {
  AdminNotification,
  ListAllNotificationsInput,
  ListTemplatesInput,
  PreviewTemplateBody,
  PutTemplateBody,
  RetryNotificationInput,
  Template,
  TemplatePreview,
  TemplateRef,
  TemplateVersion,
} from "#shared/contracts/notifications-staff";
import type { Outcome } from "#shared/errors";
import { pageOf } from "#shared/paging";
import * as z from "zod";
import { replyWith, route } from "../route.ts";
import type { Reply, Route } from "../route.ts";

/** A template with its version as ETag for If-Match. */
function templateReply(template: Outcome<Template>): Outcome<Reply> {
  return replyWith(200, template, template.ok ? { etag: `"${String(template.value.version)}"` } : {});
}

const AdminNotificationPage = pageOf(AdminNotification).meta({
  id: "AdminNotificationPage",
  description: "One page of everybody's messages.",
});
const TemplatePage = pageOf(Template).meta({ id: "TemplatePage", description: "One page of templates." });
const TemplateVersions = z
  .object({ items: z.array(TemplateVersion).describe("The earlier versions, newest first.") })
  .meta({ id: "TemplateVersions", description: "The earlier versions of a template." });

export const templateRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/admin/notifications",
    operationId: "listAllNotifications",
    tag: "Notifications",
    summary: "Everybody's messages, newest first; confidential ones without their text",
    access: "admin",
    limit: "read",
    query: ListAllNotificationsInput,
    answers: { 200: AdminNotificationPage },
    errors: ["invalid_cursor"],
    handle: async ({ notifications }, { call, query }) =>
      replyWith(200, await notifications.listAllNotifications(call, query)),
  }),
  route({
    method: "post",
    path: "/api/admin/notifications/{notificationId}/retry",
    operationId: "retryNotification",
    tag: "Notifications",
    summary: "Retry a failed message, or send one that was held back, within a minute",
    access: "admin",
    limit: "write",
    params: RetryNotificationInput,
    answers: { 200: AdminNotification },
    errors: ["not_found", "illegal_transition"],
    handle: async ({ notifications }, { call, params }) =>
      replyWith(200, await notifications.retryNotification(call, params)),
  }),
  route({
    method: "get",
    path: "/api/admin/templates",
    operationId: "listTemplates",
    tag: "Notifications",
    summary: "The templates, by kind, channel and locale",
    access: "admin",
    limit: "read",
    query: ListTemplatesInput,
    answers: { 200: TemplatePage },
    errors: ["invalid_cursor"],
    handle: async ({ notifications }, { call, query }) =>
      replyWith(200, await notifications.listTemplates(call, query)),
  }),
  route({
    method: "get",
    path: "/api/admin/templates/{templateId}",
    operationId: "getTemplate",
    tag: "Notifications",
    summary: "One template; its id is <kind>.<channel>.<locale>",
    access: "admin",
    limit: "read",
    params: TemplateRef,
    versioned: true,
    answers: { 200: Template },
    errors: ["not_found"],
    handle: async ({ notifications }, { call, params }) => templateReply(await notifications.getTemplate(call, params)),
  }),
  route({
    method: "put",
    path: "/api/admin/templates/{templateId}",
    operationId: "updateTemplate",
    tag: "Notifications",
    summary: "Change a template, or create one for another channel or language",
    access: "admin",
    limit: "write",
    params: TemplateRef,
    body: PutTemplateBody,
    ifMatch: true,
    answers: { 200: Template },
    errors: ["not_found", "template_version_conflict"],
    handle: async ({ notifications }, { call, params, body, ifVersion }) =>
      templateReply(
        await notifications.putTemplate(call, {
          ...params,
          ...body,
          ...(ifVersion === undefined ? {} : { ifVersion }),
        }),
      ),
  }),
  route({
    method: "get",
    path: "/api/admin/templates/{templateId}/versions",
    operationId: "listTemplateVersions",
    tag: "Notifications",
    summary: "The earlier versions of a template, newest first",
    access: "admin",
    limit: "read",
    params: TemplateRef,
    answers: { 200: TemplateVersions },
    errors: ["not_found"],
    handle: async ({ notifications }, { call, params }) =>
      replyWith(200, await notifications.templateVersions(call, params)),
  }),
  route({
    method: "post",
    path: "/api/admin/templates/{templateId}/preview",
    operationId: "previewTemplate",
    tag: "Notifications",
    summary: "Render a template, stored or given, with sample data; nothing is stored",
    access: "admin",
    limit: "write",
    params: TemplateRef,
    body: PreviewTemplateBody,
    bodyOptional: true,
    answers: { 200: TemplatePreview },
    errors: ["not_found"],
    handle: async ({ notifications }, { call, params, body }) =>
      replyWith(200, await notifications.previewTemplate(call, { ...params, ...body })),
  }),
];
