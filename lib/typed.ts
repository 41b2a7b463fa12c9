/**
 * How commands are typed: `build.ts debian12` where the scripts are called by
 * themselves, `krunner build debian12` through `krunner.ts`, `build.js debian12`
 * in a bundle. Texts for people name them in the first way, and say the right one
 * through here.
 *
 * @module
 */

/** The ways to call a script. */
export type Calling = "script" | "bundle" | "krunner";

/** Set once, by the module that a process starts with. */
let calling: Calling = "script";

/** Says how the scripts of this process are called. */
export function setCalling(way: Calling): void {
  calling = way;
}

function scriptAs(name: string, way: Calling): string {
  switch (way) {
    case "script":
      return `${name}.ts`;
    case "bundle":
      return `${name}.js`;
    case "krunner":
      return `krunner ${name}`;
    default:
      return way satisfies never;
  }
}

/** The name that a script goes by: `build.ts`, or `krunner build`. */
export function typedName(script: string): string {
  return scriptAs(script, calling);
}

/** `deno run -A build.ts`, `build.ts`. */
const SCRIPT = /(deno run -A )?\b([a-z]+)\.ts\b/g;

/**
 * A text of the project's own with its scripts as they are typed. Not for texts
 * that hold names from outside.
 */
export function asTyped(text: string, way: Calling = calling): string {
  if (way === "script") return text;
  return text.replace(
    SCRIPT,
    (_, deno = "", name) =>
      (way === "krunner" ? "" : deno) + scriptAs(name, way),
  );
}

/** A quotation mark, a script's name and a blank begin a command in a message. */
const COMMAND = /"([a-z]+)\.ts (?=[^"]+")/g;

/** A message with the commands in it as they are typed; names of files stay. */
export function messageAsTyped(
  message: string,
  way: Calling = calling,
): string {
  if (way === "script") return message;
  const typed = message.replace(
    COMMAND,
    (_, name) => `"${scriptAs(name, way)} `,
  );
  return way === "krunner"
    ? typed.replaceAll('"sh setup.sh"', '"krunner setup"')
    : typed;
}
