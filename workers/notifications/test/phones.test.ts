// A code proves a phone number before text messages go there. Codes cannot be guessed, flooded or read.
import { beforeEach, describe, expect, it } from "vitest";
import { newId } from "#shared/ids";
import { withInvocation } from "#shared/logger";
import { callAs, recordedQueues } from "#shared/testkit/kit";
import { DAY_MS, PHONE_CODE_TTL_MS } from "../src/constants.ts";
import { preferences, subscribe } from "../src/service/preferences.ts";
import { removePhone, setPhone, verifyPhone } from "../src/service/phone.ts";
import type { NotificationsDeps } from "../src/service/deps.ts";
import { purgeCeilings } from "../src/store/ceilings.ts";
import type { Outgoing } from "../src/store/outgoing.ts";
import {
  BROWSER_KEYS,
  event,
  giveNumber,
  notificationsEnv,
  orderData,
  rowsAbout,
  rpc,
  testNotifications,
  valueOf,
} from "./notifications.ts";

let texts: Outgoing[];
let shop: ReturnType<typeof testNotifications>;
let deps: NotificationsDeps;
let recorded: ReturnType<typeof recordedQueues>;
let numbers = 2_000_000;

beforeEach(() => {
  texts = [];
  shop = testNotifications({
    sms: (row) => {
      texts.push(row);
      return Promise.resolve();
    },
  });
  recorded = recordedQueues();
  deps = { ...shop.deps, queues: recorded.queues };
});

function phoneNumber(): string {
  numbers += 1;
  return `+43664${String(numbers)}`;
}

function inCall<T>(work: () => Promise<T>): Promise<T> {
  return withInvocation({ worker: "notifications", operation: "test", correlationId: "req_1", level: "error" }, work);
}

type Caller = ReturnType<typeof callAs>;

const requestCode = (call: Caller, phone: string): ReturnType<typeof setPhone> =>
  inCall(() => setPhone(deps, call, { phone }));
const prove = (call: Caller, code: string): ReturnType<typeof verifyPhone> =>
  inCall(() => verifyPhone(deps, call, { code }));

function lastCode(): string {
  return /\b(\d{6})\b/.exec(texts.at(-1)?.textBody ?? "")?.[1] ?? "";
}

function wrong(code: string): string {
  return String((Number(code) + 1) % 1_000_000).padStart(6, "0");
}

async function mailsSent(userId: string): Promise<string[]> {
  const { results } = await notificationsEnv.DB.prepare(
    "SELECT envelope FROM outbox WHERE subject = ? AND type = 'NOTIFICATION_SEND' ORDER BY id",
  )
    .bind(userId)
    .all<{ envelope: string }>();
  return results.map(({ envelope }) => (JSON.parse(envelope) as { data: { kind: string } }).data.kind);
}

