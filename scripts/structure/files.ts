// The plan of every domain Worker: these file names for these roles, and no others. The gateway has a plan of its own.

/** Roles that are a file or, when there is much of it, a folder. */
const FILE_OR_FOLDER = ["service", "domain", "store"];
const DOMAIN_FILES = ["index", "entrypoint", "consumer", "scheduled", "schema", "constants"];
const GATEWAY_FILES = "index app route routes access deps peers parts merge feed sweep constants".split(" ");
const GATEWAY_FOLDERS = ["routes", "http", "openapi"];

/** What every Worker has beside its sources. */
const REQUIRED = ["README.md", "env.d.ts", "src/index.ts"];

function isPlanned(worker: string, file: string): boolean {
  const [first = "", ...below] = file.split("/");
  const name = first.replace(/\.ts$/, "");
  if (worker === "gateway") {
    return below.length === 0 ? first.endsWith(".ts") && GATEWAY_FILES.includes(name) : GATEWAY_FOLDERS.includes(first);
  }
  if (below.length > 0) return first === "objects" || FILE_OR_FOLDER.includes(first);
  return first.endsWith(".ts") && [...DOMAIN_FILES, ...FILE_OR_FOLDER].includes(name);
}

/** Violations of the plan by one Worker's files, given relative to its folder. */
export function planViolations(worker: string, files: readonly string[]): string[] {
  const sources = files.filter((file) => file.startsWith("src/")).map((file) => file.slice("src/".length));
  const strangers = sources
    .filter((file) => !isPlanned(worker, file))
    .map((file) => `workers/${worker}/src/${file}: no such role in the plan of a Worker`);
  const doubled = FILE_OR_FOLDER.filter(
    (role) => sources.includes(`${role}.ts`) && sources.some((file) => file.startsWith(`${role}/`)),
  ).map((role) => `workers/${worker}/src: ${role} is both a file and a folder`);
  const missing = REQUIRED.filter((file) => !files.includes(file)).map(
    (file) => `workers/${worker}/${file} is missing`,
  );
  return [...strangers, ...doubled, ...missing];
}

/** Files without content: a file exists when it has something to say. */
export function emptyFiles(contents: ReadonlyMap<string, string>): string[] {
  return [...contents].filter(([, text]) => text.trim() === "").map(([file]) => `${file}: empty`);
}
