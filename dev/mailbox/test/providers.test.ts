// Text messages and pushes, answered as Twilio and a push service would.
import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { openPush, subscriptionOf } from "../src/browser.ts";
import { lettersOf } from "../src/objects/letters.ts";

const mailboxEnv = env as unknown as MailboxEnv;
const { default: mailbox, MailboxProviders: providers } = exports as unknown as {
  default: Fetcher;
  MailboxProviders: Fetcher;
};

const MESSAGES = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json";

function sms(form: Record<string, string>, authorization = `Basic ${btoa("AC1:token")}`): Promise<Response> {
  return providers.fetch(MESSAGES, { method: "POST", headers: { authorization }, body: new URLSearchParams(form) });
}

async function letters(): Promise<unknown> {
  return (await lettersOf(mailboxEnv).list({ to: undefined, channel: undefined, limit: 10 })).items;
}

beforeEach(async () => {
  await lettersOf(mailboxEnv).clear();
});

describe("a text message", () => {
  it("is stored, and found by its number and channel", async () => {
    expect((await sms({ To: "+4366412345678", From: "+15005550006", Body: "Hello" })).status).toBe(201);
    for (const query of ["?to=%2B4366412345678", "?channel=sms"]) {
      const response = await mailbox.fetch(`http://local/dev/mailbox${query}`, {
        headers: { accept: "application/json" },
      });
      expect(await response.json()).toMatchObject({
        items: [{ channel: "sms", to: "+4366412345678", from: "+15005550006", subject: "", text: "Hello", html: null }],
      });
    }
    const none = await mailbox.fetch("http://local/dev/mailbox?channel=push", {
      headers: { accept: "application/json" },
    });
    expect(await none.json()).toEqual({ items: [] });
  });

  it.each([
    ["to Twilio's invalid test number", { To: "+15005550001", From: "+1", Body: "x" }, 400],
    ["to a malformed number", { To: "Bob", From: "+1", Body: "x" }, 400],
    ["that is too long", { To: "+4366412345678", From: "+1", Body: "x".repeat(1_601) }, 400],
  ])("%s is refused", async (_name, form, status) => {
    const response = await sms(form);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code: expect.any(Number), status });
    expect(await letters()).toEqual([]);
  });

  it("without the account's credentials is refused", async () => {
    expect((await sms({ To: "+4366412345678", From: "+1", Body: "x" }, `Basic ${btoa("AC2:token")}`)).status).toBe(401);
  });
});

describe("a push", () => {
  it("must be signed, and is answered as the endpoint says", async () => {
    const { endpoint } = subscriptionOf("b", "created");
    const bare = await providers.fetch(endpoint, { method: "POST", body: "x" });
    expect(bare.status).toBe(403);
    const forged =
      `vapid t=${btoa("{}")}.${btoa("{}")}.AAAA, k=${subscriptionOf("b", "created").keys.p256dh}`.replaceAll("=.", ".");
    const { status } = await providers.fetch(endpoint, {
      method: "POST",
      headers: { authorization: forged },
      body: "x",
    });
    expect(status).toBe(403);
    expect((await providers.fetch(subscriptionOf("b", "gone").endpoint, { method: "POST" })).status).toBe(410);
    expect((await providers.fetch(subscriptionOf("b", "down").endpoint, { method: "POST" })).status).toBe(503);
    expect(await letters()).toEqual([]);
  });

  it("for another browser cannot be decrypted", async () => {
    await expect(openPush(new Uint8Array(200))).rejects.toThrow("not a point");
  });
});

it("answers a push subscription", async () => {
  const url = "http://local/dev/mailbox/push-subscription";
  const response = await mailbox.fetch(`${url}?name=my%20phone&answer=gone`);
  expect(await response.json()).toEqual({
    endpoint: "https://push.mailbox.example/gone/my%20phone",
    expirationTime: null,
    keys: { p256dh: expect.stringMatching(/^B[\w-]{86}$/), auth: expect.stringMatching(/^[\w-]{22}$/) },
  });
  expect((await mailbox.fetch(`${url}?answer=other`)).status).toBe(400);
  expect((await mailbox.fetch(url, { method: "POST" })).status).toBe(405);
});
