// Templates and all messages, for admins.
import { describe, expect, it } from "vitest";
import type { AdminNotification, Template } from "#shared/contracts/notifications-staff";
import { newId } from "#shared/ids";
import { CountingDatabase } from "#shared/testkit/counting";
import { callAs } from "#shared/testkit/kit";
import { listAllNotifications } from "../src/service/staff.ts";
import {
  event,
  notificationsEnv,
  orderData,
  requested,
  rowsAbout,
  rpc,
  testNotifications,
  valueOf,
} from "./notifications.ts";

const admin = callAs("admin");

async function template(templateId: string): Promise<Template> {
  return valueOf(await rpc.getTemplate(admin, { templateId }));
}

async function audited(subject: string): Promise<string[]> {
  const { results } = await notificationsEnv.DB.prepare("SELECT action FROM audit_log WHERE subject = ? ORDER BY id")
    .bind(subject)
    .all<{ action: string }>();
  return results.map(({ action }) => action);
}

describe("a template", () => {
  it("changes under If-Match, with a stored version and an audit row", async () => {
    const templateId = "order_delivered.email.en";
    const { version, subject, textBody, htmlBody } = await template(templateId);
    const texts = { subject: "It is there: {{orderNumber}}", textBody, htmlBody };
    const written = valueOf(await rpc.putTemplate(admin, { templateId, ...texts, ifVersion: version }));
    expect(written).toMatchObject({ version: version + 1, subject: texts.subject, updatedBy: admin.actor.id });
    const stale = await rpc.putTemplate(admin, { templateId, ...texts, subject: "Other", ifVersion: version });
    expect(stale).toMatchObject({ error: { code: "template_version_conflict", currentVersion: version + 1 } });
    expect(valueOf(await rpc.templateVersions(admin, { templateId })).items).toMatchObject([{ version, subject }]);
    expect(await audited(templateId)).toEqual(["template.update"]);
    // The same texts again change nothing.
    expect(valueOf(await rpc.putTemplate(admin, { templateId, ...texts })).version).toBe(version + 1);
    expect(await audited(templateId)).toHaveLength(1);
  });

  it("changed by concurrent requests gets one version for each", async () => {
    const templateId = "welcome.email.de";
    const { textBody, htmlBody } = await template(templateId);
    const outcomes = await Promise.all(
      ["A", "B", "C"].map((subject) => rpc.putTemplate(admin, { templateId, subject, textBody, htmlBody })),
    );
    const done = outcomes.filter(({ ok }) => ok).length;
    expect(done).toBeGreaterThan(0);
    expect((await template(templateId)).version).toBe(1 + done);
    expect(valueOf(await rpc.templateVersions(admin, { templateId })).items).toHaveLength(done);
  });

  it("for another language is created, and used by the second message at the latest", async () => {
    const shop = testNotifications();
    const orderIn = async (locale: string): Promise<string | undefined> => {
      const data = orderData({
        customer: { id: newId("usr"), email: "a@example.com", name: "Ada", locale, proven: true },
      });
      await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
      return (await rowsAbout(data.orderId))[0]?.subject;
    };
    expect(await orderIn("fr")).toBe("Order TP-1001 received");
    const texts = {
      subject: "Commande {{orderNumber}}",
      textBody: "Bonjour {{name}}",
      htmlBody: "<p>Bonjour {{name}}</p>",
    };
    const templateId = "order_received.email.fr";
    valueOf(await rpc.putTemplate(admin, { templateId, ...texts }));
    await orderIn("fr");
    expect(await orderIn("fr-CA")).toBe("Commande TP-1001");
    expect(await audited(templateId)).toEqual(["template.create"]);
  });

  it.each([
    ["of an unknown kind", "nonsense.email.en"],
    ["of an inherited kind", "constructor.email.en"],
    ["on a channel that its kind does not have", "password_reset.sms.en"],
    ["in a malformed language", "order_received.email.x_y"],
    ["in another spelling of a language", "order_received.email.DE"],
  ])("%s cannot exist", async (_name, templateId) => {
    const texts = { subject: "S", textBody: "T", htmlBody: "<p>T</p>" };
    const { ok } = await rpc.putTemplate(admin, { templateId, ...texts });
    expect(ok).toBe(false);
    expect((await rpc.previewTemplate(admin, { templateId })).ok).toBe(false);
    expect((await rpc.getTemplate(admin, { templateId })).ok).toBe(false);
  });

  it("with an unknown variable is refused, and nothing is written", async () => {
    const templateId = "order_cancelled.email.en";
    const { version, subject, htmlBody } = await template(templateId);
    const outcome = await rpc.putTemplate(admin, { templateId, subject, htmlBody, textBody: "Hello {{nmae}}" });
    const message = expect.stringContaining("unknown variable nmae") as unknown;
    expect(outcome).toMatchObject({ error: { code: "validation_failed", errors: [{ path: "textBody", message }] } });
    expect((await template(templateId)).version).toBe(version);
  });

  it.each(["link", "token"])("of a confidential message cannot have its %s in the subject", async (name) => {
    const templateId = "password_reset.email.en";
    const { textBody, htmlBody } = await template(templateId);
    const outcome = await rpc.putTemplate(admin, { templateId, subject: `Reset {{${name}}}`, textBody, htmlBody });
    expect(outcome).toMatchObject({ error: { code: "validation_failed", errors: [{ path: "subject" }] } });
  });

  it("is previewed with sample data, escaped in html", async () => {
    const templateId = "order_shipped.email.en";
    const preview = {
      templateId,
      subject: "Hi {{name}}",
      variables: { name: "<b>Bob</b>", greeting: "Hello <b>Bob</b>" },
    };
    const rendered = valueOf(await rpc.previewTemplate(admin, preview));
    expect(rendered.subject).toBe("Hi <b>Bob</b>");
    expect(rendered.html).toContain("&lt;b&gt;Bob&lt;/b&gt;");
    expect(rendered.text).toContain("UPS, tracking number 1Z999");
    expect((await template(templateId)).subject).not.toBe(preview.subject);
    const unknown = await rpc.previewTemplate(admin, { templateId, variables: { nmae: "x" } });
    expect(unknown).toMatchObject({ error: { errors: [{ path: "variables.nmae" }] } });
    const missing = await rpc.previewTemplate(admin, { templateId: "order_shipped.email.it" });
    expect(missing).toMatchObject({ error: { code: "validation_failed" } });
  });

  it("is listed in pages and filtered by its parts", async () => {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = valueOf(
        await rpc.listTemplates(admin, { limit: 7, channel: "sms", ...(cursor === undefined ? {} : { cursor }) }),
      );
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(ids).toEqual([...new Set(ids)].toSorted());
    expect(ids).toHaveLength(16);
    const german = valueOf(await rpc.listTemplates(admin, { kind: "order_received", locale: "de" }));
    expect(german.items.map(({ channel }) => channel)).toEqual(["email", "push", "sms"]);
  });
});

