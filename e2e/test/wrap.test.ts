// The faults of e2e/chaos are not part of anything that is deployed.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { eventTypeOf, statementName } from "../chaos/statements.ts";
import { exportedClasses } from "../chaos/wrap.ts";
import { localConfig } from "../../scripts/local/configs.ts";
import { readSettings } from "../../scripts/local/settings.ts";
import { LOCAL_WORKERS, ROOT } from "../../scripts/local/workers.ts";
import { importViolations } from "../../scripts/structure/imports.ts";

function texts(folder: string): [string, string][] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:ts|toml)$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !file.includes("node_modules"))
    .map((file) => [path.relative(ROOT, file), readFileSync(file, "utf8")]);
}

describe("the faults of the chaos tests", () => {
  it("are named by no Worker, no contract and no configuration", () => {
    const root: [string, string] = ["wrangler.toml", readFileSync(path.join(ROOT, "wrangler.toml"), "utf8")];
    const knowing = [root, ...["workers", "shared", "dev"].flatMap(texts)].filter(([, text]) => /chaos/i.test(text));
    expect(knowing.map(([file]) => file)).toEqual([]);
  });

  it("are not in the local configurations either", () => {
    const settings = readSettings({});
    for (const worker of LOCAL_WORKERS) expect(JSON.stringify(localConfig(worker, settings))).not.toMatch(/chaos/i);
  });

  it("may not be imported by a Worker", () => {
    const source = 'import { Inside } from "../../../e2e/chaos/inside.ts";';
    expect(importViolations("workers/orders/src/index.ts", source)).toHaveLength(1);
    expect(importViolations("shared/database.ts", 'import "../e2e/chaos/inside.ts";')).toHaveLength(1);
  });
});

describe("a step's name", () => {
  it.each([
    ["INSERT INTO orders (id) VALUES (?)", "orders"],
    ['insert into "order_items" (id) values (?)', "order_items"],
    ["INSERT OR REPLACE INTO settings VALUES (1)", "settings"],
    ["  UPDATE payments SET x = 1", "payments"],
    ["DELETE FROM inbox WHERE true", "inbox"],
    ["SELECT * FROM orders", undefined],
    ["WITH x AS (SELECT 1) SELECT * FROM x", undefined],
  ])("of %s is the table", (query, table) => {
    expect(statementName(query)).toBe(table);
  });

  it("is the event's where an outbox row is written", () => {
    expect(eventTypeOf("outbox", ["evt_1", "ORDER_CREATED", "ord_1"])).toBe("ORDER_CREATED");
    expect(eventTypeOf("orders", ["evt_1", "ORDER_CREATED"])).toBe("orders");
  });
});

describe("a bundle's classes", () => {
  it("are read from its list of exports, under the names they are exported by", () => {
    const bundle = "class A {}\nexport {\n  Cart2 as Cart,\n  OrdersRpc,\n  index_default as default\n};\n//# end";
    expect(exportedClasses(bundle)).toEqual(["Cart", "OrdersRpc"]);
    expect(() => exportedClasses("class A {}")).toThrow("no list of exports");
  });
});
