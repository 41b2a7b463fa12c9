/**
 * Files of Debian source packages, fetched by apt in a container: the image's own
 * configuration names the mirror, and the host needs no Debian.
 *
 * @module
 */

import { BUILD_LABEL, type Engine } from "./engine.ts";
import { KrunnerError } from "./errors.ts";
import type { DebianOrigin } from "./sources.ts";

/**
 * Adds source packages to either form of apt's configuration, asks apt where it
 * has the file `$2` of the package `$1`, fetches that one file and prints it. All
 * else goes to stderr. A suite `$3` that is not the image's own is asked at the
 * same mirror.
 *
 * A suite may keep several versions of a package, and a mirror may have lost some
 * files of a version; its lists may be older than they say they are good for. None
 * of that matters for one file whose content the caller checks.
 */
const SCRIPT = `set -eu
cd /etc/apt
echo 'Acquire::Check-Valid-Until "false";' > apt.conf.d/krunner
for list in sources.list.d/*.sources; do
  [ -e "$list" ] && sed -i 's/^Types: deb$/Types: deb deb-src/' "$list"
done
[ -e sources.list ] &&
  sed -n 's/^deb /deb-src /p' sources.list > sources.list.d/krunner-source.list
apt-get -qq update >&2
if [ -n "$3" ]; then
  mirror=$(apt-get indextargets --format '$(REPO_URI)' \\
    'Created-By: Sources' 'Component: main' | head -n 1)
  echo "deb-src $mirror $3 main" > sources.list.d/krunner-suite.list
  apt-get -qq update >&2
fi
version=$(apt-cache showsrc "$1" | awk -v file="$2" '
  $1 == "Version:" { version = $2 }
  $3 == file { print version; exit }')
if [ -z "$version" ]; then
  echo "no version of $1 there has the file $2" >&2
  exit 1
fi
uri=$(apt-get -qq source --print-uris "$1=$version" |
  awk -v file="$2" '$2 == file { print $1 }' | tr -d "'")
cd /tmp
/usr/lib/apt/apt-helper download-file "$uri" "$2" >&2
cat "$2"
`;

/**
 * Opens a file of a Debian source package.
 *
 * @param image A Debian or Ubuntu image; of the suite that has the package, where
 * the origin names none.
 * @param key The build's key, for the container's label.
 * @returns The file's bytes; errors with a {@linkcode KrunnerError} at the end if
 * apt failed, so that half a file never passes for a whole one.
 */
export function openDebianSource(
  engine: Engine,
  image: string,
  key: string,
  { debianSource, file, suite }: DebianOrigin,
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
    debianSource,
    file,
    suite ?? "",
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
