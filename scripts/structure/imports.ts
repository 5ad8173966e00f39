// Which way imports may point: shared/ knows no Worker, a Worker knows shared/ and itself, and inside a Worker
// entrypoint | consumer | scheduled -> service -> domain, objects, store -> schema. Nothing points back up.
import path from "node:path";

/** Layers of a domain Worker, from the top. An import may stay in its layer or go down. */
const LAYERS: readonly (readonly string[])[] = [
  ["index"],
  ["entrypoint", "consumer", "scheduled"],
  ["service"],
  ["objects", "store"],
  // A schema names the states that the rules define; the rules know no table (see PURE).
  ["domain", "schema"],
  ["constants"],
];

/** What domain rules may know in their Worker: they do no I/O. */
const PURE = ["domain", "constants"];

const IMPORT = /(?:\bfrom\s+|\bimport\s+|\bimport\()"(?<target>[^"]+)"/g;

/** The modules that a source text imports. */
export function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].flatMap((match) => match.groups?.["target"] ?? []);
}

function roleOf(file: string): string {
  return (file.split("/")[0] ?? "").replace(/\.ts$/, "");
}

function layerOf(role: string): number {
  return LAYERS.findIndex((layer) => layer.includes(role));
}

/** The top folder that a path belongs to: `shared`, `workers/orders`, `dev/front`, `scripts`, `e2e`. */
function homeOf(file: string): string {
  const [first = "", second = ""] = file.split("/");
  return first === "workers" || first === "dev" ? `${first}/${second}` : first;
}

function crossing(file: string, target: string): string | undefined {
  const home = homeOf(file);
  const targetHome = homeOf(target);
  if (home === targetHome || targetHome === "shared") return undefined;
  if (home === "scripts" && targetHome === "e2e")
    return "scripts do not import tests: shared tools stand in scripts/shop";
  if (home === "shared") return "shared/ imports nothing of a Worker";
  if (home.startsWith("workers/") || home.startsWith("dev/")) return "a Worker imports shared/ and itself only";
  return undefined;
}

function upward(file: string, target: string): string | undefined {
  const source = /^workers\/(?!gateway\/)[^/]+\/src\/(?<inside>.+)$/.exec(file)?.groups?.["inside"];
  const aim = /^workers\/[^/]+\/src\/(?<inside>.+)$/.exec(target)?.groups?.["inside"];
  if (source === undefined || aim === undefined) return undefined;
  const [from, to] = [roleOf(source), roleOf(aim)];
  if (from === "domain" && !PURE.includes(to)) return `domain is pure and does not know ${to}`;
  return layerOf(to) < layerOf(from) ? `${from} does not import ${to}: data flows the other way` : undefined;
}

/** Violations of the direction by one file. Paths are relative to the root, with forward slashes. */
export function importViolations(file: string, text: string): string[] {
  return importsOf(text).flatMap((specifier) => {
    const relative = specifier.startsWith(".");
    if (!relative && !specifier.startsWith("#")) return [];
    if (relative && !/\.(?:ts|json)$/.test(specifier)) return [`${file}: "${specifier}" has to end in .ts`];
    const target = relative
      ? path.posix.join(path.posix.dirname(file), specifier)
      : specifier.replace(/^#shared\//, "shared/");
    const wrong = crossing(file, target) ?? upward(file, target);
    return wrong === undefined ? [] : [`${file}: imports "${specifier}", but ${wrong}`];
  });
}

/** An import of zod's object z, which no bundler can see into: the bundle would hold all of zod and its fifty languages. */
export function zodViolations(file: string, text: string): string[] {
  return /^import (?:type )?\{[^}]*\} from "zod";/m.test(text) ? [`${file}: import * as z from "zod"`] : [];
}

/** SQL of a domain Worker outside its rooms. */
export function roomViolations(file: string, text: string): string[] {
  const inside = /^workers\/[^/]+\/src\/(?<inside>.+)$/.exec(file)?.groups?.["inside"];
  const isRoom = inside === undefined || /^(?:store|objects|schema|service\/metrics\.ts)/.test(inside);
  return !isRoom && /\bsql(?:<[^`]*>)?`/.test(text)
    ? [`${file}: SQL stands in store, objects, schema.ts and service/metrics.ts only`]
    : [];
}
