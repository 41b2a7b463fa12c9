import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type ContextFile,
  contextStream,
  listPackageFiles,
  resolveContext,
} from "../lib/context.ts";
import { KrunnerError } from "../lib/errors.ts";
import type { SourceRow } from "../lib/sources.ts";
import { tempDir } from "./package_fixture.ts";

function row(file: string): SourceRow {
  return {
    name: file,
    version: "1",
    file,
    sha256: "0".repeat(64),
    size: 1,
    licence: "MIT",
    origins: [],
  };
}

const ROWS = [row("Python-3.11.2.tgz"), row("Python-3.13.5.tar.xz")];

const FILES = [
  "a.txt",
  "b+c.txt",
  "krunner.json",
  "licenses/MIT",
  "licenses/deep/BSD",
  "licenses2",
  "sources/Python-3.11.2.tgz",
  "sources/local.patch",
  "x/y/z",
  "{a,b}",
  "!d",
];

function resolve(...patterns: string[]): string[] {
  return resolveContext(
    "F",
    patterns.map((pattern, index) => ({ pattern, line: index + 1 })),
    FILES,
    ROWS,
  ).map(({ kind, path }) => kind === "package" ? path : `${kind} ${path}`);
}

Deno.test("resolveContext() finds what patterns stand for", async (t) => {
  const cases: [string[], string[]][] = [
    [[], []],
    [["a.txt"], ["a.txt"]],
    [["krunner.json", "a.txt", "a.txt"], ["a.txt", "krunner.json"]],
    [["licenses"], ["licenses/MIT", "licenses/deep/BSD"]],
    [["licenses/deep"], ["licenses/deep/BSD"]],
    [["licenses*"], ["licenses/MIT", "licenses/deep/BSD", "licenses2"]],
    [["*/MIT"], ["licenses/MIT"]],
    [["*/*/*"], ["licenses/deep/BSD", "x/y/z"]],
    [["x/*"], ["x/y/z"]],
    [["[ab]*.txt"], ["a.txt", "b+c.txt"]],
    [["[^a]*.txt"], ["b+c.txt"]],
    [["[!a]*.txt"], ["a.txt"]],
    [["b+c.txt"], ["b+c.txt"]],
    [["{a,b}"], ["{a,b}"]],
    [["!d"], ["!d"]],
    [["ttyd_linux.x86_64.bi[n]"], []],
    [["no*thing", "a.txt"], ["a.txt"]],
    // Rows are there for those who ask; a file of the same name is preferred.
    [["sources/Python-3.13.5.tar.xz"], [
      "source sources/Python-3.13.5.tar.xz",
    ]],
    [["sources/Python-3.11.2.t*"], ["sources/Python-3.11.2.tgz"]],
    [["sources/P*"], [
      "sources/Python-3.11.2.tgz",
      "source sources/Python-3.13.5.tar.xz",
    ]],
    [["sources"], ["sources/Python-3.11.2.tgz", "sources/local.patch"]],
    [["s*"], ["sources/Python-3.11.2.tgz", "sources/local.patch"]],
    [[""], [...FILES].sort()],
  ];
  for (const [patterns, expected] of cases) {
    await t.step(JSON.stringify(patterns), () => {
      assertEquals(resolve(...patterns), expected);
    });
  }
});

