// The Durable Object that is all of Stripe. Every call is one transaction of its SQLite, and events are sent after the commit.
import { DurableObject } from "cloudflare:workers";
import { canonicalJson } from "#shared/hash";
import { failureAnswer, perform, performAuthentication } from "../api.ts";
import type { ApiCall, Authentication } from "../api.ts";
import { ENDPOINT_EVENTS, FAULT_HANG_MS, IDEMPOTENCY_RETENTION_MS } from "../constants.ts";
import { runDashboardAction } from "../dashboard.ts";
import { StripeFailure } from "../failure.ts";
import { Faults, NO_FAULTS } from "../faults.ts";
import type { FaultsChange } from "../faults.ts";
import type { FormMap } from "../form.ts";
import { importPayment } from "../import.ts";
import type { ImportedPayment } from "../import.ts";
import type { Answer, PaymentIntent, Session, StripeEvent } from "../session.ts";
import { SCHEMA, Store } from "../store.ts";
import { Signer, deliveryTimes, nextAttempt, post } from "../webhooks.ts";

export interface LedgerAnswer {
  readonly status: number;
  readonly body: string;
  /** The id of the request whose stored answer this is. Absent when the call ran now. */
  readonly originalRequest?: string;
  /** The work is done, and the answer must not reach the caller. */
  readonly dropped?: true;
}

interface StoredAnswer extends Record<string, SqlStorageValue> {
  request: string;
  request_id: string;
  status: number;
  body: string;
}

interface Delivery extends Record<string, SqlStorageValue> {
  seq: number;
  body: string;
  attempts: number;
}

/** How many deliveries one alarm sends. The next alarm follows immediately. */
const ALARM_BATCH = 100;

export class Ledger extends DurableObject<SandboxEnv> {
  readonly #sql: SqlStorage;
  readonly #store: Store;
  readonly #signer: Signer;
  #faults: Faults;
  /** The idempotency keys of calls that hang. Another call under such a key is a conflict. */
  readonly #running = new Set<string>();
  /** Functions that each end the wait of one call that hangs. */
  readonly #hanging = new Set<() => void>();
  /** Deliveries that this instance is sending, which the alarm skips. */
  readonly #sending = new Set<number>();
  /** The alarm's time as known to this instance, so that an event does not set it again without need. */
  #alarmMs: number | undefined;

