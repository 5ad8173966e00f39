// The smoke test of a deployed shop, from outside and without an account. It writes nothing except two refused sign-ins.

interface AskInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The used part of a Response: the global fetch and the local runtime have different types of it. */
interface Answer {
  readonly status: number;
  json(): Promise<unknown>;
}

/** Asks the shop under test. */
type Ask = (path: string, init?: AskInit) => Promise<Answer>;

interface Check {
  readonly what: string;
  /** @throws Error that says what is wrong. */
  readonly run: (ask: Ask) => Promise<void>;
}

/** A new version is deployed everywhere within seconds (https://developers.cloudflare.com/workers/versions-and-deployments/). */
const PAUSE_MS = 3_000;
const TRIES = 5;

async function expectStatus(ask: Ask, status: number, path: string, init?: AskInit): Promise<Answer> {
  const response = await ask(path, init);
  if (response.status !== status) throw new Error(`${path}: expected ${status}, got ${response.status}`);
  return response;
}

function json(body: unknown): AskInit {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

async function expectCode(response: Answer, code: string): Promise<void> {
  const body = (await response.json()) as { readonly code?: string };
  if (body.code !== code) throw new Error(`expected the problem ${code}, got ${String(body.code)}`);
}

const CHECKS: readonly Check[] = [
  {
    what: "every part is up",
    run: async (ask) => {
      const health = (await (await expectStatus(ask, 200, "/api/health")).json()) as { readonly status: string };
      if (health.status !== "ok") throw new Error(JSON.stringify(health));
    },
  },
  {
    what: "products are listed",
    run: async (ask) => {
      const page = (await (await expectStatus(ask, 200, "/api/products?limit=1")).json()) as { items?: unknown };
      if (!Array.isArray(page.items)) throw new Error("no list");
    },
  },
  {
    what: "there are keys to verify tokens with",
    run: async (ask) => {
      const { keys } = (await (await expectStatus(ask, 200, "/.well-known/jwks.json")).json()) as { keys: unknown[] };
      if (keys.length === 0) throw new Error("no keys");
    },
  },
  {
    what: "the API describes itself",
    run: async (ask) => {
      await expectStatus(ask, 200, "/api/openapi.json");
    },
  },
  {
    what: "the page of the API is whole",
    run: async (ask) => {
      for (const file of ["", "/swagger-ui.css", "/swagger-ui-bundle.js"]) {
        await expectStatus(ask, 200, `/api/docs${file}`);
      }
    },
  },
  {
    what: "a wrong password is refused",
    run: async (ask) => {
      const credentials = { email: "nobody@example.com", password: "not a password" };
      await expectCode(await expectStatus(ask, 401, "/api/auth/login", json(credentials)), "invalid_credentials");
    },
  },
  {
    what: "orders are not anybody's to read",
    run: async (ask) => {
      await expectCode(await expectStatus(ask, 401, "/api/orders"), "unauthenticated");
    },
  },
  {
    what: "an unsigned webhook is refused",
    run: async (ask) => {
      await expectStatus(ask, 400, "/api/webhooks/stripe", json({ id: "evt_unsigned" }));
    },
  },
  {
    what: "nothing of the local runtime is there",
    run: async (ask) => {
      await expectStatus(ask, 404, "/dev/mailbox");
      await expectStatus(ask, 404, "/_stripe/v1/payment_intents");
    },
  },
];

/** The header that selects one version of each named Worker while two versions share the traffic. */
function versionOverrides(pins: ReadonlyMap<string, string>): Record<string, string> {
  if (pins.size === 0) return {};
  return { "cloudflare-workers-version-overrides": [...pins].map(([name, id]) => `${name}="${id}"`).join(", ") };
}

/** A fetch of this shop. */
export function askAt(origin: string): Ask {
  return async (path, init) =>
    await fetch(`${origin}${path}`, { ...init, redirect: "manual", signal: AbortSignal.timeout(10_000) });
}

/** The checks that fail, with their reasons. */
export async function failures(ask: Ask, pins: ReadonlyMap<string, string>): Promise<string[]> {
  const overrides = versionOverrides(pins);
  const pinned: Ask = async (path, init = {}) =>
    await ask(path, { ...init, headers: { ...init.headers, ...overrides } });
  const results = await Promise.all(
    CHECKS.map(async ({ what, run }) => {
      try {
        await run(pinned);
        return [];
      } catch (error) {
        return [`${what}: ${error instanceof Error ? error.message : String(error)}`];
      }
    }),
  );
  return results.flat();
}

/** Repeats the checks a few times until all pass, because a change takes seconds to be everywhere. @throws Error with the failures. */
export async function smoke(ask: Ask, pins: ReadonlyMap<string, string>): Promise<void> {
  let wrong: string[] = [];
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    wrong = await failures(ask, pins);
    if (wrong.length === 0) {
      for (const { what } of CHECKS) console.log(`ok  ${what}`);
      return;
    }
    if (attempt < TRIES) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw new Error(`the smoke test fails:\n${wrong.join("\n")}`);
}
