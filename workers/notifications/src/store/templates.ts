// Templates in D1, with a cache in the isolate.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Call } from "#shared/call";
import type { Channel } from "#shared/contracts/notifications";
import { auditInsert } from "#shared/audit";
import { insertInto, mustChange } from "#shared/database";
import type { Database } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { TEMPLATE_CACHE_MS } from "../constants.ts";
import { placeholdersOf } from "../domain/template.ts";
import type { Template, TemplateTexts } from "../domain/template.ts";
import { templates } from "../schema.ts";
import type { TemplateRow, TemplateVersionRow } from "../schema.ts";

/** Caches rows, never a promise: in Workers a request must not await another request's promise. */
export class TemplateCache {
  #cached: { readonly templates: readonly Template[]; readonly asOf: number; readonly until: number } | undefined;

  /** All templates, some dozens. */
  async read(db: Database, now: number): Promise<readonly Template[]> {
    if (this.#cached !== undefined && now < this.#cached.until) return this.#cached.templates;
    const rows = await db.select().from(templates);
    const asOf = Math.max(...rows.map(({ updatedAt }) => updatedAt));
    this.#cached = { templates: rows, asOf, until: now + TEMPLATE_CACHE_MS };
    return rows;
  }

  forget(): void {
    this.#cached = undefined;
  }

  /** Drops the cache if a commit saw a newer change than the cache has. */
  noteChange(asOf: number | undefined): void {
    if (asOf !== undefined && this.#cached !== undefined && asOf !== this.#cached.asOf) this.forget();
  }
}

export interface TemplateKey {
  readonly kind: string;
  readonly channel: Channel;
  readonly locale: string;
}

function at({ kind, channel, locale }: TemplateKey): SQL {
  return sql`kind = ${kind} AND channel = ${channel} AND locale = ${locale}`;
}

const COLUMNS = sql`kind, channel, locale, subject, text_body AS textBody, html_body AS htmlBody, version,
  updated_at AS updatedAt, updated_by AS updatedBy`;

export type StoredTemplate = Omit<TemplateRow, "variables">;

export async function findTemplate(deps: Deps, key: TemplateKey): Promise<StoredTemplate | undefined> {
  const rows = await deps.db.all<StoredTemplate>(sql`SELECT ${COLUMNS} FROM templates WHERE ${at(key)}`);
  return rows[0];
}

/** By kind, channel and locale. `key` is these three of the last row of the previous page. */
export async function listStored(
  deps: Deps,
  filter: { readonly [K in keyof TemplateKey]: TemplateKey[K] | undefined },
  key: readonly (string | number)[] | undefined,
  limit: number,
): Promise<StoredTemplate[]> {
  const conditions = [
    key === undefined ? sql`true` : sql`(kind, channel, locale) > (${key[0] ?? ""}, ${key[1] ?? ""}, ${key[2] ?? ""})`,
    ...(filter.kind === undefined ? [] : [sql`kind = ${filter.kind}`]),
    ...(filter.channel === undefined ? [] : [sql`channel = ${filter.channel}`]),
    ...(filter.locale === undefined ? [] : [sql`locale = ${filter.locale}`]),
  ];
  return await deps.db.all<StoredTemplate>(sql`SELECT ${COLUMNS} FROM templates
    WHERE ${sql.join(conditions, sql` AND `)} ORDER BY kind, channel, locale LIMIT ${limit}`);
}

/** The earlier versions, newest first. */
export async function earlierVersions(
  deps: Deps,
  key: TemplateKey,
): Promise<Omit<TemplateVersionRow, keyof TemplateKey>[]> {
  return await deps.db
    .all(sql`SELECT version, subject, text_body AS textBody, html_body AS htmlBody, updated_at AS updatedAt,
    updated_by AS updatedBy FROM template_versions WHERE ${at(key)} ORDER BY version DESC LIMIT 100`);
}

function variablesOf(texts: TemplateTexts): string[] {
  return placeholdersOf(`${texts.subject} ${texts.textBody} ${texts.htmlBody}`);
}

const insertRow = insertInto(templates);

/** @throws UniqueViolation when the template already exists. */
export async function addTemplate(deps: Deps, call: Call, key: TemplateKey, texts: TemplateTexts): Promise<void> {
  const now = deps.now();
  const subject = `${key.kind}.${key.channel}.${key.locale}`;
  await save(deps, [
    insertRow({
      ...key,
      ...texts,
      variables: variablesOf(texts),
      version: 1,
      updatedAt: now,
      updatedBy: call.actor.id,
    }),
    auditInsert(call, now, { action: "template.create", subject }),
  ]);
}

/** Changes a template and keeps the previous texts as a version. @throws StaleWrite when another request changed it first. */
export async function changeTemplate(
  deps: Deps,
  call: Call,
  stored: StoredTemplate,
  texts: TemplateTexts,
): Promise<void> {
  const now = deps.now();
  const { version } = stored;
  const subject = `${stored.kind}.${stored.channel}.${stored.locale}`;
  await save(deps, [
    sql`INSERT INTO template_versions (kind, channel, locale, version, subject, text_body, html_body, updated_at, updated_by)
      SELECT kind, channel, locale, version, subject, text_body, html_body, updated_at, updated_by FROM templates
      WHERE ${at(stored)} AND version = ${version}`,
    mustChange(),
    // The newest `updated_at` of all, so that an isolate's cache detects the change.
    sql`UPDATE templates SET subject = ${texts.subject}, text_body = ${texts.textBody}, html_body = ${texts.htmlBody},
        variables = ${JSON.stringify(variablesOf(texts))}, version = version + 1, updated_by = ${call.actor.id},
        updated_at = max(${now}, (SELECT max(updated_at) + 1 FROM templates))
      WHERE ${at(stored)}`,
    auditInsert(call, now, { action: "template.update", subject, details: { version: version + 1 } }),
  ]);
}
