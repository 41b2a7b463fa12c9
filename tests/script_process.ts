/**
 * TypeScript that runs in a process of its own, which a test can kill.
 *
 * @module
 */

const ROOT = new URL("../", import.meta.url);

/** Starts Deno on a script that imports modules of the project by `lib/…`. */
export async function startScript(
  script: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...flags, "-"],
    cwd: ROOT,
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const text = script.replaceAll('from "lib/', `from "${ROOT.href}lib/`);
  await new Response(text).body!.pipeTo(child.stdin);
  return child;
}

/** Waits for its end, and returns the lines of its stdout. */
export async function linesOf(child: Deno.ChildProcess): Promise<string[]> {
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout).trim().split("\n");
}
