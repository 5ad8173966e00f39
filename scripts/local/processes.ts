// The descendants of a process, the CPU time and the memory that they use, and whether a port is free.
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:net";

/** Linux counts CPU time in ticks of 1/100 s on every platform Node runs on (sysconf(_SC_CLK_TCK)). */
const MS_PER_TICK = 10;

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** User and system time, in milliseconds. */
  readonly cpuMs: number;
}

function fromProc(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        const cpuMs = (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
        return [{ pid: Number(name), parent: Number(fields[1]), cpuMs }];
      } catch {
        return []; // It has ended since.
      }
    });
}

function fromPs(): Process[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => {
    const [pid, parent] = line.trim().split(/\s+/);
    return { pid: Number(pid), parent: Number(parent), cpuMs: 0 };
  });
}

function listProcesses(): Process[] {
  return process.platform === "linux" ? fromProc() : process.platform === "win32" ? [] : fromPs();
}

function below(pid: number, all: readonly Process[]): Process[] {
  return all.filter(({ parent }) => parent === pid).flatMap((child) => [child, ...below(child.pid, all)]);
}

/** Pids of all descendants of `pid`. */
export function descendants(pid: number): number[] {
  return below(pid, listProcesses()).map((child) => child.pid);
}

/** CPU time of `pid` and its descendants so far, in milliseconds; 0 outside of Linux. */
export function cpuMsOf(pid: number): number {
  const all = listProcesses();
  const own = all.filter((each) => each.pid === pid);
  return [...own, ...below(pid, all)].reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

/** Resident memory of `pid` and its descendants, in MiB; 0 outside of Linux. */
export function residentMb(pid: number): number {
  if (process.platform !== "linux") return 0;
  const kilobytes = [pid, ...descendants(pid)].map((each) => {
    try {
      return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${each}/status`, "utf8"))?.[1] ?? 0);
    } catch {
      return 0; // It has ended since.
    }
  });
  return kilobytes.reduce((sum, each) => sum + each, 0) / 1_024;
}

async function canListen(port: number, host: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      // A machine without IPv6 has no ::1.
      resolve(error.code === "EADDRNOTAVAIL" || error.code === "EAFNOSUPPORT");
    });
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

/** @throws Error when something listens on the port. */
export async function requireFreePort(port: number): Promise<void> {
  for (const host of ["127.0.0.1", "::1"]) {
    if (!(await canListen(port, host)))
      throw new Error(`Port ${port} is in use. Stop what listens there, or set PORT.`);
  }
}

/** Below the ports that systems give to outgoing connections, any of which could take a port between its check and its use. */
const FIRST_PORT = 10_000;
const LAST_PORT = 30_000;
const PORT_TRIES = 20;

/** A random port that nothing listens on at this moment. @throws Error when none is found. */
export async function findFreePort(): Promise<number> {
  for (let tried = 0; tried < PORT_TRIES; tried += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (await canListen(port, "127.0.0.1")) return port;
  }
  throw new Error("no free port was found");
}
