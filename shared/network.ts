// The client network that a request comes from: what abuse is counted by where there is no account.
import { sha256Hex } from "./hash.ts";

/** The eight groups of an IPv6 address, as numbers in hexadecimal without leading zeros. */
function groupsOf(address: string): string[] {
  // The last two may be written as an IPv4 address.
  const text = address.toLowerCase().replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = "", tail = ""] = text.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const rest = tail.split(":").filter((group) => group !== "");
  const zeros = text.includes("::") ? Math.max(8 - groups.length - rest.length, 0) : 0;
  const all = [...groups, ...Array.from({ length: zeros }, () => "0"), ...rest];
  return all.map((group) => group.replace(/^0+(?=.)/, ""));
}

/**
 * An IPv4 address, or the /64 of an IPv6 address: providers give each customer a whole /64 (RFC 6177). An IPv4 address in its
 * IPv6 form (`::ffff:192.0.2.7`), however it is written, is the IPv4 address.
 */
export function clientNetwork(address: string): string {
  if (!address.includes(":")) return address;
  const groups = groupsOf(address);
  if (groups.slice(0, 6).join(":") === "0:0:0:0:0:ffff") {
    const [high = 0, low = 0] = groups.slice(6).map((group) => Number.parseInt(group, 16));
    return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** The client network of an HTTP request, by the address that Cloudflare saw; `unknown` where there is none. */
export function networkOf(request: Request): string {
  return clientNetwork(request.headers.get("cf-connecting-ip") ?? "unknown");
}

/** A client network as it is stored where something is counted by it; those without one count as one. Of an IPv4 address it can be guessed. */
export function networkDigest(network: string | undefined): Promise<string> {
  return sha256Hex(`client network ${network ?? "unknown"}`);
}
