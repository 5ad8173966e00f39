// Brings new versions into traffic step by step, each Worker after those it calls, and takes them all back when the shop stops
// answering rightly. A Worker's calls of another may meet its old or its new version meanwhile, so contracts change compatibly.
import type { Wrangler } from "./wrangler.ts";

/** The share of requests that the new versions serve, in percent, one after the other. */
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
  /** Throws when the shop does not answer as it should. `pins` has the version to ask for, by the Worker's name. */
  readonly smoke: (pins: ReadonlyMap<string, string>) => Promise<void>;
}

async function setTraffic({ wrangler }: Tools, { configFile }: Release, versions: readonly string[]): Promise<void> {
  await wrangler(["versions", "deploy", ...versions, "--yes", "-c", configFile]);
}

/** Gives all traffic back to the versions before, the callers first. One that fails does not keep the others from it. */
async function takeBack(tools: Tools, releases: readonly Release[]): Promise<void> {
  for (const release of releases.toReversed()) {
    if (release.previous === undefined) continue;
    console.error(`\nTaking ${release.name} back.`);
    try {
      await setTraffic(tools, release, [`${release.previous}@100`]);
    } catch (error) {
      console.error(`${release.name} could not be taken back; do it by hand:`, error);
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
    console.log(`\nThe new versions serve ${percent} % and the shop is well.`);
  }
}

/**
 * Deploys `releases`, which come in the order of their calls. A Worker that is not there yet is deployed whole; so are all with
 * `immediate`, which a change of Durable Object classes needs. Throws after taking everything back when a step or the smoke test
 * fails.
 */
export async function rollOut(releases: readonly Release[], tools: Tools, immediate: boolean): Promise<void> {
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
  // A version carries no routes, crons or consumers; they change once it has all the traffic.
  for (const [{ configFile }] of uploaded) await tools.wrangler(["triggers", "deploy", "-c", configFile]);
}

/** Puts every Worker's version before the present one back, the callers first. */
export async function rollBack(releases: readonly Release[], { wrangler }: Tools): Promise<void> {
  for (const { name, configFile } of releases.toReversed()) {
    await wrangler(["rollback", "--name", name, "--message", "rolled back by deploy", "--yes", "-c", configFile]);
  }
}
