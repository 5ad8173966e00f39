// Figures for Prometheus, of all Workers, made of their rows when they are asked for.
import type { Call } from "#shared/call";
import type { Metric } from "#shared/metrics";
import { ok } from "#shared/result";
import type { GatewayDeps } from "../deps.ts";
import { EXPOSITION_TYPE, exposition } from "../exposition.ts";
import { Parts } from "../parts.ts";
import { DOMAIN_WORKERS } from "#shared/workers";
import { route } from "../route.ts";
import type { Route } from "../route.ts";
import { consumerLag } from "../sweep.ts";

/** A Worker's figures with its name on each, and whether it gave any. */
async function workerMetrics(deps: GatewayDeps, call: Call, parts: Parts): Promise<Metric[]> {
  const answers = await Promise.all(
    DOMAIN_WORKERS.map(async (worker) => ({
      worker,
      metrics: await parts.get(worker, () => deps[worker].metrics(call)),
    })),
  );
  const up: Metric = {
    name: "tradepost_up",
    help: "Whether the Worker gave its figures in time.",
    samples: answers.map(({ worker, metrics }) => ({ labels: { worker }, value: metrics === null ? 0 : 1 })),
  };
  const figures = answers.flatMap(({ worker, metrics }) =>
    (metrics ?? []).map((metric) => ({
      ...metric,
      samples: metric.samples.map(({ labels, value }) => ({ labels: { worker, ...labels }, value })),
    })),
  );
  return [up, ...figures];
}

/** A consumer that does not answer has no figure: 0 would say that all is well. */
async function lagMetrics(deps: GatewayDeps, call: Call): Promise<Metric[]> {
  const { consumers } = await consumerLag(deps, call, deps.settings.now(), deps.settings.partDeadlineMs);
  const known = Object.entries(consumers).flatMap(([consumer, lag]) => (lag === null ? [] : [{ consumer, lag }]));
  return [
    {
      name: "tradepost_consumer_lag_events",
      help: "Events sent to a consumer that it has not handled.",
      samples: known.map(({ consumer, lag }) => ({ labels: { consumer }, value: lag.unseen })),
    },
    {
      name: "tradepost_consumer_lag_oldest_seconds",
      help: "Age of the oldest of them; 0 without one.",
      samples: known.map(({ consumer, lag }) => ({ labels: { consumer }, value: lag.oldestSeconds })),
    },
  ];
}

export const metricRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/metrics",
    operationId: "getMetrics",
    tag: "Operations",
    summary: "Figures in Prometheus' text format",
    access: "admin-or-metrics-token",
    limit: "read",
    anyQuery: true,
    answers: { 200: null },
    mediaType: "text/plain",
    errors: [],
    handle: async (deps, { call }) => {
      const parts = new Parts(deps.settings.partDeadlineMs);
      const [figures, lag] = await Promise.all([workerMetrics(deps, call, parts), lagMetrics(deps, call)]);
      const headers = { "content-type": EXPOSITION_TYPE, "cache-control": "no-store" };
      return ok(new Response(exposition([...figures, ...lag]), { headers }));
    },
  }),
];
