// The list of all payments: the filters, the pages, and that each filter uses an index.
import type { Statement } from "#shared/statement";
import { beforeAll, describe, expect, it } from "vitest";
import { ListAllPaymentsInput, PaymentState } from "#shared/contracts/payments";
import type { Payment } from "#shared/contracts/payments";
import type { NumberThenId, Page } from "#shared/paging";
import { callAs } from "#shared/testkit/kit";
import { listAllPayments } from "../src/service/list.ts";
import { listKeys } from "../src/store/list.ts";
import type { PaymentFilter } from "../src/store/list.ts";
import { newAuthorized, newWorld, paymentOf, valueOf, intentInput } from "./kit.ts";
import type { World } from "./kit.ts";

/** When the first of the rows below was made; each further one is a minute younger. */
const FIRST = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
/** As many rows as a shop of some years has. */
const ROWS = 100_000;
/** The newest of them are open or wait for their capture. */
const OPEN_FROM = ROWS - 400;

let world: World;

/** Realistic rows: most captured long ago, few void, refunded or disputed, the newest open. */
async function fillShop(): Promise<void> {
  const status = `CASE WHEN n >= ${String(OPEN_FROM)} THEN iif(n % 4 = 0, 'CREATED', 'AUTHORIZED')
    WHEN n % 1000 = 1 THEN 'DISPUTED' WHEN n % 100 = 2 THEN 'VOIDED' WHEN n % 500 = 3 THEN 'REFUNDED' ELSE 'CAPTURED' END`;
  await world.deps.db.client
    .prepare(`WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${String(ROWS - 1)})
    INSERT INTO payments (id, order_id, order_number, customer, amount, amount_captured, currency, status, flag, correlation_id,
      next_check_at, expiry_flagged_at, created_at, updated_at)
    SELECT printf('pay_%06d', n), 'ord_' || n, 'TP-' || n, '{}', 100, iif(n < ${String(OPEN_FROM)}, 100, 0), 'USD', ${status},
      iif(n = 77, 'amount_mismatch', NULL), 'req_1', iif(n < ${String(OPEN_FROM)}, NULL, 1), iif(n IN (50, ${String(ROWS - 3)}), 1, NULL),
      ${String(FIRST)} + n * ${String(MINUTE)}, 0 FROM numbers`)
    .run();
}

beforeAll(async () => {
  world = newWorld();
  await fillShop();
}, 60_000);

async function list(query: Record<string, unknown>): Promise<Page<Payment>> {
  return valueOf(await listAllPayments(world.deps, callAs("admin"), ListAllPaymentsInput.parse(query)));
}

