// The client network that a request comes from: what abuse is counted by where there is no account.

/**
 * An IPv4 address, or the /64 of an IPv6 address: providers give each customer a whole /64 (RFC 6177). An IPv4 address in its
 * IPv6 form (`::ffff:192.0.2.7`) is the IPv4 address.
 */
export function clientNetwork(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail = ""] = address.toLowerCase().split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const rest = tail.split(":").filter((group) => group !== "");
  const zeros = address.includes("::") ? Math.max(8 - groups.length - rest.length, 0) : 0;
  const all = [...groups, ...Array.from({ length: zeros }, () => "0"), ...rest];
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}

/** The client network of an HTTP request, by the address that Cloudflare saw; `unknown` where there is none. */
export function networkOf(request: Request): string {
  return clientNetwork(request.headers.get("cf-connecting-ip") ?? "unknown");
}
