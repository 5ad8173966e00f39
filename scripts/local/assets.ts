// The static files of the Workers: the gateway's docs page, and in a local run the pictures of the seeded products.
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { IMAGE_VIEWS, pictureSubjects, pictureUrl } from "../seed/catalog.ts";
import { drawProduct } from "../seed/pictures.ts";
import { digestOfSources } from "./bundle.ts";
import { LOCAL_ASSETS, ROOT } from "./workers.ts";

const SWAGGER_UI = path.join(ROOT, "node_modules/swagger-ui-dist");
const GATEWAY_ASSETS = path.join(ROOT, "workers/gateway/assets");

/** The folder of the docs page. What is copied there is not in git. */
export const DOCS_ASSETS = path.join(GATEWAY_ASSETS, "api/docs");
export const SWAGGER_FILES = ["swagger-ui.css", "swagger-ui-bundle.js"] as const;

/** Completes the gateway's static files with Swagger UI, so that the docs page needs no internet access. For every upload. */
export function buildAssets(): void {
  mkdirSync(DOCS_ASSETS, { recursive: true });
  for (const file of SWAGGER_FILES) copyFileSync(path.join(SWAGGER_UI, file), path.join(DOCS_ASSETS, file));
}

/**
 * Draws the pictures of the seeded products, once for each version of the seed. They are one file, path -> SVG text: as a file each they
 * would cost every start 0.7 CPU-seconds of the local runtime.
 */
function buildPictures(): void {
  const stamp = `${LOCAL_ASSETS}.pictures`;
  const digest = digestOfSources(["scripts/seed"]);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  const pictures = pictureSubjects().flatMap((subject) =>
    IMAGE_VIEWS.map((_view, index) => [pictureUrl(subject.productId, index + 1), drawProduct(subject, index + 1)]),
  );
  writeFileSync(path.join(LOCAL_ASSETS, "pictures.json"), JSON.stringify(Object.fromEntries(pictures)));
  writeFileSync(stamp, digest);
}

/** The same files for a local run, with the pictures. Data that another version has seeded gets its pictures too. */
export function buildLocalAssets(): void {
  buildAssets();
  cpSync(GATEWAY_ASSETS, LOCAL_ASSETS, { recursive: true });
  buildPictures();
}
