// Stands in for Twilio and for every push service: stores what the shop sends and refuses what they would refuse.
import { jwtVerify } from "jose";
import * as z from "zod";
import { base64urlDecode } from "#shared/base64url";
import { openPush } from "./browser.ts";
import type { Letter } from "./letter.ts";
import { lettersOf } from "./objects/letters.ts";

const TWILIO_HOST = "api.twilio.com";
const MESSAGES_PATH = /^\/2010-04-01\/Accounts\/(AC[^/]+)\/Messages\.json$/;
/** Twilio's test number for an invalid number (https://www.twilio.com/docs/iam/test-credentials). */
const INVALID_NUMBER = "+15005550001";
const MAX_SMS_CHARACTERS = 1_600;

/** A push service must accept this many bytes (RFC 8030, 7.2). */
const MAX_PUSH_BYTES = 4_096;
/** The longest lifetime of a VAPID token (RFC 8292, 2). */
const MAX_TOKEN_SECONDS = 24 * 60 * 60;

const Sms = z.object({ To: z.string().regex(/^\+[1-9]\d{6,14}$/), From: z.string().min(1), Body: z.string().min(1) });

const Claims = z.object({ exp: z.number(), sub: z.string().regex(/^(mailto:|https:)/) });
const PushText = z.object({ id: z.string(), title: z.string(), body: z.string() });

function newLetter(channel: Letter["channel"], over: Pick<Letter, "to" | "from" | "subject" | "text">): Letter {
  const id = `msg_${crypto.randomUUID().replaceAll("-", "")}`;
  return { id, channel, html: null, headers: {}, at: Date.now(), ...over };
}

function twilioRefusal(status: number, code: number, message: string): Response {
  return Response.json({ code, message, status }, { status });
}

async function receiveSms(request: Request, url: URL, env: MailboxEnv): Promise<Response> {
  const account = MESSAGES_PATH.exec(url.pathname)?.[1];
  if (request.method !== "POST" || account === undefined)
    return twilioRefusal(404, 20404, "The requested resource was not found");
  const credentials = atob(/^Basic (\S+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "");
  if (!credentials.startsWith(`${account}:`)) return twilioRefusal(401, 20003, "Authenticate");
  const form = Sms.safeParse(Object.fromEntries(await request.formData()));
  if (!form.success) return twilioRefusal(400, 21211, "Invalid 'To' Phone Number");
  const { To: to, From: from, Body: text } = form.data;
  if (to === INVALID_NUMBER) return twilioRefusal(400, 21211, "Invalid 'To' Phone Number");
  if (text.length > MAX_SMS_CHARACTERS) return twilioRefusal(400, 21617, "The concatenated message body is too long");
  const letter = newLetter("sms", { to, from, subject: "", text });
  await lettersOf(env).keep(letter);
  return Response.json({ sid: letter.id, status: "queued" }, { status: 201 });
}

/** The subject of a VAPID token (RFC 8292); undefined unless the token is valid for this service. */
async function vapidSubject(header: string | null, audience: string): Promise<string | undefined> {
  const [, token = "", publicKey = ""] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(header ?? "") ?? [];
  if (publicKey === "") return undefined;
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  try {
    const key = await crypto.subtle.importKey("raw", base64urlDecode(publicKey), curve, false, ["verify"]);
    const { payload } = await jwtVerify(token, key, { audience, algorithms: ["ES256"] });
    const { exp, sub } = Claims.parse(payload);
    return exp <= Date.now() / 1_000 + MAX_TOKEN_SECONDS ? sub : undefined;
  } catch {
    return undefined;
  }
}

async function decrypted(body: Uint8Array): Promise<z.output<typeof PushText> | undefined> {
  try {
    return PushText.parse(JSON.parse(await openPush(body)));
  } catch {
    // It is for a real browser, which alone can decrypt it.
    return undefined;
  }
}

async function receivePush(request: Request, url: URL, env: MailboxEnv): Promise<Response> {
  const [, answer] = url.pathname.split("/");
  if (answer === "gone") return new Response(null, { status: 410 });
  if (answer === "down") return new Response(null, { status: 503 });
  const from = await vapidSubject(request.headers.get("authorization"), url.origin);
  if (from === undefined) return new Response("the VAPID token is not valid", { status: 403 });
  const { headers } = request;
  if (headers.get("content-encoding") !== "aes128gcm" || !/^\d+$/.test(headers.get("ttl") ?? "")) {
    return new Response("TTL or Content-Encoding is missing", { status: 400 });
  }
  const body = new Uint8Array(await request.arrayBuffer());
  if (body.length > MAX_PUSH_BYTES) return new Response(null, { status: 413 });
  const push = await decrypted(body);
  const letter = newLetter("push", {
    to: url.href,
    from,
    subject: push?.title ?? "(encrypted for its browser)",
    text: push?.body ?? null,
  });
  await lettersOf(env).keep({ ...letter, headers: push === undefined ? {} : { "X-Notification-Id": push.id } });
  return new Response(null, { status: 201, headers: { location: `${url.origin}/messages/${letter.id}` } });
}

/** Answers a call of the shop's to a provider. */
export async function answerProviderCall(request: Request, env: MailboxEnv): Promise<Response> {
  const url = new URL(request.url);
  if (url.hostname === TWILIO_HOST) return await receiveSms(request, url, env);
  return request.method === "POST" ? await receivePush(request, url, env) : new Response(null, { status: 405 });
}
