// Low stock as a digest: one mail to the admins about all products since the last one.
import { StaleWrite } from "#shared/database";
import { newId } from "#shared/ids";
import { DIGEST_INTERVAL_MS } from "../constants.ts";
import { lowStockMessage } from "../domain/messages.ts";
import { insertDraft, insertedOf } from "../store/draft.ts";
import { pendingLowStock, writeDigest } from "../store/low-stock.ts";
import { compose } from "./compose.ts";
import type { NotificationsDeps } from "./deps.ts";
import { dispatch } from "./dispatch.ts";

/** What a digest is about, where other messages name the id of an order or a user. */
const ABOUT = "low_stock";

/** Makes and sends a digest when there is something to tell and the last one is old enough. Returns how many products it tells of. */
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
    const { rows, templatesAsOf } = insertedOf(await writeDigest(deps, waiting, insertDraft(deps, draft)));
    deps.templates.noteChange(templatesAsOf);
    await dispatch(deps, rows);
    return products.length;
  } catch (error) {
    if (error instanceof StaleWrite) return 0;
    throw error;
  }
}
