// The settings of a local run from its environment: port, data directory, and variables of the Workers.
import path from "node:path";
import { ROOT } from "./workers.ts";

const DEFAULT_PORT = 8787;
/** Encrypts the local signing keys. Fixed, so that the next run can decrypt the keys in STATE_DIR. */
const LOCAL_SIGNING_KEY_SECRET = "local-development-signing-key-secret";
const LOCAL_WEBHOOK_SECRET = "whsec_local_development";
export const SANDBOX_SECRET_KEY = "sk_test_sandbox";
const SANDBOX_PUBLISHABLE_KEY = "pk_test_sandbox";
/** Texts and pushes go to the local mailbox. These keys are valid nowhere else. */
const LOCAL_CHANNELS = {
  TWILIO_ACCOUNT_SID: "AClocal",
  TWILIO_FROM: "+15005550006",
  VAPID_PUBLIC_KEY: "BMGEtIU34eeFgrK7_8OA0R7pLLstIIp-9IqxzKtH9l98mch7DOyl8HtJIzfq2duV94Aj4KWgspKhPhtnGknMDFU",
  VAPID_SUBJECT: "mailto:shop@tradepost.example",
};
const LOCAL_CHANNEL_SECRETS = {
  TWILIO_AUTH_TOKEN: "local",
  VAPID_PRIVATE_KEY: "m4QIp5XeVa3qyxNVjGJ4f1BwiVBAxzfpbOeAUBglq6U",
};

/** Variables that a run may set. Each reaches the Workers whose wrangler file declares it. */
const RUN_VARIABLES = [
  "RATE_LIMITS",
  "ORDER_CAPS",
  "OPEN_ORDERS_PER_GUEST",
  "OPEN_VALUE_PER_GUEST",
  "OPEN_ORDERS_PER_GUEST_EMAIL",
  "OPEN_VALUE_PER_GUEST_EMAIL",
  "OPEN_ORDERS_PER_NETWORK",
  "OPEN_VALUE_PER_NETWORK",
  "OPEN_ORDERS_PER_UNPROVEN_ACCOUNT",
  "OPEN_VALUE_PER_UNPROVEN_ACCOUNT",
  "OPEN_ORDERS_PER_PROVEN_ACCOUNT",
  "OPEN_VALUE_PER_PROVEN_ACCOUNT",
  "DECLINES_PER_ORDER",
  "DECLINES_PER_HOUR",
  "NETWORK_DECLINES_PER_HOUR",
  "WRONG_PASSWORDS",
  "WRONG_PASSWORDS_SECONDS",
  "WRONG_PASSWORDS_PER_EMAIL",
  "WRONG_PASSWORDS_PER_EMAIL_SECONDS",
  "KNOWN_SOURCE_DAYS",
  "HASH_QUEUE_PLACES",
  "HASH_QUEUE_WAIT_SECONDS",
  "SCRYPT_LOG2N",
  "CART_TTL_SECONDS",
  "PAYMENT_WINDOW_SECONDS",
  "UNTRIED_PAYMENT_WINDOW_SECONDS",
  "LOW_STOCK_THRESHOLD",
  "UNPROVEN_SHARE_PERCENT",
  "MESSAGES_PER_HOUR_UNPROVEN",
  "MESSAGES_PER_DAY_UNPROVEN",
  "MESSAGES_PER_HOUR_PROVEN",
  "TEXTS_PER_DAY",
  "UNPROVEN_CODES_PER_DAY",
  "SMS_COUNTRIES",
  "LOG_LEVEL",
  "STRIPE_PUBLISHABLE_KEY",
  "ALLOWED_ORIGINS",
] as const;

export interface Settings {
  readonly port: number;
  /** Absolute path. Databases, objects, generated configurations, bundles and logs of this run. */
  readonly stateDir: string;
  /** Overrides of the variables that the wrangler files declare, for every Worker that declares them. */
  readonly variables: Readonly<Record<string, string>>;
  /** Secrets by Worker. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Whether the Stripe sandbox replaces Stripe. True when no Stripe key is set. */
  readonly sandbox: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

function readPort(text: string | undefined): number {
  const port = text === undefined || text === "" ? DEFAULT_PORT : Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`PORT="${text ?? ""}" is not a port`);
  return port;
}

function present(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === "" ? undefined : value;
}

/** @throws Error that says which variable is wrong. */
export function readSettings(env: Environment): Settings {
  const port = readPort(env["PORT"]);
  const stripeKey = present(env, "STRIPE_SECRET_KEY");
  if (stripeKey !== undefined && stripeKey !== SANDBOX_SECRET_KEY && !/^(sk|rk)_test_/.test(stripeKey)) {
    throw new Error(
      "STRIPE_SECRET_KEY is not a test key (sk_test_... or rk_test_...); a local shop must not move money",
    );
  }
  const sandbox = stripeKey === undefined || stripeKey === SANDBOX_SECRET_KEY;
  const metricsToken = present(env, "METRICS_TOKEN");
  const origins = [port, 3000, 5173].flatMap((each) => [`http://localhost:${each}`, `http://127.0.0.1:${each}`]);
  return {
    port,
    stateDir: path.resolve(ROOT, present(env, "STATE_DIR") ?? ".state"),
    variables: {
      PUBLIC_URL: `http://localhost:${port}`,
      SHOP_URL: `http://localhost:${port}`,
      ALLOWED_ORIGINS: origins.join(","),
      ...LOCAL_CHANNELS,
      ...(sandbox ? { STRIPE_PUBLISHABLE_KEY: SANDBOX_PUBLISHABLE_KEY } : {}),
      ...Object.fromEntries(
        RUN_VARIABLES.flatMap((name) => {
          const value = present(env, name);
          return value === undefined ? [] : [[name, value]];
        }),
      ),
    },
    secrets: {
      ...(metricsToken === undefined ? {} : { gateway: { METRICS_TOKEN: metricsToken } }),
      accounts: { SIGNING_KEY_SECRET: LOCAL_SIGNING_KEY_SECRET },
      notifications: LOCAL_CHANNEL_SECRETS,
      payments: {
        STRIPE_SECRET_KEY: stripeKey ?? SANDBOX_SECRET_KEY,
        STRIPE_WEBHOOK_SECRET: present(env, "STRIPE_WEBHOOK_SECRET") ?? LOCAL_WEBHOOK_SECRET,
      },
      "stripe-sandbox": { STRIPE_WEBHOOK_SECRET: present(env, "STRIPE_WEBHOOK_SECRET") ?? LOCAL_WEBHOOK_SECRET },
    },
    sandbox,
  };
}
