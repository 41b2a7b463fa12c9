/**
 * Wheels and sdists as files: what is in them, and what is refused. Their bytes
 * are read by Debian's Python, not by the library that wrote them.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { CancelledError, KrunnerError } from "../lib/errors.ts";
import { outputNames } from "../lib/package_dir.ts";
import { takeLock } from "../lib/lock.ts";
import { sha256 } from "../lib/inputs.ts";
import { type DigestedEntry, digestEntry } from "../lib/wheel/entry.ts";
import { makeWheels } from "../lib/wheel/make.ts";
import { recordText } from "../lib/wheel/record.ts";
import { renderDistribution } from "../lib/wheel/report.ts";
import { dosTime, writeZip, zipSize } from "../lib/wheel/zip.ts";
import { digest, must } from "./engine_fixture.ts";
import { writeFiles } from "./package_fixture.ts";
import { LFS_POINTER } from "./upstream_fixture.ts";
import {
  filesOf,
  type WheelFixture,
  wheelFixture,
  writeBuilt,
} from "./wheel_fixture.ts";

/** Debian's own Python: another one may be first on PATH. */
const PYTHON = "/usr/bin/python3";
const INFO = "backend_ai_krunner_debian-1.4.0rc3.dist-info";
const WHEEL =
  "backend_ai_krunner_debian-1.4.0rc3-py3-none-manylinux2014_x86_64.musllinux_1_1_x86_64.macosx_11_0_x86_64.whl";
const SDIST = "backend_ai_krunner_debian-1.4.0rc3.tar.gz";

async function make(fixture: WheelFixture, changes = {}) {
  const options = { ...fixture.options, ...changes };
  return await makeWheels(await fixture.open(), options);
}

/** What a call is refused with. */
async function refusal(fixture: WheelFixture, changes = {}): Promise<string> {
  const error = await assertRejects(() => make(fixture, changes), KrunnerError);
  return error.message.replaceAll(fixture.path, "");
}

interface ZipEntry {
  name: string;
  mode: string;
  date: number[];
  method: number;
  flags: number;
  extra: string;
  system: number;
  text: string;
}

/** A zip's entries by Python's zipfile, which checks their CRCs. */
async function readZip(path: string): Promise<ZipEntry[]> {
  const script = `import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as zip:
    assert zip.testzip() is None
    print(json.dumps([{
        "name": i.filename, "mode": oct(i.external_attr >> 16)[2:],
        "date": i.date_time, "method": i.compress_type, "flags": i.flag_bits,
        "extra": i.extra.hex(), "system": i.create_system,
        "text": zip.read(i).decode(),
    } for i in zip.infolist()]))`;
  return JSON.parse(await must([PYTHON, "-c", script, path]));
}

/** A tar.gz's entries: name, mode in octal, owner, time. */
async function readTarGz(path: string): Promise<[string, string, number][]> {
  const script = `import json, sys, tarfile
with tarfile.open(sys.argv[1]) as tar:
    for i in tar: assert (i.uid, i.gid, i.uname, i.gname) == (0, 0, "", ""), i
    print(json.dumps([[i.name, oct(i.mode)[2:], i.mtime] for i in tar]))`;
  return JSON.parse(await must([PYTHON, "-c", script, path]));
}

