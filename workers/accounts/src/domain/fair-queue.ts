// Who hashes next. One hash keeps the isolate's thread for its whole time, so hashes come one after the other, a rest between two of
// them, and the sites take queue, in each of them its client networks. Pure: the clock comes in, and nobody is woken. Who waits looks again by itself, because
// a request whose client has gone just stops looking. Times in milliseconds.

export interface QueueRules {
  /** Waiting requests at most, of all networks together. */
  readonly capacity: number;
  /** Who has waited this long gives up. */
  readonly maxWaitMs: number;
  /** How long the thread is left to other work after each hash. */
  readonly restMs: number;
}

/** Whoever is next and did not look for this long, the rest not counted, is passed over; it keeps its place. */
const SKIPPED_AFTER_MS = 100;
/** Who did not look for this long has gone. Longer than several hashes, during which nobody can look. */
const ABANDONED_AFTER_MS = 3_000;
/** How often the next one looks, and how long anybody sleeps at most. */
const POLL_EVERY_MS = 10;
const MAX_SLEEP_MS = 250;

/** One waiting request. */
export interface Ticket {
  readonly network: string;
  readonly joinedAt: number;
  polledAt: number;
}

/** `now`: it is this one's turn, and the ticket is used up. `refused`: no place any more, or waited too long. */
export type QueueState =
  | { readonly kind: "now" }
  | { readonly kind: "refused" }
  | { readonly kind: "wait"; readonly pollAgainInMs: number };

/** The lines of a site's networks. */
type Site = Map<string, Ticket[]>;

/**
 * What is likely one customer's: the /48 that an IPv6 network is in, of which one customer may have all 65,536 networks. An IPv4 address
 * is a site of its own.
 */
function siteOf(network: string): string {
  return network.endsWith("::/64") ? network.split(":").slice(0, 3).join(":") : network;
}

function waitingOf(site: Site): number {
  return [...site.values()].reduce((sum, line) => sum + line.length, 0);
}

function moveToEnd<T>(map: Map<string, T>, key: string): void {
  const value = map.get(key);
  if (value !== undefined && map.delete(key)) map.set(key, value);
}

export class FairQueue {
  readonly #rules: QueueRules;
  /** Who waits, by site and in it by network. Their order is the order of their queue. */
  readonly #sites = new Map<string, Site>();
  /** When the latest hash ended; undefined until somebody after it has read the clock, which stands still during a hash. */
  #endedAt: number | undefined = Number.NEGATIVE_INFINITY;

  constructor(rules: QueueRules) {
    this.#rules = rules;
  }

  get waiting(): number {
    return [...this.#sites.values()].reduce((sum, site) => sum + waitingOf(site), 0);
  }

  /**
   * A place in the network's line, or undefined where there is none. When all are taken, the site with most of them gives up the last of
   * its longest line, where it has two more than the asker's; else the longest line of all does, by the same rule.
   */
  join(network: string, now: number): Ticket | undefined {
    this.#dropAbandoned(now);
    if (this.waiting >= this.#rules.capacity && !this.#evictFor(network)) return undefined;
    const ticket = { network, joinedAt: now, polledAt: now };
    const site = this.#sites.get(siteOf(network)) ?? new Map<string, Ticket[]>();
    site.set(network, [...(site.get(network) ?? []), ticket]);
    this.#sites.set(siteOf(network), site);
    return ticket;
  }

  poll(ticket: Ticket, now: number): QueueState {
    const restsUntil = this.startRest(now) + this.#rules.restMs;
    const place = this.#lineOf(ticket.network).indexOf(ticket);
    if (place < 0) return { kind: "refused" };
    if (now - ticket.joinedAt >= this.#rules.maxWaitMs) {
      this.#remove(ticket);
      return { kind: "refused" };
    }
    ticket.polledAt = now;
    if (now >= restsUntil && this.#next(now) === ticket) {
      this.#remove(ticket);
      this.#rotate(ticket.network);
      this.#endedAt = undefined;
      return { kind: "now" };
    }
    const ahead = place + [...this.#sites.keys()].indexOf(siteOf(ticket.network));
    const sleep = Math.max(restsUntil - now, 0) + POLL_EVERY_MS + ahead * this.#rules.restMs;
    return { kind: "wait", pollAgainInMs: Math.min(sleep, MAX_SLEEP_MS) };
  }

  /** Begins the rest after a hash, once, and answers when it began. Comes after the thread was free: only then is the clock right. */
  startRest(now: number): number {
    this.#endedAt ??= now;
    return this.#endedAt;
  }

  /** The first in the order of turns who still looks. */
  #next(now: number): Ticket | undefined {
    const restsUntil = this.startRest(now) + this.#rules.restMs;
    const isPolled = ({ polledAt }: Ticket): boolean => now - Math.max(polledAt, restsUntil) < SKIPPED_AFTER_MS;
    for (const line of this.#lines()) {
      const first = line.find(isPolled);
      if (first !== undefined) return first;
    }
    return undefined;
  }

  /** All lines, in the order of their queue. */
  #lines(): Ticket[][] {
    return [...this.#sites.values()].flatMap((site) => [...site.values()]);
  }

  #lineOf(network: string): Ticket[] {
    return this.#sites.get(siteOf(network))?.get(network) ?? [];
  }

  #evictFor(network: string): boolean {
    const own = this.#sites.get(siteOf(network)) ?? new Map<string, Ticket[]>();
    const largest = [...this.#sites.values()].reduce((a, b) => (waitingOf(b) > waitingOf(a) ? b : a), own);
    const isOfOthers = waitingOf(largest) > waitingOf(own) + 1;
    const lines = isOfOthers ? [...largest.values()] : this.#lines();
    // Of lines as long, the one whose turn comes last.
    const longest = lines.reduce((a, b) => (b.length >= a.length ? b : a), []);
    const last = longest.at(-1);
    if (last === undefined || (!isOfOthers && longest.length <= this.#lineOf(network).length + 1)) return false;
    this.#remove(last);
    return true;
  }

  /** The next one of the network waits until all others of its site had their turn, and the site until all sites had. */
  #rotate(network: string): void {
    const site = this.#sites.get(siteOf(network));
    if (site === undefined) return;
    moveToEnd(site, network);
    moveToEnd(this.#sites, siteOf(network));
  }

  #remove(ticket: Ticket): void {
    const site = this.#sites.get(siteOf(ticket.network));
    const left = this.#lineOf(ticket.network).filter((other) => other !== ticket);
    if (left.length > 0) site?.set(ticket.network, left);
    else site?.delete(ticket.network);
    if (site?.size === 0) this.#sites.delete(siteOf(ticket.network));
  }

  #dropAbandoned(now: number): void {
    const gone = this.#lines()
      .flat()
      .filter(({ polledAt }) => now - polledAt > ABANDONED_AFTER_MS);
    for (const ticket of gone) this.#remove(ticket);
  }
}
