// The one object that stores all messages. The output gate delays the sender's response until the row is durable.
import { DurableObject } from "cloudflare:workers";
import * as z from "zod";
import type { Channel, Letter, LetterList, LetterQuery } from "../letter.ts";

/** Enough to find any message of a session, and few enough to stay fast. */
export const MAX_LETTERS = 1_000;
/** Older messages are deleted in batches of this size. */
const PRUNE_EVERY = 100;

const SCHEMA = `CREATE TABLE IF NOT EXISTS letters (
  -- Without gaps, so that the newest thousand are a range.
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  channel TEXT NOT NULL CHECK (channel IN ('email', 'sms', 'push')),
  recipient TEXT NOT NULL,
  sender TEXT NOT NULL,
  subject TEXT NOT NULL,
  text_body TEXT,
  html_body TEXT,
  headers TEXT NOT NULL CHECK (json_valid(headers)),
  at INTEGER NOT NULL
) STRICT`;

const NEWEST = `seq > (SELECT max(seq) FROM letters) - ${String(MAX_LETTERS)}`;

const Headers = z.record(z.string(), z.string());

interface Row extends Record<string, SqlStorageValue> {
  id: string;
  channel: Channel;
  recipient: string;
  sender: string;
  subject: string;
  text_body: string | null;
  html_body: string | null;
  headers: string;
  at: number;
}

function toLetter(row: Row): Letter {
  return {
    id: row.id,
    channel: row.channel,
    to: row.recipient,
    from: row.sender,
    subject: row.subject,
    text: row.text_body,
    html: row.html_body,
    headers: Headers.parse(JSON.parse(row.headers)),
    at: row.at,
  };
}

export class Letters extends DurableObject<MailboxEnv> {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: MailboxEnv) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
  }

  keep({ id, channel, to, from, subject, text, html, headers, at }: Letter): void {
    const { seq } = this.#sql
      .exec<{ seq: number }>(
        `INSERT INTO letters (id, channel, recipient, sender, subject, text_body, html_body, headers, at)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`,
        id,
        channel,
        to,
        from,
        subject,
        text,
        html,
        JSON.stringify(headers),
        at,
      )
      .one();
    if (seq % PRUNE_EVERY === 0) this.#sql.exec("DELETE FROM letters WHERE seq <= ?", seq - MAX_LETTERS);
  }

  list({ to, channel, limit }: LetterQuery): LetterList {
    const recipient = to === undefined ? "" : `, ${to.toLowerCase()}, `;
    const matching = `${NEWEST} AND (?1 = '' OR instr(', ' || lower(recipient) || ', ', ?1) > 0)
      AND (?2 = '' OR channel = ?2)`;
    const rows = this.#sql.exec<Row>(
      `SELECT id, channel, recipient, sender, subject, text_body, html_body, headers, at FROM letters
        WHERE ${matching} ORDER BY seq DESC LIMIT ?3`,
      recipient,
      channel ?? "",
      limit,
    );
    const items = rows.toArray().map(toLetter);
    const { total } = this.#sql
      .exec<{ total: number }>(`SELECT count(*) AS total FROM letters WHERE ${matching}`, recipient, channel ?? "")
      .one();
    return { items, total };
  }

  clear(): void {
    this.#sql.exec("DELETE FROM letters");
  }
}

/** All messages are in the object of this name. */
export function lettersOf(env: MailboxEnv): DurableObjectStub<Letters> {
  return env.LETTERS.getByName("all");
}
