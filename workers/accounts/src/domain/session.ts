// How long a sign-in lasts: each refresh token its own while, the family never beyond its absolute end.
import { FAMILY_LIFE_MS, REFRESH_TOKEN_LIFE_MS } from "../constants.ts";

export interface FamilyTimes {
  /** The end of the token that begins the family. */
  readonly expiresAt: number;
  /** No refresh reaches beyond this. */
  readonly endsAt: number;
}

/** Milliseconds since the epoch. */
export function familyTimes(now: number): FamilyTimes {
  return { expiresAt: now + Math.min(REFRESH_TOKEN_LIFE_MS, FAMILY_LIFE_MS), endsAt: now + FAMILY_LIFE_MS };
}
