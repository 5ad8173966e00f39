// Templates and their earlier versions, for admins.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Call } from "#shared/call";
import type { Channel } from "#shared/contracts/notifications";
import { auditInsert } from "#shared/audit";
import { mustChange } from "#shared/database";
import { returning, select } from "#shared/statement";
import type { RowOf } from "#shared/statement";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { placeholdersOf } from "../domain/template.ts";
import type { TemplateTexts } from "../domain/template.ts";
import { templateVersions, templates } from "../schema.ts";

const FIELDS = {
  kind: templates.kind,
  channel: templates.channel,
  locale: templates.locale,
  subject: templates.subject,
  textBody: templates.textBody,
  htmlBody: templates.htmlBody,
  version: templates.version,
  updatedAt: templates.updatedAt,
  updatedBy: templates.updatedBy,
};
export type StoredTemplate = RowOf<typeof FIELDS>;

export interface TemplateKey {
  readonly kind: string;
  readonly channel: Channel;
  readonly locale: string;
}

export function templateId({ kind, channel, locale }: TemplateKey): string {
  return `${kind}.${channel}.${locale}`;
}

function at({ kind, channel, locale }: TemplateKey): SQL {
  return sql`kind = ${kind} AND channel = ${channel} AND locale = ${locale}`;
}

export async function findTemplate(deps: Deps, key: TemplateKey): Promise<StoredTemplate | undefined> {
  return await deps.db.first(select(FIELDS, sql`FROM templates WHERE ${at(key)}`));
}

/** By kind, channel and locale. `key` is these three of the last row of the previous page. */
export async function listStored(
  deps: Deps,
  filter: { readonly [K in keyof TemplateKey]: TemplateKey[K] | undefined },
  key: readonly [string, string, string] | undefined,
  limit: number,
): Promise<StoredTemplate[]> {
  const conditions = [
    key === undefined ? sql`true` : sql`(kind, channel, locale) > (${key[0]}, ${key[1]}, ${key[2]})`,
    ...(filter.kind === undefined ? [] : [sql`kind = ${filter.kind}`]),
    ...(filter.channel === undefined ? [] : [sql`channel = ${filter.channel}`]),
    ...(filter.locale === undefined ? [] : [sql`locale = ${filter.locale}`]),
  ];
  const where = sql.join(conditions, sql` AND `);
  return await deps.db.all(
    select(FIELDS, sql`FROM templates WHERE ${where} ORDER BY kind, channel, locale LIMIT ${limit}`),
  );
}

const VERSION_FIELDS = {
  version: templateVersions.version,
  subject: templateVersions.subject,
  textBody: templateVersions.textBody,
  htmlBody: templateVersions.htmlBody,
  updatedAt: templateVersions.updatedAt,
  updatedBy: templateVersions.updatedBy,
};

/** The earlier versions, newest first. */
export async function earlierVersions(deps: Deps, key: TemplateKey): Promise<RowOf<typeof VERSION_FIELDS>[]> {
  return await deps.db.all(
    select(VERSION_FIELDS, sql`FROM template_versions WHERE ${at(key)} ORDER BY version DESC LIMIT 100`),
  );
}

function variablesOf(texts: TemplateTexts): string[] {
  return placeholdersOf(`${texts.subject} ${texts.textBody} ${texts.htmlBody}`);
}

/** Later than every template's, so that the caches of other isolates detect the change. */
function newestTime(now: number): SQL {
  return sql`max(${now}, (SELECT max(updated_at) + 1 FROM templates))`;
}

/** @throws StaleWrite when the template already exists. */
export async function addTemplate(
  deps: Deps,
  call: Call,
  key: TemplateKey,
  { subject, textBody, htmlBody }: TemplateTexts,
): Promise<StoredTemplate | undefined> {
  const now = deps.now();
  const variables = JSON.stringify(variablesOf({ subject, textBody, htmlBody }));
  const insert = sql`INSERT INTO templates (kind, channel, locale, subject, text_body, html_body, variables, version, updated_at, updated_by)
    VALUES (${key.kind}, ${key.channel}, ${key.locale}, ${subject}, ${textBody}, ${htmlBody}, ${variables}, 1, ${newestTime(now)},
      ${call.actor.id}) ON CONFLICT DO NOTHING`;
  const { added } = await save(deps, {
    added: returning(insert, FIELDS),
    isNew: mustChange(),
    audit: auditInsert(call, now, { action: "template.create", subject: templateId(key) }),
  });
  return added.rows[0];
}

/** Changes a template and keeps the previous texts as a version. @throws StaleWrite when another request changed it first. */
export async function changeTemplate(
  deps: Deps,
  call: Call,
  stored: StoredTemplate,
  { subject, textBody, htmlBody }: TemplateTexts,
): Promise<StoredTemplate | undefined> {
  const now = deps.now();
  const version = stored.version + 1;
  const variables = JSON.stringify(variablesOf({ subject, textBody, htmlBody }));
  const update = sql`UPDATE templates SET subject = ${subject}, text_body = ${textBody}, html_body = ${htmlBody},
    variables = ${variables}, version = ${version}, updated_by = ${call.actor.id}, updated_at = ${newestTime(now)} WHERE ${at(stored)}`;
  const { changed } = await save(deps, {
    earlier: sql`INSERT INTO template_versions (kind, channel, locale, version, subject, text_body, html_body, updated_at, updated_by)
      SELECT kind, channel, locale, version, subject, text_body, html_body, updated_at, updated_by FROM templates
      WHERE ${at(stored)} AND version = ${stored.version}`,
    isCurrent: mustChange(),
    changed: returning(update, FIELDS),
    audit: auditInsert(call, now, { action: "template.update", subject: templateId(stored), details: { version } }),
  });
  return changed.rows[0];
}
