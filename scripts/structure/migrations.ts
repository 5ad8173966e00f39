// The numbers of migrations run without a gap, and those that all databases share are the same in each.

const NAME = /^(?<number>\d{4})_(?<title>[a-z0-9]+(?:_[a-z0-9]+)*)\.sql$/;
/** Titles of the migrations that every database has, with the same text, whatever their number there. */
export const SHARED_MIGRATIONS = ["messaging", "operations", "event_places", "operator_lists", "confirmed_events"];

function titleOf(name: string): string | undefined {
  return NAME.exec(name)?.groups?.["title"];
}

/** Violations by one database's migrations: file name -> SQL. `shared` has the text of those that all have, by title. */
export function migrationViolations(
  database: string,
  files: ReadonlyMap<string, string>,
  shared: ReadonlyMap<string, string>,
): string[] {
  const names = [...files.keys()].toSorted();
  const wrongNames = names
    .filter((name) => titleOf(name) === undefined)
    .map((name) => `migrations/${database}/${name}: not named like 0002_what_it_does.sql`);
  const numbers = names.filter((name) => titleOf(name) !== undefined).map((name) => name.slice(0, 4));
  const free = String(new Set(numbers).size + 1).padStart(4, "0");
  const wrongNumbers = names
    .filter((name, index) => titleOf(name) !== undefined && Number(name.slice(0, 4)) !== index + 1)
    .map((name) => {
      const twins = names.filter((other) => other.slice(0, 4) === name.slice(0, 4) || other === name);
      return `migrations/${database}: ${twins.join(", ")}: numbers run from 0001 without a gap or a double; the next free one is ${free}`;
    });
  const wrongTexts = SHARED_MIGRATIONS.flatMap((title) => {
    const own = names.find((name) => titleOf(name) === title);
    if (own === undefined) return [`migrations/${database}: the migration "${title}" is missing`];
    return files.get(own) === shared.get(title)
      ? []
      : [`migrations/${database}/${own}: not the same as in the other databases`];
  });
  return [...wrongNames, ...wrongNumbers, ...wrongTexts];
}