  constructor(ctx: DurableObjectState, env: SandboxEnv) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
    this.#store = new Store(this.#sql);
    this.#signer = new Signer(env.STRIPE_WEBHOOK_SECRET);
    const [row] = this.#sql.exec<{ value: string }>("SELECT value FROM settings WHERE name = 'faults'");
    this.#faults = row === undefined ? NO_FAULTS : Faults.parse(JSON.parse(row.value));
  }

  /** Runs one API call, or replays the answer stored under its idempotency key. */
  async call(call: ApiCall): Promise<LedgerAnswer> {
    // Faults affect the shop's server only, not the buyer's browser.
    const fault = call.publishable ? "ok" : this.#faults.answers;
    if (fault === "error_500") return failed(500, "api_error", "An unknown error occurred (fault switch error_500).");
    const key = call.method === "POST" ? call.idempotencyKey : undefined;
    if (key !== undefined && this.#running.has(key)) {
      return failed(
        409,
        "idempotency_error",
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through). Please try again later.",
        "idempotency_key_in_use",
      );
    }
    const answer = key === undefined ? this.#run(call) : this.#runOnce(call, key);
    if (fault === "drop_after") return { ...answer, dropped: true };
    if (fault === "hang") await this.#hang(key);
    return answer;
  }

  /** Executes the buyer's decision on the 3-D Secure page. `returnUrl` is where the page sends the buyer afterwards. */
  authenticate(
    id: string,
    authentication: Authentication,
    requestId: string,
  ): LedgerAnswer & { readonly returnUrl: string | null } {
    const before = this.#store.find<PaymentIntent>("payment_intent", id);
    const answer = this.#transact({ requestId, publicUrl: this.env.PUBLIC_URL }, (session) =>
      performAuthentication(session, id, authentication),
    );
    return { ...answer, returnUrl: before?.next_action?.redirect_to_url?.return_url ?? null };
  }

  /** Executes a dashboard action; `path` is what follows `/dashboard`. The fault switch `answers` does not apply. */
  dashboard(path: string, params: FormMap, requestId: string): LedgerAnswer {
    return this.#transact({ requestId, publicUrl: this.env.PUBLIC_URL }, (session) =>
      runDashboardAction(session, path, params),
    );
  }

  faults(): Faults {
    return this.#faults;
  }

  /** Sets the given switches, until they are set again and across restarts. Calls that hang answer once `hang` is off. */
  setFaults(change: FaultsChange): Faults {
    this.#faults = Faults.parse({ ...this.#faults, ...change });
    this.#sql.exec("INSERT OR REPLACE INTO settings (name, value) VALUES ('faults', ?)", JSON.stringify(this.#faults));
    if (this.#faults.answers !== "hang") for (const resume of this.#hanging) resume();
    return this.#faults;
  }

  /** Adds payments made earlier and returns how many were new. One that exists stays unchanged. */
  importPayments(payments: readonly ImportedPayment[]): number {
    return this.ctx.storage.transactionSync(
      () => payments.filter((payment) => importPayment(this.#store, payment, Date.now())).length,
    );
  }

  async reset(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    this.#alarmMs = undefined;
    this.#faults = NO_FAULTS;
    for (const table of ["objects", "idempotency", "deliveries", "settings"]) this.#sql.exec(`DELETE FROM ${table}`);
  }

  /** Sends what is due, newest first, so that `shuffle` delivers in reverse order. */
  override async alarm(): Promise<void> {
    this.#alarmMs = undefined;
    const now = Date.now();
    this.#sql.exec("DELETE FROM idempotency WHERE created_ms < ?", now - IDEMPOTENCY_RETENTION_MS);
    const due = this.#sql
      .exec<Delivery>(
        "SELECT seq, body, attempts FROM deliveries WHERE due_ms <= ? ORDER BY due_ms, seq DESC LIMIT ?",
        now,
        ALARM_BATCH,
      )
      .toArray();
    for (const delivery of due) if (!this.#sending.has(delivery.seq)) await this.#send(delivery);
    await this.#arm();
  }

  #runOnce(call: ApiCall, key: string): LedgerAnswer {
    const request = canonicalJson([call.method, call.path, call.params, call.publishable]);
    const [stored] = this.#sql.exec<StoredAnswer>(
      "SELECT request, request_id, status, body FROM idempotency WHERE key = ?",
      key,
    );
    if (stored === undefined) return this.#run(call, { key, request });
    if (stored.request !== request) {
      return failed(
        400,
        "idempotency_error",
        `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
      );
    }
    return { status: stored.status, body: stored.body, originalRequest: stored.request_id };
  }

  #run(call: ApiCall, idempotency?: { readonly key: string; readonly request: string }): LedgerAnswer {
    return this.#transact(call, (session) => perform(session, call), idempotency);
  }

  #transact(
    origin: Pick<ApiCall, "requestId" | "publicUrl" | "idempotencyKey">,
    work: (session: Session) => Answer,
    idempotency?: { readonly key: string; readonly request: string },
  ): LedgerAnswer {
    const now = Date.now();
    const events: StripeEvent[] = [];
    const session: Session = {
      store: this.#store,
      now: Math.floor(now / 1_000),
      requestId: origin.requestId,
      idempotencyKey: origin.idempotencyKey,
      publicUrl: origin.publicUrl,
      events,
    };
    try {
      return this.ctx.storage.transactionSync(() => {
        const { status, body } = work(session);
        const text = JSON.stringify(body);
        if (idempotency !== undefined) this.#storeAnswer(idempotency, origin.requestId, status, text, now);
        this.#dispatch(events, now);
        return { status, body: text };
      });
    } catch (error) {
      if (!(error instanceof StripeFailure)) throw error;
      const { status, body } = failureAnswer(error);
      const text = JSON.stringify(body);
      if (idempotency !== undefined && error.isStored)
        this.#storeAnswer(idempotency, origin.requestId, status, text, now);
      return { status, body: text };
    }
  }

  #storeAnswer(
    idempotency: { key: string; request: string },
    requestId: string,
    status: number,
    body: string,
    now: number,
  ): void {
    this.#sql.exec(
      "INSERT INTO idempotency (key, request, request_id, status, body, created_ms) VALUES (?, ?, ?, ?, ?, ?)",
      idempotency.key,
      idempotency.request,
      requestId,
      status,
      body,
      now,
    );
  }

  /** Writes a row for each delivery, sets the alarm, and sends. The output gate holds requests back until the rows are durable. */
  #dispatch(events: readonly StripeEvent[], now: number): void {
    for (const event of events) {
      if (!ENDPOINT_EVENTS.has(event.type)) continue;
      const body = JSON.stringify(event);
      for (const { dueMs, isSentNow } of deliveryTimes(this.#faults.webhooks, now)) {
        const { seq } = this.#sql
          .exec<{ seq: number }>(
            "INSERT INTO deliveries (body, attempts, due_ms) VALUES (?, 0, ?) RETURNING seq",
            body,
            dueMs,
          )
          .one();
        this.#armBy(dueMs);
        if (isSentNow) this.ctx.waitUntil(this.#send({ seq, body, attempts: 0 }));
      }
    }
  }

  async #send({ seq, body, attempts }: Delivery): Promise<void> {
    this.#sending.add(seq);
    try {
      const now = Date.now();
      const isDelivered = await post(this.env.PAYMENTS, this.#signer, body, now);
      const next = isDelivered ? undefined : nextAttempt(attempts + 1, Date.now());
      if (next === undefined) this.#sql.exec("DELETE FROM deliveries WHERE seq = ?", seq);
      else {
        this.#sql.exec("UPDATE deliveries SET attempts = ?, due_ms = ? WHERE seq = ?", attempts + 1, next, seq);
        this.#armBy(next);
      }
    } finally {
      this.#sending.delete(seq);
    }
  }

  #armBy(dueMs: number): void {
    if (this.#alarmMs !== undefined && this.#alarmMs <= dueMs) return;
    this.#alarmMs = dueMs;
    void this.ctx.storage.setAlarm(dueMs);
  }

  /** Sets the alarm for the earliest delivery that is left. */
  async #arm(): Promise<void> {
    const { due } = this.#sql.exec<{ due: number | null }>("SELECT MIN(due_ms) AS due FROM deliveries").one();
    if (due === null) return;
    this.#alarmMs = Math.max(due, Date.now() + 1);
    await this.ctx.storage.setAlarm(this.#alarmMs);
  }

  async #hang(key: string | undefined): Promise<void> {
    if (key !== undefined) this.#running.add(key);
    const { promise: ended, resolve: resume } = Promise.withResolvers<void>();
    this.#hanging.add(resume);
    try {
      await Promise.race([scheduler.wait(FAULT_HANG_MS), ended]);
    } finally {
      this.#hanging.delete(resume);
      if (key !== undefined) this.#running.delete(key);
    }
  }
}

function failed(status: number, type: string, message: string, code?: string): LedgerAnswer {
  return { status, body: JSON.stringify({ error: { type, message, ...(code === undefined ? {} : { code }) } }) };
}
