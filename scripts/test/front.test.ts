// The front and requests without a valid URL, to which the runtime would respond with a bare 500.
import { expect, it } from "vitest";
import front from "../../dev/front/src/index.ts";

/** Forwarding would need bindings; none of these requests is forwarded. */
type Door = { readonly fetch: (this: void, request: { readonly url: string }, env: object) => Promise<Response> };
const door: unknown = front;

it.each(["http://a b/api/health", "http://shop:99999/api/health", "http://shop*"])("refuses %s", async (url) => {
  const response = await (door as Door).fetch({ url }, {});
  expect(response.status).toBe(400);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toMatchObject({ status: 400, requestId: response.headers.get("x-request-id") });
});