Deno.test("makeWheels() packs what versions.txt promises, stored and of one time", async () => {
  using fixture = await wheelFixture({
    "LICENSE": "MIT\n",
    "licenses/CPython": "PSF\n",
    "requirements.txt": "six\n",
    "logs/debian12.env.log": "log",
    ".hidden": "x",
    "__pycache__/x.pyc": "x",
  });
  // Of another arch, and of no promise.
  await writeBuilt(fixture.dir, "debian11", "x86_64", new Uint8Array(3));
  await Deno.writeTextFile(`${fixture.dir}/ttyd_linux.aarch64.bin`, "ttyd");
  const made = await make(fixture);
  assertEquals(await filesOf(fixture.out), [WHEEL, SDIST]);
  const entries = await readZip(`${fixture.out}/${WHEEL}`);
  const module = "ai/backend/krunner/debian";
  assertEquals(entries.map(({ name, mode }) => `${mode} ${name}`), [
    `100644 ${module}/__init__.py`,
    `100644 ${module}/krunner-env.debian12.x86_64.json`,
    `100644 ${module}/krunner-env.debian12.x86_64.tar.xz`,
    `100644 ${module}/krunner-env.debian13.x86_64.json`,
    `100644 ${module}/krunner-env.debian13.x86_64.tar.xz`,
    `100644 ${module}/krunner-python.debian12.txt`,
    `100644 ${module}/krunner-python.debian13.txt`,
    `100644 ${module}/krunner-version.debian12.txt`,
    `100644 ${module}/krunner-version.debian13.txt`,
    `100644 ${module}/plugin.py`,
    `100755 ${module}/ttyd_linux.x86_64.bin`,
    `100644 ${module}/versions.txt`,
    `100644 ${INFO}/METADATA`,
    `100644 ${INFO}/WHEEL`,
    `100644 ${INFO}/entry_points.txt`,
    `100644 ${INFO}/licenses/src/${module}/LICENSE`,
    `100644 ${INFO}/licenses/src/${module}/licenses/CPython`,
    `100644 ${INFO}/sboms/krunner-env.debian12.x86_64.spdx.json`,
    `100644 ${INFO}/sboms/krunner-env.debian13.x86_64.spdx.json`,
    `100644 ${INFO}/RECORD`,
  ]);
  for (const { name, date, method, flags, extra, system } of entries) {
    // 1700000001 is an odd second, and zip has even ones only.
    assertEquals(date, [2023, 11, 14, 22, 13, 20], name);
    // Stored; sizes in front of the bytes; no extra fields; made on Unix.
    assertEquals([method, flags, extra, system], [0, 0, "", 3], name);
  }
  assertEquals(fixture.options.notices, [
    "debian11 was built for x86_64 and is left out: versions.txt does not list it",
  ]);
  const [wheel, sdist] = made;
  assertEquals(
    [wheel?.kind, wheel?.arch, wheel?.version, wheel?.name],
    ["wheel", "x86_64", "1.4.0rc3", "backend.ai-krunner-debian"],
  );
  for (const { path, size, sha256 } of made) {
    assertEquals(size, (await Deno.stat(path)).size);
    assertEquals(sha256, await digest(path));
  }
  assertEquals([sdist?.kind, sdist?.arch], ["sdist", null]);
});

Deno.test("RECORD tells the digests of all files but its own", async () => {
  using fixture = await wheelFixture();
  await make(fixture);
  const entries = await readZip(`${fixture.out}/${WHEEL}`);
  const record = entries.pop();
  const lines = record?.text.trimEnd().split("\n") ?? [];
  assertEquals(lines.pop(), `${INFO}/RECORD,,`);
  for (const [index, { name, text }] of entries.entries()) {
    const base64 = Uint8Array.fromHex(await sha256(text)).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
    const size = new TextEncoder().encode(text).length;
    assertEquals(lines[index], `${name},sha256=${base64},${size}`);
  }
  assertEquals(lines.length, entries.length);
});

Deno.test("recordText() quotes as CSV does", () => {
  const entry: DigestedEntry = {
    name: 'a,"b"',
    content: "",
    mode: 0o644,
    size: 0,
    sha256: "ff".repeat(32),
    crc32: 0,
  };
  assertEquals(
    recordText([entry], "RECORD"),
    `"a,""b""",sha256=${"_".repeat(42)}8,0\nRECORD,,\n`,
  );
});

