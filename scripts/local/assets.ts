// The gateway's static files. The docs page is in git; Swagger UI is copied beside it, so that the page works without internet
// access.
import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./workers.ts";

const FROM = path.join(ROOT, "node_modules/swagger-ui-dist");

/** Where the docs page is; what is copied there is not in git. */
export const DOCS_ASSETS = path.join(ROOT, "workers/gateway/assets/api/docs");
export const SWAGGER_FILES = ["swagger-ui.css", "swagger-ui-bundle.js"] as const;

/** Completes the gateway's static files: before each local run and each upload. */
export function buildAssets(): void {
  mkdirSync(DOCS_ASSETS, { recursive: true });
  for (const file of SWAGGER_FILES) copyFileSync(path.join(FROM, file), path.join(DOCS_ASSETS, file));
}
