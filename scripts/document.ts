// Checks the OpenAPI document against scripts/document/rules.ts. The document is made from the routes, so no server has to run.
import { openApiDocument } from "../workers/gateway/src/openapi/document.ts";
import { allRoutes } from "../workers/gateway/src/routes.ts";
import { documentViolations } from "./document/rules.ts";
import type { Description } from "./document/rules.ts";

const { text } = await openApiDocument(allRoutes);
const violations = documentViolations(JSON.parse(text) as Description);
for (const violation of violations) console.error(violation);
if (violations.length > 0) process.exitCode = 1;
else console.log("The document follows its rules.");
