// Routes a call of Stripe's API, by method and path, to the function that executes it.
import { approveAuthentication, confirmIntent, failAuthentication } from "./confirmations.ts";
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

/** One call, as the router passes it on. */
export interface ApiCall {
  readonly method: "GET" | "POST" | "DELETE";
  /** Without `/v1`, for example `/payment_intents/pi_1/capture`. */
  readonly path: string;
  readonly params: FormMap;
  readonly requestId: string;
  readonly idempotencyKey?: string;
  /** A publishable key may only read and confirm the intent whose client secret the call carries. */
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

/** The event types that a list is filtered by: one, in which `*` matches anything, or several full names. */
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

/** What a list is filtered by: types of events, or the intent of charges and refunds. */
function filterOf(session: Session, kind: Kind, params: FormMap): readonly string[] {
  if (kind === "event") return eventTypes(params);
  const intent = optionalText(params, "payment_intent");
  const charge = optionalText(params, "charge");
  if (charge === undefined) return intent === undefined ? [] : [intent];
  const found = session.store.get<{ id: string; created: number; payment_intent: string }>("charge", charge, "charge");
  if (intent !== undefined && intent !== found.payment_intent)
    throw invalid("The charge does not belong to this PaymentIntent.", "charge");
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

/** Members of an intent that are hidden from a publishable key. */
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

/** A browser proves that it may see an intent by the client secret; a wrong one reveals nothing about the intent. */
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

/** Runs one call. @throws StripeFailure for what Stripe refuses. */
export function perform(session: Session, call: ApiCall): Answer {
  for (const route of ROUTES) {
    const match = route.method === call.method ? route.pattern.exec(call.path) : null;
    // Stripe's search endpoint has the place of an id in the path, and the sandbox does not have it.
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

/** The buyer's decision on the bank's 3-D Secure page. */
export interface Authentication {
  /** The intent's client secret. */
  readonly secret: string;
  readonly isApproved: boolean;
}

/** Approves or fails the authentication of an intent. @throws StripeFailure when the secret is not the intent's. */
export function performAuthentication(session: Session, id: string, { secret, isApproved }: Authentication): Answer {
  checkClientSecret(session, id, { client_secret: secret });
  return browserAnswer(isApproved ? approveAuthentication(session, id) : failAuthentication(session, id));
}

/** A failure as an HTTP answer. */
export function failureAnswer(error: StripeFailure): Answer {
  return { status: error.status, body: { error: error.body } };
}

/** Whether this is the sandbox's one secret key. */
export function isSecretKey(key: string): boolean {
  return key === SECRET_KEY;
}
