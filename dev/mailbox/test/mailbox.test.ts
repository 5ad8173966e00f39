// Mails: stored, refused, listed and shown.
import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { MailRefused, letterOf } from "../src/message.ts";
import { MAX_LETTERS, lettersOf } from "../src/objects/letters.ts";

const mailboxEnv = env as unknown as MailboxEnv;
const { default: mailbox, MailboxRpc: rpc } = exports as unknown as {
  default: Fetcher;
  MailboxRpc: { send(message: unknown): Promise<EmailSendResult> };
};

const MAIL = {
  from: { name: "Tradepost", email: "shop@tradepost.example" },
  to: "buyer@example.com",
  subject: "Order TP-1 received",
  text: "Hello",
  html: "<p>Hello</p>",
  headers: { "X-Notification-Id": "ntf_1" },
};

interface Item {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
}

async function listed(query = ""): Promise<Item[]> {
  const response = await mailbox.fetch(`http://local/dev/mailbox${query}`, { headers: { accept: "application/json" } });
  expect(response.status).toBe(200);
  return (await response.json<{ items: Item[] }>()).items;
}

/** The error that the sender gets over RPC. */
async function refusalOf(message: unknown): Promise<unknown> {
  try {
    await rpc.send(message);
  } catch (error) {
    return error;
  }
  throw new Error("it was accepted");
}

beforeEach(async () => {
  await mailbox.fetch("http://local/dev/mailbox", { method: "DELETE" });
});

describe("a mail", () => {
  it("is stored as sent, under the id that the sender got", async () => {
    const { messageId } = await rpc.send(MAIL);
    expect(messageId).toMatch(/^msg_[0-9a-f]{32}$/);
    const [item, ...others] = await listed();
    expect(others).toEqual([]);
    expect(item).toEqual({
      id: messageId,
      channel: "email",
      to: "buyer@example.com",
      from: "Tradepost <shop@tradepost.example>",
      subject: "Order TP-1 received",
      text: "Hello",
      html: "<p>Hello</p>",
      headers: { "X-Notification-Id": "ntf_1" },
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    });
  });

  it("may have several recipients and no html", async () => {
    await rpc.send({
      from: "a@example.com",
      to: ["b@example.com", { name: "C", email: "c@example.com" }],
      subject: "",
      text: "x",
    });
    expect(await listed()).toMatchObject([
      { from: "a@example.com", to: "b@example.com, c@example.com", html: null, headers: {} },
    ]);
  });

  it.each([
    ["no recipient", { ...MAIL, to: [] }],
    ["no address", { ...MAIL, to: "nobody" }],
    ["no body", { from: MAIL.from, to: MAIL.to, subject: "x" }],
    ["a member that the mailbox ignores", { ...MAIL, attachments: [] }],
    ["no members", null],
  ])("with %s is refused", (_, message) => {
    expect(() => letterOf(message, "msg_1", 1)).toThrow(MailRefused);
  });

  it("that is refused throws the platform's code", async () => {
    expect(await refusalOf({ ...MAIL, text: "x".repeat(500_001) })).toMatchObject({ code: "E_CONTENT_TOO_LARGE" });
    expect(await listed()).toEqual([]);
  });

  it("may be as large as a row", async () => {
    await rpc.send({ from: "a@example.com", to: "b@example.com", subject: "", text: "\u{20AC}".repeat(500_000) });
    expect(await listed()).toHaveLength(1);
  });
});

describe("the list", () => {
  it("is newest first, and can be limited and filtered by address", async () => {
    for (const [to, subject] of [
      ["a@example.com", "1"],
      ["b@example.com", "2"],
      ["aa@example.com", "3"],
      ["A@Example.com", "4"],
    ] as const)
      await rpc.send({ ...MAIL, to, subject });
    const subjects = async (query: string): Promise<string[]> => (await listed(query)).map(({ subject }) => subject);
    expect(await subjects("")).toEqual(["4", "3", "2", "1"]);
    expect(await subjects("?limit=2")).toEqual(["4", "3"]);
    expect(await subjects("?to=a@example.com")).toEqual(["4", "1"]);
    expect(await subjects("?to=a@example.com&limit=1")).toEqual(["4"]);
    expect(await subjects("?to=%25")).toEqual([]);
  });

  it.each(["?limit=0", "?limit=1001", "?limit=x", "?to="])("refuses %s", async (query) => {
    expect((await mailbox.fetch(`http://local/dev/mailbox${query}`)).status).toBe(400);
  });

  it("has the newest thousand, and the table few more", async () => {
    const letters = lettersOf(mailboxEnv);
    await runInDurableObject(letters, (object, state) => {
      for (let number = 1; number <= MAX_LETTERS + 150; number += 1) {
        object.keep({
          id: `msg_${String(number)}`,
          channel: "email",
          to: "a@example.com",
          from: "b@example.com",
          subject: String(number),
          text: "",
          html: null,
          headers: {},
          at: number,
        });
      }
      const { rows } = state.storage.sql.exec<{ rows: number }>("SELECT count(*) AS rows FROM letters").one();
      expect(rows).toBe(MAX_LETTERS + 50);
    });
    const { items, total } = await letters.list({ to: undefined, channel: undefined, limit: MAX_LETTERS });
    expect([items.length, total]).toEqual([MAX_LETTERS, MAX_LETTERS]);
    expect([items[0]?.subject, items.at(-1)?.subject]).toEqual(["1150", "151"]);
  });

  it("refuses other methods", async () => {
    const response = await mailbox.fetch("http://local/dev/mailbox", { method: "POST" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, DELETE"]);
  });
});

describe("the page", () => {
  const HOSTILE = `"'><script>alert(1)</script>&`;

  async function pageOf(query = "", accept = "text/html,application/xhtml+xml,*/*;q=0.8"): Promise<string> {
    const response = await mailbox.fetch(`http://local/dev/mailbox${query}`, { headers: { accept } });
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    return await response.text();
  }

  it("shows every part of a mail as text", async () => {
    await rpc.send({
      ...MAIL,
      from: { name: HOSTILE, email: "shop@tradepost.example" },
      subject: `subject ${HOSTILE}`,
      text: `text ${HOSTILE}`,
      html: `<b>html</b>${HOSTILE}`,
      headers: { [HOSTILE]: HOSTILE },
    });
    const page = await pageOf();
    const escaped = "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;";
    expect(page).not.toContain("<script");
    expect(page).toContain(`<h2>subject ${escaped}</h2>`);
    expect(page).toContain(`<pre>text ${escaped}</pre>`);
    expect(page).toContain(`srcdoc="&lt;b&gt;html&lt;/b&gt;${escaped}"`);
    expect(page).toContain('sandbox=""');
    expect(page).toContain("buyer@example.com");
  });

  it("escapes the query", async () => {
    const page = await pageOf(`?to=${encodeURIComponent(HOSTILE)}`);
    expect(page).not.toContain("<script");
    expect(page).toContain("Nothing has been sent.");
  });

  it("is the default representation", async () => {
    expect(await pageOf("", "*/*")).toContain("<h1>Mailbox</h1>");
  });
});
