import { assertEquals } from "@std/assert";
import { writeArchive } from "../lib/archive.ts";
import { readTar } from "../lib/tar_reader.ts";

const LABEL = "ai.backend.krunner.test=archive";

async function docker(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("docker", { args })
    .output();
  const decoder = new TextDecoder();
  assertEquals([success, success ? "" : decoder.decode(stderr)], [true, ""]);
  return decoder.decode(stdout).trim();
}

/** An image that holds one folder, made without a builder. */
async function importImage(folder: string, image: string): Promise<void> {
  const tar = new Deno.Command("tar", {
    args: ["-c", "-C", folder, "--owner=1000", "--group=1000", "opt"],
    stdout: "piped",
  }).spawn();
  const load = new Deno.Command("docker", {
    args: ["import", "--change", `LABEL ${LABEL}`, "-", image],
    stdin: "piped",
    stdout: "null",
  }).spawn();
  await tar.stdout.pipeTo(load.stdin);
  const ends = await Promise.all([tar.status, load.status]);
  assertEquals(ends.map(({ code }) => code), [0, 0]);
}

Deno.test("writeArchive() packs what docker cp writes", async () => {
  const folder = await Deno.makeTempDir({ prefix: "krunner-test-" });
  const image = `krunner-test-archive:${crypto.randomUUID()}`;
  const root = `${folder}/opt/backend.ai`;
  const long = "é".repeat(120);
  try {
    await Deno.mkdir(`${root}/a/${long}`, { recursive: true });
    await Deno.writeTextFile(`${root}/a/x`, "content", { mode: 0o755 });
    await Deno.writeTextFile(`${root}/a-b`, "");
    await Deno.writeTextFile(`${root}/a.b`, "");
    await Deno.symlink("/opt/backend.ai/a/x", `${root}/absolute`);
    await Deno.symlink(`a/${long}`, `${root}/relative`);
    await Deno.link(`${root}/a/x`, `${root}/z`);
    await importImage(folder, image);
    const container = await docker("create", "--label", LABEL, image, "/none");
    try {
      const cp = new Deno.Command("docker", {
        args: ["cp", `${container}:/opt/backend.ai`, "-"],
        stdout: "piped",
      }).spawn();
      const target = `${folder}/a.tar.xz`;
      await writeArchive(cp.stdout, target, {
        root: "/opt/backend.ai",
        mtime: 0,
        threads: 2,
      });
      assertEquals((await cp.status).code, 0);
      const xz = new Deno.Command("xz", {
        args: ["-dc", target],
        stdout: "piped",
      }).spawn();
      const found = await Array.fromAsync(
        readTar(xz.stdout),
        ({ header: { name, type, mode, uid, linkName } }) =>
          [name, type, mode, uid, linkName] as const,
      );
      assertEquals((await xz.status).code, 0);
      assertEquals(found, [
        ["./", "directory", 0o755, 0, ""],
        ["./a/", "directory", 0o755, 0, ""],
        ["./a/x", "file", 0o755, 0, ""],
        [`./a/${long}/`, "directory", 0o755, 0, ""],
        ["./a-b", "file", 0o644, 0, ""],
        ["./a.b", "file", 0o644, 0, ""],
        ["./absolute", "symbolic link", 0o777, 0, "a/x"],
        ["./relative", "symbolic link", 0o777, 0, `a/${long}`],
        ["./z", "hard link", 0o755, 0, "./a/x"],
      ]);
    } finally {
      await docker("rm", container);
      await docker("rmi", image);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
