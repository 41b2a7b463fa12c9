/**
 * How the agent names the docker volumes that it fills.
 *
 * @module
 */

/** What a volume's name says. */
export interface VolumeName {
  /** The volume version, a positive integer. */
  readonly version: number;
  /** As Python's `platform.machine()` says it on Linux. */
  readonly arch: string;
  /** The distro version, e.g. `debian12`. */
  readonly distroVersion: string;
}

/** What all of them begin with. */
export const VOLUME_PREFIX = "backendai-krunner.v";

/** No arch has a dot in its name, and many a distro version has. */
const NAME = /^backendai-krunner\.v([1-9]\d*)\.([^.]+)\.(.+)$/;

/** `backendai-krunner.v{N}.{arch}.{distro-version}`. */
export function formatVolumeName(
  { version, arch, distroVersion }: VolumeName,
): string {
  return `${VOLUME_PREFIX}${version}.${arch}.${distroVersion}`;
}

/** What a volume's name says; `undefined` if it is no name of the agent's. */
export function parseVolumeName(name: string): VolumeName | undefined {
  const [, version, arch, distroVersion] = NAME.exec(name) ?? [];
  if (arch === undefined || distroVersion === undefined) return undefined;
  return { version: Number(version), arch, distroVersion };
}