describe("a number", () => {
  it("is the user's once the code is entered, and the account gets a mail", async () => {
    const call = callAs("customer");
    const phone = phoneNumber();
    expect(valueOf(await requestCode(call, phone))).toEqual({
      phone,
      expiresAt: new Date(deps.now() + PHONE_CODE_TTL_MS).toISOString(),
    });
    expect(texts).toMatchObject([{ recipient: phone, channel: "sms", template: "phone_code" }]);
    expect(valueOf(await preferences(deps, call))).toMatchObject({ phone: null, phoneVerified: false });
    expect(valueOf(await prove(call, lastCode()))).toMatchObject({ phone, phoneVerified: true });
    expect(await mailsSent(call.actor.id)).toEqual(["phone_changed"]);
  });

  it("is proven once by a code that is entered twice, with one mail", async () => {
    const call = callAs("customer");
    await requestCode(call, phoneNumber());
    const code = lastCode();
    const both = await Promise.all([prove(call, code), prove(call, code)]);
    expect(both.map(({ ok }) => ok)).toEqual([true, true]);
    expect(await mailsSent(call.actor.id)).toEqual(["phone_changed"]);
  });

  it("stays in use until its replacement is proven", async () => {
    const call = callAs("customer");
    const before = phoneNumber();
    await giveNumber(call.actor.id, before);
    const after = phoneNumber();
    await requestCode(call, after);
    expect(valueOf(await preferences(deps, call))).toMatchObject({ phone: before, phoneVerified: true });
    expect(valueOf(await prove(call, lastCode()))).toMatchObject({ phone: after });
  });

  it("gets no text message while unproven, as those from before codes existed are", async () => {
    const call = callAs("customer");
    const userId = call.actor.id;
    await notificationsEnv.DB.prepare("INSERT INTO phones (user_id, phone, proven_at, set_at) VALUES (?, ?, NULL, 0)")
      .bind(userId, phoneNumber())
      .run();
    const chosen = { order_shipped: ["sms"] };
    await notificationsEnv.DB.prepare("INSERT INTO preferences (user_id, channels, updated_at) VALUES (?, ?, 0)")
      .bind(userId, JSON.stringify(chosen))
      .run();
    const current = valueOf(await preferences(deps, call));
    expect(current.phoneVerified).toBe(false);
    expect(current.preferences.order_shipped).toEqual([]);
    const customer = { id: userId, email: "a@example.com", name: "A", locale: "en", proven: true };
    const data = orderData({ customer, moneyAuthorized: true });
    await shop.deliver([event("ORDER_SHIPPED", data.orderId, data)]);
    expect(texts).toEqual([]);
  });

  it("is deleted on request, with a code that has been sent", async () => {
    const call = callAs("customer");
    await requestCode(call, phoneNumber());
    await prove(call, lastCode());
    await requestCode(call, phoneNumber());
    expect(valueOf(await removePhone(deps, call))).toBeNull();
    expect(valueOf(await preferences(deps, call))).toMatchObject({ phone: null, phoneVerified: false });
    expect(await prove(call, lastCode())).toMatchObject({ error: { code: "phone_code_invalid" } });
  });

  it("abroad, at premium rate or with a leading zero is refused without a text message", async () => {
    for (const phone of ["+8801712345678", "+18765551234", "+19005551234", "+447012345678", "+4307700900123"]) {
      expect(await requestCode(callAs("customer"), phone)).toMatchObject({
        error: { code: "validation_failed", errors: [{ path: "phone" }] },
      });
    }
    expect(texts).toEqual([]);
  });

  it("cannot be set where the shop sends no text messages", async () => {
    const { deps: without } = testNotifications();
    const outcome = await inCall(() => setPhone(without, callAs("customer"), { phone: phoneNumber() }));
    expect(outcome).toMatchObject({ error: { code: "not_found" } });
  });
});

describe("a code", () => {
  it("allows five tries, even at the same time; then a new one is needed", async () => {
    const call = callAs("customer");
    await requestCode(call, phoneNumber());
    const code = lastCode();
    const guesses = await Promise.all(Array.from({ length: 5 }, () => prove(call, wrong(code))));
    expect(new Set(guesses.map(({ ok }) => ok))).toEqual(new Set([false]));
    expect(await prove(call, code)).toMatchObject({ error: { code: "phone_code_invalid" } });
    await requestCode(call, phoneNumber());
    expect(await prove(call, lastCode())).toMatchObject({ ok: true });
  });

  it("expires after ten minutes, with the next code, and with a new password", async () => {
    const call = callAs("customer");
    await requestCode(call, phoneNumber());
    shop.advance(PHONE_CODE_TTL_MS);
    expect(await prove(call, lastCode())).toMatchObject({ ok: false });

    await requestCode(call, phoneNumber());
    const first = lastCode();
    await requestCode(call, phoneNumber());
    const isSame = first === lastCode();
    expect((await prove(call, first)).ok).toBe(isSame);

    const userId = call.actor.id;
    const changed = { ...event("PASSWORD_CHANGED", userId, { userId }), time: new Date(deps.now()).toISOString() };
    await shop.deliver([changed]);
    expect(await prove(call, lastCode())).toMatchObject({ ok: false });
  });

  it("works for its user only", async () => {
    await requestCode(callAs("customer"), phoneNumber());
    expect(await prove(callAs("customer"), lastCode())).toMatchObject({ error: { code: "phone_code_invalid" } });
  });

  it("is stored hashed, and in no list and no event", async () => {
    const call = callAs("customer");
    const userId = call.actor.id;
    await requestCode(call, phoneNumber());
    const code = lastCode();
    expect(await rowsAbout(userId)).toMatchObject([{ template: "phone_code", status: "sent", textBody: "" }]);
    const kept = await notificationsEnv.DB.prepare("SELECT * FROM phone_codes WHERE user_id = ?").bind(userId).first();
    expect(JSON.stringify(kept?.["code_hash"])).not.toContain(code);
    const { items } = valueOf(await rpc.listAllNotifications(callAs("admin"), { userId }));
    expect(items).toMatchObject([{ template: "phone_code", body: null }]);
  });
});

