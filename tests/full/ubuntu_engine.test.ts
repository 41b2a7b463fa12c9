/**
 * The Ubuntu releases that get an OpenSSL and an SQLite of their own, on Debian 13's
 * base image: some 15 minutes, `deno task test:full`. Both libraries are those that
 * Debian's archive and npm have, for their own homes may be out of reach.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { openDebianSource } from "../../lib/debian_source.ts";
import { Engine } from "../../lib/engine.ts";
import type { CheckReport } from "../../lib/verify/finding.ts";
import { Laboratory, must } from "../engine_fixture.ts";
import {
  buildWith,
  copyForDebian,
  debianStand,
  script,
} from "../ubuntu_fixture.ts";

/** Prints the names of all tarballs of OpenSSL that the archive knows. */
const TARBALLS = `set -e
sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/*.sources 2>/dev/null || true
[ ! -e /etc/apt/sources.list ] || sed -n 's/^deb /deb-src /p' /etc/apt/sources.list > /etc/apt/sources.list.d/source.list
apt-get -qq update >&2
apt-cache showsrc openssl | awk '$3 ~ /orig.tar.gz$/ { print $3 }' | sort -u`;

/** Puts the first tarball of OpenSSL that can be had into a folder. */
async function fetchOpenssl(image: string, folder: string): Promise<string> {
  const names = await must([
    "docker",
    "run",
    "--rm",
    image,
    "sh",
    "-c",
    TARBALLS,
  ]);
  const engine = new Engine("docker");
  for (const file of names.split("\n")) {
    const [, version] = /^openssl_(.+)\.orig\.tar\.gz$/.exec(file) ?? [];
    const path = `${folder}/openssl-${version}.tar.gz`;
    try {
      const origin = { debianSource: "openssl", file };
      await Deno.writeFile(
        path,
        openDebianSource(engine, image, "test", origin),
      );
      return version!;
    } catch {
      // A mirror may know of more than it has.
      await Deno.remove(path).catch(() => {});
    }
  }
  throw new Error(`No tarball of OpenSSL can be had of ${names}`);
}

/** Puts SQLite's own tarball, which an npm package carries, into a folder. */
async function fetchSqlite(folder: string): Promise<string> {
  await must(["npm", "pack", "--silent", "sqlite3@6.0.1"], { cwd: folder });
  await must([
    "tar",
    "-xzf",
    "sqlite3-6.0.1.tgz",
    "--strip-components=2",
    "package/deps/sqlite-autoconf-3520000.tar.gz",
  ], { cwd: folder });
  await Deno.remove(`${folder}/sqlite3-6.0.1.tgz`);
  return "3520000";
}

Deno.test("Ubuntu 16.04 to 22.04 are built and judged with libraries of their own", async (t) => {
  await using laboratory = await Laboratory.open();
  const stand = await debianStand(laboratory);
  const dir = await copyForDebian("ubuntu", laboratory.root);
  // Files of the package directory stand before the rows of sources.json.
  const sources = `${dir}/sources`;
  await Deno.mkdir(sources);
  const openssl = await fetchOpenssl(stand.base, sources);
  const sqlite = await fetchSqlite(sources);
  const own = ["--build-arg", `OPENSSL_VERSION=${openssl}`];
  const cases: [distroVersion: string, args: string[], own: string[]][] = [
    [
      "ubuntu16.04",
      [...own, "--build-arg", `SQLITE_VERSION=${sqlite}`],
      ["openssl", "sqlite"],
    ],
    ["ubuntu18.04", own, ["openssl"]],
    ["ubuntu20.04", own, ["openssl"]],
    ["ubuntu22.04", [], []],
  ];
  for (const [distroVersion, args, libraries] of cases) {
    await t.step(distroVersion, async () => {
      const built = await buildWith(stand, dir, distroVersion, ...args);
      assertEquals(built.code, 0, built.stderr);
      const manifest = JSON.parse(
        await Deno.readTextFile(
          `${dir}/krunner-env.${distroVersion}.x86_64.json`,
        ),
      );
      const generic = manifest.packages.filter(
        ({ purl, name }: { purl: string; name: string }) =>
          purl.startsWith("pkg:generic/") && name !== "Python",
      );
      assertEquals(
        generic.map(({ name }: { name: string }) => name),
        libraries,
      );
      const judged = await script(
        "verify",
        distroVersion,
        "--dir",
        dir,
        "--json",
      );
      assertEquals(judged.code, 0, judged.stdout);
      const { reports } = JSON.parse(judged.stdout);
      assert(reports.length > 0);
      for (const { check, findings } of reports as CheckReport[]) {
        assertEquals(findings, [], check);
      }
    });
  }
});
