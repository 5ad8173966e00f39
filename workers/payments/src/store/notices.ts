// How mails to the admins show what they tell of.

/** A time as the admins read it, in UTC: they may sit anywhere. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
