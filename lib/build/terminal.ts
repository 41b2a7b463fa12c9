/**
 * What is known of the ttyd that went into a volume.
 *
 * @module
 */

import type { Extraction } from "../extract.ts";
import type { TerminalRecord } from "../manifest.ts";
import { inPackage } from "../package_dir.ts";
import { readOptional } from "../read_optional.ts";
import { ttydOutputs } from "../ttyd/plan.ts";
import { parseRecord } from "../ttyd/record.ts";
import type { Build } from "./build.ts";

/** A terminal, as a manifest tells of it, and the text of its record. */
export interface Terminal {
  /** The text of the record beside the binary, if it is about that one. */
  readonly text?: string;
  /** What goes into the manifest. */
  readonly terminal?: TerminalRecord;
}

/**
 * Reads the record of a volume's `bin/ttyd`, where there is one.
 *
 * @throws {KrunnerError} If it cannot be read.
 */
export async function readTerminal(
  { plan: { target, arch, inputs }, notice }: Build,
  { contents: { files } }: Extraction,
): Promise<Terminal> {
  if (!files.has("./bin/ttyd")) return {};
  const { binary, record: name } = ttydOutputs(arch);
  const path = inPackage(target, name);
  const sha256 = inputs.files[binary]?.replace("+x", "");
  const terminal = sha256 === undefined ? {} : { sha256 };
  const text = await readOptional(path);
  if (text === undefined) return { terminal };
  const record = parseRecord(text, path);
  if (record === undefined) return { text, terminal };
  if (record.binary.sha256 !== sha256) {
    notice(
      `"${path}" is not believed: it describes another binary than bin/ttyd; make both again with ttyd.ts, or remove it`,
    );
    return { terminal };
  }
  const { recipe, proof } = record;
  return {
    text,
    terminal: { ...terminal, recipe, ...proof === undefined ? {} : { proof } },
  };
}
