// The metrics of all Workers in the text format of Prometheus, read from the Workers' rows at the time of the request.
import type { Call } from "#shared/call";
import type { Metric } from "#shared/metrics";
import { ok } from "#shared/result";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { GatewayDeps } from "../deps.ts";
import { Parts } from "../parts.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";
import { consumerLag } from "../sweep.ts";

/** The metrics of the Workers that answer, each sample with a label for its Worker, and which Workers did. */
async function workerMetrics(deps: GatewayDeps, call: Call): Promise<Metric[]> {
  const parts = new Parts(deps.settings.partDeadlineMs);
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

/** A consumer that does not answer has no sample: 0 would mean that it is not behind. */
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

/** The text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/ */
const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

function line(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${String(value)}\n`;
}

/** All samples of one name stand under one HELP and TYPE, whichever Workers they come from. */
export function exposition(metrics: readonly Metric[]): string {
  const byName = new Map<string, { readonly help: string; readonly lines: string[] }>();
  for (const { name, help, samples } of metrics) {
    const known = byName.get(name) ?? { help, lines: [] };
    byName.set(name, known);
    known.lines.push(...samples.map(({ labels, value }) => line(name, labels, value)));
  }
  return [...byName]
    .map(([name, { help, lines }]) => `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} gauge\n${lines.join("")}`)
    .join("");
}

export const metricRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/metrics",
    operationId: "getMetrics",
    tag: "Operations",
    summary: "Metrics in the text format of Prometheus",
    access: "admin-or-metrics-token",
    limit: "read",
    anyQuery: true,
    answers: { 200: null },
    mediaType: "text/plain",
    errors: [],
    handle: async (deps, { call }) => {
      const [figures, lag] = await Promise.all([workerMetrics(deps, call), lagMetrics(deps, call)]);
      const headers = { "content-type": EXPOSITION_TYPE, "cache-control": "no-store" };
      return ok(new Response(exposition([...figures, ...lag]), { headers }));
    },
  }),
];
