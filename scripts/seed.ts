// `npm run seed`: migrates and seeds STATE_DIR without starting the shop, which dev and start do by themselves.
import { writeConfigs } from "./local/configs.ts";
import { takeLock } from "./local/lock.ts";
import { prepareState } from "./local/prepare.ts";
import { readSettings } from "./local/settings.ts";

const settings = readSettings(process.env);
try {
  const lock = await takeLock(settings.stateDir, "seed", settings.port);
  await prepareState(settings, writeConfigs(settings), { seed: true, say: console.log });
  lock.release();
  console.log(`${settings.stateDir} is migrated and seeded.`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
process.exit();
