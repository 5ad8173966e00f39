// The figures of notifications: what waits, and what became of the last hour's.
import { sql } from "drizzle-orm";
import { firstIdAt } from "#shared/ids";
import type { MetricQuery } from "#shared/metrics";
import type { NotificationsDeps } from "./deps.ts";

const HOUR_MS = 60 * 60_000;

export function metrics(deps: NotificationsDeps): readonly MetricQuery[] {
  const now = deps.now();
  return [
    {
      name: "tradepost_notifications_pending",
      help: "Messages that wait for their first or next try, by channel.",
      rows: sql`SELECT channel, count(*) AS value FROM notifications WHERE status = 'pending' GROUP BY channel`,
    },
    {
      name: "tradepost_notifications_oldest_pending_seconds",
      help: "Age of the oldest of them; 0 without one.",
      rows: sql`SELECT coalesce((${now} - min(created_at)) / 1000, 0) AS value FROM notifications WHERE status = 'pending'`,
    },
    {
      name: "tradepost_notifications_held_back",
      help: "Messages that a ceiling holds back, by channel; none is kept longer than 30 days.",
      rows: sql`SELECT channel, count(*) AS value FROM notifications WHERE status = 'held_back' GROUP BY channel`,
    },
    {
      name: "tradepost_notifications_last_hour",
      help: "Messages of the last hour by channel and status.",
      // Ids sort by the time they were made, so this reads that hour of the table and no more.
      rows: sql`SELECT channel, status, count(*) AS value FROM notifications
        WHERE id >= ${firstIdAt("ntf", now - HOUR_MS)} GROUP BY channel, status`,
    },
  ];
}
