// What the rules of the OpenAPI document find. That our own document keeps them, `npm run check` says.
import { describe, expect, it } from "vitest";
import { documentViolations } from "../document/rules.ts";
import type { Description } from "../document/rules.ts";

const operation = {
  operationId: "getThing",
  summary: "One thing",
  description: "For everyone.",
  tags: ["Things"],
  security: [],
  parameters: [{ name: "id", in: "path", description: "The thing's id." }],
  responses: { 200: { content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } }, 404: {} },
};

const sound: Description = {
  info: { description: "Things", contact: {}, license: {} },
  servers: [{ url: "/" }],
  tags: [{ name: "Things", description: "What there is." }],
  paths: { "/things/{id}": { get: operation } },
  components: { schemas: { Thing: { type: "object", properties: { id: { type: "string" } }, required: ["id"] } } },
};

/** The sound document with another operation. */
function withOperation(changes: object): Description {
  return { ...sound, paths: { "/things/{id}": { get: { ...operation, ...changes } } } };
}

function withSchema(schema: object): Description {
  return { ...sound, components: { schemas: { Thing: schema } } };
}

describe("the rules of the document", () => {
  it("let a sound document be", () => {
    expect(documentViolations(sound)).toEqual([]);
  });

  it.each<[string, Description, string]>([
    ["a call without a description", withOperation({ description: "" }), "has not a description"],
    ["a call of an unknown tag", withOperation({ tags: ["Others"] }), "the tag Others is not described"],
    ["a call that cannot go well", withOperation({ responses: { 404: {} } }), "has not an answer that goes well"],
    ["a call that cannot fail", withOperation({ responses: { 200: {} } }), "has not an answer of 4xx"],
    ["a path without its parameter", withOperation({ parameters: [] }), "has not the parameters of its path"],
    [
      "an unknown security scheme",
      withOperation({ security: [{ key: [] }] }),
      "the security scheme key is not defined",
    ],
    ["an id that nobody can read", withOperation({ operationId: "get-1" }), "has not a readable operationId"],
    [
      "a required property that there is not",
      withSchema({ properties: {}, required: ["x"] }),
      "required x is no property",
    ],
    ["an enum with the same value twice", withSchema({ enum: ["a", "a"] }), "a stands twice"],
    ["an array of nothing", withSchema({ type: "array" }), "an array without items"],
    ["a reference to nothing", { ...sound, components: {} }, "#/components/schemas/Thing: is not defined"],
    ["a component that nobody uses", { ...sound, paths: {} }, "#/components/schemas/Thing: is not used"],
    ["a server of nobody", { ...sound, servers: [{ url: "https://example.com" }] }, "is of no use"],
    ["a document without a license", { ...sound, info: { description: "x", contact: {} } }, "info has no license"],
  ])("find %s", (_what, document, violation) => {
    expect(documentViolations(document).join("\n")).toContain(violation);
  });

  it("find two calls of one name, and two paths that are one", () => {
    const document = { ...sound, paths: { ...sound.paths, "/things/{name}": { get: operation } } };
    expect(documentViolations(document)).toEqual(
      expect.arrayContaining([
        "the operationId getThing stands twice",
        "/things/{}: two paths differ by the names of their parameters only",
      ]),
    );
  });
});
