// Which call is which: method and path of Stripe's API to what carries it out.
import { authenticate, confirmIntent } from "./confirmations.ts";
import { SECRET_KEY } from "./constants.ts";
import { expanded } from "./expand.ts";
import { invalid, missing, secretKeyRequired, unrecognizedUrl } from "./failure.ts";
import type { StripeFailure } from "./failure.ts";
import type { FormMap } from "./form.ts";
import { cancelIntent, captureIntent, createIntent, updateIntent } from "./intents.ts";
import { only, optionalText, texts } from "./params.ts";
import { createRefund, updateRefund } from "./refunds.ts";
import type { Answer, PaymentIntent, Session } from "./session.ts";
import { LIST_PARAMS } from "./store.ts";
import type { Kind } from "./store.ts";

/** One call, as the router hands it over. */
export interface ApiCall {
  readonly method: "GET" | "POST" | "DELETE";
  /** Without `/v1`, for example `/payment_intents/pi_1/capture`. */
  readonly path: string;
  readonly params: FormMap;
  readonly requestId: string;
  readonly idempotencyKey?: string;
  /** A publishable key may only read and confirm the intent whose secret it brings. */
  readonly publishable: boolean;
  readonly publicUrl: string;
}

type Run = (session: Session, id: string, params: FormMap) => Answer;

interface Route {
  readonly method: ApiCall["method"];
  readonly pattern: RegExp;
  readonly run: Run;
  readonly publishable?: true;
}

function retrieve(kind: Kind): Run {
  return (session, id, params) => {
    only(params, kind === "payment_intent" ? ["client_secret", "expand"] : ["expand"]);
    return { status: 200, body: session.store.get(kind, id, kind === "payment_intent" ? "intent" : "id") };
  };
}

function list(kind: Kind, url: string, filters: readonly string[]): Run {
  return (session, _id, params) => {
    only(params, [...LIST_PARAMS, ...filters]);
    return { status: 200, body: session.store.list(kind, filterOf(session, kind, params), params, url) };
  };
}

/** Stripe's own limit of `types`. */
const MAX_TYPES = 20;

/** The types that a list of events is narrowed to: one, where `*` stands for anything, or several by their full names. */
function eventTypes(params: FormMap): readonly string[] {
  const type = optionalText(params, "type");
  const types = texts(params, "types");
  if (type !== undefined && types.length > 0) {
    throw invalid("You may pass either `type` or `types`, but not both.", "types");
  }
  if (types.length > MAX_TYPES) throw invalid("You can filter by at most 20 types.", "types");
  const wanted = type === undefined ? types : [type];
  const wrong = wanted.find((name) => !(type === undefined ? /^[\w.]+$/ : /^[\w.*]+$/).test(name));
  if (wrong !== undefined) throw invalid(`Invalid event type: ${wrong}`, type === undefined ? "types" : "type");
  return wanted;
}

/** What a list is narrowed to: types of events, or an intent's charges and refunds. */
function filterOf(session: Session, kind: Kind, params: FormMap): readonly string[] {
  if (kind === "event") return eventTypes(params);
  const intent = optionalText(params, "payment_intent");
  const charge = optionalText(params, "charge");
  if (charge === undefined) return intent === undefined ? [] : [intent];
  const found = session.store.get<{ id: string; created: number; payment_intent: string }>("charge", charge, "charge");
  if (intent !== undefined && intent !== found.payment_intent)
    throw invalid("The charge is not of this PaymentIntent.", "charge");
  return [found.payment_intent];
}

