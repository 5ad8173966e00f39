// The rules of Spectral (spectral:oas) and Redocly (recommended) that our document could break. They are reimplemented because the
// tools are 83 MB in 205 packages. ADR 27 says which rules are left out, and why.

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly Json[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
  readonly responses?: Json;
}

export interface Description {
  readonly info: { readonly description?: string; readonly contact?: Json; readonly license?: Json };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Json>>;
}

interface Place {
  readonly name: string;
  readonly path: string;
  readonly operation: Operation;
}

function places({ paths }: Description): Place[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
  );
}

function doubled(values: readonly string[]): string[] {
  return values.filter((value, index) => values.indexOf(value) !== index);
}

/** Every object in the document with its path. Examples are left out: they are values. */
function nodes(value: unknown, where = "#"): { readonly where: string; readonly node: Json }[] {
  if (typeof value !== "object" || value === null) return [];
  const below = Object.entries(value)
    .filter(([key]) => key !== "example")
    .flatMap(([key, child]) => nodes(child, `${where}/${key}`));
  return Array.isArray(value) ? below : [{ where, node: value as Json }, ...below];
}

function generalViolations({ info, servers, tags, paths }: Description): string[] {
  const used = Object.values(paths).flatMap((methods) =>
    Object.values(methods).flatMap((operation) => operation.tags ?? []),
  );
  const names = tags.map(({ name }) => name);
  return [
    ...(["description", "contact", "license"] as const)
      .filter((key) => info[key] === undefined)
      .map((key) => `info has no ${key}`),
    ...(servers.length === 0 ? ["there is no server"] : []),
    ...servers
      .filter(({ url }) => /.\/$|example\.com|localhost/.test(url))
      .map(({ url }) => `the server ${url} is a placeholder`),
    ...tags.filter(({ description }) => !description).map(({ name }) => `the tag ${name} has no description`),
    ...doubled(names).map((name) => `the tag ${name} is repeated`),
    ...names.filter((name) => !used.includes(name)).map((name) => `the tag ${name} is not used`),
    ...used.filter((name) => !names.includes(name)).map((name) => `the tag ${name} is not described`),
  ];
}

function pathViolations({ paths }: Description): string[] {
  const all = Object.keys(paths);
  const shapes = all.map((path) => path.replaceAll(/\{\w+\}/g, "{}"));
  return [
    ...all.filter((path) => /.\/$|[?#]|\{\}/.test(path)).map((path) => `${path}: is not a valid path`),
    ...doubled(shapes).map((shape) => `${shape}: two paths differ only by the names of their parameters`),
  ];
}

function operationViolations({ name, path, operation }: Place, schemes: Json): string[] {
  const { operationId, summary, description, tags = [], security, parameters = [], responses = {} } = operation;
  const statuses = Object.keys(responses);
  const inPath = parameters.filter((parameter) => parameter.in === "path").map((parameter) => parameter.name);
  const inTemplate = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter = ""]) => parameter);
  const missing = [
    ...(operationId !== undefined && /^[a-z][A-Za-z]+$/.test(operationId) ? [] : ["a readable operationId"]),
    ...(summary ? [] : ["a summary"]),
    ...(description ? [] : ["a description"]),
    ...(tags.length === 1 ? [] : ["one tag"]),
    // An upgrade to a WebSocket succeeds with 101, a redirect with 302.
    ...(statuses.some((status) => /^[23]|^101$/.test(status)) ? [] : ["a successful answer"]),
    ...(statuses.some((status) => status.startsWith("4")) ? [] : ["an answer of 4xx"]),
    ...(security === undefined ? ["security"] : []),
    ...(inPath.toSorted().join() === inTemplate.toSorted().join() ? [] : ["the parameters of its path"]),
  ];
  const unknown = (security ?? [])
    .flatMap((one) => Object.keys(one))
    .filter((scheme) => !Object.hasOwn(schemes, scheme));
  return [
    ...missing.map((what) => `${name}: lacks ${what}`),
    ...unknown.map((scheme) => `${name}: the security scheme ${scheme} is not defined`),
    ...doubled(parameters.map((parameter) => `${parameter.in} ${parameter.name}`)).map(
      (parameter) => `${name}: the parameter ${parameter} is repeated`,
    ),
    ...parameters
      .filter((parameter) => !parameter.description)
      .map((parameter) => `${name}: ${parameter.name} has no description`),
  ];
}

function schemaViolations({ where, node }: { readonly where: string; readonly node: Json }): string[] {
  const { enum: values, required, properties, type, items } = node;
  if (where.endsWith("/properties")) return [];
  const names = Array.isArray(required) && typeof properties === "object" ? (required as string[]) : [];
  return [
    ...(Array.isArray(values) ? doubled(values.map(String)).map((value) => `${where}: ${value} is repeated`) : []),
    ...names
      .filter((name) => !Object.hasOwn(properties ?? {}, name))
      .map((name) => `${where}: the required ${name} is not a property`),
    ...((type === "array") === (items !== undefined)
      ? []
      : [`${where}: an array without items, or items without an array`]),
  ];
}

function referenceViolations(document: Description): string[] {
  const targets = new Set(
    nodes(document).flatMap(({ node }) => (typeof node["$ref"] === "string" ? [node["$ref"]] : [])),
  );
  const kinds = ["schemas", "headers"];
  const defined = new Set(
    kinds.flatMap((kind) => Object.keys(document.components[kind] ?? {}).map((name) => `#/components/${kind}/${name}`)),
  );
  return [
    ...[...targets].filter((target) => !defined.has(target)).map((target) => `${target}: is not defined`),
    ...[...defined].filter((name) => !targets.has(name)).map((name) => `${name}: is not used`),
  ];
}

/** The violations of the rules by a document. */
export function documentViolations(document: Description): string[] {
  const all = places(document);
  const ids = all.map(({ operation }) => operation.operationId ?? "");
  return [
    ...generalViolations(document),
    ...pathViolations(document),
    ...all.flatMap((place) => operationViolations(place, document.components["securitySchemes"] ?? {})),
    ...doubled(ids).map((id) => `the operationId ${id} is repeated`),
    ...nodes({ paths: document.paths, components: document.components }).flatMap(schemaViolations),
    ...referenceViolations(document),
  ];
}
