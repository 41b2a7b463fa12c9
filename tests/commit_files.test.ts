import { assertEquals, assertRejects } from "@std/assert";
import { commitFiles } from "../lib/commit_files.ts";
import { KrunnerError } from "../lib/errors.ts";
import { withTempDir, writeFiles } from "./package_fixture.ts";

/** The folder's files with their texts; `null` for a folder. */
async function contents(dir: string): Promise<Record<string, string | null>> {
  const found: Record<string, string | null> = {};
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    found[name] = isDirectory
      ? null
      : await Deno.readTextFile(`${dir}/${name}`);
  }
  return found;
}

Deno.test("commitFiles() replaces and makes files", async () => {
  await withTempDir(async (dir) => {
    writeFiles(dir, { a: "old a", b: "old b", "b.part": "new b" });
    await commitFiles([
      { path: `${dir}/a`, content: "new a" },
      { path: `${dir}/b`, from: `${dir}/b.part` },
      { path: `${dir}/c`, content: new Uint8Array([0x63]) },
    ]);
    assertEquals(await contents(dir), { a: "new a", b: "new b", c: "c" });
  });
});

Deno.test("commitFiles() does nothing without changes", async () => {
  await commitFiles([]);
});

Deno.test("commitFiles() renames in the order given", async () => {
  await withTempDir(async (dir) => {
    const order: string[] = [];
    const rename = async (from: string, to: string) => {
      order.push(to.slice(dir.length + 1));
      await Deno.rename(from, to);
    };
    await commitFiles(
      ["b", "a", "c"].map((name) => ({ path: `${dir}/${name}`, content: "" })),
      { rename },
    );
    assertEquals(order, ["b", "a", "c"]);
  });
});

Deno.test("commitFiles() keeps modes and owners", async () => {
  await withTempDir(async (dir) => {
    writeFiles(dir, { a: "", b: "", "b.part": "" });
    await Deno.chmod(`${dir}/a`, 0o640);
    await Deno.chmod(`${dir}/b`, 0o755);
    const isRoot = Deno.uid() === 0;
    if (isRoot) await Deno.chown(`${dir}/a`, 12, 34);
    await commitFiles([
      { path: `${dir}/a`, content: "new" },
      { path: `${dir}/b`, from: `${dir}/b.part` },
    ]);
    const { mode, uid, gid } = await Deno.stat(`${dir}/a`);
    assertEquals((mode ?? 0) & 0o7777, 0o640);
    if (isRoot) assertEquals([uid, gid], [12, 34]);
    const other = await Deno.stat(`${dir}/b`);
    assertEquals((other.mode ?? 0) & 0o7777, 0o755);
  });
});

Deno.test("commitFiles() follows symbolic links", async () => {
  await withTempDir(async (dir) => {
    await Deno.mkdir(`${dir}/real`);
    writeFiles(dir, { "real/a": "old" });
    await Deno.symlink("real/a", `${dir}/a`);
    await commitFiles([{ path: `${dir}/a`, content: "new" }]);
    assertEquals(await Deno.readLink(`${dir}/a`), "real/a");
    assertEquals(await contents(`${dir}/real`), { a: "new" });
  });
});

Deno.test("commitFiles() changes nothing when a file cannot be prepared", async (t) => {
  const cases: [string, (dir: string) => Promise<string>, RegExp][] = [
    [
      "a folder",
      async (dir) => {
        await Deno.mkdir(`${dir}/bad`);
        return `${dir}/bad`;
      },
      /^Cannot write ".*\/bad": it is not a regular file; move it away$/,
    ],
    [
      "in a folder that is missing",
      (dir) => Promise.resolve(`${dir}/none/bad`),
      /^Cannot write ".*\/none\/bad": No such file .*; no file was changed$/,
    ],
    [
      "where nobody can write",
      () => Promise.resolve("/proc/krunner-bad"),
      /^Cannot write "\/proc\/krunner-bad": .*; no file was changed$/,
    ],
    [
      "the same file by another name",
      async (dir) => {
        await Deno.symlink("a", `${dir}/bad`);
        return `${dir}/bad`;
      },
      /^Cannot write ".*\/bad": another change is to the same file$/,
    ],
  ];
  for (const [name, makeBad, message] of cases) {
    await t.step(name, async () => {
      await withTempDir(async (dir) => {
        writeFiles(dir, { a: "old", "c.part": "c" });
        const bad = await makeBad(dir);
        const before = await contents(dir);
        delete before["c.part"];
        const error = await assertRejects(
          () =>
            commitFiles([
              { path: `${dir}/a`, content: "new" },
              { path: bad, content: "new" },
              { path: `${dir}/c`, from: `${dir}/c.part` },
            ]),
          KrunnerError,
        );
        assertEquals(message.test(error.message), true, error.message);
        assertEquals(await contents(dir), before);
      });
    });
  }
});

Deno.test("commitFiles() undoes renames when one fails", async () => {
  await withTempDir(async (dir) => {
    writeFiles(dir, { a: "old a", c: "old c" });
    await Deno.chmod(`${dir}/a`, 0o600);
    const { ino } = await Deno.stat(`${dir}/a`);
    const rename = async (from: string, to: string) => {
      if (to.endsWith("/c")) throw new Error("the disk is on fire");
      await Deno.rename(from, to);
    };
    const error = await assertRejects(
      () =>
        commitFiles([
          { path: `${dir}/a`, content: "new a" },
          { path: `${dir}/b`, content: "new b" },
          { path: `${dir}/c`, content: "new c" },
        ], { rename }),
      KrunnerError,
    );
    assertEquals(
      error.message,
      `Cannot write "${dir}/c": the disk is on fire; no file was changed`,
    );
    assertEquals(await contents(dir), { a: "old a", c: "old c" });
    assertEquals((await Deno.stat(`${dir}/a`)).ino, ino);
  });
});

Deno.test("commitFiles() undoes renames across file systems", async (t) => {
  const shared = await Deno.stat("/dev/shm").catch(() => undefined);
  await withTempDir(async (dir) => {
    const differs = shared !== undefined &&
      shared.dev !== (await Deno.stat(dir)).dev;
    await t.step({
      name: "where there are two",
      ignore: !differs,
      fn: async () => {
        writeFiles(dir, { a: "old a" });
        const foreign = await Deno.makeTempFile({ dir: "/dev/shm" });
        await assertRejects(
          () =>
            commitFiles([
              { path: `${dir}/a`, content: "new a" },
              { path: `${dir}/b`, from: foreign },
            ]),
          KrunnerError,
          "no file was changed",
        );
        assertEquals(await contents(dir), { a: "old a" });
        await assertRejects(() => Deno.stat(foreign), Deno.errors.NotFound);
      },
    });
  });
});

Deno.test("commitFiles() says how to restore what it cannot", async () => {
  await withTempDir(async (dir) => {
    writeFiles(dir, { a: "old a" });
    let renames = 0;
    const rename = async (from: string, to: string) => {
      if (renames++ > 0) throw new Error("read-only file system");
      await Deno.rename(from, to);
    };
    const error = await assertRejects(
      () =>
        commitFiles([
          { path: `${dir}/a`, content: "new a" },
          { path: `${dir}/b`, content: "new b" },
        ], { rename }),
      KrunnerError,
    );
    const [, backup = ""] =
      /^Cannot restore ".*\/a": read-only file system; rename "(.*)" to it by hand$/
        .exec(error.message) ?? [];
    assertEquals(await Deno.readTextFile(backup), "old a");
    assertEquals(Object.keys(await contents(dir)).length, 2);
  });
});
