// Migrations are only ever added: their numbers run without a gap, and the first, which all databases share, is the same in each.

const NAME = /^(?<number>\d{4})_[a-z0-9]+(?:_[a-z0-9]+)*\.sql$/;
const SHARED = "0001_messaging.sql";

/** Violations by one database's migrations: file name -> SQL. `shared` is the text of the migration that all begin with. */
export function migrationViolations(
  database: string,
  files: ReadonlyMap<string, string>,
  shared: string | undefined,
): string[] {
  const names = [...files.keys()].toSorted();
  const wrongNames = names
    .filter((name) => !NAME.test(name))
    .map((name) => `migrations/${database}/${name}: not named like 0002_what_it_does.sql`);
  const wrongNumbers = names
    .filter((name, index) => NAME.test(name) && Number(name.slice(0, 4)) !== index + 1)
    .map((name) => `migrations/${database}/${name}: numbers have to run from 0001 without a gap or a double`);
  const own = files.get(SHARED);
  return [
    ...wrongNames,
    ...wrongNumbers,
    ...(own === undefined ? [`migrations/${database}: ${SHARED} is missing`] : []),
    ...(own === shared ? [] : [`migrations/${database}/${SHARED}: not the same as in the other databases`]),
  ];
}
