/**
 * Registries of base images: which one a reference names, and what its answer says.
 *
 * @module
 */

/**
 * The registry of an image's reference: its first part, if that looks like a host.
 *
 * See "Canonical format" in the distribution project's reference documentation.
 */
export function registryOf(reference: string): string {
  const [first = "", ...rest] = reference.split("/");
  return rest.length > 0 && /[.:]|^localhost$/.test(first)
    ? first
    : "docker.io";
}

/** The reference of a tag beside it that nobody has: asking for it pulls nothing. */
export function probeReference(reference: string): string {
  return `${
    reference.replace(/@.*$/, "").replace(/:[^/:]*$/, "")
  }:krunner-doctor`;
}

/** Words for "I know no such image" of registries. */
const NO_SUCH_IMAGE =
  /manifest (for .* )?(unknown|not found)|not found: manifest|pull access denied|repository does not exist|requested access to the resource is denied|: not found$/im;

/**
 * Why nothing can be pulled, from what the engine says to {@linkcode
 * probeReference}; `undefined` where the registry answered.
 */
export function registryFault(stderr: string): string | undefined {
  if (NO_SUCH_IMAGE.test(stderr)) return undefined;
  const line = stderr.trim().split("\n").at(-1) ?? "";
  return line.replace(/^Error response from daemon: /, "") || "no answer";
}
