// Templates for admins: list, change and preview.
import type { Call } from "#shared/call";
import { Channel, Locale } from "#shared/contracts/notifications";
import type {
  ListTemplatesInput,
  PreviewTemplateInput,
  PutTemplateInput,
  Template,
  TemplatePreview,
  TemplateRef,
  TemplateVersion,
} from "#shared/contracts/notifications-staff";
import { StaleWrite } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { readPage } from "#shared/paging";
import type { Page } from "#shared/paging";
import { ok } from "#shared/result";
import { retryOnStale } from "#shared/retry";
import * as z from "zod";
import { kindOf } from "../domain/kinds.ts";
import type { Kind } from "../domain/kinds.ts";
import { templateFaults } from "../domain/template-check.ts";
import { render } from "../domain/template.ts";
import type { TemplateTexts, Variables } from "../domain/template.ts";
import {
  addTemplate,
  changeTemplate,
  earlierVersions,
  findTemplate,
  listStored,
  templateId,
} from "../store/templates.ts";
import type { StoredTemplate, TemplateKey } from "../store/templates.ts";
import type { NotificationsDeps } from "./deps.ts";

const NOT_FOUND = fail("not_found", "There is no such template.");

function renderTemplate({ updatedAt, ...stored }: StoredTemplate): Template {
  const variables = Object.keys(kindOf(stored.kind)?.sample ?? {}).toSorted();
  return { ...stored, id: templateId(stored), variables, updatedAt: new Date(updatedAt).toISOString() };
}

/** The parts of a template's id; undefined if no template can have this id. */
function partsOf(templateId: string): { readonly key: TemplateKey; readonly kind: Kind } | undefined {
  const [name = "", channelName, tag] = templateId.split(".");
  const kind = kindOf(name);
  const channel = Channel.safeParse(channelName);
  const locale = Locale.safeParse(tag);
  if (kind === undefined || !channel.success || !locale.success || !kind.channels.includes(channel.data)) {
    return undefined;
  }
  // Only the canonical spelling: two spellings would allow two templates for one language.
  if (locale.data !== tag) return undefined;
  return { key: { kind: name, channel: channel.data, locale: locale.data }, kind };
}

export async function listTemplates(
  deps: NotificationsDeps,
  _call: Call,
  { kind, channel, locale, ...page }: z.output<typeof ListTemplatesInput>,
): Promise<Outcome<Page<Template>>> {
  return await readPage(page, {
    scope: ["templates", kind, channel, locale],
    key: z.tuple([z.string(), z.string(), z.string()]),
    read: (after, limit) => listStored(deps, { kind, channel, locale }, after, limit),
    keyOf: (row) => [row.kind, row.channel, row.locale],
    render: renderTemplate,
  });
}

export async function getTemplate(
  deps: NotificationsDeps,
  _call: Call,
  { templateId }: z.output<typeof TemplateRef>,
): Promise<Outcome<Template>> {
  const parts = partsOf(templateId);
  const stored = parts === undefined ? undefined : await findTemplate(deps, parts.key);
  return stored === undefined ? NOT_FOUND : ok(renderTemplate(stored));
}

export async function templateVersions(
  deps: NotificationsDeps,
  _call: Call,
  { templateId }: z.output<typeof TemplateRef>,
): Promise<Outcome<{ readonly items: readonly TemplateVersion[] }>> {
  const parts = partsOf(templateId);
  const stored = parts === undefined ? undefined : await findTemplate(deps, parts.key);
  if (parts === undefined || stored === undefined) return NOT_FOUND;
  const rows = await earlierVersions(deps, parts.key);
  return ok({ items: rows.map((row) => ({ ...row, updatedAt: new Date(row.updatedAt).toISOString() })) });
}

function hasTexts(stored: StoredTemplate, texts: TemplateTexts): boolean {
  return stored.subject === texts.subject && stored.textBody === texts.textBody && stored.htmlBody === texts.htmlBody;
}

function conflict(currentVersion: number): ReturnType<typeof fail> {
  return fail("template_version_conflict", "The template has changed; read it again.", { currentVersion });
}

/** @throws StaleWrite when another request changed the template first. */
async function putOnce(
  deps: NotificationsDeps,
  call: Call,
  key: TemplateKey,
  texts: TemplateTexts,
  ifVersion: number | undefined,
): Promise<Outcome<Template>> {
  const stored = await findTemplate(deps, key);
  if (ifVersion !== undefined && ifVersion !== (stored?.version ?? 0)) return conflict(stored?.version ?? 0);
  // A repeated request makes no second version.
  if (stored !== undefined && hasTexts(stored, texts)) return ok(renderTemplate(stored));
  const written =
    stored === undefined ? await addTemplate(deps, call, key, texts) : await changeTemplate(deps, call, stored, texts);
  deps.templates.forget();
  return written === undefined ? NOT_FOUND : ok(renderTemplate(written));
}

export async function putTemplate(
  deps: NotificationsDeps,
  call: Call,
  { templateId, ifVersion, subject, textBody, htmlBody = "" }: z.output<typeof PutTemplateInput>,
): Promise<Outcome<Template>> {
  const parts = partsOf(templateId);
  if (parts === undefined) return NOT_FOUND;
  const texts = { subject, textBody, htmlBody };
  const errors = templateFaults(parts.kind, parts.key.channel, texts);
  if (errors.length > 0)
    return fail("validation_failed", "The template was not saved: correct each of the errors.", { errors });
  try {
    return await retryOnStale(() => putOnce(deps, call, parts.key, texts, ifVersion));
  } catch (error) {
    if (!(error instanceof StaleWrite)) throw error;
    return conflict((await findTemplate(deps, parts.key))?.version ?? 0);
  }
}

/** The stored template supplies the texts that the caller leaves out. */
function textsOf(
  stored: StoredTemplate | undefined,
  { subject, textBody, htmlBody }: z.output<typeof PreviewTemplateInput>,
): TemplateTexts {
  return {
    subject: subject ?? stored?.subject ?? "",
    textBody: textBody ?? stored?.textBody ?? "",
    htmlBody: htmlBody ?? stored?.htmlBody ?? "",
  };
}

function variableErrors(kind: Kind, variables: Variables): { readonly path: string; readonly message: string }[] {
  return Object.keys(variables)
    .filter((name) => !Object.hasOwn(kind.sample, name))
    .map((name) => ({ path: `variables.${name}`, message: "is not a variable of this kind" }));
}

export async function previewTemplate(
  deps: NotificationsDeps,
  _call: Call,
  input: z.output<typeof PreviewTemplateInput>,
): Promise<Outcome<TemplatePreview>> {
  const { templateId, variables = {} } = input;
  const parts = partsOf(templateId);
  if (parts === undefined) return NOT_FOUND;
  const { key, kind } = parts;
  const texts = textsOf(await findTemplate(deps, key), input);
  const empty = (["subject", "textBody"] as const)
    .filter((path) => texts[path] === "")
    .map((path) => ({ path, message: "is required for a new template" }));
  const errors = [...empty, ...templateFaults(kind, key.channel, texts), ...variableErrors(kind, variables)];
  if (errors.length > 0) return fail("validation_failed", "The template cannot be rendered.", { errors });
  return ok(render({ ...key, ...texts }, { ...kind.sample, ...variables }));
}
