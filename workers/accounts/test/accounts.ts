// Shared by the tests of accounts: dependencies with their own clock and recorded queues, and users.
import { env, exports } from "cloudflare:workers";
import type { AccountsContract, Session } from "#shared/contracts/accounts";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { guestCall, recordedQueues } from "#shared/testkit/kit";
import type { RecordedQueues } from "#shared/testkit/kit";
import type { AccountsDeps } from "../src/service/deps.ts";
import { createDeps } from "../src/service/deps.ts";
import { KeyCache } from "../src/service/key-cache.ts";
import { register } from "../src/service/users.ts";

export const accountsEnv = env as unknown as AccountsEnv;
/** The Worker as other Workers call it. */
export const rpc = (exports as unknown as { AccountsRpc: AccountsContract }).AccountsRpc;
export const PASSWORD = "correct horse battery";

export interface TestAccounts {
  readonly deps: AccountsDeps;
  readonly sent: RecordedQueues["sent"];
  /** Advances the clock. */
  readonly advance: (ms: number) => void;
  /** Waits for all work that was deferred with `waitUntil`. */
  readonly deferredWork: () => Promise<void>;
  /** Round trips to D1 so far. */
  readonly roundTrips: () => number;
}

/** The Worker in one isolate, with its own clock and key cache. */
export function testAccounts(own: Partial<AccountsDeps> = {}): TestAccounts {
  const { queues, sent } = recordedQueues();
  let now = Date.now();
  const background: Promise<unknown>[] = [];
  const waitUntil = (work: Promise<unknown>): void => {
    background.push(work);
  };
  let roundTrips = 0;
  const counted = new Proxy(accountsEnv.DB, {
    get(target, property) {
      if (property === "prepare" || property === "batch") roundTrips += 1;
      const member = Reflect.get(target, property) as unknown;
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
  const deps = {
    ...createDeps({ ...accountsEnv, DB: counted }, { waitUntil }),
    queues,
    keys: new KeyCache(),
    now: () => now,
    ...own,
  };
  return {
    deps,
    sent,
    advance: (ms) => {
      now += ms;
    },
    deferredWork: async () => {
      while (background.length > 0) await background.shift();
    },
    roundTrips: () => roundTrips,
  };
}

export function freshEmail(): string {
  return `${newId("usr")}@example.com`;
}

/** The value of a successful outcome. @throws Error for a failure. */
export function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`unexpected failure: ${outcome.error.code}`);
  return outcome.value;
}

/** The code of a failure, or "ok". */
export function codeOf(outcome: Outcome<unknown>): string {
  return outcome.ok ? "ok" : outcome.error.code;
}

/** The data of the sent events of a type, oldest first. */
export function eventsOf({ sent }: Pick<TestAccounts, "sent">, type: string): readonly unknown[] {
  return sent.filter(({ event }) => event.type === type).map(({ event }) => event.data);
}

/** The recipients and variables of the mails of a kind, oldest first. */
export function mailsOf(
  { sent }: Pick<TestAccounts, "sent">,
  kind: string,
): { readonly to: string; readonly variables: Readonly<Record<string, string>> }[] {
  return sent.flatMap(({ event }) =>
    event.type === "NOTIFICATION_SEND" && event.data.kind === kind
      ? [{ to: event.data.recipient?.email ?? "the admins", variables: event.data.variables }]
      : [],
  );
}

/** The token of the latest mail of a kind. */
export function mailedToken(accounts: Pick<TestAccounts, "sent">, kind: string): string {
  const token = mailsOf(accounts, kind).at(-1)?.variables["token"];
  if (token === undefined) throw new Error(`no mail of kind ${kind}`);
  return token;
}

/** Registers a fresh customer. */
export async function signUp(deps: AccountsDeps, email = freshEmail(), call = guestCall()): Promise<Session> {
  return valueOf(await register(deps, call, { email, password: PASSWORD, name: "Test Person" }));
}
