// The rate limits that answers name are those of the bindings in wrangler.toml.
import { expect, it } from "vitest";
import { LIMITS } from "../../workers/gateway/src/http/rate-limit.ts";
import { readWranglerFile } from "../local/configs.ts";
import { wranglerFile } from "../local/workers.ts";

interface Binding {
  readonly name: string;
  readonly namespace_id: string;
  readonly simple: { readonly limit: number; readonly period: number };
}

const bindings = readWranglerFile(wranglerFile("gateway"))["ratelimits"] as readonly Binding[];

it("names every binding of wrangler.toml, with its limit and period", () => {
  const told = Object.values(LIMITS).map(({ binding, limit, windowSeconds }) => ({
    name: binding,
    simple: { limit, period: windowSeconds },
  }));
  expect(told.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(
    bindings.map(({ name, simple }) => ({ name, simple })).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  );
});

it("counts each class in a namespace of its own", () => {
  expect(new Set(bindings.map(({ namespace_id: namespace }) => namespace)).size).toBe(bindings.length);
});
