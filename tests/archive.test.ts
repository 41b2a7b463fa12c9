import { assertEquals, assertRejects } from "@std/assert";
import {
  type ArchiveOptions,
  type ArchiveSummary,
  CAPTURE_LIMIT,
  treeRecord,
  writeArchive,
} from "../lib/archive.ts";
import { CancelledError, KrunnerError } from "../lib/errors.ts";
import { readTar } from "../lib/tar_reader.ts";
import { withTempDir } from "./package_fixture.ts";
import { streamOf, tarOf, type TestEntry } from "./tar_builder.ts";

const MTIME = 1_700_000_000;
const LONG = "n".repeat(150);
const decoder = new TextDecoder();

const ENTRIES: TestEntry[] = [
  { name: "backend.ai/", mode: 0o2755, pax: { mtime: "1.5" } },
  { name: "backend.ai/bin/" },
  { name: "backend.ai/bin/python", content: "elf", mode: 0o755 },
  {
    name: "backend.ai/bin/python3",
    type: "symbolic link",
    linkName: "/opt/backend.ai/bin/python",
  },
  {
    name: "backend.ai/bin/python4",
    type: "hard link",
    linkName: "backend.ai/bin/python",
    mode: 0o755,
  },
  { name: "backend.ai/empty" },
  { name: "short", pax: { path: `backend.ai/${LONG}` }, content: "long" },
];

function pack(
  bytes: Uint8Array<ArrayBuffer>,
  target: string,
  options: Partial<ArchiveOptions> & { chunkSize?: number } = {},
): Promise<ArchiveSummary> {
  return writeArchive(streamOf(bytes, options.chunkSize), target, {
    root: "/opt/backend.ai",
    mtime: MTIME,
    threads: 2,
    ...options,
  });
}

async function run(command: string, ...args: string[]): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  assertEquals([success, decoder.decode(stderr)], [true, ""]);
  return stdout;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Bytes that do not compress, the same at each run. */
function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0, x = seed; i < length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x;
  }
  return bytes;
}

/** That nothing is left in a folder. */
function assertEmpty(folder: string): void {
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), []);
}

Deno.test("writeArchive() writes entries in canonical form", () =>
  withTempDir(async (folder) => {
    const target = `${folder}/a.tar.xz`;
    await pack(tarOf(ENTRIES), target);
    const tar = await run("xz", "-dc", target);
    const found = [];
    for await (const { header } of readTar(streamOf(new Uint8Array(tar)))) {
      const { name, flag, mode, size, linkName, ...rest } = header;
      found.push([name, flag, mode, size, linkName]);
      assertEquals(
        [rest.uid, rest.gid, rest.userName, rest.groupName, rest.mtime],
        [0, 0, "", "", MTIME],
      );
      assertEquals(rest.pax.size, 0);
    }
    assertEquals(found, [
      ["./", "5", 0o755, 0, ""],
      ["./bin/", "5", 0o755, 0, ""],
      ["./bin/python", "0", 0o755, 3, ""],
      ["./bin/python3", "2", 0o777, 0, "python"],
      ["./bin/python4", "1", 0o755, 0, "./bin/python"],
      ["./empty", "0", 0o644, 0, ""],
      [`./${LONG}`, "0", 0o644, 4, ""],
    ]);
  }));

Deno.test("writeArchive() sums the tree up", () =>
  withTempDir(async (folder) => {
    const target = `${folder}/a.tar.xz`;
    const names: string[] = [];
    const summary = await pack(tarOf(ENTRIES), target, {
      onEntry: (name) => names.push(name),
      capture: (name) => name === "./bin/python" || name === "./empty",
    });
    const bytes = await Deno.readFile(target);
    const record = (
      name: string,
      type: "file" | "directory" | "symbolic link" | "hard link",
      mode: number,
      { size = 0, link = "", content = "" } = {},
    ) => treeRecord({ name, type, mode, size, link }, content);
    const encoder = new TextEncoder();
    const tree = [
      record("./", "directory", 0o755),
      record("./bin/", "directory", 0o755),
      record("./bin/python", "file", 0o755, {
        size: 3,
        content: await sha256(encoder.encode("elf")),
      }),
      record("./bin/python3", "symbolic link", 0o777, { link: "python" }),
      record("./bin/python4", "hard link", 0o755, { link: "./bin/python" }),
      record("./empty", "file", 0o644, {
        content: await sha256(new Uint8Array()),
      }),
      record(`./${LONG}`, "file", 0o644, {
        size: 4,
        content: await sha256(encoder.encode("long")),
      }),
    ].join("");
    assertEquals(summary, {
      sha256: await sha256(bytes),
      size: bytes.length,
      unpackedSize: 7,
      entries: 7,
      files: 3,
      directories: 2,
      links: 2,
      treeSha256: await sha256(encoder.encode(tree)),
      captured: new Map([
        ["./bin/python", encoder.encode("elf")],
        ["./empty", new Uint8Array()],
      ]),
    });
    assertEquals(names, [
      "./",
      "./bin/",
      "./bin/python",
      "./bin/python3",
      "./bin/python4",
      "./empty",
      `./${LONG}`,
    ]);
  }));

