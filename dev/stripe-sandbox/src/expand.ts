// `expand[]=latest_charge` replaces an id by the object it names (https://docs.stripe.com/api/expanding_objects).
import { findCard, paymentMethod } from "./cards.ts";
import { invalid } from "./failure.ts";
import type { Session } from "./session.ts";
import type { Kind, StripeObject } from "./store.ts";

/** Stripe's own limit. */
const MAX_DEPTH = 4;
const KIND_BY_PREFIX: Readonly<Record<string, Kind>> = {
  pi: "payment_intent",
  ch: "charge",
  re: "refund",
  du: "dispute",
};

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A charge has its list of refunds only when it is expanded. */
function refundsOf(session: Session, charge: Json): Json {
  const all = session.store.children("refund", String(charge["payment_intent"]));
  return { object: "list", data: all, has_more: false, url: `/v1/charges/${String(charge["id"])}/refunds` };
}

function lookUp(session: Session, id: string): unknown {
  const card = id.startsWith("pm_") ? findCard(id) : undefined;
  if (card !== undefined) return paymentMethod(id, card, session.now);
  const kind = KIND_BY_PREFIX[id.slice(0, id.indexOf("_"))];
  return kind === undefined ? undefined : session.store.find<StripeObject>(kind, id);
}

function expandPath(session: Session, value: unknown, path: readonly string[], shown: string): unknown {
  const [name, ...rest] = path;
  if (name === undefined || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => expandPath(session, item, path, shown));
  const isRefunds = isObject(value) && value["object"] === "charge" && name === "refunds";
  if (!isObject(value) || (!isRefunds && !Object.hasOwn(value, name))) {
    throw invalid(`This property cannot be expanded (${shown}).`, "expand");
  }
  const present = isRefunds ? refundsOf(session, value) : value[name];
  const found = typeof present === "string" ? lookUp(session, present) : present;
  if (found === undefined || typeof found === "number" || typeof found === "boolean") {
    throw invalid(`This property cannot be expanded (${shown}).`, "expand");
  }
  return { ...value, [name]: expandPath(session, found, rest, shown) };
}

/** The body with every path expanded. @throws StripeFailure for a path that cannot be expanded. */
export function expanded(session: Session, body: object, paths: readonly string[]): object {
  return paths.reduce<object>((result, shown) => {
    const path = shown.split(".");
    if (path.length > MAX_DEPTH) throw invalid("You cannot expand more than 4 levels of a property.", "expand");
    return expandPath(session, result, path, shown) as object;
  }, body);
}
