// Standard five-field cron expressions in UTC, as Cloudflare reads them: minute, hour, day of month, month, day of week.
// Pure; the tick (see dev.ts) asks for each minute.

interface Field {
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/** Index 0 and 7 are both Sunday, as in crontab(5). */
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const MINUTE: Field = { min: 0, max: 59, names: [] };
const HOUR: Field = { min: 0, max: 23, names: [] };
const DAY_OF_MONTH: Field = { min: 1, max: 31, names: [] };
const MONTH: Field = { min: 1, max: 12, names: MONTHS };
const DAY_OF_WEEK: Field = { min: 0, max: 7, names: DAYS };

function valueOf(text: string, field: Field): number {
  const name = field.names.indexOf(text.toUpperCase());
  const value = name >= 0 ? name + (field === MONTH ? 1 : 0) : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= field.min && value <= field.max)) throw new Error(`"${text}" is not a value of its cron field`);
  return value;
}

/** One element of a list: `*`, `5`, `1-5`, each with an optional `/step`; `5/15` runs from 5 to the field's end. */
function expand(element: string, field: Field): number[] {
  const [range = "", step, ...rest] = element.split("/");
  const by = step === undefined ? 1 : Number(step);
  if (rest.length > 0 || !Number.isInteger(by) || by < 1) throw new Error(`"${element}" is not a cron step`);
  const [from = "", to, ...more] = range === "*" ? [String(field.min), String(field.max)] : range.split("-");
  if (more.length > 0) throw new Error(`"${element}" is not a cron range`);
  const first = valueOf(from, field);
  const last = to === undefined ? (step === undefined ? first : field.max) : valueOf(to, field);
  if (last < first) throw new Error(`"${element}" runs backwards`);
  return Array.from({ length: Math.floor((last - first) / by) + 1 }, (_, index) => first + index * by);
}

function matches(text: string, field: Field, value: number): boolean {
  return text
    .split(",")
    .flatMap((element) => expand(element, field))
    .includes(value);
}

/**
 * Whether a cron expression fires in the minute of `time` (UTC). When both days are restricted either of them suffices, as
 * crontab(5) says. Throws on an expression that is not five fields of known form.
 */
export function cronMatches(expression: string, time: Date): boolean {
  const fields = expression.trim().split(/\s+/);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields;
  if (fields.length !== 5 || !minute || !hour || !dayOfMonth || !month || !dayOfWeek) {
    throw new Error(`"${expression}" does not have five cron fields`);
  }
  const weekday = time.getUTCDay();
  const inMonth = matches(dayOfMonth, DAY_OF_MONTH, time.getUTCDate());
  const inWeek = matches(dayOfWeek, DAY_OF_WEEK, weekday) || (weekday === 0 && matches(dayOfWeek, DAY_OF_WEEK, 7));
  const bothRestricted = !dayOfMonth.startsWith("*") && !dayOfWeek.startsWith("*");
  const onTime =
    matches(minute, MINUTE, time.getUTCMinutes()) &&
    matches(hour, HOUR, time.getUTCHours()) &&
    matches(month, MONTH, time.getUTCMonth() + 1);
  return onTime && (bothRestricted ? inMonth || inWeek : inMonth && inWeek);
}