Deno.test("the sdist has sources, texts and a backend, and nothing that was built", async () => {
  using fixture = await wheelFixture({
    "licenses/CPython": "PSF\n",
    "recipe/make.sh": "#!/bin/sh\n",
    "README.md": "# Volumes\n",
    "logs/x.log": "log",
  });
  await Deno.chmod(`${fixture.dir}/recipe/make.sh`, 0o700);
  // What was made before, in the package directory itself.
  const out = `${fixture.dir}/dist`;
  writeFiles(fixture.dir, { "dist/old.whl": "old" });
  await make(fixture, { out });
  const entries = await readTarGz(`${out}/${SDIST}`);
  const root = SDIST.slice(0, -".tar.gz".length);
  const src = "src/ai/backend/krunner/debian";
  assertEquals(
    entries.map(([name, mode]) => `${mode} ${name.slice(root.length + 1)}`),
    [
      "644 PKG-INFO",
      "644 README.md",
      "644 krunner_sdist.py",
      "644 pyproject.toml",
      `644 ${src}/README.md`,
      `644 ${src}/__init__.py`,
      `644 ${src}/krunner-env.debian12.dockerfile`,
      `644 ${src}/krunner-env.debian13.dockerfile`,
      `644 ${src}/krunner-python.debian12.txt`,
      `644 ${src}/krunner-python.debian13.txt`,
      `644 ${src}/krunner-version.debian12.txt`,
      `644 ${src}/krunner-version.debian13.txt`,
      `644 ${src}/licenses/CPython`,
      `644 ${src}/plugin.py`,
      `755 ${src}/recipe/make.sh`,
      `644 ${src}/versions.txt`,
    ],
  );
  for (const [name, , mtime] of entries) assertEquals(mtime, 1700000001, name);
});

Deno.test("two runs give the same bytes, wherever and whenever they are", async () => {
  const digests: string[][] = [];
  for (const below of ["debian", "a/longer/debian"]) {
    using fixture = await wheelFixture({ LICENSE: "MIT\n" }, below);
    await Deno.utime(`${fixture.dir}/LICENSE`, 1, 1);
    await Deno.chmod(`${fixture.dir}/LICENSE`, 0o600);
    digests.push((await make(fixture)).map(({ sha256 }) => sha256 ?? ""));
  }
  assertEquals(digests[0], digests[1]);
});

Deno.test("a wheel for one arch holds nothing of another", async () => {
  using fixture = await wheelFixture();
  for (const name of ["debian12", "debian13"]) {
    await writeBuilt(fixture.dir, name, "aarch64", new Uint8Array(9));
  }
  const made = await make(fixture);
  assertEquals(made.map(({ arch }) => arch), ["aarch64", "x86_64", null]);
  for (const { arch, path, files } of made) {
    const foreign = arch === "x86_64" ? "aarch64" : "x86_64";
    const names = files.map(({ name }) => name).filter((name) =>
      name.includes(foreign)
    );
    assertEquals(names, [], path);
  }
  assertEquals(fixture.options.notices, [
    "There is no ttyd_linux.aarch64.bin: the wheel for aarch64 goes without",
    `There is no licence file in "${fixture.dir}" and "${await Deno.realPath(
      fixture.dir,
    )}"`,
  ]);
  const only = await make(fixture, { arches: ["x86_64", "x86_64"] });
  assertEquals(only.map(({ arch }) => arch), ["x86_64", null]);
});

Deno.test("symbolic links are packed as the files that they lead to", async () => {
  using fixture = await wheelFixture();
  const { archive } = outputNames("debian12", "x86_64");
  await Deno.rename(`${fixture.dir}/${archive}`, `${fixture.path}/kept`);
  await Deno.symlink("../kept", `${fixture.dir}/${archive}`);
  await make(fixture);
  const entry = (await readZip(`${fixture.out}/${WHEEL}`))
    .find(({ name }) => name.endsWith(archive));
  assertEquals([entry?.mode, entry?.text], ["100644", "debian12"]);
});

