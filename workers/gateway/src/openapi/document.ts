// The OpenAPI 3.1 document, made from the routes and schemas that serve the requests, with an example of each call.
import { tagOf } from "../http/etag.ts";
import { EXAMPLES } from "./examples.ts";
import { HEADERS } from "./headers.ts";
import { operationOf } from "./operation.ts";
import { Schemas } from "./schemas.ts";
import type { Json } from "./schemas.ts";
import { WEBHOOK_PATH, webhookOperation } from "./webhook.ts";
import type { Route, Tag } from "../route.ts";

const HABITS = `A shop for other businesses: accounts, catalog, carts, orders, payments with Stripe, stock and messages.

- **Bodies** are JSON in UTF-8. Unknown members of a body or a query are refused. Answers may get more members later.
- **Money** is an integer in the currency's minor unit (cents), with a \`currency\` (ISO 4217).
- **Times** are ISO 8601 in UTC with milliseconds.
- **Ids** have a prefix for their kind: \`usr_\`, \`prd_\`, \`ord_\`. They sort by creation time.
- **Lists** take \`limit\` and \`cursor\` and answer \`items\` and \`nextCursor\`, which is null on the last page.
- **Failures** are \`application/problem+json\` (RFC 9457). Branch on \`code\`, which never changes; show \`detail\` to people.
- **Retries** are safe with an \`Idempotency-Key\` where an operation takes one. 429 and 503 say in \`Retry-After\` when to retry.
- **Concurrent changes** are detected by \`ETag\` and \`If-Match\` where an operation takes it.`;

const TAGS: Readonly<Record<Tag, string>> = {
  Accounts: "Signing up, signing in, sessions, and users as admins see them.",
  Catalog: "Products, categories, brands and pictures: public reads, staff's writes.",
  Cart: "The cart of a user, or of a guest by X-Cart-Token.",
  Orders: "Quotes, orders, their status and tracking, and refunds of their lines.",
  Payments: "Paying an order with Stripe, capturing and refunding.",
  Inventory: "Stock levels, the ledger and reservations.",
  Notifications: "Messages to users, their preferences, and the templates.",
  Operations: "For operators: health, events, audit, findings, dead letters and metrics.",
};

const SECURITY_SCHEMES = {
  accessToken: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "From register, login or refresh." },
  metricsToken: {
    type: "http",
    scheme: "bearer",
    description: "METRICS_TOKEN, with which a scraper reads the metrics.",
  },
  orderToken: {
    type: "http",
    scheme: "bearer",
    description: "A guest's token of one order, from the answer that created it.",
  },
};

/** The document as text, with a strong tag. */
export async function openApiDocument(
  routes: readonly Route[],
): Promise<{ readonly text: string; readonly etag: string }> {
  const schemas = new Schemas();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const operation = operationOf(route, EXAMPLES[route.operationId] ?? {}, schemas);
    paths[route.path] = { ...paths[route.path], [route.method]: operation };
  }
  paths[WEBHOOK_PATH] = { post: webhookOperation(schemas) };
  const text = schemas.complete((components) => ({
    openapi: "3.1.0",
    info: {
      title: "Tradepost",
      version: "1",
      summary: "A commerce backend for businesses that sell to businesses",
      description: HABITS,
      contact: { name: "Tradepost" },
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "The shop that serves this document" }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: components, headers: HEADERS, securitySchemes: SECURITY_SCHEMES },
  }));
  return { text, etag: await tagOf(text) };
}
