/**
 * Reads a tar archive while it flows: one entry after the other, contents as
 * chunks, nothing held whole.
 *
 * Written here and not taken from a library, because both candidates lose what
 * a volume must be judged by. `@std/tar` reads ustar only: a PAX header, which
 * `docker cp` writes where a name is long or not ASCII, comes out as a file of
 * its own, and the name cut short. `modern-tar` takes unknown types for files, replaces what is not UTF-8 in
 * names, and takes an archive that breaks off between two entries for a whole
 * one, which is what a dying engine leaves.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import {
  BLOCK_SIZE,
  checkSize,
  decodeHeader,
  decodeText,
  flagOf,
  isHeaderOnly,
  paddingOf,
  type TarHeader,
} from "./tar_header.ts";

/** One entry of an archive. */
export interface TarEntry {
  /** What the archive says about it. */
  header: TarHeader;
  /**
   * Its content, to be read before the next entry is asked for; what is left
   * then is skipped. The chunks are views of the stream's own.
   */
  body: AsyncIterable<Uint8Array>;
  /** How the archive says it. */
  raw: RawHeader;
}

/** What stands in the archive, for whoever asks what another program makes of it. */
export interface RawHeader {
  /** The entry's own header block. */
  block: Uint8Array;
  /** The type flags of the headers before it, in order: `x`, `g`, `L` or `K`. */
  before: readonly string[];
  /** The name in the last `L` header. */
  longName: string | undefined;
  /** The link name in the last `K` header. */
  longLinkName: string | undefined;
}

/** What else {@linkcode readTar} can tell. */
export interface TarReaderOptions {
  /** Told where anything but zeros follows the end of the archive. */
  onTrailingData?: (() => void) | undefined;
}

/** The most that PAX records or a GNU name may take, in bytes: no path is near it. */
const METADATA_LIMIT = 1 << 20;

/** A byte stream out of which exact lengths can be read. */
class ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next bytes, at most `limit`; `undefined` at the end. Copies nothing. */
  async some(limit: number): Promise<Uint8Array | undefined> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#chunk = value;
    }
    const bytes = this.#chunk.subarray(0, limit);
    this.#chunk = this.#chunk.subarray(limit);
    return bytes;
  }

  /** Exactly `length` bytes; `undefined` if the stream ends before. */
  async exactly(length: number): Promise<Uint8Array | undefined> {
    const first = await this.some(length);
    if (first === undefined || first.length === length) return first;
    const bytes = new Uint8Array(length);
    bytes.set(first);
    for (let filled = first.length; filled < length;) {
      const more = await this.some(length - filled);
      if (more === undefined) return undefined;
      bytes.set(more, filled);
      filled += more.length;
    }
    return bytes;
  }

  /**
   * Reads to the end, for a writer that pads must not meet a closed pipe, and
   * returns whether that was zeros only.
   */
  async drain(): Promise<boolean> {
    let zero = true;
    for (;;) {
      const rest = await this.some(Infinity);
      if (rest === undefined) return zero;
      zero &&= isZero(rest);
    }
  }

  /** Tells the stream's source that no more is wanted. */
  async cancel(): Promise<void> {
    // A stream that failed has told so to the one who read it.
    await this.#reader.cancel().catch(() => {});
  }
}

function endedEarly(where: string): KrunnerError {
  return new KrunnerError(
    `Cannot read the tar archive: it ended early, ${where}; see why the program that writes it stopped`,
  );
}

function damaged(what: string): KrunnerError {
  return new KrunnerError(
    `Cannot read the tar archive: ${what}; the data is damaged or written by a program that is not supported`,
  );
}

/**
 * PAX records, each `{length} {key}={value}\n` where the length, in decimal,
 * counts itself.
 *
 * @throws {KrunnerError} If the text does not keep to that.
 */
export function parsePax(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let start = 0; start < bytes.length;) {
    const space = bytes.indexOf(0x20, start);
    const digits = decodeText(bytes.subarray(start, Math.max(space, start)));
    const end = start + (/^\d{1,7}$/.test(digits) ? Number(digits) : 0);
    const equals = bytes.indexOf(0x3d, space);
    if (equals < 0 || equals >= end || bytes[end - 1] !== 0x0a) {
      throw damaged("a PAX record is malformed");
    }
    const key = decodeText(bytes.subarray(space + 1, equals));
    records.set(key, paxValue(key, bytes.subarray(equals + 1, end - 1)));
    start = end;
  }
  return records;
}

const lossyDecoder = new TextDecoder();

/** Names must be read exactly. Extended attributes may hold anything. */
function paxValue(key: string, value: Uint8Array): string {
  return key === "path" || key === "linkpath"
    ? decodeText(value)
    : lossyDecoder.decode(value);
}

/** What headers before an entry say about it, or about all that follow (`g`). */
interface Overrides {
  global: Map<string, string>;
  pax: Map<string, string>;
  name: string | undefined;
  linkName: string | undefined;
}

/** An empty value takes a record back, as POSIX has it. */
function mergeRecords(
  global: ReadonlyMap<string, string>,
  local: ReadonlyMap<string, string>,
): Map<string, string> {
  const merged = new Map([...global, ...local]);
  for (const [key, value] of merged) if (value === "") merged.delete(key);
  return merged;
}

/** A number out of a PAX record; not a number at all is found by the caller. */
function paxNumber(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  return /^-?\d+(\.\d*)?$/.test(text) ? Number(text) : NaN;
}