Deno.test("the project's metadata and licences go into both files", async () => {
  using fixture = await wheelFixture({}, "src/ai/backend/krunner/debian");
  writeFiles(fixture.path, {
    "pyproject.toml": `[project]
name = "acme.krunner"
description = "Ours"
license = "Apache-2.0"
license-files = ["LICENSE", "src/**/licenses/*", "no/*.txt"]
`,
    "LICENSE": "Apache\n",
    "src/ai/backend/krunner/debian/licenses/LICENSE.x.txt": "x\n",
  });
  const [wheel, sdist] = await make(fixture);
  assert(wheel !== undefined && sdist !== undefined);
  const licences = [
    "LICENSE",
    "src/ai/backend/krunner/debian/licenses/LICENSE.x.txt",
  ];
  const entries = await readZip(wheel.path);
  const info = "acme_krunner-1.4.0rc3.dist-info";
  const metadata = entries.find(({ name }) => name === `${info}/METADATA`)
    ?.text ?? "";
  assertStringIncludes(metadata, "\nName: acme.krunner\n");
  assertStringIncludes(metadata, "\nLicense: Apache-2.0; the packages");
  assertEquals(
    [...metadata.matchAll(/^License-File: (.*)$/gm)].map(([, name]) => name),
    licences,
  );
  for (const name of licences) {
    assert(entries.some((it) => it.name === `${info}/licenses/${name}`), name);
    assert(sdist.files.some((it) => it.name.endsWith(`-1.4.0rc3/${name}`)));
  }
  assertEquals(fixture.options.notices, [
    `No file matches the licence files "no/*.txt" of "${await Deno.realPath(
      fixture.path,
    )}"`,
  ]);
});

/** Faults, and what is said of each. */
const FAULTS: Record<
  string,
  { change: (dir: string) => Promise<unknown>; message: string }
> = {
  "an archive that is missing": {
    change: (dir) => Deno.remove(`${dir}/krunner-env.debian13.x86_64.tar.xz`),
    message:
      'Cannot make the wheel of "/debian" for x86_64: versions.txt promises debian13, but there is no krunner-env.debian13.x86_64.tar.xz; build with "build.ts debian13 --arch x86_64"',
  },
  "a link to nothing": {
    change: async (dir) => {
      await Deno.remove(`${dir}/krunner-env.debian12.x86_64.spdx.json`);
      await Deno.symlink("x", `${dir}/krunner-env.debian12.x86_64.spdx.json`);
    },
    message: "there is no krunner-env.debian12.x86_64.spdx.json; build",
  },
  "files of several distro versions that are missing": {
    change: async (dir) => {
      await Deno.remove(`${dir}/krunner-env.debian12.x86_64.json`);
      await Deno.remove(`${dir}/krunner-python.debian13.txt`);
    },
    message:
      'versions.txt promises debian12, debian13, but there is no krunner-env.debian12.x86_64.json, krunner-python.debian13.txt; build with "build.ts debian12 debian13 --arch x86_64"',
  },
  "an archive that is not the manifest's": {
    change: (dir) =>
      Deno.writeTextFile(`${dir}/krunner-env.debian12.x86_64.tar.xz`, "other"),
    message:
      'Cannot pack "/debian/krunner-env.debian12.x86_64.tar.xz": its SHA-256 is d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa, but krunner-env.debian12.x86_64.json says ',
  },
  "an archive that Git LFS has": {
    change: (dir) =>
      Deno.writeTextFile(
        `${dir}/krunner-env.debian12.x86_64.tar.xz`,
        LFS_POINTER,
      ),
    message:
      'Cannot pack "/debian/krunner-env.debian12.x86_64.tar.xz": it is a pointer of Git LFS and not the file itself; fetch that with "git lfs pull"',
  },
  "a terminal that Git LFS has": {
    change: (dir) =>
      Deno.writeTextFile(`${dir}/ttyd_linux.x86_64.bin`, LFS_POINTER),
    message:
      'Cannot pack "/debian/ttyd_linux.x86_64.bin": it is a pointer of Git LFS',
  },
  "an empty terminal": {
    change: (dir) => Deno.writeTextFile(`${dir}/ttyd_linux.x86_64.bin`, ""),
    message:
      'Cannot pack "/debian/ttyd_linux.x86_64.bin": it is empty; build it with "ttyd.ts", or remove it',
  },
  "a label that was raised since": {
    change: (dir) =>
      Deno.writeTextFile(
        `${dir}/krunner-env.debian12.dockerfile`,
        "FROM scratch\nLABEL ai.backend.krunner.version=4\n",
      ),
    message:
      'Cannot pack "debian12": "/debian/krunner-version.debian12.txt" says 3, and what is beside it 4; build it again with "build.ts debian12 --arch x86_64"',
  },
  "a version file that agents cannot read": {
    change: (dir) =>
      Deno.writeTextFile(`${dir}/krunner-version.debian12.txt`, "v3\n"),
    message: 'krunner-version.debian12.txt" says v3, and what',
  },
  "a Python version that differs": {
    change: (dir) =>
      Deno.writeTextFile(`${dir}/krunner-python.debian12.txt`, "3.13\n"),
    message: 'krunner-python.debian12.txt" says 3.13, and what is beside it 3',
  },
  "a manifest of another arch": {
    change: async (dir) => {
      await writeBuilt(dir, "debian12", "x86_64", new Uint8Array(3), {
        arch: "aarch64",
      });
    },
    message: 'krunner-env.debian12.x86_64.json" says aarch64, and what',
  },
  "an SPDX document of another archive": {
    change: (dir) =>
      Deno.writeTextFile(
        `${dir}/krunner-env.debian12.x86_64.spdx.json`,
        "{}",
      ),
    message: 'krunner-env.debian12.x86_64.spdx.json" says another archive',
  },
  "a manifest that is none": {
    change: (dir) =>
      Deno.writeTextFile(`${dir}/krunner-env.debian12.x86_64.json`, "["),
    message: "it is not JSON; build again",
  },
  "a promise that no dockerfile keeps": {
    change: (dir) =>
      Deno.writeTextFile(`${dir}/versions.txt`, "debian12\nubuntu1\n"),
    message:
      'versions.txt lists "ubuntu1", but there is no krunner-env.ubuntu1.dockerfile; add it, or take the line out',
  },
  "no list": {
    change: (dir) => Deno.remove(`${dir}/versions.txt`),
    message: 'Cannot read "/debian/versions.txt": it does not exist; write',
  },
  "no plugin": {
    change: (dir) => Deno.remove(`${dir}/plugin.py`),
    message: 'Cannot make a package of "/debian": it has no plugin.py; add',
  },
  "a source that leads nowhere": {
    change: (dir) => Deno.symlink("nothing", `${dir}/requirements.txt`),
    message:
      'Cannot read "/debian/requirements.txt": no such file or directory; see',
  },
  "nothing built": {
    change: async (dir) => {
      for (const name of ["debian12", "debian13"]) {
        await Deno.remove(`${dir}/krunner-env.${name}.x86_64.tar.xz`);
      }
    },
    message:
      'Cannot make a wheel of "/debian": nothing is built there yet; run "build.ts debian12 debian13"',
  },
};

