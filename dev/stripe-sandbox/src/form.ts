// The form encoding of Stripe's API: `metadata[order]=1`, `expand[]=latest_charge`, `expand[0]=latest_charge`.
import { MAX_BODY_BYTES } from "./constants.ts";
import { invalid } from "./failure.ts";

export interface FormMap {
  readonly [name: string]: FormValue;
}
export type FormValue = string | FormMap | readonly FormValue[];

interface Node {
  [name: string]: string | Node;
}

/** A limit against hostile input; no call nests deeper. */
const MAX_DEPTH = 5;

function segments(name: string): string[] {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name);
  const head = match?.[1];
  if (head === undefined) throw invalid(`Invalid parameter name: ${name}`, name);
  const rest = Array.from((match?.[2] ?? "").matchAll(/\[([^[\]]*)\]/g), (part) => part[1] ?? "");
  if (rest.length >= MAX_DEPTH) throw invalid(`Parameter nested too deeply: ${name}`, name);
  return [head, ...rest];
}

function put(root: Node, name: string, value: string): void {
  let node = root;
  const path = segments(name);
  for (const [depth, segment] of path.entries()) {
    const key = segment === "" ? String(Object.keys(node).length) : segment;
    if (depth === path.length - 1) {
      node[key] = value;
      return;
    }
    const present = Object.hasOwn(node, key) ? node[key] : undefined;
    if (typeof present === "string") throw invalid(`Invalid parameter: ${name}`, name);
    const child = present ?? (Object.create(null) as Node);
    node[key] = child;
    node = child;
  }
}

/** A node whose keys are all numbers is an array. */
function settle(node: string | Node): FormValue {
  if (typeof node === "string") return node;
  const entries = Object.entries(node);
  if (entries.length > 0 && entries.every(([key]) => /^\d+$/.test(key)))
    return entries.map(([, child]) => settle(child));
  return Object.fromEntries(entries.map(([key, child]) => [key, settle(child)]));
}

/** The body as text, or undefined when it is over the limit. `Request.text()` would log a warning for every form body. */
export async function bodyText(request: Request): Promise<string | undefined> {
  const bytes = await request.arrayBuffer();
  return bytes.byteLength > MAX_BODY_BYTES ? undefined : new TextDecoder().decode(bytes);
}

/** Parses a form body or a query string. @throws StripeFailure for a malformed name. */
export function parseForm(text: string): FormMap {
  const root = Object.create(null) as Node;
  for (const [name, value] of new URLSearchParams(text)) put(root, name, value);
  return Object.fromEntries(Object.entries(root).map(([key, child]) => [key, settle(child)]));
}
