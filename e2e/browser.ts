// A real Chromium for the tests, without an installation. The package @sparticuz/chromium contains the compressed browser and its
// libraries; they are unpacked once into node_modules/.cache, and playwright-core drives it.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { chromium } from "playwright-core";
import type { Browser, LaunchOptions } from "playwright-core";
import { ROOT } from "../scripts/local/workers.ts";

const PACKAGE = path.join(ROOT, "node_modules/@sparticuz/chromium");
const CACHE = path.join(ROOT, "node_modules/.cache");

/** Chromium's libraries, and fonts. */
const ARCHIVES = ["al2023", "fonts"] as const;

/** Configures the fonts of the package only, so that a page looks the same on every machine. */
function fontsConf(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${path.join(folder, "fonts")}</dir>
  <cachedir>${path.join(folder, "fonts-cache")}</cachedir>
</fontconfig>
`;
}

function unpacked(name: string): Buffer {
  return brotliDecompressSync(readFileSync(path.join(PACKAGE, "bin", `${name}.br`)));
}

/** Unpacks the browser unless this version is there. The rename makes it complete or absent, also when two tests start at once. */
function bundledBrowser(): string {
  const { version } = JSON.parse(readFileSync(path.join(PACKAGE, "package.json"), "utf8")) as { version: string };
  const folder = path.join(CACHE, `chromium-${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const partial = mkdtempSync(path.join(CACHE, "chromium-partial-"));
  writeFileSync(path.join(partial, "chromium"), unpacked("chromium"));
  chmodSync(path.join(partial, "chromium"), 0o755);
  for (const archive of ARCHIVES) execFileSync("tar", ["-x", "-C", partial], { input: unpacked(`${archive}.tar`) });
  writeFileSync(path.join(partial, "fonts.conf"), fontsConf(folder));
  try {
    renameSync(partial, folder);
  } catch (error) {
    rmSync(partial, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

function launchOptions(): LaunchOptions {
  const { CHROMIUM_PATH: own = "" } = process.env;
  if (own !== "") return { executablePath: own };
  // The package is built for this platform only; elsewhere an installed Chrome is used.
  if (process.platform !== "linux" || process.arch !== "x64") return { channel: "chrome" };
  const folder = bundledBrowser();
  return {
    executablePath: path.join(folder, "chromium"),
    env: { ...process.env, LD_LIBRARY_PATH: path.join(folder, "lib"), FONTCONFIG_PATH: folder },
  };
}

/** @throws Error that says what to set when no browser starts. */
export async function openBrowser(): Promise<Browser> {
  try {
    return await chromium.launch({ ...launchOptions(), args: ["--no-sandbox"] });
  } catch (cause) {
    throw new Error("no browser starts: set CHROMIUM_PATH to a Chrome or Chromium of this machine", { cause });
  }
}