describe("text messages", () => {
  it("are limited to five a day for a number, whoever requests them", async () => {
    const phone = phoneNumber();
    for (let n = 0; n < 5; n += 1) valueOf(await requestCode(callAs("customer"), phone));
    const refused = await requestCode(callAs("customer"), phone);
    const retryAt = new Date(shop.deps.now() + DAY_MS).toISOString();
    expect(refused).toMatchObject({ error: { code: "too_many_texts", retryAt } });
    expect(texts).toHaveLength(5);
    shop.advance(DAY_MS);
    valueOf(await requestCode(callAs("customer"), phone));
  });

  it("are limited to five a day for a user, even when requested at the same time", async () => {
    const call = callAs("customer");
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => requestCode(call, phoneNumber())));
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(5);
    expect(texts).toHaveLength(5);
  });

  it("are limited to fifty a day for the unproven accounts of a network, and not for proven ones", async () => {
    const network = `192.0.2.${newId("req")}`;
    const stranger = (): Caller => {
      const call = callAs("customer");
      return { ...call, network, actor: { ...call.actor, emailVerified: false } as Caller["actor"] };
    };
    const first = stranger();
    // What the account's own ceiling holds back does not count for the network.
    for (let n = 0; n < 7; n += 1) await requestCode(first, phoneNumber());
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => requestCode(stranger(), phoneNumber())));
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(45);
    const retryAt = new Date(shop.deps.now() + DAY_MS).toISOString();
    expect(await requestCode(stranger(), phoneNumber())).toMatchObject({ error: { code: "too_many_texts", retryAt } });
    expect(texts).toHaveLength(50);
    valueOf(await requestCode({ ...callAs("customer"), network }, phoneNumber()));
    valueOf(await requestCode({ ...stranger(), network: `${network}1` }, phoneNumber()));
    shop.advance(DAY_MS);
    valueOf(await requestCode(stranger(), phoneNumber()));
    await purgeCeilings(deps);
    const kept = await notificationsEnv.DB.prepare("SELECT count(*) AS n FROM unproven_codes").first();
    expect(kept).toEqual({ n: 1 });
  });

  it("about orders count with the codes", async () => {
    const call = callAs("customer");
    await requestCode(call, phoneNumber());
    await prove(call, lastCode());
    await notificationsEnv.DB.prepare("INSERT INTO preferences (user_id, channels, updated_at) VALUES (?, ?, 0)")
      .bind(call.actor.id, JSON.stringify({ order_shipped: ["sms"] }))
      .run();
    const customer = { id: call.actor.id, email: "a@example.com", name: "A", locale: "en", proven: true };
    const orders = Array.from({ length: 6 }, () => orderData({ customer, moneyAuthorized: true }));
    await shop.deliver(orders.map((data) => event("ORDER_SHIPPED", data.orderId, data)));
    expect(texts.filter(({ template }) => template === "order_shipped")).toHaveLength(4);
    const rows = (await Promise.all(orders.map(({ orderId }) => rowsAbout(orderId)))).flat();
    expect(rows.filter(({ status }) => status === "held_back")).toHaveLength(2);
  });
});

it("a new browser is reported to the account by mail, a known one is not", async () => {
  const call = callAs("customer");
  const input = { endpoint: `https://push.example/${newId("req")}`, keys: BROWSER_KEYS };
  for (let n = 0; n < 2; n += 1) valueOf(await inCall(() => subscribe(deps, call, input)));
  expect(await mailsSent(call.actor.id)).toEqual(["push_device_added"]);
});
