import { assert, assertEquals, assertRejects } from "@std/assert";
import { CancelledError, KrunnerError } from "../lib/errors.ts";
import { writeArchive } from "../lib/archive.ts";
import { readVolume } from "../lib/verify/read.ts";
import {
  findEntry,
  followPath,
  pathOf,
  type TreeEntry,
} from "../lib/verify/tree.ts";
import { tempDir } from "./package_fixture.ts";
import { streamOf, tarOf } from "./tar_builder.ts";
import { goodVolume, writeVolume } from "./volume_fixture.ts";

Deno.test("readVolume() reads what writeArchive() says it wrote", async () => {
  using dir = tempDir();
  const archive = `${dir.path}/x.tar.xz`;
  const big = new Uint8Array(3_000_000).map((_, i) => (i * i) >> 3);
  const summary = await writeArchive(
    streamOf(tarOf([
      { name: "backend.ai/" },
      { name: "backend.ai/big", content: big, mode: 0o755 },
      { name: "backend.ai/empty", content: "" },
      {
        name: "backend.ai/hard",
        type: "hard link",
        linkName: "backend.ai/big",
        mode: 0o755,
      },
      {
        name: "backend.ai/soft",
        type: "symbolic link",
        linkName: "/opt/backend.ai/big",
      },
      { name: `backend.ai/${"z".repeat(150)}`, content: "long" },
    ])),
    archive,
    { root: "/opt/backend.ai", mtime: 7, threads: 2 },
  );
  const tree = await readVolume(archive);
  assertEquals(tree.tarProblems, []);
  assert(tree.complete);
  assertEquals(tree.packed, { sha256: summary.sha256, size: summary.size });
  assertEquals(tree.treeSha256, summary.treeSha256);
  assertEquals(tree.entries.length, summary.entries);
  assertEquals(tree.byPath.get("soft")?.link, "big");
  assertEquals(tree.byPath.get("hard")?.link, "./big");
});

Deno.test("readVolume() keeps ELF facts and small texts", async () => {
  using volume = await writeVolume(goodVolume());
  const tree = await readVolume(volume.archive, {
    keepText: (path) => path === "licenses/CPython",
  });
  assertEquals([...tree.elf.keys()], [
    "bin/python3.11",
    "bin/ttyd",
    "lib/krunner/libz.so.1",
    "lib/python3.11/lib-dynload/zlib.so",
  ]);
  assertEquals(tree.texts.get("licenses/CPython"), "licence\n");
  assertEquals([...tree.texts.keys()], [
    "lib/python3.11/_sysconfigdata__linux_x86_64-linux-gnu.py",
    "lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA",
    "licenses/CPython",
  ]);
});

Deno.test("readVolume() hands the packed bytes to a sink", async (t) => {
  using volume = await writeVolume(goodVolume());
  const packed = await Deno.readFile(volume.archive);
  const alone = await readVolume(volume.archive);
  await t.step("all of them", async () => {
    const chunks: Uint8Array[] = [];
    let closed = false;
    const tree = await readVolume(volume.archive, {
      sink: new WritableStream({
        write: (chunk) => void chunks.push(chunk),
        close: () => void (closed = true),
      }),
    });
    assertEquals(tree, alone);
    assertEquals(new Uint8Array(chunks.flatMap((it) => [...it])), packed);
    assert(closed);
  });
  await t.step("and does not mind where it fails", async () => {
    const sinks = [
      new WritableStream({ start: (it) => it.error(new Error("dead")) }),
      new WritableStream({ write: () => Promise.reject(new Error("full")) }),
      new WritableStream({ close: () => Promise.reject(new Error("late")) }),
    ];
    for (const sink of sinks) {
      assertEquals(await readVolume(volume.archive, { sink }), alone);
    }
  });
});

Deno.test("readVolume() hashes the whole file, even where xz gives up early", async () => {
  using dir = tempDir();
  const archive = `${dir.path}/x.tar.xz`;
  await Deno.writeFile(archive, new Uint8Array(1_000_000).fill(1));
  const tree = await readVolume(archive);
  assertEquals(tree.complete, false);
  assertEquals(tree.packed.size, 1_000_000);
  assertEquals(tree.tarProblems.map(({ what, where }) => [what, where]), [
    ["xz cannot unpack it: file format not recognized", archive],
  ]);
});

Deno.test("readVolume() fails where there is nothing to read", async () => {
  using dir = tempDir();
  await assertRejects(
    () => readVolume(`${dir.path}/none.tar.xz`),
    KrunnerError,
    `Cannot read "${dir.path}/none.tar.xz": no such file or directory; see that it is a file that you may read`,
  );
  await assertRejects(
    () => readVolume(dir.path),
    KrunnerError,
    `Cannot read "${dir.path}": is a directory`,
  );
});

Deno.test("readVolume() stops when it is cancelled", async () => {
  using volume = await writeVolume(goodVolume());
  const { archive } = volume;
  await assertRejects(
    () => readVolume(archive, { signal: AbortSignal.abort() }),
    CancelledError,
    "Cancelled",
  );
  const controller = new AbortController();
  const sink = new WritableStream({
    write: () => {
      controller.abort();
    },
  });
  await assertRejects(
    () => readVolume(archive, { sink, signal: controller.signal }),
    CancelledError,
    "Cancelled",
  );
});

Deno.test("pathOf() drops what names are wrapped in", () => {
  assertEquals(
    ["./", "./bin/", "./bin/python3", "bin", ".", "/etc/", "././a"].map(pathOf),
    ["", "bin", "bin/python3", "bin", "", "/etc", "a"],
  );
});

Deno.test("followPath() follows links as the system does", () => {
  const entry = (path: string, link = ""): [string, TreeEntry] => [path, {
    name: `./${path}`,
    path,
    type: link === "" ? "file" : "symbolic link",
    mode: 0o755,
    uid: 0,
    gid: 0,
    userName: "",
    groupName: "",
    size: 0,
    mtime: 0,
    link,
    sha256: "",
  }];
  const byPath = new Map([
    entry("a"),
    entry("b"),
    entry("b/c"),
    entry("up", "b/.."),
    entry("b/top", "../a"),
    entry("loop", "loop2"),
    entry("loop2", "loop"),
    entry("out", "../x"),
    entry("root", "/a"),
  ]);
  const follow = (target: string, ...from: string[]) =>
    followPath(byPath, from, target);
  assertEquals(follow("a"), { path: "a" });
  assertEquals(follow("../a", "b"), { path: "a" });
  assertEquals(follow("b/./top"), { path: "a" });
  assertEquals(follow("up/b//c"), { path: "b/c" });
  assertEquals(follow("none"), { fault: "nothing" });
  assertEquals(follow("loop"), { fault: "circle" });
  assertEquals(follow("out"), { fault: "outside" });
  assertEquals(follow("root"), { fault: "outside" });
  assertEquals(follow("none/../../x"), { fault: "outside" });
  assertEquals(findEntry(byPath, "b/top")?.path, "a");
  assertEquals(findEntry(byPath, "loop"), undefined);
});
