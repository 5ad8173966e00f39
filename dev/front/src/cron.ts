// Decides in which minutes a cron expression fires, as Cloudflare does: five fields, in UTC.
import { Cron } from "croner";

/**
 * A test whether a cron expression fires in the minute of a time. If both day fields are restricted, either is enough, as in crontab(5).
 * @throws on an expression that is not five valid fields
 */
export function cronMatcher(expression: string): (time: Date) => boolean {
  const cron = new Cron(expression, { mode: "5-part", sloppyRanges: true, utcOffset: 0, paused: true });
  return (time) => {
    const minute = new Date(time);
    minute.setUTCSeconds(0, 0);
    return cron.match(minute);
  };
}
