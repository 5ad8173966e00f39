// The RPC surface of the notifications Worker: see shared/contracts/notifications.ts.
import { z } from "zod";
import type { Call } from "#shared/call";
import { ListNotificationsInput, ReadNotificationInput } from "#shared/contracts/notifications";
import type { Notification, NotificationsContract } from "#shared/contracts/notifications";
import { OrderNotificationsInput } from "#shared/contracts/notifications-overview";
import type { Outcome } from "#shared/errors";
import type { Page } from "#shared/paging";
import { serve } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { sweep } from "./scheduled.ts";
import { createDeps } from "./service/deps.ts";
import type { NotificationsDeps } from "./service/deps.ts";
import { metrics } from "./service/metrics.ts";
import { openFeed } from "./service/live.ts";
import { listNotifications, readNotification } from "./service/notifications.ts";
import { countUnread, listOrderNotifications } from "./service/overview.ts";

export class NotificationsRpc
  extends domainWorker<NotificationsEnv, NotificationsDeps>({ createDeps, sweep, metrics })
  implements NotificationsContract
{
  /** The live feed's upgrades, from the gateway only: see shared/sockets.ts. */
  override fetch(request: Request): Promise<Response> {
    return openFeed(createDeps(this.env, this.ctx), request);
  }

  listNotifications(call: Call, input: z.input<typeof ListNotificationsInput>): Promise<Outcome<Page<Notification>>> {
    const deps = createDeps(this.env, this.ctx);
    return serve(deps, "listNotifications", call, ListNotificationsInput, input, listNotifications);
  }

  readNotification(call: Call, input: z.input<typeof ReadNotificationInput>): Promise<Outcome<Notification>> {
    const deps = createDeps(this.env, this.ctx);
    return serve(deps, "readNotification", call, ReadNotificationInput, input, readNotification);
  }

  countUnread(call: Call): Promise<Outcome<number>> {
    return serve(createDeps(this.env, this.ctx), "countUnread", call, z.undefined(), undefined, countUnread);
  }

  listOrderNotifications(
    call: Call,
    input: z.input<typeof OrderNotificationsInput>,
  ): Promise<Outcome<readonly Notification[]>> {
    const deps = createDeps(this.env, this.ctx);
    return serve(deps, "listOrderNotifications", call, OrderNotificationsInput, input, listOrderNotifications);
  }
}