Deno.test("treeRecord() has one form", () => {
  const entry = {
    name: "./a",
    type: "file" as const,
    mode: 0o4,
    size: 5,
    link: "",
  };
  assertEquals(treeRecord(entry, "abc"), "file\x000004\x005\0abc\0./a\0\0");
});

Deno.test("writeArchive() hands back the beginning of captured files", () =>
  withTempDir(async (folder) => {
    const content = noise(CAPTURE_LIMIT + 10);
    const bytes = tarOf([
      { name: "backend.ai/" },
      { name: "backend.ai/big", content },
    ]);
    const { captured } = await pack(bytes, `${folder}/a.tar.xz`, {
      capture: () => true,
      chunkSize: 1000,
    });
    assertEquals([...captured.keys()], ["./big"]);
    assertEquals(captured.get("./big"), content.slice(0, CAPTURE_LIMIT));
  }));

Deno.test("writeArchive() gives the same bytes for the same tree", async (t) => {
  await withTempDir(async (folder) => {
    const small = tarOf(ENTRIES);
    const { sha256, treeSha256 } = await pack(small, `${folder}/expected`);
    for (const chunkSize of [1, 511, 65536]) {
      await t.step(`chunks of ${chunkSize}`, async () => {
        const target = `${folder}/chunks-${chunkSize}`;
        const summary = await pack(small, target, { chunkSize });
        assertEquals(summary.sha256, sha256);
      });
    }
    await t.step("other times and owners", async () => {
      const other = ENTRIES.map((entry) => ({ ...entry, mtime: 77 }));
      const summary = await pack(tarOf(other), `${folder}/times`);
      assertEquals(summary.sha256, sha256);
    });
    await t.step("another time in the archive, the same tree", async () => {
      const summary = await pack(small, `${folder}/mtime`, { mtime: 0 });
      assertEquals(summary.sha256 === sha256, false);
      assertEquals(summary.treeSha256, treeSha256);
    });
    // Several xz blocks: threads would show, if anything did.
    const pattern = noise(1 << 16);
    const content = new Uint8Array(25 << 20);
    for (let i = 0; i < content.length; i += pattern.length) {
      content.set(pattern, i);
      content[i] = i >> 16;
    }
    const large = tarOf([
      { name: "backend.ai/" },
      { name: "backend.ai/large", content },
    ]);
    const digests = new Set<string>();
    for (const threads of [1, 2, 3, 4]) {
      await t.step(`${threads} threads`, async () => {
        const target = `${folder}/threads-${threads}`;
        digests.add((await pack(large, target, { threads })).sha256);
        assertEquals(digests.size, 1);
        const list = await run("xz", "--robot", "--list", target);
        const blocks = /^file\t1\t(\d+)/m.exec(decoder.decode(list))?.[1];
        assertEquals(blocks, "3");
      });
    }
  });
});

