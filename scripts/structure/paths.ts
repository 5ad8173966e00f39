// A path that a comment or a page names exists: a reader who follows it must arrive.
import path from "node:path";

/** A path from the root, such as `shared/outbox.ts`, that has a known ending and no placeholder. */
const PATH =
  /(?<![\w/.@-])(?:workers|shared|scripts|e2e|dev|docs|migrations|deploy|\.github|\.ci)\/[\w./-]*\w\.(?:ts|md|sql|toml|json|yml)\b/g;
const LINK = /\]\((?<target>[^)\s]+)\)/g;
/** A path from a Worker's `src` or `shared`, such as `store/x.ts`. */
const NEAR = /(?<![\w/.@-])(?:domain|store|service|objects|routes|http|openapi|test)\/[\w./-]*\w\.ts\b/g;
const COMMENT = /\/\/.*$|\/\*[\s\S]*?\*\//gm;

/** Links of a page and paths named in it that lead nowhere. `exists` takes a path from the root. */
export function pageViolations(file: string, text: string, exists: (target: string) => boolean): string[] {
  const links = [...text.matchAll(LINK)]
    .map(({ groups }) => groups?.["target"] ?? "")
    .filter((target) => !/^(?:https?:|mailto:|#|\/)/.test(target))
    .map((target) => path.posix.join(path.posix.dirname(file), target.replace(/#.*/, "")));
  return [...new Set([...links, ...(text.match(PATH) ?? [])])]
    .filter((target) => !exists(target))
    .map((target) => `${file}: names ${target}, which does not exist`);
}

/** Paths named in the comments of a source that lead nowhere, from the root or from the Worker's `src` (`store/saga.ts`). */
export function commentViolations(file: string, text: string, exists: (target: string) => boolean): string[] {
  const comments = (text.match(COMMENT) ?? []).join("\n");
  const home = /^(?:workers|dev)\/[^/]+\//.exec(file)?.[0] ?? "";
  const near = home === "" ? [] : (comments.match(NEAR) ?? []);
  const inWorker = (target: string): boolean =>
    [`${home}src/${target}`, `${home}${target}`, `shared/${target}`].some((candidate) => exists(candidate));
  return [
    ...new Set([
      ...(comments.match(PATH) ?? []).filter((target) => !exists(target)),
      ...near.filter((target) => !inWorker(target)),
    ]),
  ].map((target) => `${file}: names ${target}, which does not exist`);
}
