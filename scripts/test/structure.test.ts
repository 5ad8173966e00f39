import { describe, expect, it } from "vitest";
import { structureViolations } from "../structure.ts";
import { configViolations } from "../structure/configs.ts";
import type { Config } from "../structure/configs.ts";
import { unreadExports } from "../structure/exports.ts";
import { emptyFiles, planViolations } from "../structure/files.ts";
import { importViolations, importsOf, roomViolations, zodViolations } from "../structure/imports.ts";
import { lockViolations } from "../structure/lock.ts";
import { migrationViolations } from "../structure/migrations.ts";
import { booleanParameters } from "../structure/parameters.ts";
import { commentViolations, pageViolations } from "../structure/paths.ts";

const COMPLETE = ["README.md", "env.d.ts", "src/index.ts"];

describe("this checkout", () => {
  it("has no violations", () => {
    expect(structureViolations()).toEqual([]);
  });
});

describe("the plan of a Worker", () => {
  it("takes each role as a file or a folder", () => {
    const files = [...COMPLETE, "src/service/orders.ts", "src/domain.ts", "src/objects/cart.ts", "src/store.ts"];
    expect(planViolations("orders", files)).toEqual([]);
  });

  it.each([
    [["src/helpers.ts"], "helpers.ts"],
    [["src/util/format.ts"], "util/format.ts"],
    [["src/store.ts", "src/store/orders.ts"], "both a file and a folder"],
  ])("refuses %j", (added, complaint) => {
    expect(planViolations("orders", [...COMPLETE, ...added])).toEqual([expect.stringContaining(complaint)]);
  });

  it("reports missing files", () => {
    expect(planViolations("orders", ["src/index.ts", "env.d.ts"])).toEqual(["workers/orders/README.md is missing"]);
  });

  it("refuses files without content", () => {
    expect(
      emptyFiles(
        new Map([
          ["a.ts", "\n  \n"],
          ["b.ts", "// b"],
        ]),
      ),
    ).toEqual(["a.ts: empty"]);
  });
});

describe("imports", () => {
  it("are found in every form", () => {
    const text = `import a from "./a.ts";\nexport * from "#shared/b";\nimport "c";\nconst d = await import("./d.ts");`;
    expect(importsOf(text)).toEqual(["./a.ts", "#shared/b", "c", "./d.ts"]);
  });

  it("take zod as a namespace", () => {
    expect(zodViolations("shared/a.ts", 'import * as z from "zod";\nimport type * as y from "zod";')).toEqual([]);
    for (const members of ["{ z }", "type { z }", "{ ZodError }"]) {
      expect(zodViolations("shared/a.ts", `// A.\nimport ${members} from "zod";\n`)).toHaveLength(1);
    }
  });

  it.each([
    ["workers/orders/src/entrypoint.ts", "./service/orders.ts"],
    ["workers/orders/src/service/orders.ts", "../store/orders.ts"],
    ["workers/orders/src/store/orders.ts", "../schema.ts"],
    ["workers/orders/src/schema.ts", "./domain.ts"],
    ["workers/orders/src/service/orders.ts", "#shared/result"],
    ["workers/orders/test/orders.test.ts", "../src/store/orders.ts"],
    ["workers/gateway/src/app.ts", "./routes/orders.ts"],
    ["e2e/order.test.ts", "../scripts/local/runtime.ts"],
  ])("let %s import %s", (file, target) => {
    expect(importViolations(file, `import { x } from "${target}";`)).toEqual([]);
  });

  it.each([
    ["workers/orders/src/store/orders.ts", "../service/orders.ts"],
    ["workers/orders/src/domain.ts", "./store.ts"],
    ["workers/orders/src/domain/totals.ts", "../schema.ts"],
    ["workers/orders/src/schema.ts", "./store.ts"],
    ["workers/orders/src/service.ts", "./consumer.ts"],
    ["workers/orders/src/service.ts", "../../payments/src/domain.ts"],
    ["workers/orders/src/service.ts", "../../../scripts/local/workers.ts"],
    ["shared/outbox.ts", "../workers/orders/src/schema.ts"],
    ["workers/orders/src/service.ts", "./domain"],
  ])("do not let %s import %s", (file, target) => {
    expect(importViolations(file, `import { x } from "${target}";`)).toHaveLength(1);
  });
});

