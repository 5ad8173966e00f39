// A simple model of one product's stock, which the Stock object is compared with.
import { RETENTION_MS } from "../src/constants.ts";

export const OPENING = 12;

/** As UNPROVEN_SHARE_PERCENT of the Worker under test. */
const SHARE = 0.25;

type State = "none" | "held" | "reserved" | "consumed" | "released";
interface Entry {
  readonly state: State;
  readonly quantity: number;
  /** When a hold expires, and when the entry last changed. */
  readonly until: number;
  readonly at: number;
  /** Whether it counts toward the share of buyers without proof. */
  readonly counted: boolean;
}
const NONE: Entry = { state: "none", quantity: 0, until: 0, at: 0, counted: true };

/** Each method returns whether the command is accepted. */
export class Model {
  onHand = OPENING;
  readonly entries = new Map<number, Entry>();
  readonly returns = new Map<string, { owner: number; quantity: number; shelved: boolean; at: number }>();

  entry(owner: number): Entry {
    const entry = this.entries.get(owner) ?? NONE;
    return entry.state === "held" && entry.until <= Date.now() ? { ...entry, state: "none" } : entry;
  }

  /** The sum of live entries that `which` selects, leaving out the owner `without`. */
  #sum(which: (entry: Entry) => boolean, without?: number): number {
    return [...this.entries.keys()]
      .filter((owner) => owner !== without)
      .map((owner) => this.entry(owner))
      .filter((entry) => (entry.state === "held" || entry.state === "reserved") && which(entry))
      .reduce((sum, { quantity }) => sum + quantity, 0);
  }

  get taken(): number {
    return this.#sum(() => true);
  }

  get takenCounted(): number {
    return this.#sum(({ counted }) => counted);
  }

  /** Whether this quantity may count. The share is of what is on hand less what others take without counting. */
  #fitsShare(owner: number, quantity: number, minimum: number): boolean {
    const own = this.entry(owner);
    const has = own.state === "held" || own.state === "reserved" ? own.quantity : 0;
    if (has > 0 && own.counted && quantity <= has) return true;
    const open = this.onHand - this.#sum(({ counted }) => !counted, owner);
    const share = Math.max(1, minimum, Math.floor(open * SHARE));
    const left = Math.min(share - this.#sum(({ counted }) => counted, owner), this.#room(owner));
    return quantity === 0 || (left >= minimum && quantity <= left);
  }

  #set(owner: number, state: State, quantity: number, until = 0, counted = this.entry(owner).counted): void {
    this.entries.set(owner, { state, quantity, until, at: Date.now(), counted });
  }

  stopCounting(owner: number): void {
    const { state, quantity, until } = this.entry(owner);
    if (state !== "consumed" && state !== "released") this.#set(owner, state, quantity, until, false);
  }

  #room(owner: number): number {
    const { state, quantity } = this.entry(owner);
    return this.onHand - this.taken + (state === "held" || state === "reserved" ? quantity : 0);
  }

  #ordered(owner: number, quantity: number): number {
    const early = [...this.returns.values()].filter((one) => one.owner === owner && !one.shelved);
    return Math.max(0, quantity - early.reduce((sum, one) => sum + one.quantity, 0));
  }

  hold(owner: number, quantity: number, until: number, wanted: { counted: boolean; minimum: number }): boolean {
    const own = this.entry(owner);
    if (own.state === "consumed" || own.state === "released") return false;
    if (own.state !== "none" && own.quantity !== quantity) return false;
    const counted = wanted.counted && own.counted;
    if (own.state === "none" && quantity > this.#room(owner)) return false;
    if (own.state === "none" && counted && !this.#fitsShare(owner, quantity, wanted.minimum)) return false;
    if (own.state !== "reserved") this.#set(owner, "held", quantity, Math.max(own.until, until), counted);
    return true;
  }

  undo(owner: number): void {
    const own = this.entry(owner);
    if (own.state === "held") this.#set(owner, "none", 0, 0, own.counted);
  }

  reserve(owner: number, ordered: number, wanted: { counted: boolean }): boolean {
    const quantity = this.#ordered(owner, ordered);
    const own = this.entry(owner);
    if (own.state === "consumed" || (own.state === "reserved" && own.quantity === quantity)) return true;
    if (own.state === "released" || quantity > this.#room(owner)) return false;
    const counted = wanted.counted && own.counted;
    if (counted && !this.#fitsShare(owner, quantity, quantity)) return false;
    this.#set(owner, "reserved", quantity, 0, counted);
    return true;
  }

  consume(owner: number, ordered: number): boolean {
    const own = this.entry(owner);
    if (own.state === "consumed") return true;
    const quantity = own.state === "reserved" ? own.quantity : this.#ordered(owner, ordered);
    if (quantity > this.#room(owner)) return false;
    this.#set(owner, "consumed", quantity);
    this.onHand -= quantity;
    return true;
  }

  release(owner: number): number {
    const { state, quantity } = this.entry(owner);
    if (state === "consumed" || state === "released") return 0;
    this.#set(owner, "released", quantity);
    return state === "none" ? 0 : quantity;
  }

  takeBack(owner: number, quantity: number, id: string, { shipped }: { shipped: boolean }): void {
    if (this.returns.has(id)) return;
    const own = this.entry(owner);
    const shelved = own.state === "consumed" || (own.state !== "reserved" && shipped);
    this.returns.set(id, { owner, quantity, shelved, at: Date.now() });
    if (shelved) this.onHand += quantity;
    else if (own.state === "reserved") this.#set(owner, "reserved", Math.max(0, own.quantity - quantity));
  }

  adjust(delta: number): boolean {
    if (this.onHand - this.taken + delta < 0) return false;
    this.onHand += delta;
    return true;
  }

  count(counted: number): boolean {
    return this.adjust(counted - this.onHand);
  }

  /**
   * Removes finished entries after their retention. A hold that was live at `leapedFrom` (ms) has only now been marked expired, and
   * is remembered from now on.
   */
  forget(leapedFrom: number): void {
    const before = Date.now() - RETENTION_MS;
    for (const [owner, { state, at, until, counted }] of this.entries) {
      if (state === "held" && until > leapedFrom) this.#set(owner, "none", 0, 0, counted);
      else if (state !== "reserved" && at < before) this.entries.delete(owner);
    }
    for (const [id, { owner, at }] of this.returns) {
      if (at < before && this.entry(owner).state !== "reserved" && this.entry(owner).state !== "held")
        this.returns.delete(id);
    }
  }
}
