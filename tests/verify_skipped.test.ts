/**
 * What cannot be checked is skipped, and said.
 */

import { assertEquals } from "@std/assert";
import type { Check, CheckReport } from "../lib/verify/finding.ts";
import { libcOf } from "../lib/verify/libc.ts";
import { compareVersions } from "../lib/verify/linkage.ts";
import { parsePythonInt } from "../lib/verify/contract.ts";
import { identityOf, readSurroundings } from "../lib/verify/surroundings.ts";
import { findingsOf, verifyVolume } from "../lib/verify/verify_volume.ts";
import { elfOf } from "./elf_builder.ts";
import {
  type Draft,
  entryOf,
  goodVolume,
  removeEntries,
  writeVolume,
} from "./volume_fixture.ts";

const CONTAINERS = "no container engine was asked";
const OTHERS = {
  "extractor": CONTAINERS,
  "bare image": CONTAINERS,
  "hostile environment": CONTAINERS,
  "ttyd": CONTAINERS,
};

function skippedOf(reports: readonly CheckReport[]): Partial<
  Record<Check, string>
> {
  return Object.fromEntries(
    reports.flatMap(({ check, skipped }) =>
      skipped === undefined ? [] : [[check, skipped]]
    ),
  );
}

/** Judges a volume that was moved away from its package directory. */
async function judgeMoved(name: string, change: (draft: Draft) => void) {
  const draft = goodVolume();
  change(draft);
  using volume = await writeVolume(draft);
  const moved = `${volume.dir}/moved`;
  await Deno.mkdir(moved);
  const archive = `${moved}/${name}`;
  await Deno.rename(volume.archive, archive);
  const surroundings = await readSurroundings(archive, false);
  const verdict = await verifyVolume({ archive, surroundings });
  return {
    findings: findingsOf(verdict).map(({ what }) => what),
    skipped: skippedOf(verdict.reports),
  };
}

Deno.test("verifyVolume() skips what is not beside an archive", async () => {
  const name = "krunner-env.debian12.x86_64.tar.xz";
  assertEquals(await judgeMoved(name, () => {}), {
    findings: [],
    skipped: {
      contract:
        "not beside it, and not compared: krunner-env.debian12.x86_64.json, krunner-python.debian12.txt, krunner-version.debian12.txt, versions.txt, krunner-env.debian12.dockerfile",
      ...OTHERS,
    },
  });
});

Deno.test("verifyVolume() says nothing of a terminal that there is not", async () => {
  const name = "krunner-env.debian12.x86_64.tar.xz";
  const { skipped } = await judgeMoved(
    name,
    (draft) => removeEntries(draft, "./bin/ttyd"),
  );
  assertEquals("ttyd" in skipped, false);
});

Deno.test("verifyVolume() skips what a name does not tell", async () => {
  assertEquals(await judgeMoved("volume.tar.xz", () => {}), {
    findings: [],
    skipped: {
      contract:
        "the name is not krunner-env.{distro-version}.{arch}.tar.xz: arch and files beside it were not compared",
      linkage:
        "the distro version is not known: symbol versions were not compared",
      ...OTHERS,
    },
  });
});

Deno.test("verifyVolume() skips symbol versions of an unknown glibc", async () => {
  const name = "krunner-env.plan9.x86_64.tar.xz";
  const { skipped } = await judgeMoved(name, () => {});
  assertEquals(
    skipped.linkage,
    "the glibc of the distro version is not known: symbol versions were not compared",
  );
});

Deno.test("verifyVolume() skips what a broken archive does not tell", async () => {
  const name = "krunner-env.debian12.x86_64.tar.xz";
  const { findings, skipped } = await judgeMoved(name, (draft) => {
    draft.changeTar = (tar) => tar.slice(0, 2048);
  });
  assertEquals(findings, ['it ended early, after "./bin/python3"']);
  const broken = "the archive is broken";
  assertEquals(skipped.linkage?.startsWith(broken), true);
  assertEquals(skipped.contract?.startsWith(broken), true);
});

/** The volume, linked to musl. */
function musl(draft: Draft): void {
  entryOf(draft, "./bin/python3.11").content = elfOf({
    interpreter: "/lib/ld-musl-x86_64.so.1",
    needed: ["libc.musl-x86_64.so.1"],
  });
  entryOf(draft, "./lib/krunner/libz.so.1").content = elfOf({
    needed: ["libc.so"],
  });
  entryOf(draft, "./lib/python3.11/lib-dynload/zlib.so").content = elfOf({
    needed: ["libz.so.1", "libc.musl-x86_64.so.1"],
    runpath: "$ORIGIN/../../krunner",
  });
}

Deno.test("verifyVolume() judges volumes of musl", async (t) => {
  const alpine = "krunner-env.alpine3.20.x86_64.tar.xz";
  await t.step("that are right", async () => {
    const { findings, skipped } = await judgeMoved(alpine, musl);
    assertEquals(findings, []);
    assertEquals(skipped.linkage, undefined);
  });
  await t.step("whose name does not say so", async () => {
    const { findings } = await judgeMoved("volume.tar.xz", musl);
    assertEquals(findings, []);
  });
  await t.step("that are not musl's", async () => {
    const { findings } = await judgeMoved(alpine, () => {});
    assertEquals(findings, [
      'its loader is "/lib64/ld-linux-x86-64.so.2", which is not musl\'s',
      'it needs "libm.so.6" and does not find it in the volume',
      'it needs "libc.so.6" and does not find it in the volume',
      "it needs glibc 2.36",
      'it needs "libc.so.6" and does not find it in the volume',
      'it needs "libc.so.6" and does not find it in the volume',
      "it needs glibc 2.36",
    ]);
  });
});

Deno.test("libcOf() knows distro versions", () => {
  const glibc = (version: string | undefined) => ({
    kind: "glibc" as const,
    version,
    owner: "the distro version",
  });
  assertEquals(libcOf("debian13"), glibc("2.41"));
  assertEquals(libcOf("centos7.6"), glibc("2.17"));
  assertEquals(libcOf("ubuntu18.04"), glibc("2.27"));
  assertEquals(libcOf("manylinux_2_28"), glibc("2.28"));
  assertEquals(libcOf("static-gnu"), glibc(undefined));
  assertEquals(libcOf("constructor"), glibc(undefined));
  for (const name of ["alpine3.10", "musllinux_1_2", "static-musl"]) {
    assertEquals(libcOf(name), { kind: "musl" });
  }
});

Deno.test("compareVersions() compares numbers, not texts", () => {
  const versions = ["2.36", "2.4", "2.2.5", "2.3", "2.3.4"];
  assertEquals(versions.sort(compareVersions), [
    "2.2.5",
    "2.3",
    "2.3.4",
    "2.4",
    "2.36",
  ]);
});

Deno.test("identityOf() reads the name of an archive", () => {
  assertEquals(identityOf("krunner-env.ubuntu18.04.aarch64.tar.xz"), {
    distroVersion: "ubuntu18.04",
    arch: "aarch64",
  });
  assertEquals(identityOf("krunner-env.x86_64.tar.xz"), undefined);
  assertEquals(identityOf("krunner-env.a.b.tar.gz"), undefined);
});

Deno.test("parsePythonInt() reads as Python's int() does", () => {
  assertEquals(
    ["6\n", " +1_0 ", "-3", "007", "", "6.0", "1__0", "_1", "0x6"]
      .map(parsePythonInt),
    [6, 10, -3, 7, ...Array(5).fill(undefined)],
  );
});
