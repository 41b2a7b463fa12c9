/**
 * The 512-byte headers of tar: what one says, and how to write one that GNU
 * tar, Python's tarfile and BusyBox all read in the same way.
 *
 * Written are plain ustar headers, and GNU's `L` and `K` entries for names that
 * ustar has no room for. PAX headers are never written: BusyBox, which agents
 * extract with, ignores their `path` and cuts the name without a word.
 *
 * Sources: POSIX.1-2017 `pax`, sections "ustar Interchange Format" and "pax
 * Header Block"; the GNU tar manual, "Basic Tar Format".
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";

/** The unit of tar, in bytes: headers are one block, contents are padded to it. */
export const BLOCK_SIZE = 512;

/** What an entry is, in words that fit into a message. */
export type TarEntryType =
  | "file"
  | "hard link"
  | "symbolic link"
  | "character device"
  | "block device"
  | "directory"
  | "fifo"
  | "unknown";

/** Type flags by entry type; `unknown` has none. */
const FLAGS: Record<Exclude<TarEntryType, "unknown">, string> = {
  "file": "0",
  "hard link": "1",
  "symbolic link": "2",
  "character device": "3",
  "block device": "4",
  "directory": "5",
  "fifo": "6",
};

/** `\0` is what the oldest archives, and `7` what contiguous files, have for `0`. */
const TYPES = new Map<string, TarEntryType>([
  ...Object.entries(FLAGS).map(([type, flag]) =>
    [flag, type as TarEntryType] as const
  ),
  ["\0", "file"],
  ["7", "file"],
]);

/** One entry's header, with what PAX and GNU headers before it say merged in. */
export interface TarHeader {
  /** The name as it stands in the archive; that of a directory may end in `/`. */
  name: string;
  /** What the entry is. */
  type: TarEntryType;
  /** The type flag as it stands in the archive. */
  flag: string;
  /** Permission bits with set-uid, set-gid and sticky. */
  mode: number;
  /** The owner's number. */
  uid: number;
  /** The group's number. */
  gid: number;
  /** Length of the content in bytes; 0 for what cannot have any. */
  size: number;
  /** Last change in seconds since the epoch, possibly with a fraction. */
  mtime: number;
  /** Where a link points to; `""` for what is no link. */
  linkName: string;
  /** The owner's name. */
  userName: string;
  /** The group's name. */
  groupName: string;
  /** All PAX records that hold for the entry; empty if there are none. */
  pax: ReadonlyMap<string, string>;
}

/** What is needed to write an entry's header. Owner and group are always 0. */
export interface NewTarHeader {
  /** The name; end that of a directory in `/`. */
  name: string;
  /** What the entry is. */
  type: Exclude<TarEntryType, "unknown">;
  /** Permission bits. */
  mode: number;
  /** Length of the content in bytes. */
  size: number;
  /** Last change in whole seconds since the epoch, not negative. */
  mtime: number;
  /** Where a link points to; `""` for what is no link. */
  linkName: string;
}

/** Offset and length of the fields of a header block. */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  flag: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  userName: [265, 32],
  groupName: [297, 32],
  deviceMajor: [329, 8],
  deviceMinor: [337, 8],
  prefix: [345, 155],
} as const;

type Field = keyof typeof FIELDS;

/** POSIX's magic and version. Only behind it does the prefix field hold one. */
const USTAR_MAGIC = "ustar\x0000";
/** GNU's magic, which announces that `L` and `K` entries may come. */
const GNU_MAGIC = "ustar  \0";

const encoder = new TextEncoder();
// A byte order mark is a part of a name like any other character.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lossyDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The text of a name or another field.
 *
 * @throws {KrunnerError} If the bytes are not UTF-8: such a name cannot be
 * passed on unchanged.
 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    const text = JSON.stringify(lossyDecoder.decode(bytes));
    throw new KrunnerError(
      `Cannot read the tar entry ${text}: its name is not UTF-8; rename it`,
      { cause },
    );
  }
}

function field(block: Uint8Array, name: Field): Uint8Array {
  const [offset, length] = FIELDS[name];
  return block.subarray(offset, offset + length);
}

