// `npm run seed`: migrates and seeds STATE_DIR without starting the shop. `npm run dev` and `npm start` do it too.
import { writeConfigs } from "./local/configs.ts";
import { takeLock } from "./local/lock.ts";
import { prepareState } from "./local/prepare.ts";
import { runCommand } from "./local/session.ts";
import { readSettings } from "./local/settings.ts";

async function main(): Promise<number> {
  const settings = readSettings(process.env);
  const lock = await takeLock(settings.stateDir, "seed", settings.port);
  try {
    await prepareState(settings, writeConfigs(settings), { seed: true, say: console.log });
  } finally {
    lock.release();
  }
  console.log(`${settings.stateDir} is migrated and seeded.`);
  return 0;
}

await runCommand(main);
