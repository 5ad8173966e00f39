// A queue that is fair to client networks: sites take turns, and within a site its networks do. It orders password hashes, which
// each occupy the isolate's one thread, and leaves a rest between two of them for other work. Pure: the caller passes the time.
// Requests poll; none is woken, because the runtime ends a request whose client has gone without telling the queue. Times in milliseconds.

export interface QueueRules {
  /** Waiting requests at most, over all networks. */
  readonly capacity: number;
  /** A request that has waited this long is refused. */
  readonly maxWaitMs: number;
  /** How long the thread is free for other work after each hash. */
  readonly restMs: number;
}

/** A request that has not polled for this long, not counting the rest, is skipped but keeps its place. */
const SKIPPED_AFTER_MS = 100;
/** A request that has not polled for this long is removed. Longer than several hashes, during which nothing can poll. */
const ABANDONED_AFTER_MS = 3_000;
/** The interval at which the next request polls. */
const POLL_EVERY_MS = 10;
/** The longest interval between two polls of a request. */
const MAX_SLEEP_MS = 250;

/** One waiting request. */
export interface Ticket {
  readonly network: string;
  readonly joinedAt: number;
  polledAt: number;
}

/** `now`: it is this request's turn, and its ticket is used up. `refused`: it was evicted, or has waited too long. */
export type QueueState =
  | { readonly kind: "now" }
  | { readonly kind: "refused" }
  | { readonly kind: "wait"; readonly pollAgainInMs: number };

/** The lines of a site, by network. */
type Site = Map<string, Ticket[]>;

/**
 * The networks that one customer probably owns. An IPv6 customer may have a whole /48, which is 65,536 networks of /64. An IPv4
 * address is a site of its own.
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
  /** Waiting requests by site, then by network. The order of both maps is the order of turns. */
  readonly #sites = new Map<string, Site>();
  /** When the latest hash ended. Undefined until the first poll after it, because the runtime's clock stands still during a hash. */
  #endedAt: number | undefined = Number.NEGATIVE_INFINITY;

  constructor(rules: QueueRules) {
    this.#rules = rules;
  }

  get waiting(): number {
    return [...this.#sites.values()].reduce((sum, site) => sum + waitingOf(site), 0);
  }

  /** Adds a request to its network's line, evicting another where the queue is full. Undefined when there is no place for it. */
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

  /** Begins the rest after a hash, once, and returns when it began. Call it after the thread was free: the clock is right again then. */
  startRest(now: number): number {
    this.#endedAt ??= now;
    return this.#endedAt;
  }

  /** The first request in the order of turns that still polls. */
  #next(now: number): Ticket | undefined {
    const restsUntil = this.startRest(now) + this.#rules.restMs;
    const isPolled = ({ polledAt }: Ticket): boolean => now - Math.max(polledAt, restsUntil) < SKIPPED_AFTER_MS;
    for (const line of this.#lines()) {
      const first = line.find(isPolled);
      if (first !== undefined) return first;
    }
    return undefined;
  }

  /** All lines, in the order of turns. */
  #lines(): Ticket[][] {
    return [...this.#sites.values()].flatMap((site) => [...site.values()]);
  }

  #lineOf(network: string): Ticket[] {
    return this.#sites.get(siteOf(network))?.get(network) ?? [];
  }

  /**
   * Makes room for a request of this network. The largest site loses the last request of its longest line if it has two more
   * than this site; otherwise the longest line of all loses its last one if it has two more than this network. False: nobody has.
   */
  #evictFor(network: string): boolean {
    const own = this.#sites.get(siteOf(network)) ?? new Map<string, Ticket[]>();
    const largest = [...this.#sites.values()].reduce((a, b) => (waitingOf(b) > waitingOf(a) ? b : a), own);
    const isOfOthers = waitingOf(largest) > waitingOf(own) + 1;
    const lines = isOfOthers ? [...largest.values()] : this.#lines();
    // Of equally long lines, the one whose turn comes last.
    const longest = lines.reduce((a, b) => (b.length >= a.length ? b : a), []);
    const last = longest.at(-1);
    if (last === undefined || (!isOfOthers && longest.length <= this.#lineOf(network).length + 1)) return false;
    this.#remove(last);
    return true;
  }

  /** After a turn, the network goes behind the others of its site, and the site behind the other sites. */
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
    const abandoned = this.#lines()
      .flat()
      .filter(({ polledAt }) => now - polledAt > ABANDONED_AFTER_MS);
    for (const ticket of abandoned) this.#remove(ticket);
  }
}
