// Verifies access tokens against the public keys of accounts, which the isolate keeps. A token that was verified before costs no call.
import { errors, importJWK, jwtVerify } from "jose";
import type { CryptoKey, JWTHeaderParameters } from "jose";
import type { User } from "#shared/call";
import { AccessTokenClaims } from "#shared/contracts/accounts";
import type { PublicJwk } from "#shared/contracts/accounts";
import { log } from "#shared/logger";
import { CLOCK_TOLERANCE_SECONDS, JWKS_MAX_AGE_MS, JWKS_MIN_REFETCH_MS, MAX_VERIFIED_TOKENS } from "../constants.ts";
import { PeerFailed } from "../peers.ts";

/** No `none` and nothing symmetric: a public key must never serve as an HMAC secret (RFC 8725, 3.1). */
const ALGORITHMS = ["EdDSA", "ES256"];

export interface TokenSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly now: () => number;
  /** Reads the keys from accounts. A throw is an outage. */
  readonly fetchKeys: () => Promise<readonly PublicJwk[]>;
}

class UnknownKey extends Error {}

/** Why a token is refused. `malformed`: not a JWT. `invalid`: wrong signature, issuer, audience or claims. */
export type TokenFault = "malformed" | "expired" | "invalid";

/** The fault that a verification error means; undefined when the error is not the token's. */
function faultOf(error: unknown): TokenFault | undefined {
  if (error instanceof errors.JWTExpired) return "expired";
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) return "malformed";
  // The crypto layer throws TypeError for a key that does not fit the header's algorithm.
  const isInvalid = error instanceof errors.JOSEError || error instanceof UnknownKey || error instanceof TypeError;
  return isInvalid ? "invalid" : undefined;
}

export class TokenVerifier {
  readonly #settings: TokenSettings;
  #keys = new Map<string, CryptoKey | Uint8Array>();
  #fetchedAt = Number.NEGATIVE_INFINITY;
  readonly #verified = new Map<string, { readonly user: User; readonly expiresAtMs: number }>();

  constructor(settings: TokenSettings) {
    this.#settings = settings;
  }

  /** The token's user, or why it is refused. Throws when the keys are needed and accounts is down. */
  async verify(token: string): Promise<User | TokenFault> {
    const now = this.#settings.now();
    const known = this.#verified.get(token);
    if (known !== undefined) {
      if (known.expiresAtMs > now) return known.user;
      this.#verified.delete(token);
    }
    try {
      const { payload } = await jwtVerify(token, (header) => this.#keyOf(header), {
        algorithms: ALGORITHMS,
        issuer: this.#settings.issuer,
        audience: this.#settings.audience,
        requiredClaims: ["exp", "sub"],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(now),
      });
      const claims = AccessTokenClaims.safeParse(payload);
      if (!claims.success) return "invalid";
      const { sub, role, email, name, email_verified: emailVerified } = claims.data;
      const user: User = { role, id: sub, email, name, emailVerified };
      this.#remember(token, user, ((payload.exp ?? 0) + CLOCK_TOLERANCE_SECONDS) * 1_000);
      return user;
    } catch (error) {
      const fault = faultOf(error);
      if (fault === undefined) throw error;
      return fault;
    }
  }

  #remember(token: string, user: User, expiresAtMs: number): void {
    if (this.#verified.size >= MAX_VERIFIED_TOKENS) {
      const oldest = this.#verified.keys().next();
      if (oldest.done !== true) this.#verified.delete(oldest.value);
    }
    this.#verified.set(token, { user, expiresAtMs });
  }

  async #keyOf({ kid }: JWTHeaderParameters): Promise<CryptoKey | Uint8Array> {
    if (kid === undefined) throw new UnknownKey();
    const age = this.#settings.now() - this.#fetchedAt;
    const isMissing = !this.#keys.has(kid);
    if (age > JWKS_MAX_AGE_MS || (isMissing && age > JWKS_MIN_REFETCH_MS)) await this.#refetch({ required: isMissing });
    const key = this.#keys.get(kid);
    if (key === undefined) throw new UnknownKey();
    return key;
  }

  async #refetch({ required }: { readonly required: boolean }): Promise<void> {
    try {
      const keys = await this.#settings.fetchKeys();
      const imported = await Promise.all(
        keys.map(async (jwk) => [jwk.kid, await importJWK({ ...jwk }, jwk.alg)] as const),
      );
      this.#keys = new Map(imported);
      this.#fetchedAt = this.#settings.now();
    } catch (error) {
      // Keys rotate rarely: while accounts is down, the known ones stay valid.
      if (required) throw new PeerFailed("the signing keys cannot be read", { cause: error });
      log("warn", "signing keys not refreshed", { error });
    }
  }
}
