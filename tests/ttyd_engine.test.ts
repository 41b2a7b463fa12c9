/**
 * ttyd for real: `modern` from Debian's archive for both arches, proven by its
 * pings, and every way in which a build can fail. `classic` is the same code with
 * other rows, whose sources only the wider internet has.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SOURCES } from "../lib/sources.ts";
import type { TtydRecord } from "../lib/ttyd/record.ts";
import { assertPings } from "./ttyd_fixture.ts";
import {
  digest,
  Laboratory,
  must,
  type Outcome,
  run,
} from "./engine_fixture.ts";

const SCRIPT = new URL("../ttyd.ts", import.meta.url).pathname;
const ARCHES = ["x86_64", "aarch64"];
const EMULATED = await Deno.stat("/usr/bin/qemu-aarch64-static")
  .then(() => true, () => false);

/** What is in a folder, by path below it; contents as digests. */
async function contentsOf(folder: string): Promise<Record<string, string>> {
  const list = await must(["find", folder, "-type", "f"]);
  const paths = list.split("\n").filter((path) => !path.includes("/logs/"));
  return Object.fromEntries(
    await Promise.all(
      paths.sort().map(async (
        path,
      ) => [path.slice(folder.length + 1), await digest(path)]),
    ),
  );
}

class Bench implements AsyncDisposable {
  readonly laboratory: Laboratory;
  /** A name with a blank, as people have them. */
  readonly out: string;
  /** All sources, as an air-gapped host has them. */
  readonly sources: string;

  constructor(laboratory: Laboratory) {
    this.laboratory = laboratory;
    this.out = `${laboratory.root}/the terminal`;
    this.sources = `${laboratory.root}/sources`;
  }

  async ttyd(...args: string[]): Promise<Outcome> {
    return await run([Deno.execPath(), "run", "-A", SCRIPT, ...args], {
      env: this.laboratory.env,
    });
  }

  async build(...args: string[]): Promise<Outcome> {
    return await this.ttyd(
      "--recipe=modern",
      `--out=${this.out}`,
      `--image-prefix=${this.laboratory.prefix}`,
      ...args,
    );
  }

  /** Builds for x86_64 from a folder of sources with one of them replaced. */
  async buildWith(
    name: string,
    row: Record<string, unknown>,
    sources: string,
  ): Promise<Outcome> {
    const lock = `${sources}.json`;
    await Deno.writeTextFile(lock, JSON.stringify([row]));
    return await this.build(
      "--arch=x86_64",
      `--sources=${sources}`,
      `--lock=${lock}`,
      `--version=${name}=${row.version}`,
    );
  }

  /**
   * By name: layers, and so the ids of images, are the same as those of anyone
   * who builds the same.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const names = await must([
      "docker",
      "images",
      "--format={{.Repository}}:{{.Tag}}",
      `--filter=reference=${this.laboratory.prefix}-*`,
    ]);
    if (names !== "") await must(["docker", "rmi", ...names.split("\n")]);
  }

  /** A copy of the sources, to be spoiled. */
  async copySources(): Promise<string> {
    const copy = await Deno.makeTempDir({ dir: this.laboratory.root });
    await must(["cp", "-r", `${this.sources}/.`, copy]);
    return copy;
  }

  /** A row for a tarball whose tree is that of another one, changed by `sed`. */
  async changedSource(
    file: string,
    change: { in: string; sed: string },
  ): Promise<{ row: Record<string, unknown>; folder: string }> {
    const folder = await this.copySources();
    const tree = await Deno.makeTempDir({ dir: this.laboratory.root });
    await must(["tar", "-xf", `${folder}/${file}`, "-C", tree]);
    const [top] = await Array.fromAsync(Deno.readDir(tree));
    await must(["sed", "-i", change.sed, `${tree}/${top?.name}/${change.in}`]);
    const changed = `changed-${file.replace(/\.tar.*/, ".tar")}`;
    await must(
      ["tar", "-cf", `${folder}/${changed}`, "-C", tree, top?.name ?? ""],
    );
    const original = SOURCES.find((row) => row.file === file)!;
    return {
      folder,
      row: {
        ...original,
        version: `${original.version.replace(/\+.*/, "")}+changed`,
        file: changed,
        sha256: await digest(`${folder}/${changed}`),
        size: (await Deno.stat(`${folder}/${changed}`)).size,
        origins: [],
      },
    };
  }
}

