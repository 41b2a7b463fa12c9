/**
 * Files of Debian source packages, fetched by apt in a container: the image's own
 * configuration names the mirror, and the host needs no Debian.
 *
 * @module
 */

import { BUILD_LABEL, type Engine } from "./engine.ts";
import { KrunnerError } from "./errors.ts";

/**
 * Adds source packages to either form of apt's configuration, fetches those of the
 * package `$1` and prints the file `$2`. All else goes to stderr.
 */
const SCRIPT = `set -eu
cd /etc/apt
for list in sources.list.d/*.sources; do
  [ -e "$list" ] && sed -i 's/^Types: deb$/Types: deb deb-src/' "$list"
done
[ -e sources.list ] &&
  sed -n 's/^deb /deb-src /p' sources.list > sources.list.d/krunner-source.list
cd /tmp
{ apt-get -qq update && apt-get -qq source --download-only "$1"; } >&2
cat "$2"
`;

/**
 * Opens a file of a Debian source package.
 *
 * @param image A Debian or Ubuntu image of the suite that has the package.
 * @param key The build's key, for the container's label.
 * @returns The file's bytes; errors with a {@linkcode KrunnerError} at the end if
 * apt failed, so that half a file never passes for a whole one.
 */
export function openDebianSource(
  engine: Engine,
  image: string,
  key: string,
  source: string,
  file: string,
): ReadableStream<Uint8Array> {
  const child = engine.spawn([
    "run",
    "--rm",
    "--label",
    `${BUILD_LABEL}=${key}`,
    "--entrypoint",
    "/bin/sh",
    image,
    "-c",
    SCRIPT,
    "sh",
    source,
    file,
  ]);
  const complaint = new Response(child.stderr).text();
  return child.stdout.pipeThrough(
    new TransformStream({
      async flush() {
        const { code } = await child.status;
        if (code === 0) return;
        const lastLine = (await complaint).trim().split("\n").at(-1);
        throw new KrunnerError(
          `apt in "${image}" ended with exit code ${code} (${lastLine})`,
        );
      },
    }),
  );
}
