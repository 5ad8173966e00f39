// The commands of people and sweeps: which of them moves an order, and why another is refused. Events have a table of their own in
// order.ts.
import { PaymentStatus } from "#shared/contracts/orders";
import type { OrderStatus } from "#shared/contracts/orders";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { CANCELLABLE, MONEY_IN, matches } from "./order.ts";
import type { Condition, OrderState } from "./order.ts";

/** In which capacity somebody acts on an order. A vendor is staff of orders whose lines are all theirs, but refunds no money. */
export type Party = "buyer" | "vendor" | "admin" | "system";

const STAFF: readonly Party[] = ["vendor", "admin", "system"];

/** Payment states that let the goods move on. */
const MONEY_SAFE = MONEY_IN.filter((status) => status !== "DISPUTED");
/** Money was captured and is not all back: cancelling such an order refunds it. */
const MONEY_CAPTURED: readonly PaymentStatus[] = ["CAPTURED", "PARTIALLY_REFUNDED", "DISPUTED"];
const MONEY_NOT_CAPTURED = PaymentStatus.options.filter((status) => !MONEY_CAPTURED.includes(status));

/** A command moves the order to `to` where `when` holds. */
interface CommandTransition {
  readonly by: readonly Party[];
  readonly when: Condition;
  readonly to: OrderStatus;
}

/** CONFIRMED is not among them: it follows from money and stock alone. */
const COMMAND_TRANSITIONS: readonly CommandTransition[] = [
  { by: STAFF, when: { status: ["CONFIRMED"], paymentStatus: MONEY_SAFE }, to: "PROCESSING" },
  { by: STAFF, when: { status: ["PROCESSING"], paymentStatus: MONEY_SAFE }, to: "SHIPPED" },
  { by: STAFF, when: { status: ["SHIPPED"] }, to: "DELIVERED" },
  // A buyer may not stop what is being packed.
  { by: ["buyer"], when: { status: ["PENDING", "CONFIRMED"] }, to: "CANCELLED" },
  { by: ["vendor"], when: { status: CANCELLABLE, paymentStatus: MONEY_NOT_CAPTURED }, to: "CANCELLED" },
  { by: ["admin", "system"], when: { status: CANCELLABLE }, to: "CANCELLED" },
];

/** Whether a person of the staff acts; a sweep is none. */
export function isStaff(party: Party): boolean {
  return party === "vendor" || party === "admin";
}

/** The refusal of a vendor who cancels an order whose money was captured. */
export const CAPTURED_IS_THE_ADMINS = fail(
  "forbidden",
  "This order's payment was captured, and cancelling it would refund the money: only an admin may do that.",
);

/** No command depends on the time. */
function isAllowed({ by, when }: CommandTransition, state: OrderState, party: Party): boolean {
  return by.includes(party) && matches(when, state, 0);
}

/** Whether the payment alone stands in the way. */
function waitsForPayment({ by, when }: CommandTransition, state: OrderState, party: Party): boolean {
  const { paymentStatus: _paymentStatus, ...rest } = when;
  return by.includes(party) && matches(rest, state, 0);
}

function illegal(state: OrderState, to: OrderStatus, by: Party, why: string): Outcome<OrderState> {
  const allowed = COMMAND_TRANSITIONS.filter((row) => isAllowed(row, state, by)).map((row) => row.to);
  const left = allowed.length === 0 ? "you can give it no other status now" : `you can make it ${allowed.join(" or ")}`;
  return fail("illegal_transition", `${why}; ${left}.`, { from: state.status, to, allowedStates: allowed });
}

/**
 * The order's state after a command: the same object when it has that status already. Fails with illegal_transition, and forbidden
 * for a vendor's cancellation that would refund captured money. The stock follows SHIPPED by an event of inventory.
 */
export function command(state: OrderState, to: OrderStatus, by: Party): Outcome<OrderState> {
  if (state.status === to) return ok(state);
  const rows = COMMAND_TRANSITIONS.filter((row) => row.to === to);
  if (rows.some((row) => isAllowed(row, state, by))) return ok({ ...state, status: to });
  const isCancellation = to === "CANCELLED";
  if (rows.some((row) => waitsForPayment(row, state, by))) {
    return isCancellation
      ? CAPTURED_IS_THE_ADMINS
      : illegal(state, to, by, `The order's payment is ${state.paymentStatus}, and the goods wait for it`);
  }
  const why = isCancellation ? "cannot be cancelled" : `cannot become ${to}`;
  return illegal(state, to, by, `An order that is ${state.status} ${why}`);
}
