// The low-stock digest: one mail to the admins about all products reported since the last digest.
import { StaleWrite } from "#shared/database";
import { newId } from "#shared/ids";
import { DIGEST_INTERVAL_MS } from "../constants.ts";
import { lowStockMessage } from "../domain/messages.ts";
import { insertDraft } from "../store/draft.ts";
import { pendingLowStock, writeDigest } from "../store/low-stock.ts";
import { claimedRows, compose } from "./compose.ts";
import type { NotificationsDeps } from "./deps.ts";
import { dispatch } from "./dispatch.ts";

/** The subject of a digest, where other messages have the id of an order or a user. */
const ABOUT = "low_stock";

/** Sends a digest if products are waiting and the last digest is old enough. Returns the number of products in it. */
export async function sendLowStockDigest(
  deps: NotificationsDeps,
  { everything }: { readonly everything: boolean },
): Promise<number> {
  const waiting = await pendingLowStock(deps);
  const { products, madeAt } = waiting;
  const isDue = everything || madeAt <= deps.now() - DIGEST_INTERVAL_MS;
  if (products.length === 0 || !isDue) return 0;
  const templates = await deps.templates.read(deps.db, deps.now());
  const event = { id: newId("evt"), subject: ABOUT };
  const draft = compose(event, lowStockMessage(products, deps.shop), templates, [...deps.senders.keys()]);
  try {
    const inserted = await writeDigest(deps, waiting, insertDraft(deps, draft));
    await dispatch(deps, claimedRows(deps, inserted));
    return products.length;
  } catch (error) {
    if (error instanceof StaleWrite) return 0;
    throw error;
  }
}
