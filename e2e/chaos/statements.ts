// Names of SQL statements by what they write.

const WRITE = /^\s*(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|UPDATE|DELETE\s+FROM|REPLACE\s+INTO)\s+"?(?<table>\w+)"?/i;
const EVENT_TYPE = /^[A-Z]+(?:_[A-Z]+)+$/;

/** The table that a statement writes; undefined when it only reads. */
export function statementName(query: string): string | undefined {
  return WRITE.exec(query)?.groups?.["table"];
}

/** An outbox row is named with its event. */
export function eventTypeOf(name: string | undefined, values: readonly unknown[]): string | undefined {
  if (name !== "outbox") return name;
  const type = values.find((value) => typeof value === "string" && EVENT_TYPE.test(value));
  return typeof type === "string" ? type : name;
}
