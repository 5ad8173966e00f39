// The caps on declined cards, from the Worker's variables: see docs/adr/024-card-testing-and-the-sandbox.md.
import type { DeclineCaps } from "../domain/payment.ts";

/** A setting that is no whole number above zero stops the Worker: guessing would let card testers in, or buyers out. */
function countSetting(name: string, value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count <= 0) throw new Error(`${name} must be a whole number above 0`);
  return count;
}

type CapsEnv = Pick<
  PaymentsEnv,
  "ORDER_CAPS" | "DECLINES_PER_ORDER" | "DECLINES_PER_HOUR" | "NETWORK_DECLINES_PER_HOUR"
>;

/** Undefined when ORDER_CAPS is `off`, exactly: then declines are counted and nothing follows. */
export function declineCaps(env: CapsEnv): DeclineCaps | undefined {
  if (env.ORDER_CAPS === "off") return undefined;
  return {
    order: countSetting("DECLINES_PER_ORDER", env.DECLINES_PER_ORDER),
    payer: countSetting("DECLINES_PER_HOUR", env.DECLINES_PER_HOUR),
    network: countSetting("NETWORK_DECLINES_PER_HOUR", env.NETWORK_DECLINES_PER_HOUR),
  };
}
