// One run per STATE_DIR: two runtimes on the same SQLite files would each hold half the truth. The lock is a file with the pid;
// a run that was killed leaves it behind, and the next one sees that its process is gone.
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { descendants } from "./processes.ts";

/** A killed runtime lets go of its port and files within this. */
const ORPHAN_END_MS = 5_000;
const ORPHAN_POLL_MS = 20;
/** How long a runtime may run before the lock knows of it. */
const NOTE_EVERY_MS = 1_000;

export type Mode = "dev" | "start" | "seed";

export interface LockInfo {
  readonly pid: number;
  /** When the process began, as the system tells it: a pid alone may have been given to another since. */
  readonly began: string;
  readonly mode: Mode;
  readonly port: number;
  readonly startedAt: string;
  /** The runtimes that this run started; they outlive a parent that is killed with -9. */
  readonly children: readonly Child[];
}

export interface Child {
  readonly pid: number;
  readonly began: string;
}

/** Field 22 of /proc/<pid>/stat counts from the last parenthesis: a process name may hold anything. Empty off Linux. */
export function processStart(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there and somebody else's.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended; only its parent has not noticed. While other threads of it end, its ports and files are still open.
    const ended = fields[0] === "Z" && readdirSync(`/proc/${pid}/task`).length <= 1;
    return ended ? undefined : fields[19];
  } catch {
    return process.platform === "linux" ? undefined : "";
  }
}

function isAlive({ pid, began }: Child): boolean {
  const start = processStart(pid);
  return start !== undefined && (began === "" || start === began);
}

function lockFile(stateDir: string): string {
  return path.join(stateDir, "run.lock");
}

function read(file: string): LockInfo | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as LockInfo;
  } catch {
    return undefined;
  }
}

/** The run that holds this STATE_DIR, if one does. */
export function currentRun(stateDir: string): LockInfo | undefined {
  const held = read(lockFile(stateDir));
  return held !== undefined && isAlive(held) ? held : undefined;
}

/** Ends what a killed run left running, and waits until it is gone. Its own only: pid and start time both have to fit. */
async function endOrphans(left: LockInfo): Promise<void> {
  const noted = left.children.filter(isAlive);
  // What the noted ones have started since belongs to them.
  const since = noted.flatMap(({ pid }) => descendants(pid)).map((pid) => ({ pid, began: processStart(pid) ?? "" }));
  const orphans = [...noted, ...since].filter(isAlive);
  for (const { pid } of orphans) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended with its parent.
    }
  }
  for (let waited = 0; waited < ORPHAN_END_MS && orphans.some(isAlive); waited += ORPHAN_POLL_MS) {
    await new Promise((resolve) => {
      setTimeout(resolve, ORPHAN_POLL_MS);
    });
  }
}

export interface Lock {
  /** Notes the processes below this one, for the run after a kill -9. Repeats itself: a runtime is replaced on reload. */
  readonly noteChildren: () => void;
  readonly release: () => void;
}

/**
 * Takes STATE_DIR for this process. Throws when another run has it; takes over from one that is gone, ending the runtimes it
 * left behind.
 */
export async function takeLock(stateDir: string, mode: Mode, port: number): Promise<Lock> {
  mkdirSync(stateDir, { recursive: true });
  const file = lockFile(stateDir);
  const mine: LockInfo = {
    pid: process.pid,
    began: processStart(process.pid) ?? "",
    mode,
    port,
    startedAt: new Date().toISOString(),
    children: [],
  };
  for (;;) {
    try {
      writeFileSync(file, JSON.stringify(mine), { flag: "wx" });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const held = read(file);
    if (held !== undefined && isAlive(held)) {
      throw new Error(
        `${stateDir} is in use: npm run ${held.mode} with pid ${held.pid} on port ${held.port}. Stop it, or set STATE_DIR.`,
      );
    }
    // Moving it away is atomic: of two runs that find it stale, one moves it and the other tries again.
    const aside = `${file}.${process.pid}`;
    try {
      renameSync(file, aside);
    } catch {
      continue;
    }
    const moved = read(aside);
    rmSync(aside, { force: true });
    if (moved !== undefined) await endOrphans(moved);
  }
  let noted = "";
  const note = (): void => {
    const children = descendants(process.pid).map((pid) => ({ pid, began: processStart(pid) ?? "" }));
    const text = JSON.stringify({ ...mine, children });
    if (text === noted) return;
    noted = text;
    // Replaced in one step: whoever reads it meanwhile sees a whole file.
    const next = `${file}.${process.pid}`;
    writeFileSync(next, text);
    renameSync(next, file);
  };
  const timer = setInterval(note, NOTE_EVERY_MS).unref();
  const release = (): void => {
    clearInterval(timer);
    if (read(file)?.pid === process.pid) rmSync(file, { force: true });
  };
  // Miniflare ends the process by itself on a signal; then this is all that still runs.
  process.once("exit", release);
  return { noteChildren: note, release };
}
