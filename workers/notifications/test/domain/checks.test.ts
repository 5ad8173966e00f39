// Checks of untrusted input: push addresses, templates and language tags.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Locale } from "#shared/contracts/notifications";
import { SMS_TEMPLATE_MAX_CHARACTERS } from "../../src/constants.ts";
import { kindOf } from "../../src/domain/kinds.ts";
import type { Kind } from "../../src/domain/kinds.ts";
import { htmlFault, templateFaults } from "../../src/domain/template-check.ts";
import { isPushEndpoint } from "../../src/domain/web-push.ts";

function kind(name: string): Kind {
  const found = kindOf(name);
  if (found === undefined) throw new Error(`no kind ${name}`);
  return found;
}

describe("a push address", () => {
  it.each([
    "https://fcm.googleapis.com/fcm/send/abc:def",
    "https://updates.push.services.mozilla.com/wpush/v2/x",
    "https://web.push.apple.com/QO",
    "https://wns2-par02p.notify.windows.com:443/w/?token=x",
  ])("%s is accepted", (address) => {
    expect(isPushEndpoint(address)).toBe(true);
  });

  it.each([
    "http://push.example/x",
    "https://localhost/x",
    "https://a.localhost/x",
    "https://printer.local/x",
    "https://db.internal/x",
    "https://router.home.arpa./x",
    "https://intranet/x",
    "https://127.0.0.1/x",
    "https://2130706433/x",
    "https://0x7f.1/x",
    "https://127.1/x",
    "https://0177.0.0.1/x",
    "https://10.0.0.1/x",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/x",
    "https://[fd00::1]/x",
    "https://１２７.0.0.1/x",
    "https://user:pass@push.example/x",
    "https://push.example:8443/x",
    "ftp://push.example/x",
    "javascript:alert(1)",
    "//push.example/x",
    "",
  ])("%s is refused", (address) => {
    expect(isPushEndpoint(address)).toBe(false);
  });
});

describe("html of a template", () => {
  it.each([
    "<p>Hello {{name}}, 1 &lt; 2</p><br><hr/>",
    '<a href="https://shop.example/a?b=c" title="x">shop</a> <a href="mailto:shop@example.com">mail</a>',
    '<a href="{{link}}">here</a>',
    '<table width="100"><tr><td align="left" style="color: #333">x</td></tr></table>',
    '<img src="https://shop.example/logo.png" alt="logo">',
    "no tag at all > here",
  ])("%s is accepted", (html) => {
    expect(htmlFault(html)).toBeUndefined();
  });

  it.each([
    "<script>alert(1)</script>",
    "<SCRIPT src=x>",
    '<p onclick="x()">x</p>',
    "<p onclick=x>x</p>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" javascript:alert(1)">x</a>',
    '<a href="{{name}}">x</a>',
    '<a href="https://shop.example/{{link}}">x</a>',
    '<a href="http://shop.example/">x</a>',
    "<a href='https://shop.example'>x</a>",
    '<img src="{{link}}">',
    '<img src="data:image/svg+xml,x">',
    '<p title="{{name}}">x</p>',
    '<p style="background: url(https://x)">x</p>',
    '<p style="position: fixed">x</p>',
    "<iframe></iframe>",
    '<form action="https://x"><input></form>',
    "<style>p { color: red }</style>",
    "<!-- x -->",
    "<p",
    "1 < 2",
    "<{{name}}>",
    "<svg onload=alert(1)>",
  ])("%s is refused", (html) => {
    expect(htmlFault(html)).toBeTypeOf("string");
  });

  it("is checked in linear time, whatever it contains", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("<", ">", '"', "p", " ", "a=", "/", "{{", "}}"), { maxLength: 500 }),
        (parts) => {
          htmlFault(parts.join(""));
        },
      ),
    );
    const startedAt = performance.now();
    htmlFault(`<p${' a="x"'.repeat(8_000)}`);
    htmlFault("<".repeat(50_000));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

describe("a template", () => {
  const good = { subject: "Order {{orderNumber}}", textBody: "Hello {{name}}", htmlBody: "<p>Hello {{name}}</p>" };
  const faults = (name: string, channel: "email" | "sms" | "push", over: Partial<typeof good>): string[] =>
    templateFaults(kind(name), channel, { ...good, ...over }).map(({ path, message }) => `${path}: ${message}`);

  it("without faults is accepted", () => {
    expect(faults("order_received", "email", {})).toEqual([]);
    expect(faults("order_received", "sms", { htmlBody: "" })).toEqual([]);
  });

  it.each([
    [{ textBody: "{{nmae}}" }, /^textBody: unknown variable nmae; this kind has .*name.*orderNumber/],
    [{ subject: "{{constructor}}" }, /^subject: unknown variable constructor/],
    [{ htmlBody: "<p>{{link}}</p>" }, /^htmlBody: unknown variable link/],
    [{ textBody: "{{name" }, /^textBody: not a placeholder/],
    [{ subject: "two\nlines" }, /^subject: is more than one line/],
    [{ htmlBody: "" }, /^htmlBody: a mail needs html/],
    [{ htmlBody: "<script>" }, /^htmlBody: <script> is not allowed/],
  ])("of a mail with %j is refused", (over, message) => {
    expect(faults("order_received", "email", over)).toEqual([expect.stringMatching(message)]);
  });

  it("has to fit its channel", () => {
    expect(faults("order_received", "sms", {})).toEqual(["htmlBody: sms has no html"]);
    const textBody = "x".repeat(SMS_TEMPLATE_MAX_CHARACTERS + 1);
    expect(faults("order_received", "sms", { htmlBody: "", textBody })).toEqual([
      `textBody: has more than the ${String(SMS_TEMPLATE_MAX_CHARACTERS)} characters of sms`,
    ]);
  });

  it("must contain its required variables", () => {
    const over = { subject: "Reset", textBody: "Hello {{name}}" };
    expect(faults("password_reset", "email", over)).toEqual([
      "textBody: must contain {{link}}",
      "htmlBody: must contain {{link}}",
    ]);
  });
});

it("a language tag is accepted and made canonical", () => {
  expect(Locale.parse("DE-at")).toBe("de-AT");
  for (const tag of ["", "d", "de_AT", "de-", '"', "en; DROP"]) expect(Locale.safeParse(tag).success).toBe(false);
});
