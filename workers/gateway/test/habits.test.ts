// What every answer has in common, and how bad requests are refused.
import { describe, expect, it, vi } from "vitest";
import { ERROR_CODES, PROBLEMS, fail } from "#shared/errors";
import { ok } from "#shared/result";
import { MAX_BODY_BYTES } from "../src/constants.ts";
import type { Send } from "./support.ts";
import { bearer, emptyCart, gateway, problemOf, tokenFor } from "./support.ts";

const LOGIN = { email: "a@example.com", password: "x" };

describe("request id", () => {
  const send = gateway({ orders: { getCart: async () => ok(emptyCart) } });

  it.each(["abc", "A.b_c-9", "x".repeat(100)])("accepts %s from the client", async (id) => {
    const response = await send("/api/cart", { headers: { "x-request-id": id } });
    expect(response.headers.get("x-request-id")).toBe(id);
  });

  it.each(["", "x".repeat(101), "a b", "<script>", "a/b", "a;b"])("replaces %j by a new one", async (id) => {
    const response = await send("/api/nothing", { headers: { "x-request-id": id } });
    const made = response.headers.get("x-request-id");
    expect(made).toMatch(/^req_[0-9a-f]{32}$/);
    expect(await problemOf(response)).toMatchObject({ requestId: made });
  });

  it("is the correlation id of the request's calls, with the trace context", async () => {
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const getCart = vi.fn<(call: unknown) => Promise<unknown>>(async () => ok(emptyCart));
    await gateway({ orders: { getCart: getCart as never } })("/api/cart", {
      headers: { "x-request-id": "r1", traceparent },
    });
    expect(getCart.mock.calls[0]?.[0]).toMatchObject({ requestId: "r1", correlationId: "r1", traceparent });
  });
});

