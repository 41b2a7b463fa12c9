/**
 * Real shells with krunner's completion, in a terminal of their own.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { run } from "./engine_fixture.ts";
import { tempDir } from "./package_fixture.ts";

const KRUNNER = new URL("../krunner.ts", import.meta.url).pathname;

/** How each shell is started, and told to show its line at Ctrl-G. */
const SHELLS: Readonly<
  Record<"bash" | "zsh", { argv: string[]; rc: (script: string) => string }>
> = {
  bash: {
    argv: ["bash", "--noprofile", "--norc", "-i"],
    rc: (script) =>
      `PS1='READY>'; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'
show() { printf '\\nLINE<%s>\\n' "$READLINE_LINE"; }
bind -x '"\\C-g": show'
. '${script}'
`,
  },
  zsh: {
    argv: ["zsh", "-f", "-i"],
    rc: (script) =>
      `PS1='READY>'; unsetopt beep zle_bracketed_paste; unset zle_bracketed_paste
autoload -U compinit; compinit -D
show() { printf '\\nLINE<%s>\\n' "$BUFFER" }
zle -N show; bindkey '^G' show
. '${script}'
`,
  },
};

/**
 * Types at a shell whose working directory is `cwd`, and returns its line.
 */
export async function typeAt(
  shell: "bash" | "zsh",
  keys: string,
  cwd: string,
): Promise<string> {
  using dir = tempDir();
  const { argv, rc } = SHELLS[shell];
  await installKrunner(dir.path, shell);
  await Deno.writeTextFile(
    `${dir.path}/rc`,
    rc(`${dir.path}/completion`),
  );
  const terminal = new Terminal(argv.join(" "), cwd, {
    HOME: dir.path,
    PATH: `${dir.path}:${Deno.env.get("PATH")}`,
    TERM: "dumb",
  });
  await terminal.send(`. '${dir.path}/rc'; echo SET''UP\r`);
  await terminal.saw(/SETUP\r?\n/);
  await terminal.send(keys);
  await terminal.send("\x07");
  const [, line = ""] = await terminal.saw(/LINE<([^>]*)>/);
  // The line is cleared, and the shell ended.
  await terminal.send("\x15exit\r");
  await terminal.end();
  return line;
}

/** A terminal with a process in it. */
export class Terminal {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  /** Starts a shell's command in it. */
  constructor(
    command: string,
    cwd: string,
    env: Readonly<Record<string, string>>,
  ) {
    this.#child = new Deno.Command("script", {
      args: ["--quiet", "--return", "--command", command, "/dev/null"],
      cwd,
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
  }

  /** Types. */
  async send(keys: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(keys));
  }

  /** Reads until it shows something; what came before is forgotten. */
  async saw(what: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = what.exec(this.#text);
      if (found !== null) {
        this.#text = this.#text.slice(found.index + found[0].length);
        return found;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`no ${what} in ${JSON.stringify(this.#text)}`);
      this.#text += value;
    }
  }

  /** Waits until the process ends; gives its exit code. */
  async end(): Promise<number> {
    while (!(await this.#reader.read()).done);
    await this.#input.close().catch(() => {});
    return (await this.#child.status).code;
  }
}

/** A program "krunner" in `dir`, and what makes a shell complete it. */
async function installKrunner(dir: string, shell: string): Promise<void> {
  await Deno.writeTextFile(
    `${dir}/krunner`,
    `#!/bin/sh
HOME='${
      Deno.env.get("HOME")
    }' exec '${Deno.execPath()}' run -q -A '${KRUNNER}' "$@"
`,
    { mode: 0o755 },
  );
  const { code, stdout, stderr } = await run([
    `${dir}/krunner`,
    "completion",
    shell,
  ]);
  assertEquals(code, 0, stderr);
  await Deno.writeTextFile(`${dir}/completion`, stdout);
}

/** What fish offers for a command line: words and their meanings. */
export async function askFish(
  line: string,
  cwd: string,
): Promise<string[]> {
  using dir = tempDir();
  await installKrunner(dir.path, "fish");
  const { code, stdout, stderr } = await run(
    [
      "fish",
      "--no-config",
      "--command",
      "source $argv[1]; complete --do-complete=$argv[2]",
      `${dir.path}/completion`,
      line,
    ],
    { cwd, env: { PATH: `${dir.path}:${Deno.env.get("PATH")}` } },
  );
  assertEquals([code, stderr], [0, ""]);
  return stdout.split("\n").filter((it) => it !== "");
}
