// Health, and the keys that verify access tokens.
import * as z from "zod";
import type { Call } from "#shared/call";
import { ok } from "#shared/result";
import type { GatewayDeps } from "../deps.ts";
import { DOMAIN_WORKERS } from "#shared/workers";
import { withDeadline } from "../peers.ts";
import type { DomainWorker } from "#shared/workers";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

const ServiceHealth = z
  .object({
    status: z.enum(["up", "down"]).describe("`up`: it answers and reaches its database."),
    latencyMs: z.int().describe("Milliseconds until it answered or timed out."),
    database: z
      .enum(["up", "down"])
      .nullable()
      .describe("Whether it reaches its database. Null when it does not answer."),
  })
  .meta({ id: "ServiceHealth", description: "The state of one part of the shop." });
type ServiceHealth = z.infer<typeof ServiceHealth>;
const Health = z
  .object({
    status: z.enum(["ok", "degraded"]).describe("`ok`: every part is up. `degraded`: some part is down."),
    services: z.record(z.string(), ServiceHealth).describe("Each part of the shop by its name."),
  })
  .meta({ id: "Health", description: "The state of the shop." });

const Jwks = z
  .object({
    keys: z
      .array(
        z.object({
          kty: z.string().describe("The kind of key."),
          crv: z.string().describe("The curve."),
          x: z.string().describe("The public key in base64url."),
          kid: z.string().describe("The key's id, as a token's header names it."),
          alg: z.string().describe("The algorithm that it signs with."),
          use: z.literal("sig").describe("Its use: signatures."),
        }),
      )
      .describe("The keys that access tokens may be signed with: the current, the next and the last one."),
  })
  .meta({ id: "Jwks", description: "Public keys in the format of RFC 7517." });

/** How long verifiers may cache the keys. Accounts publishes a key for longer than this before it signs with it. */
const JWKS_CACHE_CONTROL = "public, max-age=300";

/** A Worker that does not reach its database counts as down; `database` says why. */
async function healthOf(deps: GatewayDeps, call: Call, name: DomainWorker): Promise<ServiceHealth> {
  const { now, partDeadlineMs } = deps.settings;
  const startedAt = now();
  const database = await withDeadline(deps[name].health(call), partDeadlineMs).then(
    (answer) => (answer.ok ? answer.value.database : null),
    () => null,
  );
  return { status: database === "up" ? "up" : "down", latencyMs: now() - startedAt, database };
}

export const operationRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/health",
    operationId: "getHealth",
    tag: "Operations",
    summary: "The state of each part; always 200",
    access: "public",
    limit: "read",
    anyQuery: true,
    answers: { 200: Health },
    errors: [],
    handle: async (deps, { call }) => {
      const parts = await Promise.all(
        DOMAIN_WORKERS.map(async (name) => [name, await healthOf(deps, call, name)] as const),
      );
      const isUp = parts.every(([, { status }]) => status === "up");
      return replyWith(200, ok({ status: isUp ? "ok" : "degraded", services: Object.fromEntries(parts) }));
    },
  }),
  route({
    method: "get",
    path: "/.well-known/jwks.json",
    operationId: "getJwks",
    tag: "Operations",
    summary: "The keys that access tokens are signed with",
    access: "public",
    limit: "read",
    answers: { 200: Jwks },
    errors: [],
    handle: async ({ accounts }, { call }) =>
      replyWith(200, await accounts.jwks(call), { "cache-control": JWKS_CACHE_CONTROL }),
  }),
];