function worker(name: string, extra: Partial<Config> = {}): Config {
  return { name, compatibility_date: "2026-10-20", workers_dev: false, preview_urls: false, ...extra };
}

function calls(...services: string[]): Pick<Config, "services"> {
  return { services: services.map((service) => ({ binding: "PEER", service, entrypoint: "Rpc" })) };
}

const CONSUMER = { queue: "a-inbox", max_retries: 10, dead_letter_queue: "a-dead" };

describe("the wrangler files", () => {
  it("that are valid cause no complaint", () => {
    const production = [
      worker("tradepost-gateway", { routes: [{ pattern: "shop.example/*" }], ...calls("tradepost-a") }),
      worker("tradepost-a", {
        queues: { producers: [{ queue: "a-inbox" }], consumers: [CONSUMER, { queue: "a-dead" }] },
      }),
    ];
    expect(configViolations(production, [])).toEqual([]);
  });

  it.each<[string, Config[], string]>([
    [
      "a circle of bindings",
      [worker("a", calls("b")), worker("b", calls("c")), worker("c", calls("a"))],
      "in a circle",
    ],
    ["a binding of nobody", [worker("a", calls("b"))], "which there is not"],
    ["a second public door", [worker("a", { routes: [{ pattern: "shop.example/api/*" }] })], "public route"],
    [
      "a route of payments beside the webhook",
      [worker("tradepost-payments", { routes: [{ pattern: "x/api/*" }] })],
      "public route",
    ],
    ["an address on workers.dev", [worker("a", { workers_dev: true })], "workers_dev"],
    ["two compatibility dates", [worker("a"), worker("b", { compatibility_date: "2026-01-01" })], "compatibility date"],
    [
      "a consumer without dead letters",
      [worker("a", { queues: { consumers: [{ queue: "q", max_retries: 10 }] } })],
      "no dead-letter queue",
    ],
    [
      "dead letters that nobody reads",
      [worker("a", { queues: { consumers: [CONSUMER] } })],
      "does not consume its own",
    ],
    [
      "another number of retries",
      [worker("a", { queues: { consumers: [{ ...CONSUMER, max_retries: 3 }, { queue: "a-dead" }] } })],
      "max_retries 3",
    ],
    ["messages that nobody reads", [worker("a", { queues: { producers: [{ queue: "q" }] } })], "nobody consumes"],
  ])("with %s are refused", (_, production, complaint) => {
    expect(configViolations(production, [])).toEqual([expect.stringContaining(complaint)]);
  });

  it.each(["tradepost-stripe-sandbox", "tradepost-mailbox"])("never bind %s in production", (service) => {
    const production = [worker("tradepost-payments", calls(service))];
    expect(configViolations(production, []).join()).toContain("local only");
  });
});

describe("an export", () => {
  const text =
    "export const LIMIT = 3;\nexport async function read(): Promise<void> {}\nexport interface Page {}\nread();\n";

  it("has to be used by another file", () => {
    const reader = ["b.ts", `import { LIMIT, read } from "./a.ts";`] as const;
    expect(unreadExports(new Map([["a.ts", text], reader]))).toEqual([]);
    expect(unreadExports(new Map([["a.ts", text]]))).toEqual([
      expect.stringContaining("LIMIT"),
      expect.stringContaining("read"),
    ]);
  });

  it("of tables, contracts and events may be unused", () => {
    const files = ["workers/orders/src/schema.ts", "shared/contracts/orders.ts", "shared/events/catalogue.ts"];
    for (const file of files) expect(unreadExports(new Map([[file, text]]))).toEqual([]);
  });
});

