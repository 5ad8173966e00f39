// Figures as Prometheus reads them: the text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
import type { Metric } from "#shared/metrics";

export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

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

/** All samples of a name stand together under one HELP and TYPE, whichever Workers they come from. */
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