function decodeEntry(block: Uint8Array, overrides: Overrides): TarHeader {
  const pax = mergeRecords(overrides.global, overrides.pax);
  const header = decodeHeader(block, {
    name: pax.get("path") ?? overrides.name,
    linkName: pax.get("linkpath") ?? overrides.linkName,
  });
  for (const key of pax.keys()) {
    if (key.startsWith("GNU.sparse.")) {
      throw damaged(
        `${JSON.stringify(header.name)} is stored as a sparse file`,
      );
    }
  }
  const size = isHeaderOnly(header.type)
    ? 0
    : paxNumber(pax.get("size"), header.size);
  checkSize(size, header.name);
  return {
    ...header,
    userName: pax.get("uname") ?? header.userName,
    groupName: pax.get("gname") ?? header.groupName,
    uid: paxNumber(pax.get("uid"), header.uid),
    gid: paxNumber(pax.get("gid"), header.gid),
    mtime: paxNumber(pax.get("mtime"), header.mtime),
    size,
    pax,
  };
}

function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** The content of a PAX header or GNU name entry. */
async function readMetadata(
  bytes: ByteReader,
  block: Uint8Array,
): Promise<Uint8Array> {
  const { size } = decodeHeader(block, { name: "", linkName: "" });
  if (size > METADATA_LIMIT) throw damaged(`a header takes ${size} bytes`);
  const padded = await bytes.exactly(size + paddingOf(size));
  if (padded === undefined) throw endedEarly("in a long header");
  return padded.subarray(0, size);
}

function longName(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeText(end < 0 ? bytes : bytes.subarray(0, end));
}

/** The next entry's header; `undefined` behind the two zero blocks at the end. */
async function readHeader(
  bytes: ByteReader,
  global: Map<string, string>,
  after: string,
): Promise<{ header: TarHeader; raw: RawHeader } | undefined> {
  const before: string[] = [];
  const overrides: Overrides = {
    global,
    pax: new Map(),
    name: undefined,
    linkName: undefined,
  };
  for (;;) {
    const block = await bytes.exactly(BLOCK_SIZE);
    if (block === undefined) throw endedEarly(after);
    if (isZero(block)) {
      const second = await bytes.exactly(BLOCK_SIZE);
      if (second === undefined) throw endedEarly(after);
      if (!isZero(second)) throw damaged(`a lone zero block is ${after}`);
      return undefined;
    }
    const flag = flagOf(block);
    switch (flag) {
      case "x":
        overrides.pax = parsePax(await readMetadata(bytes, block));
        break;
      case "g":
        for (const record of parsePax(await readMetadata(bytes, block))) {
          global.set(...record);
        }
        break;
      case "L":
        overrides.name = longName(await readMetadata(bytes, block));
        break;
      case "K":
        overrides.linkName = longName(await readMetadata(bytes, block));
        break;
      default: {
        const { name: longName, linkName: longLinkName } = overrides;
        const raw = { block, before, longName, longLinkName };
        return { header: decodeEntry(block, overrides), raw };
      }
    }
    before.push(flag);
  }
}

/** An entry's content, of which what nobody asked for can be skipped. */
class TarBody implements AsyncIterable<Uint8Array> {
  readonly #bytes: ByteReader;
  readonly #header: TarHeader;
  #left: number;

  constructor(bytes: ByteReader, header: TarHeader) {
    this.#bytes = bytes;
    this.#header = header;
    this.#left = header.size;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    while (this.#left > 0) {
      const chunk = await this.#bytes.some(this.#left);
      if (chunk === undefined) throw this.#endedEarly();
      this.#left -= chunk.length;
      yield chunk;
    }
  }

  /** Goes on to the next header. */
  async skip(): Promise<void> {
    let left = this.#left + paddingOf(this.#header.size);
    while (left > 0) {
      const chunk = await this.#bytes.some(left);
      if (chunk === undefined) throw this.#endedEarly();
      left -= chunk.length;
    }
    this.#left = 0;
  }

  #endedEarly(): KrunnerError {
    return endedEarly(`in ${JSON.stringify(this.#header.name)}`);
  }
}

/**
 * The entries of a tar archive (ustar, PAX, GNU long names), in its order.
 * Devices and unknown types come out as such: it is for the caller to refuse
 * them. The stream is read to its end, or cancelled if the loop is left.
 *
 * @example
 * ```ts ignore
 * for await (const { header, body } of readTar(stream)) {
 *   console.log(header.name, header.size);
 *   for await (const chunk of body) hash.update(chunk);
 * }
 * ```
 *
 * @throws {KrunnerError} If the archive is damaged, or ends before its two
 * zero blocks: whoever writes it has died.
 */
export async function* readTar(
  stream: ReadableStream<Uint8Array>,
  options: TarReaderOptions = {},
): AsyncGenerator<TarEntry, void> {
  const bytes = new ByteReader(stream);
  const global = new Map<string, string>();
  let after = "before its first entry";
  try {
    for (;;) {
      const next = await readHeader(bytes, global, after);
      if (next === undefined) break;
      const { header, raw } = next;
      after = `after ${JSON.stringify(header.name)}`;
      const body = new TarBody(bytes, header);
      yield { header, body, raw };
      await body.skip();
    }
    if (!await bytes.drain()) options.onTrailingData?.();
  } finally {
    await bytes.cancel();
  }
}
