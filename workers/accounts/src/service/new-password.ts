// Which new passwords are refused because everybody tries them first: the 49,233 of @zxcvbn-ts/language-common, and what is known of
// the account and the shop.
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";

/** The shop's name, as a person would type it. */
const SHOP_NAME = "tradepost";

/** Two texts that a guesser takes for one. */
function normalized(text: string): string {
  return text.normalize("NFKC").toLowerCase().trim();
}

/** The list unpacks in some 40 ms and takes 4 MB, so an isolate has it from its first new password on. */
async function commonPasswords(): Promise<readonly string[]> {
  const { dictionary } = await import("@zxcvbn-ts/language-common");
  return dictionary["passwords-common"];
}

/** Whether it says only what the account or the shop is called, once or several times, with or without digits and signs. */
function isOnlyName(password: string, email: string): boolean {
  const [mailbox = ""] = email.split("@");
  const letters = (text: string): string => text.replaceAll(/[^\p{L}]/gu, "");
  const said = letters(password);
  return [email, mailbox, SHOP_NAME]
    .map((name) => letters(normalized(name)))
    .some((name) => name !== "" && said !== "" && said.replaceAll(name, "") === "");
}

/** Fails with validation_failed at `path`. */
export async function rejectEasyPassword(path: string, password: string, email: string): Promise<Outcome<null>> {
  const candidate = normalized(password);
  const common = (await commonPasswords()).includes(candidate);
  if (!common && !isOnlyName(candidate, email)) return ok(null);
  const message = common
    ? "is one of the passwords that are tried first; choose another, such as several words that do not belong together"
    : "is the name of the account or the shop; choose another, such as several words that do not belong together";
  return fail("validation_failed", "The password is too easy to guess.", { errors: [{ path, message }] });
}
