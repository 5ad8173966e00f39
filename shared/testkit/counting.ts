// A Database that counts the rows that D1 reads, for tests that hold a read to a bound.
import { Database } from "../database.ts";
import type { Statement } from "../statement.ts";

export class CountingDatabase extends Database {
  rowsRead = 0;

  override async run(statement: Statement): ReturnType<Database["run"]> {
    const result = await super.run(statement);
    this.rowsRead += result.meta.rows_read;
    return result;
  }

  override async batch(statements: readonly Statement[]): ReturnType<Database["batch"]> {
    const results = await super.batch(statements);
    for (const { meta } of results) this.rowsRead += meta.rows_read;
    return results;
  }
}
