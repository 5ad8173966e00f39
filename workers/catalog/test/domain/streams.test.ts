// Streams that are cut at a limit, merged page after page, give what sorting all of them gives.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparison, mergeStreams } from "../../src/domain/streams.ts";
import type { Entry, Stream } from "../../src/domain/streams.ts";

const Value = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(7));
const Values = fc.array(fc.array(fc.record({ value: Value, matches: fc.boolean() }), { maxLength: 12 }), {
  maxLength: 4,
});

describe("mergeStreams", () => {
  it("gives every match once and in order, whatever the limits", () => {
    fc.assert(
      fc.property(
        Values,
        fc.boolean(),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        (lists, descending, window, limit) => {
          const compare = comparison({ descending });
          const all = lists.map((list, stream) =>
            list
              .map((entry, index): Entry => ({
                ...entry,
                id: `prd_${String(stream)}_${String(index)}`,
                searchId: index,
              }))
              .toSorted(compare),
          );
          const seen: Entry[] = [];
          let after: Entry | undefined;
          do {
            const from = after;
            const streams = all.map((list): Stream => {
              const rest = list.filter((entry) => from === undefined || compare(entry, from) > 0);
              return { entries: rest.slice(0, window), more: rest.length > window };
            });
            const page = mergeStreams(streams, { limit, descending });
            expect(page.entries.length).toBeLessThanOrEqual(limit);
            seen.push(...page.entries);
            after = page.last;
          } while (after !== undefined);
          const expected = all
            .flat()
            .filter(({ matches }) => matches)
            .toSorted(compare);
          expect(seen).toEqual(expected);
        },
      ),
    );
  });

  it("sorts names as the database does: without case, by code points, then by id", () => {
    const entries = ["b", "A", "a", "Z", "é", "\u{1F600}", "\uFFFD"].map((value, index): Entry => ({
      searchId: index,
      id: `prd_${String(index)}`,
      value,
      matches: true,
    }));
    const { entries: merged } = mergeStreams([{ entries, more: false }], { limit: 10, descending: false });
    expect(merged.map(({ value }) => value)).toEqual(["A", "a", "b", "Z", "é", "\uFFFD", "\u{1F600}"]);
  });
});
