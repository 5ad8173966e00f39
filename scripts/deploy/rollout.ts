// Shifts traffic to new versions in steps, each Worker after those it calls, and rolls all of them back when the smoke test fails. During
// a roll-out a call may reach the old or the new version of a Worker, so contracts have to change compatibly.
import type { Wrangler } from "./wrangler.ts";

/** The share of requests for the new versions at each step, in percent. */
const STAGES_PERCENT = [10, 50, 100] as const;

export interface Release {
  /** The Worker's name in the account. */
  readonly name: string;
  readonly configFile: string;
  /** The version that serves now; none before the first deployment. */
  readonly previous: string | undefined;
}

export interface Tools {
  readonly wrangler: Wrangler;
  /** @throws Error when a check fails. `pins` maps the name of a Worker to the version to test. */
  readonly smoke: (pins: ReadonlyMap<string, string>) => Promise<void>;
}

async function setTraffic({ wrangler }: Tools, { configFile }: Release, versions: readonly string[]): Promise<void> {
  await wrangler(["versions", "deploy", ...versions, "--yes", "-c", configFile]);
}

/** Rolls all Workers back, callers first. A failure does not stop the others. */
async function takeBack(tools: Tools, releases: readonly Release[]): Promise<void> {
  for (const release of releases.toReversed()) {
    if (release.previous === undefined) continue;
    console.error(`\nRolling ${release.name} back.`);
    try {
      await setTraffic(tools, release, [`${release.previous}@100`]);
    } catch (error) {
      console.error(`${release.name} could not be rolled back; do it by hand:`, error);
    }
  }
}

async function inStages(tools: Tools, uploaded: readonly (readonly [Release, string])[]): Promise<void> {
  const pins = new Map(uploaded.map(([{ name }, version]) => [name, version]));
  for (const percent of STAGES_PERCENT) {
    for (const [release, version] of uploaded) {
      const rest = release.previous === undefined || percent === 100 ? [] : [`${release.previous}@${100 - percent}`];
      await setTraffic(tools, release, [`${version}@${percent}`, ...rest]);
    }
    await tools.smoke(pins);
    console.log(`\nThe new versions serve ${percent} % and the smoke test passes.`);
  }
}

/**
 * Deploys `releases`, callees first. A new Worker gets all traffic at once; so do all with `immediate`, which a change of Durable Object
 * classes needs.
 * @throws Error after the roll-back when a step or the smoke test fails.
 */
export async function rollOut(
  releases: readonly Release[],
  tools: Tools,
  { immediate }: { readonly immediate: boolean },
): Promise<void> {
  const uploaded: (readonly [Release, string])[] = [];
  const changed = new Set<Release>();
  try {
    for (const release of releases) {
      if (immediate || release.previous === undefined) {
        changed.add(release);
        await tools.wrangler(["deploy", "-c", release.configFile]);
        continue;
      }
      const version = await tools.wrangler(["versions", "upload", "-c", release.configFile]);
      if (version === undefined) throw new Error(`wrangler did not say which version of ${release.name} it uploaded`);
      uploaded.push([release, version]);
    }
    for (const [release] of uploaded) changed.add(release);
    if (uploaded.length > 0) await inStages(tools, uploaded);
    else await tools.smoke(new Map());
  } catch (error) {
    await takeBack(tools, [...changed]);
    throw error;
  }
  // Routes, crons and queue consumers are not part of a version; they change after it has all traffic.
  for (const [{ configFile }] of uploaded) await tools.wrangler(["triggers", "deploy", "-c", configFile]);
}

/** Rolls every Worker back to its previous version, callers first. */
export async function rollBack(releases: readonly Release[], { wrangler }: Tools): Promise<void> {
  for (const { name, configFile } of releases.toReversed()) {
    await wrangler(["rollback", "--name", name, "--message", "rolled back by deploy", "--yes", "-c", configFile]);
  }
}
