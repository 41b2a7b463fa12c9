import { assertEquals, assertMatch, assertThrows, fail } from "@std/assert";
import { archiveTime, parseEpoch } from "../lib/archive_time.ts";
import { UsageError } from "../lib/errors.ts";
import { tempDir, writeFiles } from "./package_fixture.ts";

Deno.test("parseEpoch() reads SOURCE_DATE_EPOCH", async (t) => {
  const cases: [string | undefined, number | undefined][] = [
    [undefined, undefined],
    ["", undefined],
    ["0", 0],
    ["1700000000", 1700000000],
    ["007", 7],
    ["8589934591", 8589934591],
  ];
  for (const [epoch, expected] of cases) {
    await t.step(`${epoch}`, () => assertEquals(parseEpoch(epoch), expected));
  }
});

Deno.test("parseEpoch() rejects what is no time", async (t) => {
  const cases = ["-1", "1.5", "1e9", "0x1", " 1", "now", "8589934592"];
  for (const epoch of cases) {
    await t.step(epoch, () => {
      const error = assertThrows(() => parseEpoch(epoch), UsageError);
      assertEquals(
        error.message,
        `Cannot use SOURCE_DATE_EPOCH "${epoch}": it is not a whole number of seconds since 1970; correct or unset it`,
      );
    });
  }
});

async function git(dir: string, date: number, ...args: string[]) {
  const { success, stderr } = await new Deno.Command("git", {
    args: ["-c", "user.name=x", "-c", "user.email=x@localhost", ...args],
    cwd: dir,
    env: { GIT_COMMITTER_DATE: `@${date} +0200`, GIT_AUTHOR_DATE: "@1 +0000" },
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
}

Deno.test("archiveTime() prefers SOURCE_DATE_EPOCH", async () => {
  assertEquals(await archiveTime(5, "/no/such/folder", fail), 5);
  assertEquals(await archiveTime(0, "/no/such/folder", fail), 0);
});

Deno.test("archiveTime() is the last commit's that touched the folder", async () => {
  using dir = tempDir({ "family/a": "a", "other/b": "b" });
  const { path } = dir;
  await git(path, 0, "init", "-q");
  await git(path, 1000, "add", "family");
  assertEquals(await archiveTime(undefined, `${path}/family`, fail), 0);
  await git(path, 1000, "commit", "-qm", "family");
  await git(path, 2000, "add", "other");
  await git(path, 2000, "commit", "-qm", "other");
  writeFiles(path, { "family/a": "not committed" });
  assertEquals(await archiveTime(undefined, `${path}/family`, fail), 1000);
  assertEquals(await archiveTime(undefined, path, fail), 2000);
  writeFiles(path, { "family/released.json": "", "family/CHANGELOG.md": "" });
  await git(path, 3000, "add", "family/released.json", "family/CHANGELOG.md");
  await git(path, 3000, "commit", "-qm", "a release");
  assertEquals(await archiveTime(undefined, `${path}/family`, fail), 1000);
});

Deno.test("archiveTime() is 0 outside a checkout", async () => {
  using dir = tempDir();
  assertEquals(await archiveTime(undefined, dir.path, fail), 0);
});

Deno.test("archiveTime() tells where git fails", async () => {
  using dir = tempDir({ ".git": "no such thing" });
  const notices: string[] = [];
  const seconds = await archiveTime(
    undefined,
    dir.path,
    (line) => notices.push(line),
  );
  assertEquals([seconds, notices.length], [0, 1]);
  assertMatch(notices[0]!, /is not known \(git: fatal: .*SOURCE_DATE_EPOCH$/);
});
