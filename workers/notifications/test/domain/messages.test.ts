// Messages and their rendering, with the templates of the migrations.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserKind } from "#shared/contracts/notifications";
import { linesOfEvent } from "#shared/events/catalogue";
import type { OrderEventData, PaymentEventData } from "#shared/events/catalogue";
import { COMMANDS } from "#shared/events/commands";
import { FINAL_SEND_ERRORS, MAX_SEND_ATTEMPTS, SMS_MAX_CHARACTERS } from "../../src/constants.ts";
import { afterFailure } from "../../src/domain/delivery.ts";
import {
  READERS,
  cartMessage,
  lowStockMessage,
  orderMessage,
  paymentMessage,
  requestedMessage,
  welcomeMessage,
} from "../../src/domain/messages.ts";
import { kindOf } from "../../src/domain/kinds.ts";
import type { MessageContent } from "../../src/domain/messages.ts";
import { TemplateError, pickLocale, placeholdersOf, render } from "../../src/domain/template.ts";
import { templateFaults } from "../../src/domain/template-check.ts";
import type { Template } from "../../src/domain/template.ts";

const SHOP = { name: "Tradepost", adminEmail: "admin@example.com" };
const CUSTOMER = { id: "usr_1", email: "ada@example.com", name: "Ada", locale: "en", proven: true };

const ORDER: OrderEventData = {
  orderId: "ord_1",
  number: "TP-1",
  reservationOwner: "key",
  customer: CUSTOMER,
  ...linesOfEvent([{ productId: "prd_1", sku: "B8", name: "Bolt", quantity: 3, unitPrice: 1_250, lineTotal: 3_750 }]),
  currency: "USD",
  subtotal: 3_750,
  discount: 0,
  shipping: 1_000,
  tax: 0,
  total: 4_750,
  status: "PENDING",
  reason: null,
  reasonBy: "system",
  tracking: null,
  moneyAuthorized: false,
  counted: false,
};

const PAYMENT: PaymentEventData = {
  paymentId: "pay_1",
  orderId: "ord_1",
  orderNumber: "TP-1",
  customer: CUSTOMER,
  currency: "USD",
  amount: 4_750,
  amountCapturable: 0,
  amountCaptured: 4_750,
  amountRefunded: 1_000,
  status: "PARTIALLY_REFUNDED",
  version: 3,
  reason: "card_declined",
};

/** The templates of the migrations, read with SQLite, as in D1. */
function storedTemplates(): (Template & { readonly variables: readonly string[] })[] {
  const database = new DatabaseSync(":memory:");
  const directory = path.resolve(import.meta.dirname, "../../../../migrations/notification");
  for (const file of readdirSync(directory).toSorted()) {
    database.exec(readFileSync(path.join(directory, file), "utf8"));
  }
  const rows = database
    .prepare(
      "SELECT kind, channel, locale, subject, text_body AS textBody, html_body AS htmlBody, variables FROM templates",
    )
    .all();
  return rows.map((row) => ({
    ...row,
    variables: JSON.parse(String(row["variables"])) as string[],
  })) as unknown as ReturnType<typeof storedTemplates>;
}

function template(over: Partial<Template>): Template {
  return {
    kind: "test",
    channel: "email",
    locale: "en",
    subject: "S",
    textBody: "T",
    htmlBody: "<p>H</p>",
    ...over,
  };
}

const CART = {
  cartId: "crt_1",
  customer: CUSTOMER,
  lines: ORDER.lines,
  excerpt: ORDER.excerpt,
  subtotal: ORDER.subtotal,
  currency: "USD",
};