describe("all messages", () => {
  async function all(filter: Record<string, string>): Promise<AdminNotification[]> {
    return [...valueOf(await rpc.listAllNotifications(admin, { limit: 100, ...filter })).items];
  }

  it("are listed newest first, by user, kind, channel and status", async () => {
    const shop = testNotifications();
    const data = orderData();
    const userId = data.customer.id ?? "";
    await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
    await shop.deliver([event("ORDER_CONFIRMED", data.orderId, data)]);
    expect((await all({ userId })).map(({ template: kind }) => kind)).toEqual(["payment_received", "order_received"]);
    expect(await all({ userId, kind: "order_received" })).toMatchObject([
      { about: data.orderId, recipient: data.customer.email, status: "sent", nextAttemptAt: null, attempts: 1 },
    ]);
    expect(await all({ userId, status: "failed" })).toEqual([]);
    expect(await all({ userId, channel: "push" })).toEqual([]);
    const first = valueOf(await rpc.listAllNotifications(admin, { limit: 1, userId }));
    const second = valueOf(await rpc.listAllNotifications(admin, { limit: 1, userId, cursor: first.nextCursor ?? "" }));
    expect([first, second].flatMap(({ items }) => items.map(({ template: kind }) => kind))).toEqual([
      "payment_received",
      "order_received",
    ]);
  });

  it("of a rare kind are searched a bounded way at a time, and none is left out", async () => {
    const shop = testNotifications();
    const data = orderData();
    await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
    const columns = `event_id, about, audience, user_id, recipient, channel, locale, subject, text_body, html_body, status, attempts,
      next_attempt_at, leased_until, created_at, sent_at`;
    await notificationsEnv.DB.prepare(
      `INSERT INTO notifications (id, template, ${columns}) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
        SELECT 'ntf_z' || i, iif(i = 7, 'rare', 'common'), ${columns} FROM n, (SELECT * FROM notifications WHERE about = ? LIMIT 1)`,
    )
      .bind(data.orderId)
      .run();
    const list = async (kind: string): Promise<{ readonly ids: string[]; readonly pages: number }> => {
      const ids: string[] = [];
      for (let pages = 1, cursor: string | undefined; ; pages += 1) {
        const db = new CountingDatabase(notificationsEnv.DB);
        const after = cursor === undefined ? {} : { cursor };
        const page = valueOf(await listAllNotifications({ ...shop.deps, db }, admin, { kind, limit: 100, ...after }));
        expect(db.rowsRead).toBeLessThan(3_500);
        ids.push(...page.items.map(({ id }) => id));
        if (page.nextCursor === null) return { ids, pages };
        cursor = page.nextCursor;
      }
    };
    expect(await list("rare")).toEqual({ ids: ["ntf_z7"], pages: 3 });
    expect((await list("common")).ids).toHaveLength(2_499);
    await notificationsEnv.DB.prepare("DELETE FROM notifications WHERE id GLOB 'ntf_z*'").run();
  });

  it("that are confidential are listed without their text, for admins and for their reader", async () => {
    const shop = testNotifications();
    shop.breakMail(new Error("down"));
    const command = requested("password_reset", { link: "https://x/?t=1", token: "SECRET", expiresInMinutes: "60" });
    await shop.deliver([command]);
    const [row] = await all({ userId: command.subject });
    expect(row).toMatchObject({ template: "password_reset", status: "pending", body: null });
    const own = valueOf(await rpc.listNotifications(callAs("customer", command.subject), { limit: 10 }));
    expect(own.items).toMatchObject([{ template: "password_reset", body: "" }]);
  });

  it("that failed are retried once, however many admins request it", async () => {
    const shop = testNotifications();
    shop.breakMail(Object.assign(new Error("no"), { code: "E_RECIPIENT_SUPPRESSED" }));
    const data = orderData();
    await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
    const notificationId = (await rowsAbout(data.orderId))[0]?.id ?? "";
    const outcomes = await Promise.all([1, 2, 3].map(() => rpc.retryNotification(admin, { notificationId })));
    for (const outcome of outcomes) expect(valueOf(outcome)).toMatchObject({ status: "pending" });
    expect(await audited(notificationId)).toEqual(["notification.retry"]);
    shop.breakMail(undefined);
    // The retry is due by the Worker's own clock, which is ahead of the test's.
    shop.advance(60_000);
    await shop.sendDue();
    expect(await rowsAbout(data.orderId)).toMatchObject([{ status: "sent", attempts: 1 }]);
    const late = await rpc.retryNotification(admin, { notificationId });
    expect(late).toMatchObject({ error: { code: "illegal_transition", from: "sent", to: "pending" } });
    const absent = await rpc.retryNotification(admin, { notificationId: newId("ntf") });
    expect(absent).toMatchObject({ error: { code: "not_found" } });
  });
});

describe("dead letters", () => {
  it("show operators no variables of confidential commands", async () => {
    const shop = testNotifications();
    const broken = requested("password_reset", { token: "SECRET" });
    await shop.deliver([broken]);
    const { items } = valueOf(await rpc.listDeadLetters(admin, { limit: 100 }));
    const letter = items.find(({ eventId }) => eventId === broken.id);
    expect(letter?.error).toContain("lacks the variables");
    expect(letter?.envelope).not.toContain("SECRET");
    expect(JSON.parse(letter?.envelope ?? "{}")).toMatchObject({ data: { variables: { token: "[redacted]" } } });
  });
});
