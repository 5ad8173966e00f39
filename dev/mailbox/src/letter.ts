// What the mailbox keeps of a message, on whatever channel it came.

export type Channel = "email" | "sms" | "push";

export interface Letter {
  readonly id: string;
  readonly channel: Channel;
  /** Addresses, joined by ", "; a phone number; a push endpoint. */
  readonly to: string;
  /** `Name <address>`, or the address alone. */
  readonly from: string;
  readonly subject: string;
  readonly text: string | null;
  readonly html: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** When it came, in milliseconds since the epoch. */
  readonly at: number;
}

/** What of the mailbox somebody wants to see. */
export interface LetterQuery {
  /** Only what went to this address, whatever its case. */
  readonly to: string | undefined;
  readonly channel: Channel | undefined;
  readonly limit: number;
}

export interface LetterList {
  /** Newest first. */
  readonly items: readonly Letter[];
  /** How many match, shown or not. */
  readonly total: number;
}