/** All pages of a list, in order. */
async function all(query: Record<string, unknown>): Promise<Payment[]> {
  const items: Payment[] = [];
  let cursor: string | null | undefined;
  do {
    const page: Page<Payment> = await list({ ...query, limit: 100, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}

function at(n: number): string {
  return new Date(FIRST + n * MINUTE).toISOString();
}

const numberOf = ({ id }: Payment): number => Number(id.slice("pay_".length));

describe("the list of payments", () => {
  it("is newest first, and a page continues where the last one ended", async () => {
    const first = await list({ limit: 3 });
    expect(first.items.map(numberOf)).toEqual([ROWS - 1, ROWS - 2, ROWS - 3]);
    const second = await list({ limit: 3, cursor: first.nextCursor });
    expect(second.items.map(numberOf)).toEqual([ROWS - 4, ROWS - 5, ROWS - 6]);
  });

  it("includes createdFrom and excludes createdTo", async () => {
    const some = await all({ createdFrom: at(1_000), createdTo: at(1_010) });
    expect(some.map(numberOf)).toEqual([1009, 1008, 1007, 1006, 1005, 1004, 1003, 1002, 1001, 1000]);
    expect((await list({ createdFrom: at(ROWS - 1) })).items).toHaveLength(1);
    expect((await list({ createdTo: at(0) })).items).toEqual([]);
    expect((await list({ createdTo: at(1) })).items.map(numberOf)).toEqual([0]);
  });

  it("has every payment of a status once, and no other", async () => {
    const voided = await world.deps.db.client
      .prepare("SELECT count(*) AS n FROM payments WHERE status = 'VOIDED'")
      .first<number>("n");
    const found = await all({ status: "VOIDED" });
    expect(new Set(found.map(({ id }) => id)).size).toBe(voided);
    expect(found.every(({ status }) => status === "VOIDED")).toBe(true);
    expect((await all({ status: "CREATED" })).length).toBe(100);
    expect((await list({ status: "CAPTURED" })).items.map(numberOf)[0]).toBe(OPEN_FROM - 1);
  });

  it("has with flagged what is disputed, disagrees or expires, and says which", async () => {
    const flagged = await all({ flagged: "true" });
    expect(flagged.filter(({ flags }) => flags.includes("disputed")).length).toBeGreaterThan(90);
    const others = flagged.filter(({ flags }) => !flags.includes("disputed"));
    expect(others.map((payment) => [numberOf(payment), payment.flags])).toEqual([
      [ROWS - 3, ["expiring"]],
      [77, ["disagreeing"]],
    ]);
    const authorized = await list({ flagged: "true", status: "AUTHORIZED" });
    expect(authorized.items.map(numberOf)).toEqual([ROWS - 3]);
  });

  it("refuses a cursor of another filter, and an invalid filter", async () => {
    const { nextCursor } = await list({ limit: 1 });
    const input = ListAllPaymentsInput.parse({ status: "VOIDED", cursor: nextCursor });
    expect(await listAllPayments(world.deps, callAs("admin"), input)).toMatchObject({
      error: { code: "invalid_cursor" },
    });
    for (const query of [{ flagged: "false" }, { status: "GONE" }, { createdFrom: "yesterday" }, { createdTo: "1" }]) {
      expect(ListAllPaymentsInput.safeParse(query).success).toBe(false);
    }
  });

  it("has payments with their refunds, disputes and history, as the order's list", async () => {
    const input = intentInput();
    await newAuthorized(world, input);
    const [newest] = (await list({ status: "AUTHORIZED", limit: 1 })).items;
    expect(newest).toEqual(await paymentOf(world, input.orderId));
  });
});

/** How many rows the statement reads, as D1 counts and bills them. */
async function rowsRead(statement: Statement): Promise<number> {
  const { meta } = await world.deps.db.run(statement);
  return meta.rows_read;
}

const RANGE = { createdFrom: FIRST + 20_000 * MINUTE, createdTo: FIRST + 30_000 * MINUTE };

describe("with 100,000 payments, a page of 20", () => {
  const filters: readonly (readonly [string, Partial<PaymentFilter>])[] = [
    ["no filter", {}],
    ["a range of time", RANGE],
    ["createdFrom", { createdFrom: RANGE.createdFrom }],
    ["createdTo", { createdTo: RANGE.createdTo }],
    ["flagged", { flagged: true }],
    ["flagged in a range of time", { flagged: true, ...RANGE }],
    ...PaymentState.options.map((status) => [`status ${status}`, { status }] as const),
    ...PaymentState.options.map((status) => [`status ${status} in a range of time`, { status, ...RANGE }] as const),
  ];

  it.each(filters)("by %s reads a few hundred rows", async (_name, filter) => {
    const wanted = { flagged: false, ...filter };
    // For an open status, all open payments are sorted. Any other query begins at its page.
    expect(await rowsRead(listKeys(wanted, undefined, 21))).toBeLessThan(1_000);
    const after: NumberThenId = [FIRST + 25_000 * MINUTE, "pay_025000"];
    expect(await rowsRead(listKeys(wanted, after, 21))).toBeLessThan(1_000);
  });
});
