import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cronMatcher } from "../../dev/front/src/cron.ts";

/** 23 November 2026 is a Monday. */
const at = (time: string, day = "2026-11-23"): Date => new Date(`${day}T${time}:30Z`);

describe("a cron expression", () => {
  it.each([
    ["* * * * *", "13:37", true],
    ["*/5 * * * *", "13:35", true],
    ["*/5 * * * *", "13:37", false],
    ["0 3 * * *", "03:00", true],
    ["0 3 * * *", "03:01", false],
    ["0 3 * * *", "04:00", false],
    ["10-20/5 * * * *", "13:15", true],
    ["10-20/5 * * * *", "13:25", false],
    ["7/20 * * * *", "13:47", true],
    ["7/20 * * * *", "13:40", false],
    ["0,30 8-18 * * MON-FRI", "08:30", true],
    ["0,30 8-18 * * sat", "08:30", false],
    ["* * * NOV *", "00:00", true],
    ["* * * 10 *", "00:00", false],
    ["* * 24 * *", "00:00", false],
  ])("%s at %s on a Monday: %s", (expression, time, fires) => {
    expect(cronMatcher(expression)(at(time))).toBe(fires);
  });

  it("takes 0 and 7 as Sunday", () => {
    for (const day of ["0", "7", "SUN", "6-7"])
      expect(cronMatcher(`0 0 * * ${day}`)(at("00:00", "2026-11-22"))).toBe(true);
    expect(cronMatcher("0 0 * * 1-6")(at("00:00", "2026-11-22"))).toBe(false);
  });

  it("fires on either day when both are restricted, as crontab does", () => {
    expect(cronMatcher("0 0 1 * MON")(at("00:00"))).toBe(true);
    expect(cronMatcher("0 0 23 * SUN")(at("00:00"))).toBe(true);
    expect(cronMatcher("0 0 1 * SUN")(at("00:00"))).toBe(false);
  });

  it.each([
    "",
    "* * * *",
    "* * * * * *",
    "60 * * * *",
    "* 24 * * *",
    "a * * * *",
    "*/0 * * * *",
    "5-1 * * * *",
    "1-2-3 * * * *",
  ])("that is not one is refused: %j", (expression) => {
    expect(() => cronMatcher(expression)).toThrow("CronPattern");
  });

  it("fires as often in a day as its minutes and hours say", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 59 }), fc.integer({ min: 1, max: 23 }), (minutes, hours) => {
        const expression = `*/${minutes} */${hours} * * *`;
        const fires = cronMatcher(expression);
        let fired = 0;
        for (let minute = 0; minute < 1_440; minute++) {
          if (fires(new Date(Date.UTC(2026, 10, 23, 0, minute)))) fired += 1;
        }
        expect(fired).toBe(Math.ceil(60 / minutes) * Math.ceil(24 / hours));
      }),
      { numRuns: 20 },
    );
  });
});
