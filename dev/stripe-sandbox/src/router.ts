// The stateless HTTP layer in front of the Ledger object: API keys, form bodies and headers.
import type { ApiCall } from "./api.ts";
import { isSecretKey } from "./api.ts";
import { answerAuthentication, showAuthentication } from "./authentication.ts";
import { API_VERSION, MAX_IDEMPOTENCY_KEY_LENGTH } from "./constants.ts";
import { StripeFailure, invalid, unauthorized, unrecognizedUrl } from "./failure.ts";
import { FaultsChange } from "./faults.ts";
import { bodyText, parseForm } from "./form.ts";
import type { FormMap } from "./form.ts";
import { randomId } from "./ids.ts";
import type { Ledger, LedgerAnswer } from "./objects/ledger.ts";

/** The sandbox is one Stripe account, so there is one object. */
export function ledgerOf(env: SandboxEnv): DurableObjectStub<Ledger> {
  return env.LEDGER.getByName("stripe");
}

/** Stripe's API allows any origin, because Stripe.js runs on the shop's. */
const CORS = { "access-control-allow-origin": "*", "access-control-expose-headers": "Request-Id, Stripe-Version" };
const PREFLIGHT = {
  ...CORS,
  "access-control-allow-methods": "GET, POST, DELETE",
  "access-control-allow-headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
  "access-control-max-age": "300",
};

