// Every route of the public API.
import type { Route } from "./route.ts";
import { accountRoutes } from "./routes/accounts.ts";
import { cartRoutes } from "./routes/cart.ts";
import { catalogStaffRoutes } from "./routes/catalog-staff.ts";
import { catalogRoutes } from "./routes/catalog.ts";
import { deadLetterRoutes } from "./routes/dead-letters.ts";
import { documentRoutes } from "./routes/documents.ts";
import { eventRoutes } from "./routes/events.ts";
import { imageRoutes } from "./routes/images.ts";
import { inventoryRoutes } from "./routes/inventory.ts";
import { metricRoutes } from "./routes/metrics.ts";
import { notificationRoutes } from "./routes/notifications.ts";
import { operationRoutes } from "./routes/operations.ts";
import { orderStaffRoutes } from "./routes/orders-staff.ts";
import { orderRoutes } from "./routes/orders.ts";
import { overviewRoutes } from "./routes/overview.ts";
import { paymentRoutes } from "./routes/payments.ts";
import { taxonomyRoutes } from "./routes/taxonomy.ts";
import { templateRoutes } from "./routes/templates.ts";
import { userRoutes } from "./routes/users.ts";

const described: readonly Route[] = [
  ...accountRoutes,
  ...userRoutes,
  ...catalogRoutes,
  ...catalogStaffRoutes,
  ...taxonomyRoutes,
  ...cartRoutes,
  ...orderRoutes,
  ...orderStaffRoutes,
  ...paymentRoutes,
  ...inventoryRoutes,
  ...notificationRoutes,
  ...templateRoutes,
  ...overviewRoutes,
  ...eventRoutes,
  ...deadLetterRoutes,
  ...operationRoutes,
  ...metricRoutes,
  ...imageRoutes,
];

export const allRoutes: readonly Route[] = [...described, ...documentRoutes(described)];