describe("paths and methods", () => {
  const send = gateway({ orders: { getCart: async () => ok(emptyCart) } });

  it.each(["/api/nothing", "/api/cart/", "/api/webhooks/stripe", "/dev/cron/orders", "/api/docs/../x", "/%00"])(
    "answers 404 not_found to %s",
    async (path) => {
      const response = await send(path);
      expect(response.status).toBe(404);
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(await problemOf(response)).toMatchObject({
        code: "not_found",
        status: 404,
        type: "urn:tradepost:problem:not_found",
      });
    },
  );

  it.each([
    ["DELETE", "/api/cart", "GET, HEAD, OPTIONS"],
    ["PUT", "/api/orders/ord_1/status", "PATCH, OPTIONS"],
    ["GET", "/api/orders/quote", "POST, OPTIONS"],
    ["HEAD", "/api/inventory/reserve", "POST, OPTIONS"],
    ["POST", "/api/inventory/low-stock", "GET, HEAD, OPTIONS"],
    ["PATCH", "/api/orders", "POST, GET, HEAD, OPTIONS"],
  ])("answers 405 to %s %s and names what is allowed", async (method, path, allow) => {
    const response = await send(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
  });

  it("answers HEAD as GET without the body", async () => {
    const response = await send("/api/cart", { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("etag")).toBe('"7"');
    expect(await response.text()).toBe("");
  });
});

describe("headers of every answer", () => {
  const send = gateway(
    { orders: { getCart: async () => ok(emptyCart) } },
    { allowedOrigins: new Set(["https://shop.example"]) },
  );

  it.each(["/api/cart", "/api/nothing", "/api/orders"])("have the security headers on %s", async (path) => {
    const { headers } = await send(path);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("strict-transport-security")).toContain("max-age=");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(headers.get("vary")).toContain("Origin");
    expect(headers.get("cache-control")).toBe("no-store");
  });

  it("allow a configured origin, on failures too", async () => {
    const response = await send("/api/orders", { headers: { origin: "https://shop.example" } });
    expect(response.status).toBe(401);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://shop.example");
    for (const name of ["X-Cart-Token", "ETag", "X-Request-Id", "Idempotency-Replayed", "Retry-After"]) {
      expect(response.headers.get("access-control-expose-headers")).toContain(name);
    }
  });

  it.each(["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null"])(
    "gives none to %s",
    async (origin) => {
      const response = await send("/api/cart", { headers: { origin } });
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
      const preflight = await send("/api/cart", { method: "OPTIONS", headers: { origin } });
      expect(preflight.headers.get("access-control-allow-methods")).toBeNull();
    },
  );

  it("answers a preflight", async () => {
    const response = await send("/api/cart/items", {
      method: "OPTIONS",
      headers: { origin: "https://shop.example", "access-control-request-method": "POST" },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-methods")).toBe("POST, OPTIONS");
    expect(response.headers.get("access-control-allow-headers")).toContain("Idempotency-Key");
  });
});

describe("bodies", () => {
  const send = gateway();
  const post = async (body: BodyInit | null, type?: string): Promise<Response> =>
    await send("/api/auth/login", {
      method: "POST",
      body,
      headers: type === undefined ? {} : { "content-type": type },
    });
  const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => new Uint8Array(values);

  it.each([
    ["no JSON", "{", 400, "malformed_json"],
    ["nothing", "", 400, "malformed_json"],
    ["bytes that are not UTF-8", bytes(0x22, 0xff, 0x22), 400, "malformed_json"],
    ["half a surrogate pair", '{"email":"a@example.com","password":"\\ud800"}', 400, "malformed_json"],
    ["a NUL", '{"email":"a@example.com","password":"\\u0000"}', 400, "malformed_json"],
    ["a NUL in a name", '{"\\u0000":1}', 400, "malformed_json"],
    ["deep nesting", "[".repeat(100_000), 400, "malformed_json"],
    ["null", "null", 400, "validation_failed"],
    ["a list", "[]", 400, "validation_failed"],
    ["a text", '"x"', 400, "validation_failed"],
    ["a prototype", '{"__proto__":{"email":"a@example.com","password":"x"}}', 400, "validation_failed"],
    ["a constructor", '{"constructor":{},"email":"a@example.com","password":"x"}', 400, "validation_failed"],
    ["another member", '{"email":"a@example.com","password":"x","role":"admin"}', 400, "validation_failed"],
    ["a number for a text", '{"email":1,"password":"x"}', 400, "validation_failed"],
    ["too much", `"${"x".repeat(MAX_BODY_BYTES)}"`, 413, "payload_too_large"],
  ])("refuses %s", async (_name, body, status, code) => {
    const response = await post(body, "application/json");
    expect(response.status).toBe(status);
    expect(await problemOf(response)).toMatchObject({ code, status });
  });

  it.each([
    ["{", "line 1, column 2: expected a name in double quotes before the end"],
    ['{"email": "a@example.com",\n "password": x}', "line 2, column 14: expected a value"],
    ["", "The body is empty"],
    ["{}}", "line 1, column 3: expected nothing more"],
    ['{"email":"\\u0000"}', "NUL or half a surrogate pair"],
    [bytes(0x22, 0xff, 0x22), "not UTF-8"],
  ])("locates the error in %j", async (body, detail) => {
    expect(await problemOf(await post(body, "application/json"))).toMatchObject({
      code: "malformed_json",
      detail: expect.stringContaining(detail) as string,
    });
  });

  it.each([
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    "json",
    "",
  ])("refuses the content type %j", async (type) => {
    expect((await post(JSON.stringify(LOGIN), type)).status).toBe(415);
  });

  it("refuses a body without a content type", async () => {
    expect((await post(new Uint8Array(new TextEncoder().encode(JSON.stringify(LOGIN))))).status).toBe(415);
  });

  it("counts a body without Content-Length", async () => {
    const chunk = new Uint8Array(64 * 1024).fill(0x20);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        if (sent > 100) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const response = await post(body, "application/json");
    expect(response.status).toBe(413);
    expect(sent).toBeLessThan(20);
  });

  it("reads one that is a little too long to its end, so that the sender gets the answer", async () => {
    const chunk = new Uint8Array(64 * 1024).fill(0x20);
    let left = MAX_BODY_BYTES / chunk.byteLength + 2;
    let isRead = false;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        left -= 1;
        isRead = left < 0;
        if (isRead) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const response = await post(body, "application/json");
    expect([response.status, isRead]).toEqual([413, true]);
  });

  it("refuses one over MAX_BODY_BYTES also where no body is read", async () => {
    const body = "x".repeat(MAX_BODY_BYTES + 1);
    const headers = { "content-length": String(body.length) };
    const response = await send("/api/cart/clear", { method: "POST", headers, body });
    expect(response.status).toBe(413);
    expect(await problemOf(response)).toMatchObject({ code: "payload_too_large" });
  });

  it("blames the client for one that ends early", async () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller): void {
        controller.error(new Error("Network connection lost."));
      },
    });
    const response = await send("/api/auth/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({ code: "malformed_json" });
  });

  it("lists the error of each field", async () => {
    const response = await send("/api/auth/register", {
      method: "POST",
      json: { email: "nobody", password: "short", name: "x" },
    });
    const { errors } = await problemOf(response);
    expect((errors as { path: string }[]).map(({ path }) => path)).toEqual(["email", "password"]);
  });

  it.each(["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])(
    "takes %s",
    async (type) => {
      const taking = gateway({ accounts: { login: async () => fail("invalid_credentials", "no") } });
      const response = await taking("/api/auth/login", {
        method: "POST",
        body: JSON.stringify(LOGIN),
        headers: { "content-type": type },
      });
      expect(await problemOf(response)).toMatchObject({ code: "invalid_credentials" });
    },
  );
});

describe("failures", () => {
  it.each(ERROR_CODES)("renders %s with the status of the table", async (code) => {
    const send = gateway({ orders: { getCart: async () => fail(code, "because", { available: 3 }) } });
    const response = await send("/api/cart");
    expect(response.status).toBe(PROBLEMS[code].status);
    expect(await problemOf(response)).toMatchObject({ code, detail: "because", available: 3 });
    expect(response.headers.has("www-authenticate")).toBe(response.status === 401);
    expect(response.headers.has("retry-after")).toBe(response.status === 429 || response.status === 503);
  });

  it.each([
    ["an outage", Object.assign(new Error("D1_ERROR: secret table"), {}), 503, "service_unavailable"],
    ["a bug", new TypeError("secret is undefined"), 500, "internal_error"],
  ])("reveals nothing of %s", async (_name, error, status, code) => {
    const send = gateway({
      orders: {
        getCart: async () => {
          throw error;
        },
      },
    });
    const response = await send("/api/cart");
    expect(response.status).toBe(status);
    const text = await response.text();
    expect(text).toContain(code);
    expect(text).not.toContain("secret");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("times out a Worker that hangs", async () => {
    vi.useFakeTimers();
    try {
      const send = gateway({ orders: { getCart: () => new Promise(() => {}) } });
      const waiting = send("/api/cart");
      await vi.advanceTimersByTimeAsync(10_000);
      expect((await waiting).status).toBe(503);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    "/api/orders/nope",
    "/api/orders/ord_",
    "/api/orders/%2e%2e%2fx",
    "/api/orders/ord_1'--",
    "/api/orders/ord_%00",
  ])("answers 404 to %s, which cannot exist", async (path) => {
    const response = await gateway()(path, { headers: bearer(await tokenFor("customer")) });
    expect(response.status).toBe(404);
    expect(await problemOf(response)).toMatchObject({ code: "not_found" });
  });

  it.each(["limit=0", "limit=101", "limit=x", "limit=1.5", "cursor=", "status=NEW", `cursor=${"x".repeat(1_001)}`])(
    "refuses ?%s",
    async (query) => {
      const response = await gateway()(`/api/orders?${query}`, { headers: bearer(await tokenFor("customer")) });
      expect(response.status).toBe(400);
      expect(await problemOf(response)).toMatchObject({ code: "validation_failed" });
    },
  );

  it.each(["minPrice=", "maxPrice=", "maxPrice=%20", "minPrice=-1", "minPrice=1.5", "maxPrice=100000000"])(
    "refuses ?%s for products",
    async (query) => {
      const response = await gateway()(`/api/products?${query}`);
      expect(response.status).toBe(400);
      expect(await problemOf(response)).toMatchObject({ code: "validation_failed" });
    },
  );
});

describe("log lines", () => {
  const lines = async (level: "debug" | "info", path: string, init?: Parameters<Send>[1]): Promise<string[]> => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    await gateway(
      { orders: { getCart: async () => ok(emptyCart), clearCart: async () => ok(emptyCart) } },
      { logLevel: level },
    )(path, init);
    const written = log.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('"message":"request"'));
    log.mockRestore();
    return written;
  };

  it("are written for writes and failures, and for reads only at debug level", async () => {
    expect(await lines("info", "/api/cart")).toHaveLength(0);
    expect(await lines("debug", "/api/cart")).toHaveLength(1);
    expect(await lines("info", "/api/cart/clear", { method: "POST" })).toHaveLength(1);
    expect(await lines("info", "/api/nothing?secret=1")).toHaveLength(1);
  });

  it("name the request and the user, but not the query or the token", async () => {
    const token = await tokenFor("customer", "usr_1");
    const [line = ""] = await lines("debug", "/api/cart?secret=1", {
      headers: { ...bearer(token), "x-request-id": "r9" },
    });
    expect(JSON.parse(line)).toMatchObject({
      worker: "gateway",
      correlationId: "r9",
      method: "GET",
      path: "/api/cart",
      status: 400,
      userId: "usr_1",
    });
    expect(line).not.toContain("secret");
    expect(line).not.toContain(token);
  });
});