const MESSAGES: readonly MessageContent[] = [
  requestedMessage(
    { kind: "phone_code", recipient: CUSTOMER, variables: { code: "042917", expiresInMinutes: "10" } },
    SHOP,
  ),
  orderMessage("order_received", ORDER, SHOP),
  orderMessage("payment_received", ORDER, SHOP),
  orderMessage("order_shipped", ORDER, SHOP),
  orderMessage("order_tracking_changed", ORDER, SHOP),
  orderMessage("order_delivered", ORDER, SHOP),
  orderMessage("order_cancelled", ORDER, SHOP),
  paymentMessage("payment_refunded", PAYMENT, SHOP),
  paymentMessage("payment_failed", PAYMENT, SHOP),
  lowStockMessage([{ productId: "prd_1", sku: "B8", name: "Bolt", available: 2, threshold: 5 }], SHOP),
  welcomeMessage({ userId: "usr_1", email: "ada@example.com", name: "Ada", locale: "en" }, SHOP),
  ...[cartMessage(CART, SHOP)].filter((message) => message !== undefined),
  ...Object.entries(COMMANDS).map(([kind, names]) =>
    requestedMessage(
      {
        kind,
        recipient: kindOf(kind)?.audience === "admins" ? null : CUSTOMER,
        variables: Object.fromEntries(names.map((name) => [name, `the ${name}`])),
      },
      SHOP,
    ),
  ),
];

describe("the stored templates", () => {
  const templates = storedTemplates();

  it.each(MESSAGES.map((message) => [message.kind, message] as const))(
    "%s is rendered without gaps, on every channel and in every language",
    (kind, message) => {
      const own = templates.filter((stored) => stored.kind === kind);
      expect(
        own.some(({ channel, locale }) => channel === (kindOf(kind)?.channels[0] ?? "email") && locale === "en"),
      ).toBe(true);
      for (const stored of own) {
        for (const reader of READERS) {
          const { subject, text, html } = render(stored, message.variables(stored.locale, reader));
          for (const part of [subject, text, html]) expect(part).not.toMatch(/\{\{|\}\}|undefined|null|NaN/);
          expect(subject.length * text.length).toBeGreaterThan(0);
          expect(html === "").toBe(stored.channel !== "email");
        }
      }
    },
  );

  it("are all used, list the variables they use, and pass the check of edited templates", () => {
    expect(new Set(templates.map(({ kind }) => kind))).toEqual(new Set(MESSAGES.map(({ kind }) => kind)));
    for (const { kind, channel, locale, subject, textBody, htmlBody, variables } of templates) {
      const used = placeholdersOf(`${subject}${textBody}${htmlBody}`);
      expect(used.toSorted(), kind).toEqual([...variables].toSorted());
      const known = kindOf(kind);
      const faults =
        known === undefined ? ["no kind"] : templateFaults(known, channel, { subject, textBody, htmlBody });
      expect(faults, `${kind}.${channel}.${locale}`).toEqual([]);
      expect(known?.channels).toContain(channel);
    }
  });

  it("exist in German for every message to a customer", () => {
    const german = new Set(templates.filter(({ locale }) => locale === "de").map(({ kind }) => kind));
    for (const kind of UserKind.options) expect(german).toContain(kind);
  });
});

