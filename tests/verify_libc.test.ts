import { assertEquals } from "@std/assert";
import { formatManifest, type Manifest } from "../lib/manifest.ts";
import { libcFor } from "../lib/verify/libc.ts";
import { identityOf } from "../lib/verify/surroundings.ts";
import { builtFixture } from "./built_fixture.ts";

/** What an archive with this manifest and `krunner.json` beside it may need. */
function libc(
  distroVersion: string,
  manifest?: Manifest,
  data: Record<string, unknown> = {},
) {
  const archiveName = `krunner-env.${distroVersion}.x86_64.tar.xz`;
  return libcFor({
    archiveName,
    identity: identityOf(archiveName),
    texts: new Map([
      ["krunner.json", JSON.stringify(data)],
      ...manifest === undefined ? [] : [[
        `krunner-env.${distroVersion}.x86_64.json`,
        formatManifest(manifest),
      ]] as [string, string][],
    ]),
    inPackage: true,
  });
}

Deno.test("libcFor() knows whose C library counts", async (t) => {
  using built = await builtFixture();
  const on = (reference: string): Manifest => ({
    ...built.manifest,
    glibc: "2.34",
    base: { reference, id: "", glibc: "2.41" },
  });
  const own = (version: string | undefined) => ({
    kind: "glibc" as const,
    version,
    owner: "the distro version",
  });
  const data = { "ubuntu20.04": { base: "ubuntu:20.04" } };
  await t.step("without a manifest: the distro version's", () => {
    assertEquals(libc("ubuntu20.04"), own("2.31"));
    assertEquals(libc("static-gnu"), own(undefined));
    assertEquals(libc("alpine3.20"), { kind: "musl" });
  });
  await t.step("on its own base image: the distro version's", () => {
    for (const image of ["ubuntu:20.04", "krunner-base:ubuntu20.04"]) {
      assertEquals(libc("ubuntu20.04", on(image), data), own("2.31"));
    }
  });
  await t.step("on another base image: that one's", () => {
    assertEquals(libc("ubuntu20.04", on("krunner-base:debian13"), data), {
      kind: "glibc",
      version: "2.41",
      owner: 'its base image "krunner-base:debian13"',
    });
  });
  await t.step("for more than one distribution: the manifest's", () => {
    assertEquals(libc("static-gnu", on("krunner-base:static-gnu")), {
      kind: "glibc",
      version: "2.34",
      owner: "its manifest",
    });
  });
  await t.step("of an unknown archive: nobody's", () => {
    const unknown = {
      archiveName: "x",
      identity: undefined,
      texts: new Map(),
      inPackage: false,
    };
    assertEquals(libcFor(unknown), undefined);
  });
});
