// The app over stubbed peers, with real signatures: what a test does not stub fails the request.
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { SignJWT, exportJWK, generateKeyPair } from "jose";
import type { CryptoKey } from "jose";
import type { Role } from "#shared/call";
import type { PublicJwk } from "#shared/contracts/accounts";
import type { Cart } from "#shared/contracts/carts";
import type { Order } from "#shared/contracts/orders";
import { newId } from "#shared/ids";
import { ok } from "#shared/result";
import { stubOf } from "#shared/testkit/kit";
import { createApp } from "../src/app.ts";
import { depsOf, settingsOf } from "../src/deps.ts";
import type { Settings } from "../src/deps.ts";
import type { Peers } from "../src/peers.ts";

const ISSUER = "https://tradepost.example";
const AUDIENCE = "tradepost";
const ORIGIN = "https://api.test";

export interface Signer {
  readonly jwk: PublicJwk;
  readonly privateKey: CryptoKey;
}

export async function makeSigner(kid: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const { x = "" } = await exportJWK(publicKey);
  return { privateKey, jwk: { kty: "OKP", crv: "Ed25519", x, kid, alg: "EdDSA", use: "sig" } };
}

export const signer = await makeSigner("key-1");

export interface TokenOptions {
  readonly signer?: Signer;
  readonly audience?: string;
  readonly issuer?: string;
  readonly expiresInSeconds?: number;
  readonly claims?: Readonly<Record<string, unknown>>;
}

export async function tokenFor(role: Role, id: string = newId("usr"), options: TokenOptions = {}): Promise<string> {
  const by = options.signer ?? signer;
  const now = Math.floor(Date.now() / 1_000);
  return await new SignJWT({ role, email: `${id}@example.com`, name: "Test Person", ...options.claims })
    .setProtectedHeader({ alg: "EdDSA", kid: by.jwk.kid })
    .setSubject(id)
    .setIssuer(options.issuer ?? ISSUER)
    .setAudience(options.audience ?? AUDIENCE)
    .setIssuedAt(now)
    .setExpirationTime(now + (options.expiresInSeconds ?? 900))
    .sign(by.privateKey);
}

export type StubbedPeers = { readonly [Name in keyof Peers]?: Partial<Peers[Name]> };

export function stubPeers(peers: StubbedPeers): Peers {
  return {
    accounts: stubOf<Peers["accounts"]>({ jwks: async () => ok({ keys: [signer.jwk] }), ...peers.accounts }),
    catalog: stubOf<Peers["catalog"]>(peers.catalog ?? {}),
    orders: stubOf<Peers["orders"]>(peers.orders ?? {}),
    payments: stubOf<Peers["payments"]>(peers.payments ?? {}),
    inventory: stubOf<Peers["inventory"]>(peers.inventory ?? {}),
    notifications: stubOf<Peers["notifications"]>(peers.notifications ?? {}),
  };
}

export type Send = (
  path: string,
  init?: Omit<RequestInit, "headers"> & {
    readonly headers?: Readonly<Record<string, string>>;
    readonly json?: unknown;
  },
) => Promise<Response>;

const { limiters: _limiters, ...unlimited } = settingsOf(env);

/** A gateway of its own; nothing is limited unless `settings` says so. */
export function gateway(peers: StubbedPeers = {}, settings: Partial<Settings> = {}): Send {
  const app = createApp(depsOf(stubPeers(peers), { ...unlimited, ...settings }));
  return async (path, { json, headers, ...init } = {}) => {
    const request = new Request(new URL(path, ORIGIN), {
      ...init,
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      headers: { ...(json === undefined ? {} : { "content-type": "application/json" }), ...headers },
    });
    const ctx = createExecutionContext();
    const response = await app.fetch(request, env, ctx);
    await waitOnExecutionContext(ctx);
    return response;
  };
}

/** The members of a problem that tests look at. */
export async function problemOf(response: Response): Promise<Record<string, unknown> & { readonly code: string }> {
  return await response.json();
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

export const emptyCart: Cart = {
  id: "crt_1",
  version: 7,
  items: [],
  subtotal: 0,
  currency: "USD",
  itemCount: 0,
  expiresAt: "2026-11-23T00:00:00.000Z",
};

export const order: Order = {
  id: "ord_1",
  number: "T-1",
  customerId: null,
  status: "PENDING",
  subtotal: 100,
  discount: 0,
  shipping: 0,
  tax: 0,
  total: 100,
  currency: "USD",
  items: [],
  shippingAddress: { name: "A", line1: "B", city: "C", postalCode: "1", country: "US" },
  shippingMethod: "standard",
  paymentStatus: "NONE",
  stockStatus: "PENDING",
  paymentDueAt: "2026-11-23T00:00:00.000Z",
  history: [],
  refunds: [],
  createdAt: "2026-11-23T00:00:00.000Z",
  updatedAt: "2026-11-23T00:00:00.000Z",
};
