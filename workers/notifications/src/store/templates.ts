// Templates in D1, and in the isolate's memory for a while.
import type { Database } from "#shared/database";
import { TEMPLATE_CACHE_MS } from "../constants.ts";
import type { Template } from "../domain/template.ts";
import { templates } from "../schema.ts";

/** Holds what was read and never a promise: a promise of one request must not be awaited by another. */
export class TemplateCache {
  #held: { readonly templates: readonly Template[]; readonly until: number } | undefined;

  /** All templates; there are some dozens at most. */
  async read(db: Database, now: number): Promise<readonly Template[]> {
    if (this.#held !== undefined && now < this.#held.until) return this.#held.templates;
    const rows = await db.select().from(templates);
    this.#held = { templates: rows, until: now + TEMPLATE_CACHE_MS };
    return rows;
  }
}
