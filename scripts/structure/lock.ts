// The lock file has to install anywhere: without the address of the registry it was made with, and with the packages of every
// platform, not only of the one it was made on.

interface Package {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface LockFile {
  readonly packages: Readonly<Record<string, Package>>;
}

/** Packages that are a shell around a binary for each platform. */
const PLATFORM_PACKAGES = ["workerd", "esbuild", "oxlint", "oxfmt", "oxlint-tsgolint", "typescript"];

export function lockViolations({ packages }: LockFile): string[] {
  const addressed = Object.entries(packages)
    .filter(([, { resolved }]) => resolved !== undefined)
    .map(([name]) => `package-lock.json: ${name} is tied to an address ("resolved")`);
  const missing = PLATFORM_PACKAGES.flatMap((name) =>
    Object.keys(packages[`node_modules/${name}`]?.optionalDependencies ?? {})
      .filter((platform) => packages[`node_modules/${platform}`] === undefined)
      .map((platform) => `package-lock.json: ${platform}, which ${name} needs on its platform, is missing`),
  );
  const absent = packages["node_modules/workerd"] === undefined ? ["package-lock.json: workerd is missing"] : [];
  return [...addressed, ...missing, ...absent];
}