Deno.test("resolveContext() says what it cannot find", async (t) => {
  const long = `${"d".repeat(90)}/${"f".repeat(100)}`;
  const cases: [string, string][] = [
    [
      "gone.txt",
      'Cannot build with "F", line 7: there is no "gone.txt" in the package directory; add it, or correct the name',
    ],
    [
      "a.txt/x",
      'Cannot build with "F", line 7: there is no "a.txt/x" in the package directory; add it, or correct the name',
    ],
    [
      "sources/Python-3.9.1.tgz",
      'Cannot build with "F", line 7: no row of sources.json has the file "Python-3.9.1.tgz"; add one, with its SHA-256 and origins',
    ],
    [
      "sources/Python-3.9.1.t*",
      'Cannot build with "F", line 7: no row of sources.json has the file "Python-3.9.1.t*"; add one, with its SHA-256 and origins',
    ],
    [
      "../a.txt",
      'Cannot build with "F", line 7: "../a.txt" leaves the package directory; copy the file there, or link to it',
    ],
    [
      "x/../*",
      'Cannot build with "F", line 7: "x/../*" leaves the package directory; copy the file there, or link to it',
    ],
    [
      "x/[a",
      'Cannot build with "F", line 7: the pattern "x/[a" is malformed; see that each "[" has its "]" and something between',
    ],
    [
      ".bashrc",
      'Cannot build with "F", line 7: ".bashrc" is no part of the build context, for ".bashrc" is hidden or left by builds and releases; rename it',
    ],
    [
      "x/krunner-version.debian12.txt",
      'Cannot build with "F", line 7: "x/krunner-version.debian12.txt" is no part of the build context, for "krunner-version.debian12.txt" is hidden or left by builds and releases; rename it',
    ],
    [
      long,
      `Cannot build with "F", line 7: the path "${long}" is too long for a build context; shorten the file's name to 99 bytes and its folders' to 155`,
    ],
  ];
  for (const [pattern, message] of cases) {
    await t.step(pattern, () => {
      const error = assertThrows(
        () => resolveContext("F", [{ pattern, line: 7 }], [...FILES, long], []),
        KrunnerError,
      );
      assertEquals(error.message, message);
    });
  }
});

Deno.test("listPackageFiles() lists files, not what builds leave", async () => {
  using dir = tempDir({
    "b": "",
    "a": "",
    "sub/b": "",
    "sub/a": "",
    "sub/__pycache__/x.pyc": "",
    "logs/debian12.env.log": "",
    ".git/config": "",
    ".hidden": "",
    "krunner-env.debian12.dockerfile": "",
    "krunner-env.debian12.x86_64.tar.xz": "",
    "krunner-env.debian12.x86_64.json": "",
    "krunner-version.debian12.txt": "",
    "krunner-python.debian12.txt": "",
    "released.json": "",
    "CHANGELOG.md": "",
    "sub/CHANGELOG.md": "",
  });
  await Deno.mkdir(`${dir.path}/empty`);
  assertEquals(await listPackageFiles(dir.path), [
    "a",
    "b",
    "krunner-env.debian12.dockerfile",
    "sub/CHANGELOG.md",
    "sub/a",
    "sub/b",
  ]);
});

Deno.test("listPackageFiles() follows symbolic links", async () => {
  using dir = tempDir({ "family/real/x": "", "shared/y": "", "shared/z": "" });
  const family = `${dir.path}/family`;
  for (
    const [to, from] of [
      ["real/x", "file-link"],
      ["../shared/y", "outside-link"],
      ["../shared", "folder-link"],
      ["nowhere", "dangling"],
      ["self", "self"],
      [".", "real/loop"],
      ["../..", "real/up"],
    ] as const
  ) await Deno.symlink(to, `${family}/${from}`);
  await new Deno.Command("mkfifo", { args: [`${family}/pipe`] }).output();
  assertEquals(await listPackageFiles(family), [
    "dangling",
    "file-link",
    "folder-link/y",
    "folder-link/z",
    "outside-link",
    "real/up/shared/y",
    "real/up/shared/z",
    "real/x",
    "self",
  ]);
});

