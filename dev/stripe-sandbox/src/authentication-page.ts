// The HTML of the bank's 3-D Secure page, as a test double: two buttons, no script, no external resources.
import { html } from "hono/html";
import { formatMoney } from "#shared/money";

type Html = ReturnType<typeof html>;

function page(title: string, body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          body {
            font:
              16px/1.5 system-ui,
              sans-serif;
            max-width: 26rem;
            margin: 4rem auto;
            padding: 0 1rem;
            color: #1a1f36;
          }
          form {
            display: inline-block;
            margin-right: 0.5rem;
          }
          button {
            font: inherit;
            padding: 0.5rem 1rem;
            border: 1px solid #8792a2;
            border-radius: 0.4rem;
            background: #fff;
            cursor: pointer;
          }
          button.primary {
            background: #1f5fbf;
            border-color: #1f5fbf;
            color: #fff;
          }
          small {
            color: #697386;
          }
        </style>
      </head>
      <body>
        ${body}
      </body>
    </html>`;
}

function choice(secret: string, outcome: "approve" | "fail", label: string, kind: string): Html {
  return html`<form method="post">
    <input type="hidden" name="secret" value="${secret}" /><input
      type="hidden"
      name="outcome"
      value="${outcome}"
    /><button class="${kind}">${label}</button>
  </form>`;
}

export function challengePage(secret: string, amount: number, currency: string): Html {
  return page(
    "3-D Secure (sandbox)",
    html`<h1>Confirm your payment</h1>
      <p>
        Your bank asks you to confirm the payment of <strong>${formatMoney(amount, currency.toUpperCase())}</strong>.
      </p>
      <p>${choice(secret, "approve", "Approve", "primary")}${choice(secret, "fail", "Fail", "")}</p>
      <p><small>This is the local Stripe sandbox. No money moves.</small></p>`,
  );
}

export function outcomePage(title: string, detail: string): Html {
  return page(
    title,
    html`<h1>${title}</h1>
      <p>${detail}</p>
      <p><small>You can close this page.</small></p>`,
  );
}
