// The long failure tests, `npm run test:chaos`: not part of `npm test`, which has a short version of each (e2e/chaos.test.ts).
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "chaos",
    include: ["e2e/chaos/*.test.ts"],
    environment: "node",
    // Each flow is minutes: progress is worth its lines.
    reporters: ["verbose"],
    testTimeout: 600_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
