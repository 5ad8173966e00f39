// Reads the resources of the Cloudflare account over its API (https://developers.cloudflare.com/api). wrangler creates the missing ones.
import * as z from "zod";

const API = "https://api.cloudflare.com/client/v4";
const PAGE_SIZE = 100;

export interface Account {
  readonly accountId: string;
  readonly token: string;
  /** wrangler's variable for another address of the API. */
  readonly api: string;
}

/** A deployed Worker: the version that serves most of its traffic, and the names of its secrets. */
export interface DeployedWorker {
  readonly versionId: string | undefined;
  readonly secrets: readonly string[];
}

const Envelope = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).default([]),
  result: z.unknown(),
});
const Databases = z.array(z.object({ uuid: z.string(), name: z.string() }));
const Queues = z.array(z.object({ queue_name: z.string() }));
const Buckets = z.object({ buckets: z.array(z.object({ name: z.string() })) });
const Scripts = z.array(z.object({ id: z.string() }));
const Secrets = z.array(z.object({ name: z.string() }));
const Deployments = z.object({
  deployments: z.array(
    z.object({ versions: z.array(z.object({ version_id: z.string(), percentage: z.number() })).min(1) }),
  ),
});

/** Reads the account from wrangler's variables. @throws Error that names the missing ones. */
export function readAccount(env: Readonly<Record<string, string | undefined>>): Account {
  const accountId = env["CLOUDFLARE_ACCOUNT_ID"] ?? "";
  const token = env["CLOUDFLARE_API_TOKEN"] ?? "";
  if (accountId === "" || token === "") {
    throw new Error("CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN have to be set; docs/deploy.md says how");
  }
  return { accountId, token, api: env["CLOUDFLARE_API_BASE_URL"] ?? API };
}

async function get<T>(account: Account, path: string, schema: z.ZodType<T>): Promise<T> {
  const response = await fetch(`${account.api}/accounts/${account.accountId}${path}`, {
    headers: { authorization: `Bearer ${account.token}` },
  });
  const body = Envelope.safeParse(await response.json().catch(() => undefined));
  if (!response.ok || !body.success || !body.data.success) {
    const told = body.success ? body.data.errors.map(({ code, message }) => `${message} (${code})`).join("; ") : "";
    throw new Error(`Cloudflare answered ${response.status} to GET ${path}${told === "" ? "" : `: ${told}`}`);
  }
  return schema.parse(body.data.result);
}

async function pages<T>(account: Account, path: string, schema: z.ZodType<T[]>): Promise<T[]> {
  const all: T[] = [];
  for (let page = 1; ; page += 1) {
    const items = await get(account, `${path}?page=${page}&per_page=${PAGE_SIZE}`, schema);
    all.push(...items);
    if (items.length < PAGE_SIZE) return all;
  }
}

/** Database name -> id. */
export async function databaseIds(account: Account): Promise<Map<string, string>> {
  const found = await pages(account, "/d1/database", Databases);
  return new Map(found.map(({ name, uuid }) => [name, uuid]));
}

export async function queueNames(account: Account): Promise<Set<string>> {
  return new Set((await pages(account, "/queues", Queues)).map(({ queue_name: name }) => name));
}

export async function bucketNames(account: Account): Promise<Set<string>> {
  const { buckets } = await get(account, "/r2/buckets?per_page=1000", Buckets);
  return new Set(buckets.map(({ name }) => name));
}

/** The deployed ones of the named Workers. A Worker may have secrets before it has a version. */
export async function deployedWorkers(
  account: Account,
  names: readonly string[],
): Promise<ReadonlyMap<string, DeployedWorker>> {
  const present = new Set((await get(account, "/workers/scripts", Scripts)).map(({ id }) => id));
  const entries = names
    .filter((name) => present.has(name))
    .map(async (name) => {
      const [{ deployments }, secrets] = await Promise.all([
        get(account, `/workers/scripts/${name}/deployments`, Deployments),
        get(account, `/workers/scripts/${name}/secrets`, Secrets),
      ]);
      const [serving] = (deployments[0]?.versions ?? []).toSorted((a, b) => b.percentage - a.percentage);
      return [name, { versionId: serving?.version_id, secrets: secrets.map((secret) => secret.name) }] as const;
    });
  return new Map(await Promise.all(entries));
}
