// No export without a reader: what only its own file uses is not exported, and what nobody uses is not kept.

const EXPORT = /^export (?:async )?(?:abstract )?(?:function\*?|const|class) (?<name>\w+)/gm;

/** Complete whoever reads them: the tables of the migrations, calls and events, and the entrypoints that the platform reads. */
const VOCABULARY = /\/schema\.ts$|^shared\/(?:contracts|events)\/|^workers\/[^/]+\/src\/index\.ts$/;

/** Functions, constants and classes that no other file names. `sources` is path -> text of every TypeScript file. */
export function unreadExports(sources: ReadonlyMap<string, string>): string[] {
  const files = new Map<string, number>();
  for (const text of sources.values()) {
    for (const word of new Set(text.match(/\w+/g))) files.set(word, (files.get(word) ?? 0) + 1);
  }
  return [...sources]
    .filter(([file]) => !VOCABULARY.test(file))
    .flatMap(([file, text]) =>
      [...text.matchAll(EXPORT)]
        .map(({ groups }) => groups?.["name"] ?? "")
        .filter((name) => files.get(name) === 1)
        .map((name) => `${file}: ${name} is exported and nobody else reads it`),
    );
}
