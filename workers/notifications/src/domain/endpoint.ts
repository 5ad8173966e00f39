// Where a push may be sent: the address comes from whoever signs a browser up, and the Worker then calls it.

/** Names that stand for a machine or a network of one's own (RFC 6761, RFC 6762, RFC 8375 and common use). */
const PRIVATE_SUFFIXES = ["localhost", "local", "internal", "intranet", "lan", "home", "home.arpa", "corp", "onion"];

/**
 * Whether this is an address that a push service may have: https on its own port, a public name and no number. What a public name
 * resolves to cannot be seen from here; a Worker reaches public addresses only, and redirects are not followed.
 */
export function isPushEndpoint(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, port, username, password } = new URL(address);
  if (protocol !== "https:" || port !== "" || username !== "" || password !== "") return false;
  const host = hostname.toLowerCase().replace(/\.$/, "");
  const labels = host.split(".");
  // The last label of a name is never a number; of an address in any notation it is (URL, 3.5, "ends in a number").
  const isNumber = host.startsWith("[") || /^(0x[0-9a-f]*|\d+)$/.test(labels.at(-1) ?? "");
  if (isNumber || labels.length < 2) return false;
  return !PRIVATE_SUFFIXES.some((suffix) => host === suffix || host.endsWith(`.${suffix}`));
}
