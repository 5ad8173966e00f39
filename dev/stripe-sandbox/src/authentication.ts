// GET and POST of the 3-D Secure page. A browser posts the page's form and is redirected. A script posts the same form with
// `Accept: application/json` and gets the intent.
import { challengePage, outcomePage } from "./authentication-page.ts";
import { bodyText } from "./form.ts";
import type { Ledger } from "./objects/ledger.ts";
import { randomId } from "./ids.ts";
import type { PaymentIntent } from "./session.ts";

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  // With no-referrer a browser would post the form with `Origin: null`, which dev/front refuses as cross-site.
  "referrer-policy": "same-origin",
  // No form-action: browsers apply it to the redirect after the post too, and would block the shop's return_url.
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
};

/** The status of a declined card. */
const DECLINED = 402;

async function render(content: ReturnType<typeof challengePage>, status = 200): Promise<Response> {
  return new Response(String(await content), { status, headers: HEADERS });
}

function errorMessage(body: string): string {
  return (JSON.parse(body) as { error: { message: string } }).error.message;
}

export async function showAuthentication(url: URL, ledger: DurableObjectStub<Ledger>, id: string): Promise<Response> {
  const secret = url.searchParams.get("secret") ?? "";
  const { status, body } = await ledger.call({
    method: "GET",
    path: `/payment_intents/${id}`,
    params: { client_secret: secret },
    requestId: `req_${randomId(14)}`,
    publishable: true,
    publicUrl: url.origin,
  });
  if (status !== 200) return await render(outcomePage("Payment not found", errorMessage(body)), status);
  const intent = JSON.parse(body) as PaymentIntent;
  if (intent.status !== "requires_action") {
    return await render(outcomePage("Nothing to confirm", `This payment is not waiting for you: ${intent.status}.`));
  }
  return await render(challengePage(secret, intent.amount, intent.currency));
}

/** The intent in an answer. When the card was declined after the approval, it is inside the error. */
function intentOf(status: number, body: string): PaymentIntent {
  const answer = JSON.parse(body) as PaymentIntent & { readonly error: { readonly payment_intent: PaymentIntent } };
  return status === DECLINED ? answer.error.payment_intent : answer;
}

/** The shop's return_url with the parameters that Stripe adds. */
function returnLocation(intent: PaymentIntent, returnUrl: string, redirectStatus: "succeeded" | "failed"): string {
  const location = new URL(returnUrl);
  location.searchParams.set("payment_intent", intent.id);
  location.searchParams.set("payment_intent_client_secret", String(intent.client_secret));
  location.searchParams.set("redirect_status", redirectStatus);
  return location.href;
}

export async function answerAuthentication(
  request: Request,
  ledger: DurableObjectStub<Ledger>,
  id: string,
): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const form = new URLSearchParams((await bodyText(request)) ?? "");
  const outcome = form.get("outcome");
  const secret = form.get("secret") ?? searchParams.get("secret") ?? "";
  if (outcome !== "approve" && outcome !== "fail") {
    return await render(outcomePage("Not understood", "The form's outcome is approve or fail."), 400);
  }
  const isApproved = outcome === "approve";
  const { status, body, returnUrl } = await ledger.authenticate(id, { secret, isApproved }, `req_${randomId(14)}`);
  if (request.headers.get("accept")?.includes("application/json") === true) {
    return new Response(body, { status, headers: { "content-type": "application/json" } });
  }
  const isOver = status === 200 || status === DECLINED;
  if (isOver && returnUrl !== null) {
    const redirectStatus = isApproved && status === 200 ? "succeeded" : "failed";
    const location = returnLocation(intentOf(status, body), returnUrl, redirectStatus);
    return new Response(null, { status: 303, headers: { location } });
  }
  if (status !== 200) return await render(outcomePage("Payment not confirmed", errorMessage(body)), status);
  return await render(
    isApproved
      ? outcomePage("Payment confirmed", "The shop has been notified.")
      : outcomePage("Payment failed", "You can pay with another card."),
  );
}
