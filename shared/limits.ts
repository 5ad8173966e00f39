// How large an order may be, and how much of it an event or a message carries. Everything on an order's way is sized for these
// numbers (docs/adr/031-large-orders.md): messages of 128 KB, rows of 2 MB, and the subrequests of one invocation.

/** The most lines of a cart, and so of an order. */
export const MAX_LINES = 1_000;

/** The most units of one product in a line of a cart, an order or a reservation. */
export const MAX_QUANTITY = 999_999;

/** How many lines an event describes with name and price. An order of more is read from orders by whoever needs the rest. */
export const EXCERPT_LINES = 10;

/** How many short lines STOCK_REJECTED names. It always says how many there are. */
export const MAX_SHORTAGES = 100;
