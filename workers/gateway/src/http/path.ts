// The failures of paths that lead nowhere. Each says enough to find the right path: an id of the wrong kind, a trailing slash.
import { fail } from "#shared/errors";
import type { IdPrefix } from "#shared/ids";

/** What each path parameter identifies, and the prefix of its ids. */
const KINDS: Readonly<Record<string, { readonly thing: string; readonly prefix: IdPrefix }>> = {
  orderId: { thing: "order", prefix: "ord" },
  productId: { thing: "product", prefix: "prd" },
  paymentId: { thing: "payment", prefix: "pay" },
  itemId: { thing: "cart line", prefix: "itm" },
  imageId: { thing: "image", prefix: "img" },
  notificationId: { thing: "notification", prefix: "ntf" },
  subscriptionId: { thing: "push subscription", prefix: "psh" },
  categoryId: { thing: "category", prefix: "cat" },
  brandId: { thing: "brand", prefix: "brd" },
  userId: { thing: "user", prefix: "usr" },
  // Reads accept a slug too: any text without an underscore.
  idOrSlug: { thing: "product", prefix: "prd" },
};

/** Whether the text is an id of another kind than the parameter takes. A slug has no underscore, so it never is. */
export function isOtherId(name: string, text: string): boolean {
  return Object.values(KINDS).some(({ prefix }) => prefix !== KINDS[name]?.prefix && text.startsWith(`${prefix}_`));
}

const OTHERS: Readonly<Record<string, string>> = {
  templateId: "There is no such template: an id is <kind>.<channel>.<locale>, for example welcome.email.en.",
  file: "There is no such file under this path.",
};

/** The failure of a path whose parameter `name` has a value that no id can have. */
export function noSuchThing(name: string): ReturnType<typeof fail> {
  const kind = KINDS[name];
  if (kind === undefined) return fail("not_found", OTHERS[name] ?? "There is nothing under this path.");
  const { thing, prefix } = kind;
  const article = /^[aeio]/.test(thing) ? "an" : "a";
  const detail = `There is no such ${thing}: ${article} ${thing}'s id begins with ${prefix}_ and has letters and digits after it.`;
  return fail(thing === "product" ? "product_not_found" : "not_found", detail);
}

/** A longer path is not repeated in the answer; none of ours is. */
const MAX_REPEATED_CHARACTERS = 200;

/** The failure of a path that no route has. Where only a trailing slash is wrong, it names the path without one. */
export function noSuchPath(path: string, exists: (path: string) => boolean): ReturnType<typeof fail> {
  const bare = path.replace(/\/+$/, "");
  const detail =
    bare !== path && path.length <= MAX_REPEATED_CHARACTERS && exists(bare)
      ? `There is no path with a slash at its end: this one is ${bare}.`
      : "There is no such path; GET /api/openapi.json lists them all, and /api/docs shows them.";
  return fail("not_found", detail);
}
