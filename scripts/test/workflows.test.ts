// Tokens in workflow files: an install script of a package or a changed action must not get them.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { ROOT } from "../local/workers.ts";

const Step = z.object({
  name: z.string().optional(),
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  env: z.record(z.string(), z.string()).optional(),
});
const Workflow = z.object({
  permissions: z.record(z.string(), z.string()),
  env: z.record(z.string(), z.string()).optional(),
  jobs: z.record(z.string(), z.object({ env: z.record(z.string(), z.string()).optional(), steps: z.array(Step) })),
});

const FOLDER = path.join(ROOT, ".github/workflows");
const PINNED = /@[0-9a-f]{40}$/;

describe.each(readdirSync(FOLDER))("%s", (file) => {
  const workflow = Workflow.parse(parse(readFileSync(path.join(FOLDER, file), "utf8")));
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps);

  it("may only read the repository", () => {
    expect(workflow.permissions).toEqual({ contents: "read" });
  });

  it("pins each action by its commit", () => {
    const loose = steps.flatMap(({ uses }) => (uses === undefined || PINNED.test(uses) ? [] : [uses]));
    expect(loose).toEqual([]);
  });

  it("leaves no token of GitHub in the checkout", () => {
    const checkouts = steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    expect(checkouts.length).toBeGreaterThan(0);
    for (const checkout of checkouts) expect(checkout.with).toMatchObject({ "persist-credentials": false });
  });

  it("gives secrets to no step but the one that deploys", () => {
    const holders = [workflow, ...jobs, ...steps].filter(
      ({ env, ...rest }) =>
        JSON.stringify(env ?? {}).includes("secrets.") || ("run" in rest && rest.run?.includes("secrets.")),
    );
    expect(holders.map((holder) => ("name" in holder ? holder.name : "not a step"))).toEqual(
      file === "deploy.yml" ? ["Deploy"] : [],
    );
  });
});