function textBytes(block: Uint8Array, name: Field): Uint8Array {
  const bytes = field(block, name);
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** The whole name, of which ustar's prefix is the beginning. */
function readName(block: Uint8Array): string {
  const magic = lossyDecoder.decode(field(block, "magic"));
  const prefix = magic === USTAR_MAGIC ? textBytes(block, "prefix") : [];
  const name = textBytes(block, "name");
  return decodeText(
    new Uint8Array(prefix.length === 0 ? name : [...prefix, 0x2f, ...name]),
  );
}

/** Base 256, big-endian, two's complement under the top bit: GNU's for large numbers. */
function readBase256(bytes: Uint8Array): number {
  const first = bytes[0] ?? 0;
  const negative = (first & 0x40) !== 0;
  let value = negative ? first - 0x100 : first & 0x3f;
  for (const byte of bytes.subarray(1)) value = value * 256 + byte;
  return value;
}

function readNumber(block: Uint8Array, name: Field): number {
  const bytes = field(block, name);
  if (((bytes[0] ?? 0) & 0x80) !== 0) return readBase256(bytes);
  // Latin-1 by hand: whatever is no octal digit must be seen, not replaced.
  const text = String.fromCharCode(...bytes).replace(/\0.*$/s, "").trim();
  return text === "" ? 0 : /^[0-7]+$/.test(text) ? parseInt(text, 8) : NaN;
}

/** The sum of a header's bytes, its checksum field counted as spaces. */
function checksumOf(block: Uint8Array): number {
  let sum = 8 * 0x20;
  for (const byte of block) sum += byte;
  for (const byte of field(block, "checksum")) sum -= byte;
  return sum;
}

/** Whether the entry type has no content whatever its size field says, as in Go's archive/tar. */
export function isHeaderOnly(type: TarEntryType): boolean {
  return type !== "file" && type !== "unknown";
}

function readType(flag: string, name: string): TarEntryType {
  // Archives older than ustar mark a directory by the name's last character.
  if (flag === "\0" && name.endsWith("/")) return "directory";
  return TYPES.get(flag) ?? "unknown";
}

/** A header block's type flag. */
export function flagOf(block: Uint8Array): string {
  return String.fromCharCode(block[FIELDS.flag[0]] ?? 0);
}

/**
 * Reads one header block.
 *
 * @param names Names that stand elsewhere. Those in the block are not looked at
 * then: they are cut at their field's end, be it within a character
 * @throws {KrunnerError} If the block is not a tar header: a wrong checksum or
 * an impossible size, or a name is not UTF-8.
 */
export function decodeHeader(
  block: Uint8Array,
  names: { name?: string | undefined; linkName?: string | undefined } = {},
): TarHeader {
  if (readNumber(block, "checksum") !== checksumOf(block)) {
    throw new KrunnerError(
      "Cannot read a tar header: its checksum is wrong; the data is damaged or not a tar archive",
    );
  }
  const name = names.name ?? readName(block);
  const flag = flagOf(block);
  const type = readType(flag, name);
  const header = {
    name,
    type,
    flag,
    mode: readNumber(block, "mode") & 0o7777,
    uid: readNumber(block, "uid"),
    gid: readNumber(block, "gid"),
    size: isHeaderOnly(type) ? 0 : readNumber(block, "size"),
    mtime: readNumber(block, "mtime"),
    linkName: names.linkName ?? decodeText(textBytes(block, "linkName")),
    userName: lossyDecoder.decode(textBytes(block, "userName")),
    groupName: lossyDecoder.decode(textBytes(block, "groupName")),
    pax: new Map<string, string>(),
  };
  checkSize(header.size, name);
  return header;
}

/** @throws {KrunnerError} If the size is not a whole number that fits a double. */
export function checkSize(size: number, name: string): void {
  if (Number.isSafeInteger(size) && size >= 0) return;
  throw new KrunnerError(
    `Cannot read the tar entry ${
      JSON.stringify(name)
    }: its size is not a number; the data is damaged`,
  );
}

function writeText(block: Uint8Array, name: Field, text: Uint8Array): void {
  field(block, name).set(text);
}

/** Octal digits and a NUL, or base 256 where they do not suffice. */
function writeNumber(block: Uint8Array, name: Field, value: number): void {
  const [offset, length] = FIELDS[name];
  const digits = value.toString(8).padStart(length - 1, "0");
  if (digits.length < length) {
    writeText(block, name, encoder.encode(digits));
    return;
  }
  for (let i = offset + length - 1, rest = value; i > offset; i--) {
    block[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  block[offset] = 0x80;
}

/** A header block's variable parts; texts are cut to their field's length. */
interface Block {
  name: Uint8Array;
  prefix?: Uint8Array;
  mode: number;
  size: number;
  mtime: number;
  flag: string;
  linkName: Uint8Array;
  magic: string;
}

function encodeBlock(parts: Block): Uint8Array {
  const block = new Uint8Array(BLOCK_SIZE);
  writeText(block, "name", parts.name.subarray(0, FIELDS.name[1]));
  writeNumber(block, "mode", parts.mode);
  writeNumber(block, "uid", 0);
  writeNumber(block, "gid", 0);
  writeNumber(block, "size", parts.size);
  writeNumber(block, "mtime", parts.mtime);
  writeText(block, "flag", encoder.encode(parts.flag));
  writeText(block, "linkName", parts.linkName.subarray(0, FIELDS.linkName[1]));
  writeText(block, "magic", encoder.encode(parts.magic));
  // No owner's and group's names: with them, tar would look up the numbers of
  // "root" where it extracts; without, 0 is 0 everywhere.
  if (parts.magic === USTAR_MAGIC) {
    // GNU's format leaves these empty where there is no device.
    writeNumber(block, "deviceMajor", 0);
    writeNumber(block, "deviceMinor", 0);
  }
  if (parts.prefix !== undefined) writeText(block, "prefix", parts.prefix);
  const checksum = checksumOf(block).toString(8).padStart(6, "0");
  writeText(block, "checksum", encoder.encode(`${checksum}\0 `));
  return block;
}

/** Divides a name at a `/` between prefix and name, as GNU tar does: the longest prefix. */
function splitName(
  name: Uint8Array,
): { prefix?: Uint8Array; name: Uint8Array } | undefined {
  if (name.length <= FIELDS.name[1]) return { name };
  // A directory's last character is not a place to divide at.
  const slash = name.lastIndexOf(
    0x2f,
    Math.min(FIELDS.prefix[1], name.length - 2),
  );
  if (slash <= 0 || name.length - slash - 1 > FIELDS.name[1]) return undefined;
  return { prefix: name.subarray(0, slash), name: name.subarray(slash + 1) };
}

/** The bytes that follow a content of the given size up to the next block. */
export function paddingOf(size: number): number {
  return (BLOCK_SIZE - size % BLOCK_SIZE) % BLOCK_SIZE;
}

/** A whole GNU entry that carries the next entry's name (`L`) or link name (`K`). */
function encodeLongName(flag: "K" | "L", text: Uint8Array): Uint8Array[] {
  const size = text.length + 1;
  const header = encodeBlock({
    name: encoder.encode("././@LongLink"),
    mode: 0o644,
    size,
    mtime: 0,
    flag,
    linkName: new Uint8Array(),
    magic: GNU_MAGIC,
  });
  const content = new Uint8Array(size + paddingOf(size));
  content.set(text);
  return [header, content];
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/**
 * The bytes that announce an entry: its header block, after GNU `K` and `L`
 * entries if the names need them. The same as GNU tar's, but for the owner's
 * names.
 */
export function encodeHeader(header: NewTarHeader): Uint8Array {
  const name = encoder.encode(header.name);
  const linkName = encoder.encode(header.linkName);
  const split = splitName(name);
  const longLink = linkName.length > FIELDS.linkName[1];
  const plain = split !== undefined && !longLink;
  const parts: Uint8Array[] = [];
  if (longLink) parts.push(...encodeLongName("K", linkName));
  // GNU's magic has no prefix field, so a long link name makes a long name of
  // one that would have fit.
  if (!plain && name.length > FIELDS.name[1]) {
    parts.push(...encodeLongName("L", name));
  }
  parts.push(encodeBlock({
    ...plain ? split : { name },
    mode: header.mode,
    size: header.size,
    mtime: header.mtime,
    flag: FLAGS[header.type],
    linkName,
    magic: plain ? USTAR_MAGIC : GNU_MAGIC,
  }));
  return parts.length === 1 && parts[0] !== undefined
    ? parts[0]
    : concat(parts);
}
