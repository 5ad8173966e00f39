// Mails from an event to the local mailbox.
import { afterAll, beforeAll, expect, it } from "vitest";
import { Client, eventually } from "./client.ts";
import { startShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

let shop: Shop;

beforeAll(async () => {
  shop = await startShop();
});

afterAll(async () => {
  await shop.close();
});

interface Letter {
  readonly id: string;
  readonly channel: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

it("a new user's welcome mail is in the mailbox, and hostile text in it is only text", async () => {
  const client = new Client(shop.send);
  const email = `mailbox-${crypto.randomUUID()}@example.com`;
  const name = `<script>alert("x")</script>`;
  await client.expect(201, "POST", "/api/auth/register", { email, password: "correct horse battery", name });

  const json = client.with({ accept: "application/json" });
  // The welcome, and the link that verifies the address.
  const letter = await eventually("both mails", async () => {
    const { items } = await json.expect<{ items: Letter[] }>(200, "GET", `/dev/mailbox?to=${email}`);
    return items.length === 2 ? items[0] : undefined;
  });
  expect(letter).toMatchObject({ channel: "email", to: email });
  expect(letter.headers["X-Notification-Id"]).toMatch(/^ntf_/);
  expect(letter.text).toContain(name);
  expect(letter.html).not.toContain("<script");

  const page = await shop.send(`/dev/mailbox?to=${email}`, { headers: { accept: "text/html" } });
  expect(page.headers.get("content-type")).toContain("text/html");
  const text = await page.text();
  expect(text).toContain("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;");
  expect(text).not.toContain("<script");

  await client.expect(204, "DELETE", "/dev/mailbox");
  expect(await json.expect(200, "GET", "/dev/mailbox")).toEqual({ items: [] });
});
