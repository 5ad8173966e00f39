// The parts of a message that operators may read.
import { describe, expect, it } from "vitest";
import { redactEnvelope } from "../events/commands.ts";

const SECRET = "a-token-that-lets-its-reader-in";

function envelope(data: unknown, type = "NOTIFICATION_SEND"): string {
  return JSON.stringify({ specversion: "1.0", id: "evt_1", type, source: "tradepost/accounts", data });
}

describe("a message's envelope", () => {
  const variables = { link: `https://shop.example/#token=${SECRET}`, token: SECRET };

  it.each([
    ["whole", { kind: "password_reset", recipient: { id: "usr_1" }, variables }],
    ["without its recipient", { kind: "email_verification", variables }],
    ["of a kind that another version knows", { kind: "sign_in_link", variables }],
    ["of no kind", { variables }],
    ["whose variables are a text", { kind: "password_reset", variables: SECRET }],
    ["whose variables are a list", { kind: "password_reset", variables: [SECRET] }],
  ])("that is confidential, %s, shows no variable", (_name, data) => {
    const shown = redactEnvelope(envelope(data));
    expect(shown).not.toContain(SECRET);
    expect(JSON.parse(shown)).toMatchObject({ id: "evt_1", type: "NOTIFICATION_SEND" });
  });

  it.each([
    ["a message that is not", envelope({ kind: "dispute_opened", variables })],
    ["any other event", envelope({ kind: "password_reset", variables }, "ORDER_CREATED")],
    ["no event", '"x"'],
  ])("is returned unchanged: %s", (_name, text) => {
    expect(redactEnvelope(text)).toBe(text);
  });
});