Deno.test("makeWheels() refuses what agents could not use, and keeps what is there", async (t) => {
  for (const [name, { change, message }] of Object.entries(FAULTS)) {
    await t.step(name, async () => {
      using fixture = await wheelFixture();
      writeFiles(fixture.path, { [`dist/${WHEEL}`]: "old" });
      await change(fixture.dir);
      for (const dryRun of [false, true]) {
        assertStringIncludes(await refusal(fixture, { dryRun }), message);
      }
      assertEquals(await filesOf(fixture.out), [WHEEL]);
      assertEquals(await Deno.readTextFile(`${fixture.out}/${WHEEL}`), "old");
    });
  }
});

Deno.test("a wheel over the limit is refused, with what takes the room", async () => {
  using fixture = await wheelFixture();
  await writeBuilt(
    fixture.dir,
    "debian13",
    "x86_64",
    new Uint8Array(2_000_000),
  );
  const [first, ...rows] = (await refusal(fixture)).split("\n");
  assertEquals(
    first,
    `Cannot make "${WHEEL}": it has 2.0 MB, and the limit is 1.0 MB; take distro versions out of versions.txt and into a package of their own, put less into the volumes, or, where your index takes more, give "--max-size 3MB"`,
  );
  assertMatch(
    rows.join("\n"),
    /^ {2}debian13 {2}2\.0 MB\n {2}all else {2}\d\.\d kB\n {2}debian12 {2}\d+ B$/,
  );
  assertEquals(await filesOf(fixture.out), []);
  const made = await make(fixture, { maxSize: 3_000_000 });
  assertEquals(made.length, 2);
});

