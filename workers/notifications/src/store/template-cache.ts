// The templates as messages are rendered from them, cached in the isolate.
import { sql } from "drizzle-orm";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import { TEMPLATE_CACHE_MS } from "../constants.ts";
import type { Template } from "../domain/template.ts";
import { templates } from "../schema.ts";

const FIELDS = {
  kind: templates.kind,
  channel: templates.channel,
  locale: templates.locale,
  subject: templates.subject,
  textBody: templates.textBody,
  htmlBody: templates.htmlBody,
  updatedAt: templates.updatedAt,
};

/** Caches rows, never a promise: in Workers a request must not await another request's promise. */
export class TemplateCache {
  #cached: { readonly templates: readonly Template[]; readonly asOf: number; readonly until: number } | undefined;

  /** All templates, some dozens. */
  async read(db: Database, now: number): Promise<readonly Template[]> {
    if (this.#cached !== undefined && now < this.#cached.until) return this.#cached.templates;
    const rows = await db.all(select(FIELDS, sql`FROM templates`));
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
