// What the gateway's combined answers ask of notifications: how much a user has not read, and what was said about one order.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import type { Notification } from "./notifications.ts";

export const OrderNotificationsInput = z.object({
  orderId: idSchema("ord"),
  /** Whose order it is; the gateway has it from orders. */
  customerId: z.string().max(60),
});

export interface NotificationsOverviewContract {
  /** Messages that the caller has not read; one that went out on several channels counts once. */
  countUnread(call: Call): Promise<Outcome<number>>;
  /** What the customer was told about an order, newest first: for the customer and for admins; empty for anybody else. */
  listOrderNotifications(
    call: Call,
    input: z.input<typeof OrderNotificationsInput>,
  ): Promise<Outcome<readonly Notification[]>>;
}
