// The switches that make the sandbox misbehave on demand: lost answers, and lost, duplicated, late and reordered webhooks.
import * as z from "zod";

export const Faults = z.strictObject({
  /** drop: never sent. duplicate: sent twice. delay: sent seconds later. shuffle: collected and sent newest first. */
  webhooks: z.enum(["deliver", "drop", "duplicate", "delay", "shuffle"]),
  /**
   * drop_after: does the work, then breaks the connection. error_500: fails before the work. hang: does the work and answers after
   * a minute.
   */
  answers: z.enum(["ok", "drop_after", "error_500", "hang"]),
});
export type Faults = z.infer<typeof Faults>;

export const NO_FAULTS: Faults = { webhooks: "deliver", answers: "ok" };

/** A switch that is left out keeps its value. */
export const FaultsChange = Faults.partial();
export type FaultsChange = z.infer<typeof FaultsChange>;
