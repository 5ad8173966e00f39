// The detail of every failure says more than its title, also of failures that no other test causes.
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { PROBLEMS } from "#shared/errors";
import type { ErrorCode } from "#shared/errors";
import { saysMore } from "#shared/testkit/problems";
import { ROOT } from "../local/workers.ts";

/** `fail("code", "detail"` with a literal detail, as nearly all have. */
const FAILURE = /\bfail\(\s*"(?<code>[a-z_]+)",\s*(?:"(?<plain>[^"]*)"|`(?<template>[^`]*)`)/g;

interface Failure {
  readonly code: ErrorCode;
  readonly detail: string;
}

const failures = ["shared/*.ts", "workers/*/src/**/*.ts"]
  .flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
  .flatMap((file): Failure[] =>
    [...readFileSync(path.join(ROOT, file), "utf8").matchAll(FAILURE)].map(({ groups }) => ({
      code: groups?.["code"] as ErrorCode,
      detail: groups?.["plain"] ?? groups?.["template"] ?? "",
    })),
  )
  // invalidInput makes its detail of the fields; the gateway's test has it.
  .filter(({ detail }) => detail !== "${detail}.");

it("finds the failures of most codes", () => {
  expect(new Set(failures.map(({ code }) => code)).size).toBeGreaterThan(40);
});

it("says more in each detail than in the title", () => {
  expect(failures.filter(({ code, detail }) => !saysMore({ title: PROBLEMS[code].title, detail }))).toEqual([]);
});
