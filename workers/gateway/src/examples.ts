// A worked example of each call, by its operation id. They are shown in the document; tests hold them to the schemas and, where
// they read what the seed has, to a running shop.

export interface Example {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  /** The status of the answer that is shown. */
  readonly status?: number;
  readonly answer?: unknown;
}

export const EXAMPLES: Readonly<Record<string, Example>> = {};
