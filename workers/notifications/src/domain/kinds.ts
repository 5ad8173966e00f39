// The kinds of messages: for each its audience, its channels and the variables that its templates may use.
import type { Channel, UserKind } from "#shared/contracts/notifications";
import { COMMANDS, CONFIDENTIAL_KINDS } from "#shared/events/commands";
import type { CommandKind } from "#shared/events/commands";
import type { Variables } from "./template.ts";

export interface Kind {
  readonly audience: "user" | "admins";
  /** The channels it can go out on. A mandatory kind always goes out on the first. */
  readonly channels: readonly Channel[];
  /** The channels without a preference of the user's. Pushes also need a browser that the user has subscribed. */
  readonly defaults: readonly Channel[];
  /** The user cannot turn off its first channel: the message is part of the contract, or protects the account. */
  readonly mandatory: boolean;
  /** It protects the account: no ceiling holds it back from a proven recipient. */
  readonly security: boolean;
  /** What is held back of it, and its text message, goes out when the order's payment is authorized. */
  readonly awaitsPayment: boolean;
  /** At most one an hour about one order. */
  readonly oncePerHour: boolean;
  /** Every variable that its templates may use, with a value for previews. */
  readonly sample: Variables;
  /** Variables that its templates must use. */
  readonly required: readonly string[];
  /** Variables that let their reader act as the recipient. */
  readonly secret: readonly string[];
}

type AnyKind = UserKind | CommandKind | "low_stock" | "phone_code";

const ORDER = {
  orderNumber: "TP-1001",
  lines: "3 x Bolt M8 (BOLT-8): $37.50\n1 x Nut M8 (NUT-8): $2.50",
  subtotal: "$40.00",
  shipping: "$9.95",
  total: "$49.95",
  tracking: "UPS, tracking number 1Z999",
  reason: "it was not paid in time",
};
const PAYMENT = { orderNumber: "TP-1001", amount: "$49.95", refunded: "$10.00", reason: "card declined" };
const READER = { name: "Ada Lovelace", greeting: "Hello Ada Lovelace" };
const SECRET = ["link", "token"] as const;
const LINK = { link: "https://shop.example/?token=sample", token: "sample", expiresInMinutes: "60" };
const ON_ORDER = { orderId: "ord_1", orderNumber: "TP-1001", amount: "$49.95" };

const EVERYWHERE = ["email", "sms", "push"] as const;
/** No text messages: they cost money and go out about paid orders only. */
const UNPAID = ["email", "push"] as const;

function kind(over: Partial<Kind> & Pick<Kind, "sample">): Kind {
  const { sample, ...rest } = over;
  return {
    audience: "user",
    channels: ["email"],
    defaults: ["email"],
    mandatory: false,
    security: false,
    awaitsPayment: false,
    oncePerHour: false,
    required: [],
    secret: [],
    ...rest,
    sample: { shopName: "Tradepost", ...(rest.audience === "admins" ? {} : READER), ...sample },
  };
}

const KINDS = {
  order_received: kind({ channels: EVERYWHERE, mandatory: true, awaitsPayment: true, sample: ORDER }),
  payment_received: kind({ channels: EVERYWHERE, defaults: ["email", "push"], sample: ORDER }),
  order_shipped: kind({ channels: EVERYWHERE, defaults: ["email", "push"], sample: ORDER }),
  order_tracking_changed: kind({ channels: EVERYWHERE, defaults: ["email", "push"], sample: ORDER }),
  order_delivered: kind({ channels: EVERYWHERE, defaults: ["email", "push"], sample: ORDER }),
  order_cancelled: kind({ channels: EVERYWHERE, mandatory: true, sample: ORDER }),
  payment_failed: kind({ channels: UNPAID, mandatory: true, oncePerHour: true, sample: PAYMENT }),
  payment_refunded: kind({ channels: EVERYWHERE, mandatory: true, sample: PAYMENT }),
  cart_reminder: kind({ channels: UNPAID, sample: { lines: ORDER.lines, subtotal: ORDER.subtotal } }),
  welcome: kind({ sample: { email: "ada@example.com" } }),
  password_reset: kind({ mandatory: true, security: true, sample: LINK, required: ["link"], secret: SECRET }),
  email_verification: kind({ mandatory: true, security: true, sample: LINK, required: ["link"], secret: SECRET }),
  password_changed: kind({ mandatory: true, security: true, sample: {} }),
  phone_changed: kind({ mandatory: true, security: true, sample: {} }),
  push_device_added: kind({ mandatory: true, security: true, sample: {} }),
  phone_code: kind({
    channels: ["sms"],
    defaults: ["sms"],
    mandatory: true,
    sample: { code: "042917", expiresInMinutes: "10" },
    required: ["code"],
    secret: ["code"],
  }),
  low_stock: kind({
    audience: "admins",
    sample: {
      summary: "2 products",
      lines: "Bolt M8 (BOLT-8): 4 available, threshold 10 (prd_1)\nNut M8 (NUT-8): 0 available, threshold 5 (prd_2)",
      productId: "prd_1, prd_2",
      productName: "Bolt M8, Nut M8",
      sku: "BOLT-8, NUT-8",
      available: "4, 0",
      threshold: "10, 5",
    },
  }),
  authorization_expiring: kind({ audience: "admins", sample: { ...ON_ORDER, expiresAt: "2026-01-31T12:00:00.000Z" } }),
  dispute_opened: kind({ audience: "admins", sample: { ...ON_ORDER, reason: "fraudulent" } }),
} as const satisfies Record<AnyKind, Kind>;

/** Undefined when there is no such kind. */
export function kindOf(name: string): Kind | undefined {
  return Object.hasOwn(KINDS, name) ? KINDS[name as AnyKind] : undefined;
}

/** Why a command can never be executed; undefined when it can. */
export function commandFault(
  name: string,
  { isToAdmins, variables }: { readonly isToAdmins: boolean; readonly variables: Variables },
): string | undefined {
  if (!Object.hasOwn(COMMANDS, name)) return `${name} is not a kind that a command can request`;
  const command = name as CommandKind;
  if ((KINDS[command].audience === "admins") !== isToAdmins) return `${name} goes to the ${KINDS[command].audience}`;
  const missing = COMMANDS[command].filter((variable) => !Object.hasOwn(variables, variable));
  return missing.length === 0 ? undefined : `${name} lacks the variables ${missing.join(", ")}`;
}

/** Its text lets the reader act as the recipient, so it is deleted once sent and no list returns it. */
export function isConfidential(name: string): boolean {
  return CONFIDENTIAL_KINDS.includes(name);
}
