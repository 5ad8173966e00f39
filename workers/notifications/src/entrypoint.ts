// The RPC surface of the notifications Worker: see shared/contracts/notifications.ts.
import type { z } from "zod";
import type { Call } from "#shared/call";
import { ListNotificationsInput, ReadNotificationInput } from "#shared/contracts/notifications";
import type { Notification, NotificationsContract } from "#shared/contracts/notifications";
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
}