async function pack(
  dir: string,
  paths: string[],
  texts: Record<string, string> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const files = paths.map((path) => ({ kind: "package", path } as const));
  const locate = (file: ContextFile) => `${dir}/${file.path}`;
  const stream = await contextStream(files, locate, texts);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Lists or unpacks an archive with the system's own tar. */
async function tar(bytes: Uint8Array, ...args: string[]): Promise<string> {
  const child = new Deno.Command("tar", {
    args,
    stdin: "piped",
    stdout: "piped",
    env: { TZ: "UTC" },
  }).spawn();
  const [{ stdout }] = await Promise.all([
    child.output(),
    ReadableStream.from([bytes]).pipeTo(child.stdin),
  ]);
  return new TextDecoder().decode(stdout);
}

Deno.test("contextStream() is the same whatever times, owners and modes are", async () => {
  using dir = tempDir({ "a": "A", "b.sh": "B", "c/d": "" });
  const paths = ["a", "b.sh", "c/d"];
  await Deno.chmod(`${dir.path}/b.sh`, 0o700);
  const first = await pack(dir.path, paths, { Dockerfile: "FROM x\n" });
  assertEquals(
    await tar(first, "--list", "--verbose", "--numeric-owner"),
    `-rw-r--r-- 0/0               7 1970-01-01 00:00 Dockerfile
-rw-r--r-- 0/0               1 1970-01-01 00:00 a
-rwxr-xr-x 0/0               1 1970-01-01 00:00 b.sh
-rw-r--r-- 0/0               0 1970-01-01 00:00 c/d
`,
  );
  await Deno.chmod(`${dir.path}/a`, 0o600);
  await Deno.chmod(`${dir.path}/b.sh`, 0o775);
  await Deno.utime(`${dir.path}/c/d`, 1, 2);
  const again = await pack(dir.path, paths, { Dockerfile: "FROM x\n" });
  assertEquals(again, first);
});

Deno.test("contextStream() holds empty, large and linked files and long names", async () => {
  const long = `${"d".repeat(77)}/${"e".repeat(77)}/${"f".repeat(99)}`;
  const bytes = crypto.getRandomValues(new Uint8Array(65536));
  using dir = tempDir({ empty: "", [long]: "long" });
  using large = await Deno.open(`${dir.path}/large`, {
    write: true,
    create: true,
  });
  for (let i = 0; i < 144; i++) await large.write(bytes); // 9 MiB
  await Deno.symlink(long, `${dir.path}/link`);
  using out = tempDir();
  await tar(
    await pack(dir.path, ["empty", "large", "link", long]),
    "--extract",
    `--directory=${out.path}`,
  );
  for (const name of ["empty", "large", "link", long]) {
    const [actual, expected] = await Promise.all([
      Deno.readFile(`${out.path}/${name}`),
      Deno.readFile(`${dir.path}/${name}`),
    ]);
    assert(actual.every((byte, i) => byte === expected[i]), name);
    assertEquals(actual.length, expected.length);
  }
  assertEquals((await Deno.lstat(`${out.path}/link`)).isSymlink, false);
});

Deno.test("contextStream() fails when a file is gone or changes", async (t) => {
  using dir = tempDir({ a: "A" });
  await t.step("gone", async () => {
    const error = await assertRejects(
      () => pack(dir.path, ["a", "gone"]),
      KrunnerError,
    );
    assertEquals(
      error.message,
      `Cannot read "${dir.path}/gone": no such file or directory; see that it is a file that you may read`,
    );
  });
  for (const [name, size] of [["shorter", -1], ["longer", 1]] as const) {
    await t.step(name, async () => {
      // Too large for the stream's buffers: its end is read after the change.
      const path = `${dir.path}/${name}`;
      await Deno.writeFile(path, new Uint8Array(20_000_000));
      const stream = await contextStream(
        [{ kind: "package", path: name }],
        () => path,
      );
      const reader = stream.getReader();
      await reader.read();
      await Deno.truncate(path, 20_000_000 + size);
      const error = await assertRejects(async () => {
        while (!(await reader.read()).done);
      }, KrunnerError);
      assertEquals(
        error.message,
        `Cannot read "${path}": it changed meanwhile; build again`,
      );
    });
  }
});

Deno.test("contextStream() leaves no file open when its reader gives up", async () => {
  using dir = tempDir({ a: "A", b: "B" });
  await Deno.writeFile(`${dir.path}/large`, new Uint8Array(20_000_000));
  const files = ["a", "large", "b"].map((path) => ({
    kind: "package",
    path,
  } as const));
  // The sanitizer would find the open file.
  for (const chunks of [0, 1, 50]) {
    const stream = await contextStream(
      files,
      ({ path }) => `${dir.path}/${path}`,
    );
    const reader = stream.getReader();
    for (let i = 0; i < chunks; i++) await reader.read();
    await reader.cancel();
  }
});