describe("messages", () => {
  it("format amounts in the order's currency with its exponent", () => {
    expect(orderMessage("order_received", ORDER, SHOP).variables("en", "proven")).toMatchObject({
      total: "$47.50",
      shipping: "$10.00",
      lines: "3 x Bolt (B8): $37.50",
    });
    expect(orderMessage("order_received", { ...ORDER, currency: "JPY" }, SHOP).variables("en", "proven")["total"]).toBe(
      "¥4,750",
    );
  });

  it("use the template's language and the reader's regional amounts", () => {
    const customer = { ...CUSTOMER, locale: "de-CH" };
    const { variables } = orderMessage("order_cancelled", { ...ORDER, customer, reason: "payment_timeout" }, SHOP);
    expect(variables("de", "proven")).toMatchObject({ reason: "sie wurde nicht rechtzeitig bezahlt" });
    expect(variables("de", "proven")["total"]).toContain("47.50");
    expect(variables("en", "proven")).toMatchObject({ reason: "it was not paid in time", total: "$47.50" });
    expect(orderMessage("x", ORDER, SHOP).variables("de", "proven")["total"]).toContain("47,50");
  });

  it("are not made for a guest's or an empty cart", () => {
    expect(cartMessage({ ...CART, customer: null }, SHOP)).toBeUndefined();
    expect(cartMessage({ ...CART, customer: { ...CUSTOMER, id: null } }, SHOP)).toBeUndefined();
    expect(cartMessage({ ...CART, lines: [] }, SHOP)).toBeUndefined();
  });

  it("accept a locale that is not a language tag", () => {
    const customer = { ...CUSTOMER, locale: "not a locale!" };
    expect(orderMessage("order_received", { ...ORDER, customer }, SHOP).variables("en", "proven")["total"]).toBe(
      "$47.50",
    );
  });

  it("translate reason codes and keep free text", () => {
    const reasonFor = (reason: string | null): string | undefined =>
      orderMessage("order_cancelled", { ...ORDER, reason, reasonBy: "buyer" }, SHOP).variables("en", "proven")[
        "reason"
      ];
    expect(reasonFor("payment_timeout")).toBe("it was not paid in time");
    expect(reasonFor("card_declined")).toBe("card declined");
    expect(reasonFor("I changed my mind")).toBe("I changed my mind");
    expect(reasonFor("constructor")).toBe("constructor");
    expect(reasonFor(null)).toBe("none given");
  });

  describe("to an unproven reader", () => {
    const WORDS = "see https://evil.example";
    const stranger = { id: null, email: "stranger@example.com", name: WORDS, locale: "en", proven: false };
    const cancelled = (over: Partial<OrderEventData>): string | undefined =>
      orderMessage("order_cancelled", { ...ORDER, customer: stranger, reason: WORDS, ...over }, SHOP).variables(
        "en",
        "unproven",
      )["reason"];

    it("contain no text of the buyer's, in every kind and language", () => {
      const order = { ...ORDER, customer: stranger, reason: WORDS, reasonBy: "buyer" as const };
      const payment = { ...PAYMENT, customer: stranger, reason: WORDS };
      const all = [
        ...["order_received", "payment_received", "order_shipped", "order_delivered", "order_cancelled"].map((kind) =>
          orderMessage(kind, order, SHOP),
        ),
        paymentMessage("payment_refunded", payment, SHOP),
        paymentMessage("payment_failed", payment, SHOP),
        welcomeMessage({ userId: "usr_1", email: stranger.email, name: WORDS, locale: "en" }, SHOP),
        cartMessage({ ...CART, customer: { ...stranger, id: "usr_1" } }, SHOP),
        ...["password_reset", "email_verification", "password_changed"].map((kind) =>
          requestedMessage({ kind, recipient: stranger, variables: { link: "https://shop.example" } }, SHOP),
        ),
      ];
      for (const message of all) {
        for (const locale of ["en", "de"]) {
          expect(JSON.stringify(message?.variables(locale, "unproven")), message?.kind).not.toContain("evil");
        }
      }
    });

    it("give the reasons of staff and the system, and replace the buyer's", () => {
      expect(cancelled({ reasonBy: "buyer" })).toBe("it was cancelled by the person who ordered");
      expect(cancelled({ reasonBy: "staff", reason: "Sold out" })).toBe("Sold out");
      expect(cancelled({ reasonBy: "system", reason: "payment_timeout" })).toBe("it was not paid in time");
    });

    it("greet without a name, in the template's language", () => {
      const { variables } = orderMessage("order_received", { ...ORDER, customer: stranger }, SHOP);
      expect(variables("en", "unproven")).toMatchObject({ greeting: "Hello", name: "customer" });
      expect(variables("de", "unproven")).toMatchObject({ greeting: "Guten Tag", name: "Kundin oder Kunde" });
    });
  });

  it("name carrier, number and link of the shipment", () => {
    const tracking = { carrier: "UPS", number: "1Z9", url: "https://example.com/1Z9" };
    expect(orderMessage("order_shipped", { ...ORDER, tracking }, SHOP).variables("en", "proven")["tracking"]).toBe(
      "UPS, tracking number 1Z9\nhttps://example.com/1Z9",
    );
  });

  it("by command have the command's variables and the reader's name", () => {
    const data = { kind: "x", recipient: CUSTOMER, variables: { code: "1" } };
    const message = requestedMessage(data, SHOP);
    expect(message).toMatchObject({ kind: "x", userId: "usr_1" });
    expect(message.variables("en", "proven")).toEqual({
      name: "Ada",
      greeting: "Hello Ada",
      shopName: "Tradepost",
      code: "1",
    });
  });
});

