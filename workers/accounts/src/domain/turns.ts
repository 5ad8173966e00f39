// Who hashes next. One hash keeps the isolate's thread for its whole time, so hashes come one after the other, a rest between two of
// them, and the client networks take turns. Pure: the clock comes in, and nobody is woken. Who waits looks again by itself, because
// a request whose client has gone just stops looking. Times in milliseconds.

export interface TurnRules {
  /** Waiting requests at most, of all networks together. */
  readonly places: number;
  /** Who has waited this long gives up. */
  readonly waitMs: number;
  /** How long the thread is left to other work after each hash. */
  readonly restMs: number;
}

/** Whoever is next and did not look for this long, the rest not counted, is passed over; it keeps its place. */
const PASSED_OVER_AFTER_MS = 100;
/** Who did not look for this long has gone. Longer than several hashes, during which nobody can look. */
const GONE_AFTER_MS = 3_000;
/** How often the next one looks, and how long anybody sleeps at most. */
const LOOK_EVERY_MS = 10;
const MAX_SLEEP_MS = 250;

/** One waiting request. */
export interface Ticket {
  readonly network: string;
  readonly joinedAt: number;
  seenAt: number;
}

/** `now`: it is this one's turn, and the ticket is used up. `refused`: no place any more, or waited too long. */
export type Look =
  | { readonly kind: "now" }
  | { readonly kind: "refused" }
  | { readonly kind: "wait"; readonly lookAgainInMs: number };

export class Turns {
  readonly #rules: TurnRules;
  /** Who waits, by network. The order of the networks is the order of their turns. */
  readonly #lines = new Map<string, Ticket[]>();
  /** When the latest hash ended; undefined until somebody after it has read the clock, which stands still during a hash. */
  #endedAt: number | undefined = Number.NEGATIVE_INFINITY;

  constructor(rules: TurnRules) {
    this.#rules = rules;
  }

  get waiting(): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + line.length, 0);
  }

  /** A place in the network's line, or undefined where there is none. When all are taken, the longest line gives up its last. */
  join(network: string, now: number): Ticket | undefined {
    this.#dropGone(now);
    const own = this.#lines.get(network) ?? [];
    if (this.waiting >= this.#rules.places) {
      const longest = [...this.#lines.values()].reduce((a, b) => (b.length > a.length ? b : a), own);
      if (longest.length <= own.length + 1) return undefined;
      longest.pop();
    }
    const ticket = { network, joinedAt: now, seenAt: now };
    own.push(ticket);
    this.#lines.set(network, own);
    return ticket;
  }

  look(ticket: Ticket, now: number): Look {
    const restsUntil = this.startRest(now) + this.#rules.restMs;
    const line = this.#lines.get(ticket.network) ?? [];
    const place = line.indexOf(ticket);
    if (place < 0) return { kind: "refused" };
    if (now - ticket.joinedAt >= this.#rules.waitMs) {
      this.#remove(ticket);
      return { kind: "refused" };
    }
    ticket.seenAt = now;
    if (now >= restsUntil && this.#next(now) === ticket) {
      this.#remove(ticket);
      // The network's next one waits until all others had their turn.
      if (this.#lines.delete(ticket.network) && line.length > 0) this.#lines.set(ticket.network, line);
      this.#endedAt = undefined;
      return { kind: "now" };
    }
    const ahead = place + [...this.#lines.keys()].indexOf(ticket.network);
    const sleep = Math.max(restsUntil - now, 0) + LOOK_EVERY_MS + ahead * this.#rules.restMs;
    return { kind: "wait", lookAgainInMs: Math.min(sleep, MAX_SLEEP_MS) };
  }

  /** Begins the rest after a hash, once, and answers when it began. Comes after the thread was free: only then is the clock right. */
  startRest(now: number): number {
    this.#endedAt ??= now;
    return this.#endedAt;
  }

  /** The first in the order of turns who still looks. */
  #next(now: number): Ticket | undefined {
    const restsUntil = this.startRest(now) + this.#rules.restMs;
    const looks = ({ seenAt }: Ticket): boolean => now - Math.max(seenAt, restsUntil) < PASSED_OVER_AFTER_MS;
    for (const line of this.#lines.values()) {
      const first = line.find(looks);
      if (first !== undefined) return first;
    }
    return undefined;
  }

  #remove(ticket: Ticket): void {
    const line = this.#lines.get(ticket.network) ?? [];
    const place = line.indexOf(ticket);
    if (place >= 0) line.splice(place, 1);
    if (line.length === 0) this.#lines.delete(ticket.network);
  }

  #dropGone(now: number): void {
    const gone = [...this.#lines.values()].flat().filter(({ seenAt }) => now - seenAt > GONE_AFTER_MS);
    for (const ticket of gone) this.#remove(ticket);
  }
}
