// Rejects new passwords that a guesser tries first: the 49,233 of @zxcvbn-ts/language-common, and the names of the account and the shop.
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";

/** The shop's name, as a person would type it. */
const SHOP_NAME = "tradepost";

function normalized(text: string): string {
  return text.normalize("NFKC").toLowerCase().trim();
}

/** Imported at the isolate's first new password and not at its start: it takes some 40 ms and 4 MB. */
async function commonPasswords(): Promise<readonly string[]> {
  const { dictionary } = await import("@zxcvbn-ts/language-common");
  return dictionary["passwords-common"];
}

/** Whether the letters of a password are only the name of the account or the shop, once or repeated. */
function isOnlyName(password: string, email: string): boolean {
  const [mailbox = ""] = email.split("@");
  const lettersOf = (text: string): string => text.replaceAll(/[^\p{L}]/gu, "");
  const letters = lettersOf(password);
  return [email, mailbox, SHOP_NAME]
    .map((name) => lettersOf(normalized(name)))
    .some((name) => name !== "" && letters !== "" && letters.replaceAll(name, "") === "");
}

/** Fails with validation_failed at `path`. */
export async function rejectEasyPassword(path: string, password: string, email: string): Promise<Outcome<null>> {
  const candidate = normalized(password);
  const isCommon = (await commonPasswords()).includes(candidate);
  if (!isCommon && !isOnlyName(candidate, email)) return ok(null);
  const message = isCommon
    ? "is one of the passwords that attackers try first; choose another, such as several unrelated words"
    : "is the name of the account or the shop; choose another, such as several unrelated words";
  return fail("validation_failed", "The password is too easy to guess.", { errors: [{ path, message }] });
}
