/**
 * debootstrap, and what it means when it fails.
 *
 * @module
 */

import { openLog } from "./builder.ts";
import { KrunnerError } from "./errors.ts";
import type { Bootstrap } from "./package_data.ts";
import { finish, spawn } from "./process.ts";
import { writeAll } from "./write_all.ts";

/** What debootstrap is told. */
export interface BootstrapPlan extends Bootstrap {
  /** The archive's URL; debootstrap's own where none is given. */
  readonly mirror?: string;
}

/** What running it needs. */
export interface DebootstrapTools {
  /** The path of its log. */
  readonly log: string;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the tree of a suite in the new folder `root`. The signature of the archive
 * is checked, or nothing is made.
 *
 * @throws {KrunnerError} If debootstrap is not installed or fails.
 */
export async function debootstrap(
  plan: BootstrapPlan,
  root: string,
  tools: DebootstrapTools,
): Promise<void> {
  using log = await openLog(tools.log);
  const { script, ...first } = plan;
  let complaint = await run(argsOf(first, root), log, tools);
  if (script !== undefined && NO_SCRIPT.test(complaint ?? "")) {
    // The script stands behind the mirror; an empty one is debootstrap's own.
    const { mirror = "" } = plan;
    complaint = await run(
      argsOf({ ...first, mirror, script }, root),
      log,
      tools,
    );
  }
  if (complaint === undefined) return;
  // debootstrap's own log would go with its tree.
  const details = `${root}/debootstrap/debootstrap.log`;
  const text = await Deno.readFile(details).catch(() => new Uint8Array());
  await writeAll(log, text, tools.log);
  throw new KrunnerError(
    `Cannot bootstrap suite "${plan.suite}": ${
      explainFault(complaint, plan.keyring)
    }; the log is "${tools.log}"`,
  );
}

/** The script is for a second try: a newer debootstrap may have a better one. */
function argsOf(
  { suite, components, keyring, mirror, script }: BootstrapPlan,
  root: string,
): string[] {
  return [
    "--variant=minbase",
    "--force-check-gpg",
    ...components === undefined ? [] : [`--components=${components.join()}`],
    ...keyring === undefined ? [] : [`--keyring=${keyring}`],
    suite,
    root,
    ...[mirror, script].filter((word) => word !== undefined),
  ];
}

/**
 * debootstrap in name spaces of its own: whatever ends it, no mount and no process
 * stays behind.
 */
const UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child"];

/**
 * Runs a command until it ends, or stdin does: then this process is gone, even if
 * it was killed. All that the command started ends with this shell, the first
 * process of its name space. (debootstrap itself puts a signal off until the
 * program that it waits for ends.)
 */
const WHILE_WATCHED = `exec 3<&0
trap 'exit 143' TERM
"$@" </dev/null 3<&- &
work=$!
{ cat <&3 >/dev/null; kill $$; } &
wait "$work"`;

/**
 * Runs debootstrap, and adds what it says to the log.
 *
 * @returns What it said, if it failed.
 */
async function run(
  args: readonly string[],
  log: Deno.FsFile,
  tools: DebootstrapTools,
): Promise<string | undefined> {
  const child = spawn(
    [...UNSHARE, "sh", "-c", WHILE_WATCHED, "sh", "debootstrap", ...args],
    { signal: tools.signal, stdin: "piped" },
  );
  let output = "";
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true });
      await writeAll(log, chunk, tools.log);
    }
  };
  const { success, code } = await finish(child, [
    collect(child.stdout),
    collect(child.stderr),
  ]);
  await child.stdin.close().catch(() => {});
  if (success) return undefined;
  // The code of a shell.
  if (code === 127) {
    throw new KrunnerError(
      'Cannot run "debootstrap": it is not installed; install it, or run "sh setup.sh" as root on Debian or Ubuntu',
    );
  }
  return `debootstrap ended with exit code ${code}\n${output}`;
}

/** Packages with the keyrings that debootstrap looks for. */
const KEYRING_PACKAGES: Readonly<Record<string, string>> = {
  "debian-archive-keyring.gpg": '"debian-archive-keyring"',
  // Debian 12 and earlier have none.
  "ubuntu-archive-keyring.gpg":
    '"ubuntu-keyring" (Ubuntu, Debian 13 and later)',
};

const NO_KEYRING =
  /^W: Cannot check Release signature; keyring file not available (.*)$/m;
const FOREIGN_KEY = /^E: Release signed by unknown key(?: \(key id (\w+)\))?/m;
const NO_SCRIPT = /^E: No such script: /m;
const NO_RELEASE = /^E: Failed getting release file (\S+)/m;
const BAD_PLACE = /^E: (Cannot install into target .*)$/m;

/** What to do about a keyring that is not there, as the end of a sentence. */
export function explainMissingKeyring(path: string): string {
  const name = KEYRING_PACKAGES[path.slice(path.lastIndexOf("/") + 1)];
  return `the keyring "${path}" is not on this host, and nothing is taken unchecked; ${
    name === undefined ? "" : `install the package ${name}, `
  }name a copy of the file with "--keyring", or an image with "--base-image"`;
}

/**
 * Why debootstrap failed, and what to do, as the end of a sentence.
 *
 * @param output What it said, as versions 1.0.128 to 1.0.141 do.
 * @param keyring The keyring that it was given, if it was.
 */
export function explainFault(
  output: string,
  keyring: string | undefined,
): string {
  const words = (pattern: RegExp) => pattern.exec(output)?.[1] ?? "";
  if (NO_KEYRING.test(output)) {
    return explainMissingKeyring(words(NO_KEYRING));
  }
  if (FOREIGN_KEY.test(output)) {
    const where = keyring === undefined ? "debootstrap's" : `"${keyring}"`;
    return `the archive is signed with a key (${
      words(FOREIGN_KEY) || "unknown"
    }) that is not in the keyring ${where}; name the archive's own with "--keyring"`;
  }
  if (NO_SCRIPT.test(output)) {
    return 'this host\'s debootstrap does not know it; update debootstrap, or name another script of it as "script" in krunner.json ("gutsy" for suites of Ubuntu, "sid" for those of Debian)';
  }
  if (NO_RELEASE.test(output)) {
    return `there is no "${
      words(NO_RELEASE)
    }", or its server does not answer; name a mirror that has the suite with "--mirror"`;
  }
  if (BAD_PLACE.test(output)) {
    return `${words(BAD_PLACE)}; set TMPDIR to a folder of another file system`;
  }
  const [first = ""] = output.split("\n");
  const said = output.match(/^E: .*$/gm)?.at(-1) ??
    output.match(/^W: .*$/m)?.[0];
  return said === undefined ? first : `${first} (${said.slice(3)})`;
}