Deno.test("ttyd.ts builds modern for both arches and proves it", async (t) => {
  await using laboratory = await Laboratory.open();
  await using bench = new Bench(laboratory);
  const { out } = bench;
  const binary = `${out}/ttyd_linux.x86_64.bin`;

  await t.step("both are built, each step with its log", async () => {
    const { code, stdout, stderr } = await bench.build("--json");
    assertEquals(code, 0, stderr);
    const results = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(results.map(({ arch }) => arch).sort(), [...ARCHES].sort());
    for (const arch of ARCHES) {
      for (const step of ["zlib", "json-c", "libuv", "libwebsockets", "ttyd"]) {
        assertStringIncludes(stderr, `ttyd ${arch}: ${step}\n`);
        const log = await Deno.readTextFile(
          `${out}/logs/ttyd.${arch}.${step}.log`,
        );
        assertStringIncludes(log, "step.sh");
      }
    }
  });

  for (const arch of ARCHES) {
    await t.step(`${arch}: binary, record and licences`, async () => {
      const file = `${out}/ttyd_linux.${arch}.bin`;
      assertEquals((await Deno.stat(file)).mode! & 0o7777, 0o755);
      const record: TtydRecord = JSON.parse(
        await Deno.readTextFile(`${out}/ttyd_linux.${arch}.json`),
      );
      assertEquals(record.binary.sha256, await digest(file));
      assertEquals(
        record.packages.map(({ name, version }) => `${name} ${version}`),
        [
          "ttyd 1.7.7",
          "libwebsockets 4.3.5",
          "libuv 1.50.0",
          "json-c 0.18",
          "zlib 1.3.1",
          "musl 1.2.3",
        ],
      );
      const texts = record.packages.flatMap(({ licenceFiles }) => licenceFiles);
      for (const text of texts) {
        assert((await Deno.stat(`${out}/${text}`)).size > 50, text);
      }
      assertStringIncludes(
        await Deno.readTextFile(`${out}/licenses/ttyd/NOTICE.txt`),
        "based in part on the work of the libwebsockets project",
      );
      if (arch === "x86_64" || EMULATED) {
        assertPings(record.proof);
      }
    });
  }

  await t.step(
    "check fails with the measured silence where pings come late",
    async () => {
      const { code, stdout } = await bench.ttyd(
        "check",
        "--limit=4",
        binary,
        "--",
        "-P",
        "300",
      );
      assertEquals(code, 1);
      const row = stdout.split("\n").find((line) => line.startsWith("pings"));
      assert(
        /FAILED +silent for 4\.\d s, longer than the limit of 4 s/.test(
          row ?? "",
        ),
        stdout,
      );
    },
  );

  await t.step(
    "check finds a record of another binary, and a broken one",
    async () => {
      const other = `${laboratory.root}/other.bin`;
      await Deno.copyFile(`${out}/ttyd_linux.aarch64.bin`, other);
      await Deno.copyFile(
        `${out}/ttyd_linux.x86_64.json`,
        `${laboratory.root}/other.json`,
      );
      // Appended to, so that it does not even start where it could.
      await Deno.writeTextFile(other, "x", { append: true });
      const { code, stdout } = await bench.ttyd("check", "--limit=6", other);
      assertEquals(code, 1);
      assertStringIncludes(stdout, "aarch64, not x86_64");
      assertStringIncludes(stdout, "describes another binary");
      const text = `${laboratory.root}/text.bin`;
      await Deno.writeTextFile(text, "#!/bin/sh\n");
      const broken = await bench.ttyd("check", text);
      assertEquals(broken.code, 1);
      assertStringIncludes(broken.stdout, "it is no ELF file");
    },
  );

  await Deno.mkdir(bench.sources);
  await must([
    "cp",
    "-r",
    `${laboratory.root}/cache/krunner/sources/.`,
    bench.sources,
  ]);
  const before = await contentsOf(out);

  await t.step(
    "a folder of sources and the toolchain's image need no network",
    async () => {
      const { code, stderr } = await bench.build(
        "--arch=x86_64",
        `--sources=${bench.sources}`,
        // It is asked for by nothing.
        "--engine=docker",
        "--no-verify",
      );
      assertEquals(code, 0, stderr);
      assert(!/not had from|Making the toolchain/.test(stderr), stderr);
      const log = await Deno.readTextFile(`${out}/logs/ttyd.x86_64.ttyd.log`);
      assert(/using cache|CACHED/i.test(log), log);
      const after = await contentsOf(out);
      assertEquals(
        after["ttyd_linux.x86_64.bin"],
        before["ttyd_linux.x86_64.bin"],
      );
    },
  );
  const kept = await contentsOf(out);

  await t.step("a tarball with a wrong hash", async () => {
    const sources = await bench.copySources();
    const file = "json-c_0.18+ds.orig.tar.xz";
    await Deno.writeTextFile(`${sources}/${file}`, "x", { append: true });
    const { code, stderr } = await bench.build(`--sources=${sources}`);
    assertEquals(code, 1);
    assertStringIncludes(stderr, `Wrong content of source "${file}"`);
    assertEquals(await contentsOf(out), kept);
  });

  await t.step("a missing tarball", async () => {
    const sources = await bench.copySources();
    const file = "libuv1_1.50.0.orig.tar.gz";
    await Deno.remove(`${sources}/${file}`);
    const { code, stderr } = await bench.build(`--sources=${sources}`);
    assertEquals(code, 1);
    assertStringIncludes(
      stderr,
      `Cannot find source "${file}" in "${sources}"`,
    );
    assertEquals(await contentsOf(out), kept);
  });

  await t.step("a failing compile", async () => {
    const { row, folder } = await bench.changedSource(
      "ttyd_1.7.7.orig.tar.xz",
      { in: "src/utils.c", sed: "1i this is no C;" },
    );
    const { code, stderr } = await bench.buildWith("ttyd", row, folder);
    assertEquals(code, 1);
    assertStringIncludes(
      stderr,
      'error: Cannot build ttyd for x86_64, step "ttyd": ',
    );
    assertStringIncludes(stderr, `  Log: ${out}/logs/ttyd.x86_64.ttyd.log\n`);
    assert(/^ {2}\| .*src\/utils\.c:1:/m.test(stderr), stderr);
    assertEquals(await contentsOf(out), kept);
  });

  await t.step(
    "an edit that changes nothing; what is before it is not built again",
    async () => {
      const { row, folder } = await bench.changedSource(
        "libwebsockets-4.3.5.tar.gz",
        {
          in: "cmake/libwebsockets-config.cmake.in",
          sed: "s/ websockets_shared//",
        },
      );
      const { code, stderr } = await bench.buildWith(
        "libwebsockets",
        row,
        folder,
      );
      assertEquals(code, 1);
      assertStringIncludes(stderr, 'step "libwebsockets": ');
      assertStringIncludes(
        stderr,
        'error: libwebsockets 4.3.5: cannot edit "cmake/libwebsockets-config.cmake.in" (nothing links to the shared library, for it is not built): "s/ websockets_shared//" changes nothing',
      );
      const log = await Deno.readTextFile(`${out}/logs/ttyd.x86_64.libuv.log`);
      assert(/using cache|CACHED/i.test(log), log);
      assertEquals(await contentsOf(out), kept);
    },
  );

  await t.step(
    "a binary that is not what was planned is not kept",
    async () => {
      const { row, folder } = await bench.changedSource(
        "ttyd_1.7.7.orig.tar.xz",
        { in: "CMakeLists.txt", sed: "s/VERSION 1.7.7/VERSION 1.7.8/" },
      );
      const { code, stderr } = await bench.buildWith("ttyd", row, folder);
      assertEquals(code, 1);
      assertStringIncludes(stderr, "Cannot keep the new ttyd for x86_64");
      assertStringIncludes(stderr, "1.7.8, not 1.7.7");
      assertEquals(await contentsOf(out), kept);
    },
  );
});