Deno.test("a dry run tells sizes and writes nothing", async () => {
  using fixture = await wheelFixture();
  const planned = await make(fixture, { dryRun: true });
  assertEquals(await filesOf(fixture.out), []);
  const made = await make(fixture);
  assertEquals(planned[0]?.size, made[0]?.size);
  assertEquals(planned[1]?.size, null);
  assertEquals(planned.map(({ files }) => files), made.map((it) => it.files));
  const text = renderDistribution(planned[0]!, true);
  assertStringIncludes(text, `${WHEEL} would be written (18 files, `);
  assertStringIncludes(
    text,
    "\n  755  4 B     ai/backend/krunner/debian/ttyd_linux.x86_64.bin\n",
  );
  assertEquals(
    renderDistribution({ ...made[0]!, path: "x", size: 12345 }, false),
    "x  12.3 kB",
  );
});

Deno.test("a file that cannot be written is one message, and the old ones stay", async () => {
  using fixture = await wheelFixture();
  writeFiles(fixture.path, {
    [`dist/${WHEEL}`]: "old",
    [`dist/${SDIST}/x`]: "a folder",
  });
  assertStringIncludes(
    await refusal(fixture),
    `Cannot write "/dist/${SDIST}": it is not a regular file`,
  );
  assertEquals(await Deno.readTextFile(`${fixture.out}/${WHEEL}`), "old");
  assertEquals(await filesOf(fixture.out), [WHEEL, SDIST]);
  assertStringIncludes(
    await refusal(fixture, { out: "/dev/null/dist" }),
    'Cannot write "/dev/null/dist": ',
  );
  // A killed run's.
  await Deno.remove(`${fixture.out}/${SDIST}`, { recursive: true });
  writeFiles(fixture.out, { [`.${WHEEL}.part`]: "x".repeat(100_000) });
  await make(fixture);
  assertEquals(await filesOf(fixture.out), [WHEEL, SDIST]);
});

Deno.test("two runs do not write the same files at once", async () => {
  using fixture = await wheelFixture();
  await make(fixture);
  const { cache } = fixture.options;
  const [lock = ""] = await filesOf(`${cache}/locks`);
  using _held = await takeLock(`${cache}/locks/${lock}`, 1234, () => "");
  assertStringIncludes(
    await refusal(fixture),
    "another process is writing it (process 1234); wait for its end",
  );
});

Deno.test("a cancelled run leaves nothing", async () => {
  using fixture = await wheelFixture();
  await assertRejects(
    () => make(fixture, { signal: AbortSignal.abort() }),
    CancelledError,
  );
  assertEquals(await filesOf(fixture.out), []);
});

Deno.test("dosTime() is UTC, even and within zip's years", () => {
  assertEquals(dosTime(0), 0x0021_0000);
  assertEquals(dosTime(Date.UTC(1979, 11, 31) / 1000), 0x0021_0000);
  assertEquals(dosTime(Date.UTC(2024, 1, 29, 23, 59, 59) / 1000), 0x585d_bf7d);
  assertEquals(dosTime(0o77777777777), 0xff9f_bf7d);
});

Deno.test("writeZip() writes exactly as many bytes as zipSize() says, or fails", async () => {
  const path = await Deno.makeTempFile();
  const { signal } = new AbortController();
  try {
    await Deno.writeFile(path, new Uint8Array(300_000).fill(7));
    const entries = [
      await digestEntry({ name: "é", content: path, mode: 0o644 }, signal),
      await digestEntry(
        { name: "empty", content: new Uint8Array(), mode: 0o755 },
        signal,
      ),
    ];
    const written = async () => {
      let size = 0;
      const write = (chunk: Uint8Array) => {
        size += chunk.length;
      };
      await writeZip(write, entries, 0, signal);
      return size;
    };
    assertEquals(await written(), zipSize(entries));
    for (const content of [299_999, 300_001, 300_000]) {
      await Deno.writeFile(path, new Uint8Array(content).fill(8));
      const error = await assertRejects(written, KrunnerError);
      assertEquals(
        error.message,
        `Cannot pack "${path}": it changed meanwhile; try again`,
      );
    }
  } finally {
    await Deno.remove(path);
  }
});
