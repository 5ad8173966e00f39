// Sessions: an access token that anybody can verify for a short time, and a refresh token that is valid once.
import { SignJWT } from "jose";
import type * as z from "zod";
import type { Call } from "#shared/call";
import type { RefreshInput, Session } from "#shared/contracts/accounts";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { randomToken, sha256Hex } from "#shared/hash";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { ACCESS_TOKEN_LIFE_SECONDS } from "../constants.ts";
import { renderUser } from "../domain/session.ts";
import type { PublicUser } from "../domain/session.ts";
import { endFamilyOf, rotateToken } from "../store/sessions.ts";
import type { AccountsDeps } from "./deps.ts";
import type { SigningKey } from "./key-cache.ts";
import { SIGNING_ALGORITHM, signingKey } from "./keys.ts";

/** Signs an access token and returns the whole session. The refresh token must be stored already. */
export async function renderSession(
  deps: AccountsDeps,
  key: SigningKey,
  row: PublicUser,
  refreshToken: string,
): Promise<Session> {
  const user = renderUser(row);
  const issuedAt = Math.floor(deps.now() / 1_000);
  const accessToken = await new SignJWT({
    role: user.role,
    email: user.email,
    name: user.name,
    email_verified: user.emailVerified,
  })
    .setProtectedHeader({ alg: SIGNING_ALGORITHM, kid: key.kid, typ: "JWT" })
    .setSubject(user.id)
    .setIssuer(deps.issuer)
    .setAudience(deps.audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ACCESS_TOKEN_LIFE_SECONDS)
    .sign(key.privateKey);
  return { user, accessToken, refreshToken, expiresIn: ACCESS_TOKEN_LIFE_SECONDS };
}

export async function refresh(
  deps: AccountsDeps,
  _call: Call,
  input: z.output<typeof RefreshInput>,
): Promise<Outcome<Session>> {
  // Read the signing key first: if that fails, the client's refresh token is still valid.
  const key = await signingKey(deps);
  const next = randomToken();
  const rotation = await rotateToken(deps, await sha256Hex(input.refreshToken), await sha256Hex(next));
  if (rotation.kind === "rotated") return ok(await renderSession(deps, key, rotation.user, next));
  if (rotation.kind === "invalid") {
    return fail("refresh_token_invalid", "The refresh token is not valid. Sign in again.");
  }
  log("warn", "refresh token reused; its family has ended", { familyId: rotation.familyId });
  return fail("refresh_token_reused", "The refresh token was used before. Sign in again.");
}

export async function logout(
  deps: AccountsDeps,
  _call: Call,
  input: z.output<typeof RefreshInput>,
): Promise<Outcome<null>> {
  await endFamilyOf(deps, await sha256Hex(input.refreshToken));
  return ok(null);
}
