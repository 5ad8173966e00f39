// No export without a reader: what only its own file uses is not exported, and what nobody uses is not kept.

const EXPORT = /^export (?:async )?(?:abstract )?(?:function\*?|const|class) (?<name>\w+)/gm;

/** Whole by themselves, whoever reads them: the tables as the migrations made them, and what calls and events are made of. */
const VOCABULARY = /\/schema\.ts$|^shared\/(?:contracts|events)\//;

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
