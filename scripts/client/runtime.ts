// The runtime of the client: a thin wrapper of fetch without knowledge of any call. `npm run client` appends it to the printed types; the
// repository's own programs import it from here with those types.

/** The input of a call, and its answers by status. */
interface Call {
  readonly params?: Readonly<Record<string, string | number | boolean>>;
  /** Several values of one parameter are joined by commas. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly answers: object;
}

/** The input of a call: `params`, `query`, `headers` and `body`, where it has them. */
export type Input<C> = Omit<C, "answers" | "headers"> & {
  /** Headers of the call, and any others. */
  readonly headers?: (C extends { headers?: infer H } ? H : unknown) & Readonly<Record<string, string>>;
};

/** An answer. Its `status` determines the type of `body`; a failure has a `body.code`. */
export type Answer<C> = C extends { answers: infer A }
  ? { [S in keyof A]: { readonly status: S; readonly body: A[S]; readonly headers: Headers } }[keyof A]
  : never;

type Success = 200 | 201 | 202 | 204;
export type Body<C> = Extract<Answer<C>, { status: Success }>["body"];

/** A call without required members needs no input. */
type Arguments<C> = object extends Input<C> ? [input?: Input<C>] : [input: Input<C>];

export interface ClientOptions {
  /** The shop's origin, without a trailing slash: `https://shop.example`. */
  readonly baseUrl: string;
  /** Sent with every call, for example `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** An answer without success. */
export class UnexpectedAnswer extends Error {
  override readonly name = "UnexpectedAnswer";
  readonly status: number;
  /** A problem, if the shop itself answered. */
  readonly body: unknown;

  constructor(call: string, status: number, body: unknown) {
    super(`${call}: ${String(status)} ${JSON.stringify(body)}`);
    this.status = status;
    this.body = body;
  }
}

/** The path with its parameters and query filled in. */
function pathOf(path: string, { params, query }: Omit<Call, "answers">): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => encodeURIComponent(String(params?.[name])));
  const present = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  return present.length === 0
    ? filled
    : `${filled}?${new URLSearchParams(present.map(([name, value]) => [name, String(value)])).toString()}`;
}

function initOf(
  method: string,
  { headers, body }: Omit<Call, "answers">,
  common: ClientOptions["headers"],
): RequestInit {
  if (body === undefined || body instanceof FormData || body instanceof Blob) {
    return { method, headers: { ...common, ...headers }, body: body ?? null };
  }
  return {
    method,
    headers: { "content-type": "application/json", ...common, ...headers },
    body: JSON.stringify(body),
  };
}

async function bodyOf(response: Response): Promise<unknown> {
  const type = response.headers.get("content-type") ?? "";
  if (response.body === null || type === "") return undefined;
  if (/[/+]json\b/.test(type)) return await response.json();
  return type.startsWith("text/") ? await response.text() : await response.blob();
}

/** A client of one shop for one caller. `Operations` are the printed types of all calls: `POST /api/orders` and so on. */
export class Client<Operations> {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** The same client with more headers, for example with a token. */
  with(headers: Readonly<Record<string, string>>): Client<Operations> {
    return new Client({ ...this.#options, headers: { ...this.#options.headers, ...headers } });
  }

  /** The answer, whatever its status. Rejects when no answer arrives. */
  async answer<K extends keyof Operations & string>(
    call: K,
    ...[input]: Arguments<Operations[K]>
  ): Promise<Answer<Operations[K]>> {
    const [method = "", path = ""] = call.split(" ");
    const given: Omit<Call, "answers"> = input ?? {};
    const send = this.#options.fetch ?? fetch;
    const init = initOf(method, given, this.#options.headers);
    const response = await send(`${this.#options.baseUrl}${pathOf(path, given)}`, init);
    const answer: unknown = { status: response.status, body: await bodyOf(response), headers: response.headers };
    return answer as Answer<Operations[K]>;
  }

  /** The body of a success. Throws UnexpectedAnswer on anything else. */
  async call<K extends keyof Operations & string>(
    call: K,
    ...input: Arguments<Operations[K]>
  ): Promise<Body<Operations[K]>> {
    const { status, body } = (await this.answer(call, ...input)) as { readonly status: number; readonly body: unknown };
    if (status >= 300) throw new UnexpectedAnswer(call, status, body);
    return body as Body<Operations[K]>;
  }
}
