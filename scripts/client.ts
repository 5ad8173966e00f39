// `npm run client -- [file]`: writes a typed client of the API from the OpenAPI document, as one TypeScript file without dependencies.
// The default file is client/tradepost.ts. It is not in git; `npm run check` writes it before it checks types.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { openApiDocument } from "../workers/gateway/src/openapi/document.ts";
import { allRoutes } from "../workers/gateway/src/routes.ts";
import { printDocument } from "./client/printer.ts";
import type { OpenApi } from "./client/printer.ts";
import { ROOT } from "./local/workers.ts";

const HEAD = `// A typed client of the Tradepost API, written by \`npm run client\` from its OpenAPI document. Do not edit.
//
//   const shop = new Client<Operations>({ baseUrl: "http://localhost:8787" });
//   const { items } = await shop.call("GET /api/products", { query: { q: "gloves", limit: 2 } });
//   const placed = await shop.answer("POST /api/orders", { body: { … } });
//   if (placed.status === 409 && placed.body.code === "total_changed") show(placed.body.total);
`;

/** The whole client as text. */
async function clientText(): Promise<string> {
  const document = JSON.parse((await openApiDocument(allRoutes)).text) as OpenApi;
  const runtime = readFileSync(path.join(ROOT, "scripts/client/runtime.ts"), "utf8");
  return `${HEAD}\n${printDocument(document)}\n\n${runtime.replace(/^(?:\/\/.*\n)+/, "")}`;
}

const [file = path.join(ROOT, "client/tradepost.ts")] = process.argv.slice(2);
const text = await clientText();
// An unchanged file keeps its time, so that a watching compiler stays idle.
if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  writeFileSync(file, text);
}
console.log(`The client is in ${path.relative(process.cwd(), file)}`);
