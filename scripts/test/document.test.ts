// What the rules of the OpenAPI document find. `npm run check` applies them to our own document.
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
  tags: [{ name: "Things", description: "All things." }],
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
  it("accept a correct document", () => {
    expect(documentViolations(sound)).toEqual([]);
  });

  it.each<[string, Description, string]>([
    ["a call without a description", withOperation({ description: "" }), "lacks a description"],
    ["a call of an unknown tag", withOperation({ tags: ["Others"] }), "the tag Others is not described"],
    ["a call that cannot succeed", withOperation({ responses: { 404: {} } }), "lacks a successful answer"],
    ["a call that cannot fail", withOperation({ responses: { 200: {} } }), "lacks an answer of 4xx"],
    ["a path without its parameter", withOperation({ parameters: [] }), "lacks the parameters of its path"],
    [
      "an unknown security scheme",
      withOperation({ security: [{ key: [] }] }),
      "the security scheme key is not defined",
    ],
    ["an unreadable id", withOperation({ operationId: "get-1" }), "lacks a readable operationId"],
    [
      "a required property without a definition",
      withSchema({ properties: {}, required: ["x"] }),
      "required x is not a property",
    ],
    ["an enum with the same value twice", withSchema({ enum: ["a", "a"] }), "a is repeated"],
    ["an array without items", withSchema({ type: "array" }), "an array without items"],
    ["a reference without a target", { ...sound, components: {} }, "#/components/schemas/Thing: is not defined"],
    ["an unused component", { ...sound, paths: {} }, "#/components/schemas/Thing: is not used"],
    ["a placeholder server", { ...sound, servers: [{ url: "https://example.com" }] }, "is a placeholder"],
    ["a document without a license", { ...sound, info: { description: "x", contact: {} } }, "info has no license"],
  ])("find %s", (_what, document, violation) => {
    expect(documentViolations(document).join("\n")).toContain(violation);
  });

  it("find two calls with one name, and two paths that match the same", () => {
    const document = { ...sound, paths: { ...sound.paths, "/things/{name}": { get: operation } } };
    expect(documentViolations(document)).toEqual(
      expect.arrayContaining([
        "the operationId getThing is repeated",
        "/things/{}: two paths differ only by the names of their parameters",
      ]),
    );
  });
});
