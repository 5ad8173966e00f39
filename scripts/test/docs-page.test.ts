// The docs page stores no token: neither its own script nor Swagger UI does.
import { readFileSync } from "node:fs";
import path from "node:path";
import vm from "node:vm";
import { expect, it } from "vitest";
import { ROOT } from "../local/workers.ts";

it("starts Swagger UI without storage for tokens, and clears what an earlier page kept", () => {
  const script = readFileSync(path.join(ROOT, "workers/gateway/assets/api/docs/page.js"), "utf8");
  const kept = new Map([["authorized", "{}"]]);
  const localStorage = {
    removeItem: (name: string) => kept.delete(name),
    setItem: (name: string, value: string) => kept.set(name, value),
  };
  const started: Record<string, unknown>[] = [];
  vm.runInNewContext(script, {
    localStorage,
    SwaggerUIBundle: (options: Record<string, unknown>) => started.push(options),
  });
  expect(started).toMatchObject([{ persistAuthorization: false, validatorUrl: null }]);
  expect([...kept]).toEqual([]);
});

it("relies on a Swagger UI that touches the storage under that name only, and only when told to persist", () => {
  const bundle = readFileSync(path.join(ROOT, "node_modules/swagger-ui-dist/swagger-ui-bundle.js"), "utf8");
  const names = [...bundle.matchAll(/localStorage\.(?:set|get|remove)Item\((?<name>[^,)]*)/g)].map(
    ({ groups }) => groups?.["name"],
  );
  expect(names.length).toBeGreaterThan(0);
  expect(new Set(names)).toEqual(new Set(['"authorized"']));
  expect(bundle).toMatch(/persistAuthorization/);
});
