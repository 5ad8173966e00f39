// The key that mails to one mailbox are counted by.
import { expect, it } from "vitest";
import { emailKey } from "../../src/domain/ceilings.ts";

it.each([
  ["ada@example.com", "Ada@EXAMPLE.com"],
  ["ada@example.com", " ada@example.com "],
  ["ada@example.com", "ada+shop@example.com"],
  ["adalovelace@gmail.com", "Ada.Love.lace+1@gmail.com"],
  ["adalovelace@gmail.com", "ada.lovelace@googlemail.com"],
])("%s and %s share a key", (one, other) => {
  expect(emailKey(other)).toBe(emailKey(one));
});

it.each([
  ["ada@example.com", "ada@example.org"],
  ["ada@example.com", "a.da@example.com"],
  ["ada@example.com", "eve@example.com"],
])("%s and %s have different keys", (one, other) => {
  expect(emailKey(other)).not.toBe(emailKey(one));
});
