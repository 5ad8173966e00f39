// The classes that requests are counted in, each with its numbers. A binding does not tell its own numbers at run time, so they stand
// here too, for what the answers say; scripts/test/limits.test.ts holds them to the `[[ratelimits]]` of wrangler.toml.

/** One class: its binding, and how many requests of one key it takes within a window. */
export interface LimitPolicy {
  readonly binding: keyof GatewayEnv;
  readonly limit: number;
  readonly windowSeconds: number;
}

/** Counted apart, so that reading much does not stop one from ordering. A new class is an entry here and one in wrangler.toml. */
export const LIMITS = {
  auth: { binding: "AUTH_LIMITER", limit: 10, windowSeconds: 60 },
  login: { binding: "LOGIN_LIMITER", limit: 10, windowSeconds: 60 },
  register: { binding: "REGISTER_LIMITER", limit: 10, windowSeconds: 60 },
  forgot: { binding: "FORGOT_LIMITER", limit: 10, windowSeconds: 60 },
  /** All that is not a read, of one client network: many accounts behind it count together. */
  network: { binding: "NETWORK_LIMITER", limit: 1_200, windowSeconds: 60 },
  write: { binding: "WRITE_LIMITER", limit: 120, windowSeconds: 60 },
  read: { binding: "READ_LIMITER", limit: 600, windowSeconds: 60 },
  order: { binding: "ORDER_LIMITER", limit: 10, windowSeconds: 60 },
} as const satisfies Record<string, LimitPolicy>;

export type LimitClass = keyof typeof LIMITS;
export type Limiters = Readonly<Record<LimitClass, Pick<RateLimit, "limit">>>;

/** The bindings of all classes. */
export function limitersOf(env: GatewayEnv): Limiters {
  const entries = Object.entries(LIMITS).map(([limitClass, { binding }]) => [limitClass, env[binding]]);
  return Object.fromEntries(entries) as Limiters;
}
