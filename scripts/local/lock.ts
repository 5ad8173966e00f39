// One run for each STATE_DIR: two runtimes on the same SQLite files would corrupt each other's data. The lock is a file with the pid. A
// killed run leaves the file behind; the next run sees that its process is gone, and ends the runtimes that it left running. No lock
// library does the latter.
import { setTimeout as pause } from "node:timers/promises";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { descendants } from "./processes.ts";

/** How long a killed runtime may take to release its port and files. */
const ORPHAN_END_MS = 5_000;
const ORPHAN_POLL_MS = 20;
/** How often the processes of this run are written into the lock file. */
const NOTE_EVERY_MS = 1_000;

export type Mode = "dev" | "start" | "seed";

export interface LockInfo {
  readonly pid: number;
  /** When the process began, by the system: a pid alone may belong to another process by now. */
  readonly began: string;
  readonly mode: Mode;
  readonly port: number;
  readonly startedAt: string;
  /** The runtimes that this run started. They survive when their parent is killed with SIGKILL. */
  readonly children: readonly Child[];
}

export interface Child {
  readonly pid: number;
  readonly began: string;
}

/**
 * When a process began: field 22 of /proc/<pid>/stat, counted from the last parenthesis, because a process name may contain anything.
 * Empty outside of Linux; undefined when the process has ended.
 */
export function processStart(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended. While other threads of it still end, its ports and files are open.
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

/** The run that holds this STATE_DIR, if any. */
export function currentRun(stateDir: string): LockInfo | undefined {
  const held = read(lockFile(stateDir));
  return held !== undefined && isAlive(held) ? held : undefined;
}

/** Kills the processes that a killed run left behind, and waits for their end. Both pid and start time must match. */
async function endOrphans(left: LockInfo): Promise<void> {
  const noted = left.children.filter(isAlive);
  // Processes that they have started since are theirs too.
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
    await pause(ORPHAN_POLL_MS);
  }
}

export interface Lock {
  /** Writes the child processes into the lock file now. A timer repeats it, because a reload replaces the runtime. */
  readonly noteChildren: () => void;
  readonly release: () => void;
}

/**
 * Acquires STATE_DIR for this process. Takes over from a run that has ended, and kills the runtimes that it left behind.
 * @throws Error when another run holds it.
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
    // The rename is atomic: of two runs that find the lock stale, one renames it and the other starts over.
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
    // Replaced in one step, so that a reader never sees half a file.
    const next = `${file}.${process.pid}`;
    writeFileSync(next, text);
    renameSync(next, file);
  };
  const timer = setInterval(note, NOTE_EVERY_MS).unref();
  const release = (): void => {
    clearInterval(timer);
    if (read(file)?.pid === process.pid) rmSync(file, { force: true });
  };
  // Miniflare ends the process on a signal; then only exit handlers run.
  process.once("exit", release);
  return { noteChildren: note, release };
}