const ROUTES: readonly Route[] = [
  { method: "POST", pattern: /^\/payment_intents$/, run: (session, _id, params) => createIntent(session, params) },
  { method: "GET", pattern: /^\/payment_intents$/, run: list("payment_intent", "/v1/payment_intents", []) },
  { method: "GET", pattern: /^\/payment_intents\/([^/]+)$/, run: retrieve("payment_intent"), publishable: true },
  { method: "POST", pattern: /^\/payment_intents\/([^/]+)$/, run: updateIntent },
  { method: "POST", pattern: /^\/payment_intents\/([^/]+)\/confirm$/, run: confirmIntent, publishable: true },
  { method: "POST", pattern: /^\/payment_intents\/([^/]+)\/capture$/, run: captureIntent },
  { method: "POST", pattern: /^\/payment_intents\/([^/]+)\/cancel$/, run: cancelIntent },
  { method: "POST", pattern: /^\/refunds$/, run: (session, _id, params) => createRefund(session, params) },
  { method: "GET", pattern: /^\/refunds$/, run: list("refund", "/v1/refunds", ["payment_intent", "charge"]) },
  { method: "GET", pattern: /^\/refunds\/([^/]+)$/, run: retrieve("refund") },
  { method: "POST", pattern: /^\/refunds\/([^/]+)$/, run: updateRefund },
  { method: "GET", pattern: /^\/charges$/, run: list("charge", "/v1/charges", ["payment_intent"]) },
  { method: "GET", pattern: /^\/charges\/([^/]+)$/, run: retrieve("charge") },
  { method: "GET", pattern: /^\/events$/, run: list("event", "/v1/events", ["type", "types"]) },
  { method: "GET", pattern: /^\/events\/([^/]+)$/, run: retrieve("event") },
  { method: "GET", pattern: /^\/disputes$/, run: list("dispute", "/v1/disputes", ["payment_intent", "charge"]) },
  { method: "GET", pattern: /^\/disputes\/([^/]+)$/, run: retrieve("dispute") },
];

/** Members of an intent that a publishable key does not see. */
const SECRET_MEMBERS: ReadonlySet<string> = new Set([
  "metadata",
  "latest_charge",
  "application_fee_amount",
  "customer",
  "review",
]);

function forBrowser(body: object): object {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !SECRET_MEMBERS.has(name)));
}

/** A browser knows an intent by its client secret; with a wrong one it learns nothing of the intent. */
function checkClientSecret(session: Session, id: string, params: FormMap): void {
  const sent = optionalText(params, "client_secret");
  if (sent === undefined) throw invalid("Missing required param: client_secret.", "client_secret", "parameter_missing");
  const intent = session.store.find<PaymentIntent>("payment_intent", id);
  if (intent === undefined) throw missing("payment_intent", id, "intent");
  if (intent.client_secret !== sent) {
    throw invalid(
      "The client_secret provided does not match the client_secret associated with the PaymentIntent.",
      "client_secret",
      "payment_intent_invalid_parameter",
    );
  }
}

function browserAnswer(answer: Answer): Answer {
  if (answer.status === 200) return { status: 200, body: forBrowser(answer.body) };
  const { error } = answer.body as { error: { payment_intent: object } };
  return { status: answer.status, body: { error: { ...error, payment_intent: forBrowser(error.payment_intent) } } };
}

/** Runs one call. Throws a StripeFailure for what Stripe refuses. */
export function perform(session: Session, call: ApiCall): Answer {
  for (const route of ROUTES) {
    const match = route.method === call.method ? route.pattern.exec(call.path) : null;
    // Stripe's search stands where an id does.
    if (match === null || match[1] === "search") continue;
    const id = match[1] ?? "";
    if (!call.publishable) {
      const answer = route.run(session, id, call.params);
      const paths = texts(call.params, "expand");
      return paths.length === 0 || answer.status !== 200
        ? answer
        : { status: 200, body: expanded(session, answer.body, paths) };
    }
    if (route.publishable !== true) throw secretKeyRequired();
    checkClientSecret(session, id, call.params);
    return browserAnswer(route.run(session, id, call.params));
  }
  throw unrecognizedUrl(call.method, `/v1${call.path}`);
}

/** The bank's page: approves or fails the authentication of the intent whose secret it brings. */
export function performAuthentication(session: Session, id: string, secret: string, approved: boolean): Answer {
  checkClientSecret(session, id, { client_secret: secret });
  return browserAnswer(authenticate(session, id, approved));
}

/** What a failure looks like on the wire. */
export function failureAnswer(error: StripeFailure): Answer {
  return { status: error.status, body: { error: error.body } };
}

/** `sk_test_sandbox` is the secret key; any other secret key is of another account. */
export function isSecretKey(key: string): boolean {
  return key === SECRET_KEY;
}
