/**
 * Writes a tar archive of about 1 GB to stdout, as an engine would for a very
 * large volume: one part of four does not compress, the rest does well.
 *
 * @module
 */

import { entryBytes } from "../tests/tar_builder.ts";

const LARGE_FILES = 244;
const LARGE_SIZE = 4 << 20;
const SMALL_FILES = 20_000;

function write(bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(Deno.stdout.writeSync(rest));
  }
}

function content(index: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const period = index % 4 === 0 ? length : 4096;
  for (let i = 0; i < period; i += 1 << 16) {
    crypto.getRandomValues(bytes.subarray(i, Math.min(i + (1 << 16), period)));
  }
  for (let i = period; i < length; i += period) bytes.copyWithin(i, 0, period);
  return bytes;
}

function writeFiles(folder: string, count: number, length: number): void {
  write(entryBytes({ name: `backend.ai/${folder}/` }));
  for (let i = 0; i < count; i++) {
    const name = `backend.ai/${folder}/${`${i}`.padStart(6, "0")}`;
    write(entryBytes({ name, content: content(i, length) }));
  }
}

write(entryBytes({ name: "backend.ai/" }));
writeFiles("large", LARGE_FILES, LARGE_SIZE);
writeFiles("small", SMALL_FILES, 1000);
write(new Uint8Array(1024));
