// Copies what the docs page needs of Swagger UI beside the page, so that it works without internet access. Run after each install.
import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./local/workers.ts";

const FROM = path.join(ROOT, "node_modules/swagger-ui-dist");
const TO = path.join(ROOT, "workers/gateway/assets/api/docs");

mkdirSync(TO, { recursive: true });
for (const file of ["swagger-ui.css", "swagger-ui-bundle.js"]) {
  copyFileSync(path.join(FROM, file), path.join(TO, file));
}
