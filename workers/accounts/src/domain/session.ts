// How long a session lasts, and a user as the API returns one.
import type { User } from "#shared/contracts/accounts";
import { FAMILY_LIFE_MS, REFRESH_TOKEN_LIFE_MS } from "../constants.ts";

/** A stored user without the password hash, which no answer needs. Times in milliseconds since the epoch. */
export interface PublicUser extends Omit<User, "createdAt" | "emailVerified"> {
  readonly createdAt: number;
  readonly emailVerifiedAt: number | null;
}

/** In milliseconds since the epoch. */
export interface FamilyTimes {
  /** The end of the family's first refresh token. */
  readonly expiresAt: number;
  /** The end of the family, however often it is refreshed. */
  readonly endsAt: number;
}

/** The ends of a family that begins `now`, in milliseconds since the epoch. */
export function familyTimes(now: number): FamilyTimes {
  return { expiresAt: now + Math.min(REFRESH_TOKEN_LIFE_MS, FAMILY_LIFE_MS), endsAt: now + FAMILY_LIFE_MS };
}

export function renderUser({ id, email, name, role, createdAt, emailVerifiedAt }: PublicUser): User {
  const emailVerified = emailVerifiedAt !== null;
  return { id, email, name, role, createdAt: new Date(createdAt).toISOString(), emailVerified };
}
