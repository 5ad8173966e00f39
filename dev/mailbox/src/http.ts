// The mailbox over HTTP: a page for people, JSON for programs. It has no sign-in: only the local door leads here.
import * as z from "zod";
import { subscriptionOf } from "./browser.ts";
import { lettersOf, MAX_LETTERS } from "./objects/letters.ts";
import { mailboxPage } from "./page.ts";

const DEFAULT_LIMIT = 100;
const BROWSER_PATH = "/push-subscription";

const Query = z.object({
  to: z.string().min(1).optional(),
  channel: z.enum(["email", "sms", "push"]).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LETTERS).default(DEFAULT_LIMIT),
});

/** Neither the page nor a mail in its frame, which inherits this policy, loads anything. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function refuse(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json({ status, detail }, { status, headers });
}

/** Browsers accept text/html; programs that want JSON do not. */
function wantsJson(request: Request): boolean {
  const accept = request.headers.get("accept") ?? "";
  return accept.includes("application/json") && !accept.includes("text/html");
}

async function list(request: Request, env: MailboxEnv): Promise<Response> {
  const query = Query.safeParse(Object.fromEntries(new URL(request.url).searchParams));
  if (!query.success) return refuse(400, z.prettifyError(query.error));
  const { to, channel, limit } = query.data;
  const letters = await lettersOf(env).list({ to, channel, limit });
  const headers = { "cache-control": "no-store", vary: "accept" };
  if (wantsJson(request)) {
    const items = letters.items.map((letter) => ({ ...letter, at: new Date(letter.at).toISOString() }));
    return Response.json({ items }, { headers });
  }
  return new Response(await mailboxPage(letters, to), {
    headers: {
      ...headers,
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": CONTENT_SECURITY_POLICY,
      "x-content-type-options": "nosniff",
      "referrer-policy": "same-origin",
    },
  });
}

const BrowserQuery = z.object({
  name: z.string().min(1).max(100).default("browser"),
  answer: z.enum(["created", "gone", "down"]).default("created"),
});

/** Answers a push subscription as a browser would. The mailbox can decrypt its pushes. */
function subscription(request: Request): Response {
  if (request.method !== "GET") return refuse(405, "Use GET.", { allow: "GET" });
  const query = BrowserQuery.safeParse(Object.fromEntries(new URL(request.url).searchParams));
  if (!query.success) return refuse(400, z.prettifyError(query.error));
  return Response.json(subscriptionOf(query.data.name, query.data.answer));
}

export async function handle(request: Request, env: MailboxEnv): Promise<Response> {
  if (new URL(request.url).pathname.endsWith(BROWSER_PATH)) return subscription(request);
  if (request.method === "GET" || request.method === "HEAD") return await list(request, env);
  if (request.method === "DELETE") {
    await lettersOf(env).clear();
    return new Response(null, { status: 204 });
  }
  return refuse(405, "Use GET or DELETE.", { allow: "GET, HEAD, DELETE" });
}
