// A message as the mailbox stores it, on any channel.

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
  /** When it arrived, in milliseconds since the epoch. */
  readonly at: number;
}

export interface LetterQuery {
  /** Only messages to this address, ignoring case. */
  readonly to: string | undefined;
  readonly channel: Channel | undefined;
  readonly limit: number;
}

export interface LetterList {
  /** Newest first. */
  readonly items: readonly Letter[];
  /** The number of matches, not limited. */
  readonly total: number;
}
