// Holds the structure: reads the repo, asks each rule of scripts/structure/, and prints what is not as agreed.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { readWranglerFile } from "./local/configs.ts";
import { DATABASES, PRODUCTION_WORKERS, ROOT, wranglerFile } from "./local/workers.ts";
import { configViolations } from "./structure/configs.ts";
import type { Config } from "./structure/configs.ts";
import { unreadExports } from "./structure/exports.ts";
import { emptyFiles, planViolations } from "./structure/files.ts";
import { importViolations, roomViolations, zodViolations } from "./structure/imports.ts";
import { lockViolations } from "./structure/lock.ts";
import type { LockFile } from "./structure/lock.ts";
import { SHARED_MIGRATIONS, migrationViolations } from "./structure/migrations.ts";
import { booleanParameters } from "./structure/parameters.ts";
import { commentViolations, pageViolations } from "./structure/paths.ts";

const ROOT_PAGES = ["README.md", "CONTRIBUTING.md"];
const TEST = /\/test\/|\.test\.ts$/;
const FOLDERS = ["shared", "workers", "dev", "scripts", "e2e", "migrations"];

/** Path relative to the root, with forward slashes -> text. Static assets are whatever they are. */
function readTree(folder: string): [string, string][] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes(`${path.sep}assets`))
    .filter((entry) => !entry.parentPath.includes("node_modules") && !entry.parentPath.includes(".wrangler"))
    .map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      return [path.relative(ROOT, file).replaceAll(path.sep, "/"), readFileSync(file, "utf8")];
    });
}

function readRoot(file: string): [string, string] {
  return [file, readFileSync(path.join(ROOT, file), "utf8")];
}

/** All violations in this checkout. */
export function structureViolations(): string[] {
  const tree = new Map(FOLDERS.flatMap(readTree));
  const files = [...tree.keys()];
  const under = (folder: string): string[] =>
    files.filter((file) => file.startsWith(`${folder}/`)).map((file) => file.slice(folder.length + 1));
  const config = (worker: Parameters<typeof wranglerFile>[0]): Config => readWranglerFile(wranglerFile(worker));
  const migrationsOf = (database: string): Map<string, string> =>
    new Map(under(`migrations/${database}`).map((name) => [name, tree.get(`migrations/${database}/${name}`) ?? ""]));
  const sharedMigrations = new Map(
    SHARED_MIGRATIONS.map((title) => {
      const file = files.find((name) => name.startsWith("migrations/auth/") && name.endsWith(`_${title}.sql`)) ?? "";
      return [title, tree.get(file) ?? ""];
    }),
  );
  const exists = (target: string): boolean => existsSync(path.join(ROOT, target));
  const pages = [
    ...[...tree].filter(([file]) => file.endsWith(".md")),
    ...readTree("docs"),
    ...ROOT_PAGES.map(readRoot),
  ];
  const sources = [...tree].filter(([file]) => file.endsWith(".ts") && !file.endsWith(".d.ts"));
  return [
    ...emptyFiles(tree),
    ...PRODUCTION_WORKERS.flatMap((worker) => planViolations(worker, under(`workers/${worker}`))),
    ...sources.flatMap(([file, text]) => importViolations(file, text)),
    ...sources.flatMap(([file, text]) => roomViolations(file, text)),
    ...sources.flatMap(([file, text]) => zodViolations(file, text)),
    ...sources.filter(([file]) => !TEST.test(file)).flatMap(([file, text]) => booleanParameters(file, text)),
    ...sources
      .filter(([file]) => !file.startsWith("scripts/test/"))
      .flatMap(([file, text]) => commentViolations(file, text, exists)),
    ...pages.flatMap(([file, text]) => pageViolations(file, text, exists)),
    ...unreadExports(new Map(sources)),
    ...configViolations(PRODUCTION_WORKERS.map(config), [
      config("front"),
      config("stripe-sandbox"),
      config("mailbox"),
      config("assets"),
    ]),
    ...Object.values(DATABASES).flatMap((name) => migrationViolations(name, migrationsOf(name), sharedMigrations)),
    ...lockViolations(JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8")) as LockFile),
  ];
}

if (import.meta.main) {
  const violations = structureViolations();
  for (const violation of violations) console.error(violation);
  if (violations.length > 0) process.exitCode = 1;
  else console.log("The structure is as agreed.");
}
