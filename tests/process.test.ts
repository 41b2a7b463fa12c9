import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import { capture, finish, spawn } from "../lib/process.ts";
import { tempDir } from "./package_fixture.ts";

Deno.test("spawn() advises how to get a missing program", async (t) => {
  const cases: [string, string][] = [
    [
      "no-such-program",
      'Cannot run "no-such-program": it is not installed; install "no-such-program", or put it on PATH',
    ],
    [
      "./docker",
      'Cannot run "./docker": it is not installed; install "./docker", or put it on PATH',
    ],
  ];
  for (const [program, message] of cases) {
    await t.step(program, () => {
      const error = assertThrows(() => spawn([program]), KrunnerError);
      assertEquals(error.message, message);
    });
  }
});

/** Runs code in a Deno of its own, and returns the message that it prints. */
async function messageOf(args: string[], path: string): Promise<string> {
  const module = new URL("../lib/process.ts", import.meta.url);
  using script = tempDir({
    "script.ts": `import { spawn } from ${JSON.stringify(module.href)};
try { spawn([Deno.args[0]]); } catch (error) { console.log(error.message); }`,
  });
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", ...args],
    cwd: script.path,
    env: { PATH: path },
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("spawn() names the way to docker, podman, nerdctl and xz", async (t) => {
  const cases: [string, string][] = [
    [
      "docker",
      'install Docker, or run "sh setup.sh" as root on Debian or Ubuntu',
    ],
    ["podman", 'install podman, or leave "--engine" out to use docker'],
    ["nerdctl", 'install nerdctl, or leave "--engine" out to use docker'],
    ["xz", 'install the package "xz-utils" (Debian, Ubuntu) or "xz"'],
  ];
  for (const [program, advice] of cases) {
    await t.step(program, async () => {
      assertEquals(
        await messageOf(["--allow-run", "script.ts", program], "/nowhere"),
        `Cannot run "${program}": it is not installed; ${advice}`,
      );
    });
  }
});

Deno.test("spawn() names the permission that Deno was not given", async () => {
  assertEquals(
    await messageOf(["script.ts", "true"], "/usr/bin:/bin"),
    'Cannot run "true": Deno was not given the permission; add "--allow-run=true" or "-A"',
  );
});

Deno.test("spawn() refuses an empty argv", () => {
  assertThrows(() => spawn([]), TypeError, "argv is empty");
});

Deno.test("capture() returns output and exit code, whatever they are", async () => {
  assertEquals(
    await capture(["sh", "-c", "echo out; echo err >&2; exit 3"]),
    { code: 3, stdout: "out\n", stderr: "err\n" },
  );
});

Deno.test("capture() takes more than a pipe holds from both pipes at once", async () => {
  const { code, stdout, stderr } = await capture([
    "sh",
    "-c",
    "head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero",
  ]);
  assertEquals([code, stdout.length, stderr.length], [0, 1_000_000, 1_000_000]);
});

Deno.test("capture() hands arguments, variables and folder on as they are", async () => {
  using dir = tempDir();
  const { stdout } = await capture(
    ["sh", "-c", 'printf "%s|" "$@" "$EXTRA" "$PWD"', "sh", "$(id)", "a b", ""],
    { env: { EXTRA: "x y" }, cwd: dir.path },
  );
  assertEquals(stdout, `$(id)|a b||x y|${await Deno.realPath(dir.path)}|`);
});

Deno.test("capture() ends the child when its signal is aborted", async (t) => {
  await t.step("while it runs", async () => {
    const controller = new AbortController();
    const captured = capture(["sleep", "60"], { signal: controller.signal });
    controller.abort();
    assertEquals((await captured).code, 143);
  });
  await t.step("before it starts", async () => {
    const signal = AbortSignal.abort();
    assertEquals((await capture(["sleep", "60"], { signal })).code, 143);
  });
  await t.step("not after its end", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    assertEquals((await capture(["true"], { signal })).code, 0);
    controller.abort();
  });
});

Deno.test("finish() waits for the child and for the work on its pipes", async () => {
  const child = spawn(["sh", "-c", "cat; exit 3"], { stdin: "piped" });
  const output = new Response(child.stdout).text();
  const status = await finish(child, [
    ReadableStream.from([new TextEncoder().encode("in")]).pipeTo(child.stdin),
    output,
    new Response(child.stderr).text(),
  ]);
  assertEquals([status.code, await output], [3, "in"]);
});

Deno.test("finish() ends the child when work on its pipes fails", async () => {
  const child = spawn(["sleep", "60"], { stdout: "null", stderr: "null" });
  const started = performance.now();
  let isOver = false;
  const error = await assertRejects(
    () =>
      finish(child, [
        Promise.reject(new KrunnerError("first")),
        child.status.then(() => {
          isOver = true;
          throw new KrunnerError("second");
        }),
      ]),
    KrunnerError,
  );
  assertEquals(error.message, "first");
  assert(isOver, "it returned before all work was over");
  assertLess(performance.now() - started, 10_000);
});
