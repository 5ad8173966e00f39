// What the wrangler files have to say together: bindings without a cycle, one public door, a dead-letter queue for each consumer,
// one compatibility date, and nothing of the local runtime in production.

interface Consumer {
  readonly queue: string;
  readonly max_retries?: number;
  readonly dead_letter_queue?: string;
}

export interface Config {
  readonly name: string;
  readonly compatibility_date: string;
  readonly routes?: readonly { readonly pattern: string }[];
  readonly services?: readonly { readonly binding: string; readonly service: string; readonly entrypoint?: string }[];
  readonly queues?: {
    readonly producers?: readonly { readonly queue: string }[];
    readonly consumers?: readonly Consumer[];
  };
  readonly workers_dev?: boolean;
  readonly preview_urls?: boolean;
}

/** As often as shared/failed-events.ts counts (MAX_RETRIES). */
const MAX_RETRIES = 10;
const WEBHOOK_ROUTE = "/api/webhooks/stripe";
const LOCAL_ONLY = ["tradepost-front", "tradepost-stripe-sandbox", "tradepost-mailbox", "tradepost-assets"];

function deadLetters(configs: readonly Config[]): Set<string> {
  return new Set(
    configs.flatMap(({ queues }) => (queues?.consumers ?? []).flatMap(({ dead_letter_queue: queue }) => queue ?? [])),
  );
}

/** Calls between Workers that come back to where they began. */
function cycles(configs: readonly Config[]): string[] {
  const targets = new Map(configs.map(({ name, services }) => [name, (services ?? []).map(({ service }) => service)]));
  const found = new Set<string>();
  const walk = (name: string, trail: readonly string[]): void => {
    const at = trail.indexOf(name);
    if (at >= 0) {
      found.add(`service bindings run in a circle: ${[...trail.slice(at), name].join(" -> ")}`);
      return;
    }
    for (const target of targets.get(name) ?? []) walk(target, [...trail, name]);
  };
  for (const name of targets.keys()) walk(name, []);
  // Each circle is found once from each of its members; one of them is enough.
  return [...found].slice(0, 1);
}

function bindingViolations(configs: readonly Config[]): string[] {
  const names = new Set(configs.map(({ name }) => name));
  return configs.flatMap(({ name, services }) =>
    (services ?? []).flatMap(({ binding, service, entrypoint }) => [
      ...(LOCAL_ONLY.includes(service) ? [`${name}: ${binding} binds ${service}, which is local only`] : []),
      ...(names.has(service) ? [] : [`${name}: ${binding} binds ${service}, which there is not`]),
      ...(entrypoint === undefined ? [`${name}: ${binding} names no entrypoint`] : []),
    ]),
  );
}

function routeViolations({ name, routes, workers_dev, preview_urls }: Config): string[] {
  const allowed = (pattern: string): boolean =>
    name === "tradepost-gateway" || (name === "tradepost-payments" && pattern.endsWith(WEBHOOK_ROUTE));
  return [
    ...(routes ?? [])
      .filter(({ pattern }) => !allowed(pattern))
      .map(({ pattern }) => `${name}: has the public route ${pattern}`),
    ...(workers_dev === false && preview_urls === false
      ? []
      : [`${name}: workers_dev and preview_urls have to be false`]),
  ];
}

function consumerViolations(config: Config, ofDeadLetters: ReadonlySet<string>): string[] {
  const consumers = config.queues?.consumers ?? [];
  return consumers
    .filter(({ queue }) => !ofDeadLetters.has(queue))
    .flatMap(({ queue, dead_letter_queue: deadLetter, max_retries: retries }) => {
      if (deadLetter === undefined) return [`${config.name}: ${queue} has no dead-letter queue`];
      const consumed = consumers.some((consumer) => consumer.queue === deadLetter);
      return [
        ...(consumed ? [] : [`${config.name}: does not consume its own dead letters, ${deadLetter}`]),
        ...(retries === MAX_RETRIES ? [] : [`${config.name}: ${queue} has max_retries ${retries}, not ${MAX_RETRIES}`]),
      ];
    });
}

function queueViolations(configs: readonly Config[]): string[] {
  const consumed = configs.flatMap(({ queues }) => (queues?.consumers ?? []).map(({ queue }) => queue));
  const produced = configs.flatMap(({ name, queues }) =>
    (queues?.producers ?? []).map(({ queue }) => ({ name, queue })),
  );
  const ofDeadLetters = deadLetters(configs);
  return [
    ...configs.flatMap((config) => consumerViolations(config, ofDeadLetters)),
    ...consumed
      .filter((queue, index) => consumed.indexOf(queue) !== index)
      .map((queue) => `${queue} has more than one consumer`),
    ...produced
      .filter(({ queue }) => !consumed.includes(queue))
      .map(({ name, queue }) => `${name}: sends to ${queue}, which nobody consumes`),
  ];
}

/** Violations by the production configurations together, and by the local ones where they have to agree. */
export function configViolations(production: readonly Config[], local: readonly Config[]): string[] {
  const dates = new Set([...production, ...local].map(({ compatibility_date: date }) => date));
  return [
    ...(dates.size === 1 ? [] : [`more than one compatibility date: ${[...dates].join(", ")}`]),
    ...cycles(production),
    ...bindingViolations(production),
    ...production.flatMap(routeViolations),
    ...local.flatMap(({ name, routes }) => (routes === undefined ? [] : [`${name}: is local only and has routes`])),
    ...queueViolations(production),
  ];
}
