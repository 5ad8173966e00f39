// The one object that holds all letters. A letter is one INSERT; what has become too much goes away now and then, and is not shown
// meanwhile. The output gate answers the sender only when the row is durable.
import { DurableObject } from "cloudflare:workers";
import type { Channel, Letter, LetterList, LetterQuery } from "../letter.ts";

/** Enough to find any mail of a session, little enough to stay quick. */
export const MAX_LETTERS = 1_000;
/** How many letters over that may lie there before they are removed together. */
const PRUNE_EVERY = 100;

const SCHEMA = `CREATE TABLE IF NOT EXISTS letters (
  -- Without a gap, so that the newest thousand are a range of it.
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
    headers: JSON.parse(row.headers) as Record<string, string>,
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
    const whom = to === undefined ? "" : `, ${to.toLowerCase()}, `;
    const matching = `${NEWEST} AND (?1 = '' OR instr(', ' || lower(recipient) || ', ', ?1) > 0)
      AND (?2 = '' OR channel = ?2)`;
    const rows = this.#sql.exec<Row>(
      `SELECT id, channel, recipient, sender, subject, text_body, html_body, headers, at FROM letters
        WHERE ${matching} ORDER BY seq DESC LIMIT ?3`,
      whom,
      channel ?? "",
      limit,
    );
    const items = rows.toArray().map(toLetter);
    const { total } = this.#sql
      .exec<{ total: number }>(`SELECT count(*) AS total FROM letters WHERE ${matching}`, whom, channel ?? "")
      .one();
    return { items, total };
  }

  clear(): void {
    this.#sql.exec("DELETE FROM letters");
  }
}

/** The object, by its one name. */
export function lettersOf(env: MailboxEnv): DurableObjectStub<Letters> {
  return env.LETTERS.getByName("all");
}
