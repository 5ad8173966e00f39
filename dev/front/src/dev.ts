// `/dev/...` of a local run: sweeps on request, the scheduler's tick, the lag of the consumers, and the mailbox. There is no sign-in;
// guard.ts admits only this machine's own pages and programs.
import { peer } from "#shared/rpc";
import { systemCall } from "#shared/call";
import type { MessagingContract } from "#shared/contracts/messaging";
import { newId } from "#shared/ids";
import { DOMAIN_WORKERS, PRODUCTION_WORKERS } from "#shared/workers";
import type { ProductionWorker } from "#shared/workers";
import { cronMatcher } from "./cron.ts";

/** The sandbox is bound only when no Stripe key is set. */
export type FrontBindings = Omit<FrontEnv, "STRIPE_SANDBOX"> & { readonly STRIPE_SANDBOX?: Fetcher };

const MINUTE_MS = 60_000;

/** The flag service_binding_extra_handlers adds this to bindings of default exports. The generated types lack it. */
interface Scheduled {
  scheduled(event: { readonly cron: string; readonly scheduledTime: Date }): Promise<{ readonly outcome: string }>;
}

function isWorker(name: string | undefined): name is ProductionWorker {
  return PRODUCTION_WORKERS.some((worker) => worker === name);
}

function upper<N extends ProductionWorker>(name: N): Uppercase<N> {
  return name.toUpperCase() as Uppercase<N>;
}

function entrypoint(env: FrontBindings, worker: ProductionWorker): MessagingContract {
  return peer<MessagingContract>(env[`${upper(worker)}_RPC`]);
}

function failure(status: number, detail: string): Response {
  return Response.json({ status, detail }, { status });
}

async function runSweeps(env: FrontBindings, worker: ProductionWorker): Promise<Response> {
  const call = systemCall("dev-cron", newId("req"));
  const outcome = await entrypoint(env, worker).runSweeps(call, { everything: true });
  return outcome.ok ? Response.json(outcome.value) : Response.json(outcome.error, { status: 500 });
}

/** Runs the scheduled handler of each Worker whose cron fires in this minute. A failure does not stop the others. */
async function tick(env: FrontBindings, at: Date): Promise<Response> {
  const crons = JSON.parse(env.CRONS) as Readonly<Record<string, readonly string[]>>;
  const due = PRODUCTION_WORKERS.flatMap((worker) =>
    (crons[worker] ?? []).filter((cron) => cronMatcher(cron)(at)).map((cron) => ({ worker, cron })),
  );
  const outcomes = await Promise.allSettled(
    due.map(async ({ worker, cron }) => {
      const handlers = env[upper(worker)] as unknown as Scheduled;
      return await handlers.scheduled({ cron, scheduledTime: at });
    }),
  );
  const fired = due.map(({ worker, cron }, index) => {
    const outcome = outcomes[index];
    return { worker, cron, outcome: outcome?.status === "fulfilled" ? outcome.value.outcome : "exception" };
  });
  return Response.json({ at: at.toISOString(), fired });
}

/** For each Worker the number of events that some consumer lacks, and the age of the oldest. Null if the Worker does not answer. */
async function lag(env: FrontBindings): Promise<Response> {
  const call = systemCall("dev-status", newId("req"));
  const now = Date.now();
  const entries = await Promise.all(
    DOMAIN_WORKERS.map(async (worker) => {
      try {
        const outcome = await entrypoint(env, worker).unconfirmedEvents(call);
        if (!outcome.ok) return [worker, null] as const;
        const [oldest] = outcome.value;
        const oldestMs = oldest === undefined ? 0 : now - oldest.time;
        return [worker, { unconfirmed: outcome.value.length, oldestMs }] as const;
      } catch {
        return [worker, null] as const;
      }
    }),
  );
  return Response.json({ lag: Object.fromEntries(entries) });
}

/** Serves every path under `/dev`. */
export async function handleDev(request: Request, url: URL, env: FrontBindings): Promise<Response> {
  const [, , action, name, ...rest] = url.pathname.split("/");
  if (action === "mailbox" && name === "push-subscription" && rest.length === 0)
    return await env.MAILBOX.fetch(request);
  if (rest.length > 0) return failure(404, "This path does not exist.");
  if (action === "cron" && isWorker(name)) {
    return request.method === "POST" ? await runSweeps(env, name) : failure(405, "Use POST.");
  }
  if (action === "cron") {
    return failure(404, `There is no Worker of this name. The Workers are ${PRODUCTION_WORKERS.join(", ")}.`);
  }
  if (action === "tick" && name === undefined) {
    if (request.method !== "POST") return failure(405, "Use POST.");
    return await tick(env, new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS));
  }
  if (action === "status" && name === undefined) return await lag(env);
  if (action === "mailbox" && name === undefined) return await env.MAILBOX.fetch(request);
  return failure(404, "This path does not exist.");
}
