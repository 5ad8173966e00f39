// Events of accounts: a verified e-mail address and a changed password.
import { describe, expect, it } from "vitest";
import { newId } from "#shared/ids";
import { event, giveNumber, notificationsEnv, testNotifications } from "./notifications.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

async function provenEmailOf(userId: string): Promise<unknown> {
  return await notificationsEnv.DB.prepare("SELECT email FROM proven_emails WHERE user_id = ?")
    .bind(userId)
    .first("email");
}

async function contactPointsOf(userId: string): Promise<unknown> {
  return await notificationsEnv.DB.prepare(
    `SELECT (SELECT count(*) FROM push_subscriptions WHERE user_id = ?1) AS browsers,
      (SELECT phone FROM phones WHERE user_id = ?1) AS phone`,
  )
    .bind(userId)
    .first();
}

async function giveContactPoints(userId: string, at: number): Promise<void> {
  await giveNumber(userId, "+4366412345678", at);
  await notificationsEnv.DB.batch([
    notificationsEnv.DB.prepare(
      "INSERT INTO push_subscriptions (id, user_id, endpoint, p256dh, auth, created_at) VALUES (?, ?, ?, 'k', 'a', ?)",
    ).bind(newId("psh"), userId, `https://push.example/${newId("req")}`, at),
  ]);
}

describe("EMAIL_VERIFIED", () => {
  it("records the address verified last, in any order of arrival", async () => {
    const shop = testNotifications();
    const userId = newId("usr");
    const first = event("EMAIL_VERIFIED", userId, { userId, email: "old@example.com" });
    const last = {
      ...event("EMAIL_VERIFIED", userId, { userId, email: "new@example.com" }),
      time: new Date(Date.now() + DAY_MS).toISOString(),
    };
    await shop.deliver([last]);
    await shop.deliver([first]);
    expect(await provenEmailOf(userId)).toBe("new@example.com");
  });
});

describe("PASSWORD_CHANGED", () => {
  it("deletes browsers and phone number from before", async () => {
    const shop = testNotifications();
    const userId = newId("usr");
    await giveContactPoints(userId, Date.now() - DAY_MS);
    await shop.deliver([event("PASSWORD_CHANGED", userId, { userId })]);
    expect(await contactPointsOf(userId)).toEqual({ browsers: 0, phone: null });
  });

  it("keeps those from after the change when the event is late", async () => {
    const shop = testNotifications();
    const userId = newId("usr");
    await giveContactPoints(userId, Date.now() + DAY_MS);
    await shop.deliver([event("PASSWORD_CHANGED", userId, { userId })]);
    expect(await contactPointsOf(userId)).toEqual({ browsers: 1, phone: "+4366412345678" });
  });

  it("keeps those of other users", async () => {
    const shop = testNotifications();
    const [userId, other] = [newId("usr"), newId("usr")];
    await giveContactPoints(other, Date.now() - DAY_MS);
    await shop.deliver([event("PASSWORD_CHANGED", userId, { userId })]);
    expect(await contactPointsOf(other)).toEqual({ browsers: 1, phone: "+4366412345678" });
  });
});
