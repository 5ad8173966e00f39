// The typed client: how schemas are printed, and what its runtime sends and returns. The compiler checks the types against the API in
// scripts/shop/client.ts and scripts/smoke.ts, which use them.
import { describe, expect, it } from "vitest";
import { printDocument, typeOf } from "../client/printer.ts";
import type { Schema } from "../client/printer.ts";
import { Client, UnexpectedAnswer } from "../client/runtime.ts";

describe("a schema as a type", () => {
  it.each<[Schema, string]>([
    [{ type: "integer" }, "number"],
    [{ type: ["string", "null"] }, "string | null"],
    [{ anyOf: [{ $ref: "#/components/schemas/Cart" }, { type: "null" }] }, "Cart | null"],
    [{ type: "string", enum: ["a", "b"] }, '"a" | "b"'],
    [{ const: true }, "true"],
    [{ type: "array", items: { anyOf: [{ type: "string" }, { type: "number" }] } }, "Array<string | number>"],
    [{ type: "object", additionalProperties: { type: "integer" } }, "Record<string, number>"],
    [{ type: "object", propertyNames: { enum: ["a"] }, additionalProperties: { type: "null" } }, 'Record<"a", null>'],
    [{ allOf: [{ $ref: "#/components/schemas/Problem" }, { const: 1 }] }, "Problem & 1"],
    [{}, "unknown"],
  ])("%j", (schema, type) => {
    expect(typeOf(schema)).toBe(type);
  });

  it("marks optional members and keeps the descriptions", () => {
    const properties = { a: { type: "string", description: "First." }, "b-c": { type: "boolean" } };
    expect(typeOf({ type: "object", properties, required: ["a"] })).toBe(
      '{\n  /** First. */\n  a: string;\n  "b-c"?: boolean;\n}',
    );
  });

  it("omits WebSockets, and keeps bodies that are not JSON", () => {
    const operation = (responses: object): object => ({ operationId: "x", summary: "X", parameters: [], responses });
    const printed = printDocument({
      components: { schemas: {} },
      paths: {
        "/live": { get: operation({ 101: {} }) },
        "/page": { get: operation({ 200: { content: { "text/html": {} } }, 304: {} }) },
      },
    } as never);
    expect(printed).not.toContain("/live");
    expect(printed).toContain('"GET /page": {\n    answers: {\n      200: string;\n      304: undefined;');
  });
});

interface Operations {
  "GET /things/{id}": {
    params: { id: string };
    query?: { q?: string; status?: string[]; limit?: number };
    answers: { 200: { name: string }; 404: { code: "not_found" } };
  };
  "POST /things": { body: { name: string }; answers: { 204: undefined } };
}

describe("a call", () => {
  const sent: [string, RequestInit][] = [];
  const client = (answer: Response): Client<Operations> =>
    new Client<Operations>({
      baseUrl: "https://shop.example",
      headers: { authorization: "Bearer t" },
      fetch: async (...request) => {
        sent.push(request);
        return await Promise.resolve(answer);
      },
    });

  it("fills in path and query and returns the body of a success", async () => {
    const body = await client(Response.json({ name: "Drill" })).call("GET /things/{id}", {
      params: { id: "a/b" },
      query: { q: "x y", status: ["A", "B"], limit: 2 },
    });
    expect(body.name).toBe("Drill");
    expect(sent.at(-1)?.[0]).toBe("https://shop.example/things/a%2Fb?q=x+y&status=A%2CB&limit=2");
  });

  it("sends JSON, and accepts an answer without a body", async () => {
    const answer = await client(new Response(null, { status: 204 })).answer("POST /things", {
      body: { name: "Drill" },
    });
    expect([answer.status, answer.body]).toEqual([204, undefined]);
    expect(sent.at(-1)?.[1]).toMatchObject({
      method: "POST",
      body: '{"name":"Drill"}',
      headers: { "content-type": "application/json", authorization: "Bearer t" },
    });
  });

  it("throws a failure with its problem, and `answer` returns it", async () => {
    const problem = (): Response =>
      Response.json({ code: "not_found" }, { status: 404, headers: { "content-type": "application/problem+json" } });
    const input = { params: { id: "1" } };
    const failure = await client(problem())
      .call("GET /things/{id}", input)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UnexpectedAnswer);
    expect(failure).toMatchObject({ status: 404, body: { code: "not_found" } });
    const answer = await client(problem()).answer("GET /things/{id}", input);
    expect(answer.status === 404 && answer.body.code).toBe("not_found");
  });
});