/** The key of a Bearer or Basic credential; Basic carries it as the user name. */
function apiKey(request: Request): string | undefined {
  const [, scheme, value] = /^(Bearer|Basic) +(\S+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
  if (scheme === undefined || value === undefined) return undefined;
  if (scheme.toLowerCase() === "bearer") return value;
  try {
    return atob(value).split(":")[0];
  } catch {
    return undefined;
  }
}

/** Whether the key is a publishable one. @throws StripeFailure (401) without a key and for an unknown one. */
function publishable(request: Request): boolean {
  const key = apiKey(request);
  if (key === undefined || key === "") {
    throw unauthorized(
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    );
  }
  if (key.startsWith("pk_test_")) return true;
  if (!isSecretKey(key)) throw unauthorized(`Invalid API Key provided: ${key.slice(0, 8)}****${key.slice(-4)}`);
  return false;
}

async function params(request: Request, url: URL): Promise<FormMap> {
  if (request.method !== "POST") return parseForm(url.search);
  const text = await bodyText(request);
  if (text === undefined)
    throw new StripeFailure(413, { type: "invalid_request_error", message: "Request body too large." });
  const type = request.headers.get("content-type") ?? "";
  if (text !== "" && !type.startsWith("application/x-www-form-urlencoded")) {
    throw invalid(`Invalid request (check that your POST content type is application/x-www-form-urlencoded).`);
  }
  return { ...parseForm(url.search), ...parseForm(text) };
}

/** The method of a call. @throws StripeFailure for an unknown method and an idempotency key that is too long. */
function methodOf(request: Request, path: string): ApiCall["method"] {
  const { method } = request;
  if (method !== "GET" && method !== "POST" && method !== "DELETE") throw unrecognizedUrl(method, path);
  const key = request.headers.get("idempotency-key") ?? "";
  if (key.length > MAX_IDEMPOTENCY_KEY_LENGTH) {
    throw new StripeFailure(400, {
      type: "idempotency_error",
      message: "Keys for idempotent requests are at most 255 characters long.",
    });
  }
  return method;
}

function apiResponse(request: Request, requestId: string, { status, body, originalRequest }: LedgerAnswer): Response {
  const key = request.headers.get("idempotency-key");
  return new Response(body, {
    status,
    headers: {
      ...CORS,
      "content-type": "application/json",
      "cache-control": "no-cache, no-store",
      "request-id": requestId,
      "stripe-version": request.headers.get("stripe-version") ?? API_VERSION,
      ...(key === null ? {} : { "idempotency-key": encodeURI(key) }),
      ...(originalRequest === undefined ? {} : { "original-request": originalRequest, "idempotent-replayed": "true" }),
    },
  });
}

/** A call of Stripe's API. With `answers: drop_after` this throws, which the caller sees as a broken connection. */
async function callApi(request: Request, url: URL, env: SandboxEnv): Promise<Response> {
  const requestId = `req_${randomId(14)}`;
  let answer: LedgerAnswer;
  try {
    const method = methodOf(request, url.pathname);
    const isPublishable = publishable(request);
    const idempotencyKey = request.headers.get("idempotency-key");
    answer = await ledgerOf(env).call({
      method,
      path: url.pathname.slice("/v1".length),
      params: await params(request, url),
      requestId,
      publishable: isPublishable,
      // A browser's request has this server's real origin. The shop's server calls a made-up host over its binding.
      publicUrl: isPublishable ? url.origin : env.PUBLIC_URL,
      ...(idempotencyKey === null || idempotencyKey === "" ? {} : { idempotencyKey }),
    });
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
    answer = { status: error.status, body: JSON.stringify({ error: error.body }) };
  }
  if (answer.dropped === true) throw new Error("the fault switch drop_after broke the connection");
  return apiResponse(request, requestId, answer);
}

async function faults(request: Request, env: SandboxEnv): Promise<Response> {
  const ledger = ledgerOf(env);
  if (request.method === "GET") return Response.json(await ledger.faults());
  if (request.method !== "POST") return new Response(null, { status: 405, headers: { allow: "GET, POST" } });
  const change = FaultsChange.safeParse(await request.json().catch(() => null));
  if (change.success) return Response.json(await ledger.setFaults(change.data));
  const message = change.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  return Response.json({ error: { type: "invalid_request_error", message } }, { status: 400 });
}

/** A JSON body as a form would carry it; null when it is not an object of texts and numbers. */
function formOf(json: unknown): FormMap | null {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return null;
  const members = Object.entries(json).filter(([, value]) => value !== null && value !== undefined);
  if (!members.every(([, value]) => typeof value === "string" || typeof value === "number")) return null;
  return Object.fromEntries(members.map(([name, value]) => [name, String(value)]));
}

/** A dashboard action, with a JSON body or a form. It needs no key: the dashboard is for whoever uses this machine. */
async function dashboard(request: Request, url: URL, env: SandboxEnv): Promise<Response> {
  if (request.method !== "POST") return new Response(null, { status: 405, headers: { allow: "POST" } });
  const requestId = `req_${randomId(14)}`;
  const text = (await bodyText(request)) ?? "";
  const isJson = request.headers.get("content-type")?.includes("json") === true || text.startsWith("{");
  let answer: LedgerAnswer;
  try {
    const form = isJson ? formOf(JSON.parse(text === "" ? "{}" : text)) : parseForm(text);
    if (form === null) throw invalid("The body is a JSON object of texts and numbers.");
    answer = await ledgerOf(env).dashboard(url.pathname.slice("/dashboard".length), form, requestId);
  } catch (error) {
    const failure = error instanceof SyntaxError ? invalid("The body is not JSON.") : error;
    if (!(failure instanceof StripeFailure)) throw error;
    answer = { status: failure.status, body: JSON.stringify({ error: failure.body }) };
  }
  return apiResponse(request, requestId, answer);
}

/** Answers everything under `/_stripe`. dev/front has removed that prefix from the path. */
export async function route(request: Request, env: SandboxEnv): Promise<Response> {
  const url = new URL(request.url);
  if (url.pathname === "/faults") return await faults(request, env);
  if (url.pathname.startsWith("/dashboard/")) return await dashboard(request, url, env);
  const authentication = /^\/3ds\/([^/]+)$/.exec(url.pathname)?.[1];
  if (authentication !== undefined) {
    return request.method === "POST"
      ? await answerAuthentication(request, ledgerOf(env), authentication)
      : await showAuthentication(url, ledgerOf(env), authentication);
  }
  if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: PREFLIGHT });
  if (url.pathname.startsWith("/v1/")) return await callApi(request, url, env);
  const error = unrecognizedUrl(request.method, url.pathname);
  return apiResponse(request, `req_${randomId(14)}`, { status: 404, body: JSON.stringify({ error: error.body }) });
}
