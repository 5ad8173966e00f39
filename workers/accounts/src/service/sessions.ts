// What a signed-in client holds: a short access token that anybody can verify, and a refresh token that is good once.
import { SignJWT } from "jose";
import type { Call } from "#shared/call";
import type { RefreshInput, Session, User } from "#shared/contracts/accounts";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { randomToken, sha256Hex } from "#shared/hash";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import type { z } from "zod";
import { ACCESS_TOKEN_LIFE_SECONDS } from "../constants.ts";
import type { UserRow } from "../schema.ts";
import { endFamilyOf, rotate } from "../store/sessions.ts";
import type { AccountsDeps } from "./deps.ts";
import type { SigningKey } from "./key-cache.ts";
import { SIGNING_ALGORITHM, signingKey } from "./keys.ts";

export function renderUser({ id, email, name, role, createdAt, emailVerifiedAt }: Omit<UserRow, "passwordHash">): User {
  const emailVerified = emailVerifiedAt !== null;
  return { id, email, name, role, createdAt: new Date(createdAt).toISOString(), emailVerified };
}

/** Signs an access token and puts the session together. The refresh token must be stored already. */
export async function renderSession(
  deps: AccountsDeps,
  key: SigningKey,
  row: Omit<UserRow, "passwordHash">,
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
  // The key comes first: if it cannot be had, the client's token is not spent.
  const key = await signingKey(deps);
  const next = randomToken();
  const rotation = await rotate(deps, await sha256Hex(input.refreshToken), await sha256Hex(next));
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