describe("rendering", () => {
  it("escapes any text in html", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        const { html, text } = render(template({ htmlBody: "{{v}}", textBody: "{{ v }}" }), { v: value });
        expect(html).not.toMatch(/[<>"']/);
        expect(text).toBe(value);
      }),
    );
  });

  it("keeps a subject on one line", () => {
    expect(render(template({ subject: "Hi {{v}}" }), { v: "A\r\nBcc: b@example.com" }).subject).toBe(
      "Hi A Bcc: b@example.com",
    );
  });

  it.each([
    ["used and missing", template({ textBody: "{{v}}" }), {}],
    ["inherited only", template({ textBody: "{{toString}}" }), {}],
    ["not readable", template({ htmlBody: "{{v" }), { v: "x" }],
    ["not a name", template({ subject: "{{1 + 1}}" }), { v: "x" }],
  ])("refuses a placeholder that is %s", (_name, broken, variables) => {
    expect(() => render(broken, variables)).toThrow(TemplateError);
  });

  it("uses the reader's locale, then its language, then English", () => {
    const localeFor = (locale: string): string | undefined => pickLocale(["en", "de", "de-AT"], locale);
    expect(["de-at", "de-CH", "fr", "en-GB", ""].map(localeFor)).toEqual(["de-AT", "de", "en", "en", "en"]);
    expect(pickLocale(["de"], "fr")).toBeUndefined();
  });

  it("cuts long text messages, never inside a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 300, maxLength: 900 }), (value) => {
        const { text } = render(template({ channel: "sms", textBody: "{{v}}" }), { v: value });
        expect(text.length).toBeLessThanOrEqual(SMS_MAX_CHARACTERS);
        expect(value.startsWith(text.replace(/…$/, ""))).toBe(true);
      }),
    );
    expect(render(template({ channel: "sms", textBody: "{{v}}" }), { v: "😀".repeat(400) }).text).toBe(
      `${"😀".repeat(239)}…`,
    );
  });
});

describe("after a failed attempt", () => {
  it("the pause grows up to ten minutes, and the last attempt fails the message", () => {
    const error = new Error("down");
    const tries = Array.from({ length: MAX_SEND_ATTEMPTS }, (_unused, index) =>
      afterFailure({ id: "ntf_1", attempts: index + 1 }, error, 0, () => 1),
    );
    expect(tries.slice(0, 3).map(({ nextAttemptAt }) => nextAttemptAt)).toEqual([2_000, 4_000, 8_000]);
    expect(Math.max(...tries.map(({ nextAttemptAt }) => nextAttemptAt))).toBe(600_000);
    expect(tries.map(({ status }) => status)).toEqual([
      ...Array.from({ length: MAX_SEND_ATTEMPTS - 1 }, () => "pending"),
      "failed",
    ]);
  });

  it("a final refusal fails the message at once", () => {
    for (const code of FINAL_SEND_ERRORS) {
      const error = Object.assign(new Error("no"), { code });
      expect(afterFailure({ id: "ntf_1", attempts: 1 }, error, 0)).toMatchObject({
        status: "failed",
        error: `${code}: no`,
      });
    }
  });
});
