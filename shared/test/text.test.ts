// The rule for a line of text, which holds for the names in mails.
import { describe, expect, it } from "vitest";
import { RegisterInput } from "#shared/contracts/accounts";
import { Address } from "#shared/contracts/orders";

const ADDRESS = { line1: "1 Main Street", city: "Springfield", postalCode: "12345", country: "US" };
const ACCOUNT = { email: "ada@example.com", password: "correct horse battery" };

function takes(name: string): boolean[] {
  return [Address.safeParse({ ...ADDRESS, name }).success, RegisterInput.safeParse({ ...ACCOUNT, name }).success];
}

describe("a name", () => {
  it.each(["Ada Lovelace", "Käthe", "李", "أحمد", "می‌خواهم", "O'Neil & 2 Sons 🙂"])("may be %j", (name) => {
    expect(takes(name)).toEqual([true, true]);
  });

  it.each(["A\nYou have won", "A\r\nBcc: b@example.com", "A\u2028B", "A\u202EB", "A\0", "\u200B", "🙂", " "])(
    "may not be %j",
    (name) => {
      expect(takes(name)).toEqual([false, false]);
    },
  );
});