Deno.test("writeArchive() makes what each tar extracts to the same tree", async (t) => {
  await withTempDir(async (folder) => {
    const tree = `${folder}/in/backend.ai`;
    const deep = `${tree}/${"d".repeat(200)}/${"e".repeat(200)}`;
    await Deno.mkdir(`${deep}/empty`, { recursive: true });
    await Deno.mkdir(`${tree}/lib`);
    const files: [string, Uint8Array, number][] = [
      [`${tree}/lib/empty`, new Uint8Array(), 0o644],
      [`${tree}/lib/block`, noise(512), 0o600],
      [`${tree}/lib/more than a block`, noise(513), 0o755],
      [`${tree}/lib/new\nline`, noise(10_000), 0o444],
      [`${tree}/lib/${"é".repeat(99)}`, noise(3), 0o644],
      [`${tree}/lib/${"n".repeat(255)}`, noise(4), 0o644],
      [`${tree}/lib/-option`, noise(5), 0o644],
      [`${deep}/${"f".repeat(90)}`, noise(100_000), 0o644],
    ];
    for (const [path, content, mode] of files) {
      await Deno.writeFile(path, content, { mode });
    }
    await Deno.link(`${deep}/${"f".repeat(90)}`, `${tree}/zz-hard`);
    await Deno.symlink(`${deep.slice(tree.length + 1)}/empty`, `${tree}/soft`);
    await Deno.symlink("../lib/dangling", `${tree}/lib/dangling`);
    const tar = new Uint8Array(
      await run("tar", "-c", "--sort=name", "-C", `${folder}/in`, "backend.ai"),
    );
    const target = `${folder}/a.tar.xz`;
    const { entries } = await pack(tar, target);
    assertEquals(entries, 16);

    const extractors: [string, string[]][] = [
      ["GNU tar", ["tar", "-xJf", target, "-C"]],
      ["BusyBox", ["busybox", "tar", "xJf", target, "-C"]],
      ["Python", [
        "python3",
        "-c",
        "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])",
        target,
      ]],
    ];
    const list = async (root: string) =>
      decoder.decode(
        await run("find", root, "-printf", "%P %y %m %s %n %l\\0"),
      ).split("\0").map((line) => line.replace(/^(.* d \d+) .*/s, "$1")).sort();
    for (const [name, [command = "", ...args]] of extractors) {
      await t.step(name, async () => {
        const out = `${folder}/${name}`;
        await Deno.mkdir(out);
        await run(command, ...args, out);
        assertEquals(await list(out), await list(tree));
        await run("diff", "-r", "--no-dereference", tree, out);
        const { mtime } = await Deno.lstat(`${out}/lib/block`);
        assertEquals(mtime?.getTime(), MTIME * 1000);
      });
    }
  });
});

Deno.test("writeArchive() leaves nothing behind when it fails", async (t) => {
  const root = { name: "backend.ai/" };
  const cases: [string, Uint8Array<ArrayBuffer>, string][] = [
    ["nothing at all", new Uint8Array(), "ended early, before its first entry"],
    ["an empty tar", tarOf([]), 'Cannot pack "/opt/backend.ai": it is empty'],
    [
      "a device",
      tarOf([root, { name: "backend.ai/null", type: "character device" }]),
      'Cannot pack "./null": it is a character device',
    ],
    [
      "an early end",
      tarOf(ENTRIES).slice(0, 2048),
      "ended early, after",
    ],
    [
      "an early end in a large file",
      tarOf([root, { name: "backend.ai/a", content: noise(3 << 20) }])
        .slice(0, 2 << 20),
      'ended early, in "backend.ai/a"',
    ],
    ["no zero blocks", tarOf(ENTRIES).slice(0, -1024), "ended early, after"],
  ];
  for (const [title, bytes, message] of cases) {
    await t.step(title, () =>
      withTempDir(async (folder) => {
        await assertRejects(
          () => pack(bytes, `${folder}/a.tar.xz`),
          KrunnerError,
          message,
        );
        assertEmpty(folder);
      }));
  }
});

Deno.test("writeArchive() passes on the error of its input", () =>
  withTempDir(async (folder) => {
    const bytes = tarOf(ENTRIES);
    let pulled = false;
    const input = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        if (pulled) controller.error(new KrunnerError("The engine died"));
        else controller.enqueue(bytes.slice(0, 1000));
        pulled = true;
      },
    });
    await assertRejects(
      () =>
        writeArchive(input, `${folder}/a.tar.xz`, {
          root: "/opt/backend.ai",
          mtime: 0,
          threads: 2,
        }),
      KrunnerError,
      "The engine died",
    );
    assertEmpty(folder);
  }));

Deno.test("writeArchive() never overwrites", () =>
  withTempDir(async (folder) => {
    const target = `${folder}/a.tar.xz`;
    await Deno.writeTextFile(target, "mine");
    const error = await assertRejects(
      () => pack(tarOf(ENTRIES), target),
      KrunnerError,
    );
    assertEquals(
      error.message,
      `Cannot write "${target}": it exists already; remove it`,
    );
    assertEquals(await Deno.readTextFile(target), "mine");
  }));

Deno.test("writeArchive() names a folder that is missing", async () => {
  const error = await assertRejects(
    () => pack(tarOf(ENTRIES), "/nonexistent/a.tar.xz"),
    KrunnerError,
  );
  assertEquals(
    error.message,
    'Cannot write "/nonexistent/a.tar.xz": no such file or directory; see that its folder exists and that you may write there',
  );
});

