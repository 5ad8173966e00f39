// The long failure tests, `npm run test:chaos`: not part of `npm test`, which has a short version of each.
import { defineConfig } from "vitest/config";
import { workerProject } from "./vitest.config.ts";

/** How many times as many runs as in `npm test` the properties of these Workers have. */
const RUNS = 20;

export default defineConfig({
  test: {
    // Each flow is minutes: progress is worth its lines.
    reporters: ["verbose"],
    fileParallelism: false,
    projects: [
      {
        test: {
          name: "chaos",
          include: ["e2e/chaos/*.test.ts"],
          environment: "node",
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
      workerProject("payments", { include: "{interleavings,money}", runs: RUNS }),
      workerProject("orders", { include: "saga", runs: RUNS }),
      workerProject("catalog", { include: "bounded", runs: RUNS }),
    ],
  },
});
