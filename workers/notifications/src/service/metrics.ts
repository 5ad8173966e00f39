// The metrics of notifications: messages that wait, are held back, or were made in the last hour.
import { sql } from "drizzle-orm";
import { firstIdAt } from "#shared/ids";
import type { MetricQuery } from "#shared/metrics";
import { HOUR_MS } from "../constants.ts";
import type { NotificationsDeps } from "./deps.ts";

export function metrics(deps: NotificationsDeps): readonly MetricQuery[] {
  const now = deps.now();
  return [
    {
      name: "tradepost_notifications_pending",
      help: "Messages that wait for their first or next attempt, by channel.",
      rows: sql`SELECT channel, count(*) AS value FROM notifications WHERE status = 'pending' GROUP BY channel`,
    },
    {
      name: "tradepost_notifications_oldest_pending_seconds",
      help: "Age of the oldest pending message; 0 without one.",
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
      // Ids sort by creation time, so the primary key finds the last hour.
      rows: sql`SELECT channel, status, count(*) AS value FROM notifications
        WHERE id >= ${firstIdAt("ntf", now - HOUR_MS)} GROUP BY channel, status`,
    },
  ];
}