Deno.test("writeArchive() stops when it is told to", async (t) => {
  /** Part of an archive, then silence. */
  const stalled = (onCancel: () => void) => {
    const bytes = tarOf([
      { name: "backend.ai/" },
      { name: "backend.ai/a", content: noise(1 << 20) },
    ]);
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => controller.enqueue(bytes.slice(0, 900_000)),
      cancel: onCancel,
    });
  };
  const cases: [string, number, unknown, string][] = [
    ["before it begins", -1, undefined, "Cancelled while writing"],
    ["at once", 0, undefined, "Cancelled while writing"],
    ["while it waits", 50, undefined, "Cancelled while writing"],
    ["with a reason", 50, new CancelledError("Ctrl-C"), "Ctrl-C"],
  ];
  for (const [title, delay, reason, message] of cases) {
    await t.step(title, () =>
      withTempDir(async (folder) => {
        const controller = new AbortController();
        const { promise, resolve } = Promise.withResolvers<void>();
        if (delay < 0) controller.abort(reason);
        const timer = setTimeout(
          () => controller.abort(reason),
          Math.max(delay, 0),
        );
        const work = writeArchive(stalled(resolve), `${folder}/a.tar.xz`, {
          root: "/opt/backend.ai",
          mtime: 0,
          threads: 2,
          signal: controller.signal,
        });
        const error = await assertRejects(() => work, CancelledError, message);
        assertEquals(error.exitCode, 1);
        clearTimeout(timer);
        await promise;
        assertEmpty(folder);
      }));
  }
});

Deno.test({
  name: "writeArchive() tells of a full disk",
  ignore: Deno.uid() !== 0,
  fn: () =>
    withTempDir(async (folder) => {
      await run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder);
      try {
        const bytes = tarOf([
          { name: "backend.ai/" },
          { name: "backend.ai/a", content: noise(13 << 20) },
        ]);
        const error = await assertRejects(
          () => pack(bytes, `${folder}/a.tar.xz`),
          KrunnerError,
        );
        assertEquals(
          error.message,
          `Cannot write "${folder}/a.tar.xz": no space is left on the device; free some space there`,
        );
        assertEmpty(folder);
      } finally {
        await run("umount", folder);
      }
    }),
});

/** What a process with this environment prints. */
async function packElsewhere(
  bytes: Uint8Array<ArrayBuffer>,
  target: string,
  env: Record<string, string>,
): Promise<string> {
  const script = new URL("write_archive.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", script, target],
    env: { ...env, NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const [output] = await Promise.all([
    child.output(),
    // A child that gives up closes the pipe.
    streamOf(bytes).pipeTo(child.stdin).catch(() => {}),
  ]);
  return decoder.decode(output.stdout).trim();
}

Deno.test("writeArchive() does not listen to the user's xz settings", () =>
  withTempDir(async (folder) => {
    const bytes = tarOf([
      { name: "backend.ai/" },
      { name: "backend.ai/a", content: noise(1000).toHex() },
    ]);
    const { sha256 } = await pack(bytes, `${folder}/expected`, { mtime: 0 });
    const printed = await packElsewhere(bytes, `${folder}/actual`, {
      XZ_DEFAULTS: "--check=sha256 -0",
      XZ_OPT: "--x86 --lzma2=preset=0 --memlimit=1MiB",
    });
    assertEquals(printed.split(" ")[0], sha256);
  }));

Deno.test("writeArchive() tells of an xz that is missing or fails", async (t) => {
  const bytes = tarOf([
    { name: "backend.ai/" },
    { name: "backend.ai/a", content: noise(2 << 20) },
  ]);
  const advice = "; see that there is memory for it, about 100 MB a thread";
  const cases: [string, string | undefined, string][] = [
    [
      "missing",
      undefined,
      'Cannot run "xz": it is not installed; install the package "xz-utils" (Debian, Ubuntu) or "xz"',
    ],
    [
      "out of memory",
      'echo "xz: Cannot allocate memory" >&2; exit 1',
      `Cannot compress with "xz": xz: Cannot allocate memory${advice}`,
    ],
    [
      "fails without a word, half-way",
      "/usr/bin/head -c 300000 >/dev/null; exit 3",
      `Cannot compress with "xz": exit code 3${advice}`,
    ],
    [
      "killed",
      "kill -9 $$",
      `Cannot compress with "xz": ended by SIGKILL${advice}`,
    ],
    ["interrupted", "kill -2 $$", "Cancelled while compressing"],
  ];
  for (const [title, script, message] of cases) {
    await t.step(title, () =>
      withTempDir(async (folder) => {
        const path = `${folder}/path`;
        const out = `${folder}/out`;
        await Deno.mkdir(path);
        await Deno.mkdir(out);
        if (script !== undefined) {
          await Deno.writeTextFile(`${path}/xz`, `#!/bin/sh\n${script}\n`, {
            mode: 0o755,
          });
        }
        const printed = await packElsewhere(bytes, `${out}/a`, { PATH: path });
        assertEquals(printed, message);
        assertEmpty(out);
      }));
  }
});