describe("the lock file", () => {
  const workerd = { version: "1", optionalDependencies: { "@cloudflare/workerd-linux-64": "1" } };
  const linux = { "node_modules/@cloudflare/workerd-linux-64": { version: "1" } };

  it("names every platform and no registry", () => {
    expect(lockViolations({ packages: { "node_modules/workerd": workerd, ...linux } })).toEqual([]);
    expect(lockViolations({ packages: { "node_modules/workerd": workerd } })).toHaveLength(1);
    expect(
      lockViolations({ packages: { "node_modules/workerd": { ...workerd, resolved: "https://x" }, ...linux } }),
    ).toHaveLength(1);
  });
});

describe("migrations", () => {
  const texts = new Map([
    ["messaging", "CREATE"],
    ["operations", "CREATE"],
    ["event_places", "ALTER"],
    ["operator_lists", "CREATE"],
    ["confirmed_events", "CREATE"],
  ]);
  const common = [
    ["0001_messaging.sql", "CREATE"],
    ["0002_operations.sql", "CREATE"],
    ["0003_event_places.sql", "ALTER"],
    ["0004_operator_lists.sql", "CREATE"],
    ["0005_confirmed_events.sql", "CREATE"],
  ] as const;
  it.each([
    ["0007_later.sql", "without a gap"],
    ["0001_other.sql", "without a gap"],
    ["2_short.sql", "not named"],
    ["0006_Upper.sql", "not named"],
  ])("refuse %s after those that all have", (name, complaint) => {
    const violations = migrationViolations("order", new Map([...common, [name, "CREATE"]]), texts);
    expect(violations.join()).toContain(complaint);
  });

  it("share some, with the same text everywhere", () => {
    expect(migrationViolations("order", new Map(common), texts)).toEqual([]);
    expect(migrationViolations("order", new Map(common.slice(0, 4)), texts)).toHaveLength(1);
    expect(migrationViolations("order", new Map(common), new Map([...texts, ["messaging", "ALTER"]]))).toHaveLength(1);
  });
});

describe("boolean parameters", () => {
  it.each([
    "function f(deps: Deps, everything: boolean): void {}",
    "export async function f<T>(deps: Deps, items: readonly [T, T], everything = false) {}",
    "class C {\n  #f(a: string, b?: boolean): void {}\n}",
  ])("by position are refused: %s", (text) => {
    expect(booleanParameters("a.ts", text)).toHaveLength(1);
  });

  it.each([
    "function f(deps: Deps, { everything }: { readonly everything: boolean }): boolean {}",
    "function flag(value: boolean): SQL {}",
    "function f(a: string, work: (done: boolean) => boolean): boolean {}",
  ])("by name are fine: %s", (text) => {
    expect(booleanParameters("a.ts", text)).toEqual([]);
  });
});

describe("paths in words", () => {
  const exists = (target: string): boolean => ["shared/outbox.ts", "workers/orders/src/store/saga.ts"].includes(target);

  it("have to exist in a comment, from the root or from the Worker", () => {
    const file = "workers/orders/src/domain/order.ts";
    expect(commentViolations(file, "// see store/saga.ts and shared/outbox.ts", exists)).toEqual([]);
    expect(commentViolations(file, "/** see store/gone.ts\n and shared/gone.ts */", exists)).toHaveLength(2);
    expect(commentViolations(file, 'const a = "shared/gone.ts";', exists)).toEqual([]);
  });

  it("have to exist in a page, as links too", () => {
    expect(pageViolations("docs/a.md", "[x](../shared/outbox.ts#y) and `shared/outbox.ts`", exists)).toEqual([]);
    expect(pageViolations("docs/a.md", "[x](gone.md) and `shared/gone.ts`", exists)).toHaveLength(2);
  });
});

describe("rooms", () => {
  it("keep SQL out of services and rules", () => {
    expect(roomViolations("workers/orders/src/service/pay.ts", "sql`SELECT 1`")).toHaveLength(1);
    expect(roomViolations("workers/orders/src/store/pay.ts", "sql`SELECT 1`")).toEqual([]);
    expect(roomViolations("workers/orders/src/service/metrics.ts", "sql<number>`count(*)`")).toEqual([]);
  });
});
