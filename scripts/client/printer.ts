// Prints the OpenAPI document as TypeScript: a type for each component, and for each operation its input and its answers by status. It
// supports only the JSON Schema that our own document uses.

export interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const PRIMITIVES: Readonly<Record<string, string>> = {
  string: "string",
  integer: "number",
  number: "number",
  boolean: "boolean",
  null: "null",
};

function comment(text: string | undefined): string {
  return text === undefined ? "" : `/** ${text.replaceAll("*/", "*\\/").replaceAll(/\s*\n\s*/g, " ")} */\n`;
}

function key(name: string): string {
  return /^(?:[A-Za-z_$][\w$]*|\d+)$/.test(name) ? name : JSON.stringify(name);
}

function union(types: readonly string[]): string {
  return [...new Set(types)].join(" | ");
}

interface Member {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly description?: string | undefined;
}

function objectOf(members: readonly Member[]): string {
  const lines = members.map(
    ({ name, type, required, description }) => `${comment(description)}${key(name)}${required ? "" : "?"}: ${type};`,
  );
  return `{\n${lines.join("\n").replaceAll(/^/gm, "  ")}\n}`;
}

function objectType({ properties, required = [], additionalProperties, propertyNames }: Schema): string {
  if (properties !== undefined) {
    const members = Object.entries(properties).map(([name, schema]) => ({
      name,
      type: typeOf(schema),
      required: required.includes(name),
      description: schema.description,
    }));
    return members.length === 0 ? "Record<string, never>" : objectOf(members);
  }
  const values = typeof additionalProperties === "object" ? typeOf(additionalProperties) : "unknown";
  return `Record<${propertyNames === undefined ? "string" : typeOf(propertyNames)}, ${values}>`;
}

/** The TypeScript type of a schema. */
export function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return schema.$ref.replace("#/components/schemas/", "");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return union(schema.enum.map((value) => JSON.stringify(value)));
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return union(choices.map(typeOf));
  if (schema.allOf !== undefined) return schema.allOf.map(typeOf).join(" & ");
  if (Array.isArray(schema.type)) return union(schema.type.map((type: string) => typeOf({ ...schema, type })));
  if (schema.type === "array") return `Array<${typeOf(schema.items ?? {})}>`;
  if (schema.type === "object") return objectType(schema);
  return PRIMITIVES[String(schema.type)] ?? "unknown";
}

/** JSON has the type of its schema, text is a string, anything else a Blob. */
function contentType(content: Content | undefined): string {
  const types = Object.entries(content ?? {}).map(([mediaType, { schema }]) => {
    if (mediaType.endsWith("json")) return schema === undefined ? "unknown" : typeOf(schema);
    return mediaType.startsWith("text/") ? "string" : "Blob";
  });
  return types.length === 0 ? "undefined" : union(types);
}

function bodyType(content: Content): string {
  const json = content["application/json"]?.schema;
  if (json !== undefined) return typeOf(json);
  return union(Object.keys(content).map((type) => (type === "multipart/form-data" ? "FormData" : "Blob")));
}

function parameterMember(name: "params" | "query" | "headers", place: string, operation: Operation): Member[] {
  const parameters = operation.parameters.filter((parameter) => parameter.in === place);
  if (parameters.length === 0) return [];
  const members = parameters.map((parameter) => ({ ...parameter, type: typeOf(parameter.schema) }));
  return [{ name, type: objectOf(members), required: members.some(({ required }) => required) }];
}

function operationType(operation: Operation): string {
  const answers = Object.entries(operation.responses).map(([status, { content }]) => ({
    name: status,
    type: contentType(content),
    required: true,
  }));
  const body = operation.requestBody;
  return objectOf([
    ...parameterMember("params", "path", operation),
    ...parameterMember("query", "query", operation),
    ...parameterMember("headers", "header", operation),
    ...(body === undefined ? [] : [{ name: "body", type: bodyType(body.content), required: body.required }]),
    { name: "answers", type: objectOf(answers), required: true },
  ]);
}

/** The types of all components, and of all operations by method and path. WebSockets are left out, because fetch cannot open them. */
export function printDocument({ paths, components }: OpenApi): string {
  const types = Object.entries(components.schemas).map(
    ([name, schema]) => `${comment(schema.description)}export type ${name} = ${typeOf(schema)};`,
  );
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { responses }]) => responses["101"] === undefined)
      .map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        type: operationType(operation),
        required: true,
        description: `${operation.operationId}: ${operation.summary}.`,
      })),
  );
  return [
    ...types,
    `/** Each call: its input, and its answers by status. */\nexport interface Operations ${objectOf(operations)}`,
  ].join("\n\n");
}
