/**
 * What an ELF file says of itself to the one who loads it: machine, loader,
 * libraries it needs and where it looks for them, symbol versions, CPU level.
 *
 * Written here, for no npm package reads all of that: `elfy`, `elfinfo` and
 * `elf-tools` stop at headers, sections and symbols.
 *
 * Everything is read through program headers, as the loader does: section
 * headers may be stripped, and are not what counts.
 *
 * Sources: System V ABI, "Object Files" and "Dynamic Linking"; LSB Core,
 * "Symbol Versioning"; x86-64 psABI, ".note.gnu.property"; `elf.h` of glibc.
 *
 * @module
 */

/** What is known of one ELF file. */
export interface ElfFile {
  /** Width of its addresses. Only of 64-bit little-endian files is the rest read. */
  bits: 32 | 64;
  /** In the words of Python's `platform.machine()`: `x86_64`, `aarch64`; else `machine {number}`. */
  machine: string;
  /** What it is for. A program that may be loaded anywhere is a shared object too. */
  type: "relocatable" | "executable" | "shared object" | "core" | "unknown";
  /** The loader that the kernel starts for it, as an absolute path. */
  interpreter?: string;
  /** Whether there is anything to link at load time; a static program has nothing. */
  dynamic: boolean;
  /** `DT_NEEDED`: names of the libraries that it needs, in order. */
  needed: string[];
  /** `DT_SONAME`: its name where it is a library. */
  soname?: string;
  /** `DT_RPATH`: the old run path, each folder of it. */
  rpath: string[];
  /** `DT_RUNPATH`: the run path, each folder of it. */
  runpath: string[];
  /** The symbol versions that it needs, by library: `libc.so.6` → `GLIBC_2.34`, …. */
  versionNeeds: Map<string, string[]>;
  /** The x86-64 level (1 to 4) that it says it needs; most files say nothing. */
  x86Level?: number;
}

/** A file that begins like an ELF file and is none. */
export interface BrokenElf {
  /** What is wrong with it. */
  broken: string;
}

/** Whether a content begins like an ELF file's. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c &&
    bytes[3] === 0x46;
}

/** `e_machine` of the machines that have a name here. */
const MACHINES: Readonly<Record<number, string>> = {
  3: "i386",
  20: "ppc",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x86_64",
  183: "aarch64",
  243: "riscv64",
  258: "loongarch64",
};

const TYPES: Readonly<Record<number, ElfFile["type"]>> = {
  1: "relocatable",
  2: "executable",
  3: "shared object",
  4: "core",
};

/** Kinds of segments, `p_type`. */
const PT = {
  load: 1,
  dynamic: 2,
  interpreter: 3,
  note: 4,
  property: 0x6474e553,
} as const;

/** Keys of the dynamic section, `d_tag`. */
const DT = {
  null: 0,
  needed: 1,
  strings: 5,
  stringsSize: 10,
  soname: 14,
  rpath: 15,
  runpath: 29,
  versionNeeds: 0x6ffffffe,
  versionNeedsCount: 0x6fffffff,
} as const;

const NT_GNU_PROPERTY_TYPE_0 = 5;
const GNU_PROPERTY_X86_ISA_1_NEEDED = 0xc0008002;

/** Raised on everything that does not fit; never leaves this module. */
class Malformed extends Error {}

const decoder = new TextDecoder();

/** A part of a file in which every read is checked. */
class Part {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #littleEndian: boolean;

  constructor(bytes: Uint8Array, littleEndian = true) {
    this.#bytes = bytes;
    this.#view = new DataView(
      bytes.buffer,
      bytes.byteOffset,
      bytes.byteLength,
    );
    this.#littleEndian = littleEndian;
  }

  get length(): number {
    return this.#bytes.length;
  }

  u16(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, this.#littleEndian);
  }

  u32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, this.#littleEndian);
  }

  /** A value that no size or address in a file can have is refused where it is used. */
  u64(offset: number): number {
    this.#check(offset, 8);
    return Number(this.#view.getBigUint64(offset, this.#littleEndian));
  }

  slice(offset: number, length: number): Part {
    this.#check(offset, length);
    return new Part(
      this.#bytes.subarray(offset, offset + length),
      this.#littleEndian,
    );
  }

  /** The text up to the next NUL. */
  text(offset: number): string {
    this.#check(offset, 1);
    const end = this.#bytes.indexOf(0, offset);
    if (end < 0) throw new Malformed("a name has no end");
    return decoder.decode(this.#bytes.subarray(offset, end));
  }

  #check(offset: number, length: number): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.length)) {
      throw new Malformed("it ends early, or points behind its end");
    }
  }
}

/** One program header. */
interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

/** Length of a program header, of a dynamic entry and of a note's header. */
const SIZES = { segment: 56, dynamic: 16, note: 12 } as const;

function readSegments(file: Part): Segment[] {
  const start = file.u64(32);
  const size = file.u16(54);
  const count = file.u16(56);
  if (count > 0 && size < SIZES.segment) {
    throw new Malformed("its program headers are too short");
  }
  return Array.from({ length: count }, (_, index) => {
    const header = file.slice(start + index * size, SIZES.segment);
    return {
      type: header.u32(0),
      offset: header.u64(8),
      address: header.u64(16),
      size: header.u64(32),
    };
  });
}

/** What lies at an address once the file is loaded, up to its segment's end. */
function partAt(file: Part, segments: readonly Segment[], address: number) {
  const segment = segments.find((it) =>
    it.type === PT.load && address >= it.address &&
    address < it.address + it.size
  );
  if (segment === undefined) {
    throw new Malformed("an address is in no segment");
  }
  const inside = address - segment.address;
  return file.slice(segment.offset + inside, segment.size - inside);
}

/** The values of the dynamic section by key, in order. */
function readDynamic(section: Part): Map<number, number[]> {
  const values = new Map<number, number[]>();
  for (
    let at = 0;
    at + SIZES.dynamic <= section.length;
    at += SIZES.dynamic
  ) {
    const tag = section.u64(at);
    if (tag === DT.null) break;
    const list = values.get(tag) ?? [];
    list.push(section.u64(at + 8));
    values.set(tag, list);
  }
  return values;
}

/** Folders of a run path; an empty one means the working directory. */
function splitPath(path: string | undefined): string[] {
  return path === undefined ? [] : path.split(":");
}

/** The chains of `Elf64_Verneed` and `Elf64_Vernaux`: offsets are relative and go forward. */
function readVersionNeeds(
  table: Part,
  count: number,
  strings: Part,
): Map<string, string[]> {
  const needs = new Map<string, string[]>();
  for (let left = count, at = 0; left > 0; left--) {
    const library = strings.text(table.u32(at + 4));
    const versions = needs.get(library) ?? [];
    let aux = at + table.u32(at + 8);
    for (let more = table.u16(at + 2); more > 0; more--) {
      versions.push(strings.text(table.u32(aux + 8)));
      const next = table.u32(aux + 12);
      if (next === 0) break;
      aux += next;
    }
    needs.set(library, versions);
    const next = table.u32(at + 12);
    if (next === 0) break;
    at += next;
  }
  return needs;
}

type DynamicFacts = Pick<
  ElfFile,
  "dynamic" | "needed" | "soname" | "rpath" | "runpath" | "versionNeeds"
>;

function readDynamicFacts(
  file: Part,
  segments: readonly Segment[],
): DynamicFacts {
  const segment = segments.find((it) => it.type === PT.dynamic);
  const none = {
    dynamic: false,
    needed: [],
    rpath: [],
    runpath: [],
    versionNeeds: new Map<string, string[]>(),
  };
  if (segment === undefined) return none;
  const values = readDynamic(file.slice(segment.offset, segment.size));
  const first = (tag: number) => values.get(tag)?.[0];
  const stringsAt = first(DT.strings);
  // A static program that may be loaded anywhere has a section, and no names.
  if (stringsAt === undefined) return none;
  const strings = partAt(file, segments, stringsAt)
    .slice(0, first(DT.stringsSize) ?? 0);
  const textOf = (tag: number) => {
    const offset = first(tag);
    return offset === undefined ? undefined : strings.text(offset);
  };
  const soname = textOf(DT.soname);
  const versionsAt = first(DT.versionNeeds);
  return {
    dynamic: true,
    needed: (values.get(DT.needed) ?? []).map((at) => strings.text(at)),
    ...soname === undefined ? {} : { soname },
    rpath: splitPath(textOf(DT.rpath)),
    runpath: splitPath(textOf(DT.runpath)),
    versionNeeds: versionsAt === undefined
      ? none.versionNeeds
      : readVersionNeeds(
        partAt(file, segments, versionsAt),
        first(DT.versionNeedsCount) ?? 0,
        strings,
      ),
  };
}

function roundUp(length: number, unit: number): number {
  return Math.ceil(length / unit) * unit;
}

/** The level in an array of properties, each padded to 8 bytes. */
function levelOfProperties(properties: Part): number | undefined {
  for (let at = 0; at + 8 <= properties.length;) {
    const size = properties.u32(at + 4);
    if (properties.u32(at) === GNU_PROPERTY_X86_ISA_1_NEEDED && size >= 4) {
      const bits = properties.u32(at + 8);
      // Bit 0 is the baseline, bit 1 x86-64-v2 and so on.
      return bits === 0 ? undefined : 32 - Math.clz32(bits);
    }
    at += 8 + roundUp(size, 8);
  }
  return undefined;
}

function readX86Level(
  file: Part,
  segments: readonly Segment[],
): number | undefined {
  for (const segment of segments) {
    if (segment.type !== PT.property && segment.type !== PT.note) continue;
    const notes = file.slice(segment.offset, segment.size);
    for (let at = 0; at + SIZES.note <= notes.length;) {
      const nameSize = notes.u32(at);
      const size = notes.u32(at + 4);
      const start = at + SIZES.note + roundUp(nameSize, 4);
      const isProperty = notes.u32(at + 8) === NT_GNU_PROPERTY_TYPE_0 &&
        nameSize === 4 && notes.text(at + SIZES.note) === "GNU";
      if (isProperty) {
        const level = levelOfProperties(notes.slice(start, size));
        if (level !== undefined) return level;
      }
      at = start + roundUp(size, isProperty ? 8 : 4);
    }
  }
  return undefined;
}

function readElf(bytes: Uint8Array): ElfFile {
  const bits = bytes[4] === 1 ? 32 : bytes[4] === 2 ? 64 : undefined;
  if (bits === undefined || (bytes[5] !== 1 && bytes[5] !== 2)) {
    throw new Malformed("its class or byte order is unknown");
  }
  const file = new Part(bytes, bytes[5] === 1);
  const machine = file.u16(18);
  const head = {
    bits,
    machine: MACHINES[machine] ?? `machine ${machine}`,
    type: TYPES[file.u16(16)] ?? "unknown",
  } as const;
  if (bits === 32 || bytes[5] !== 1) {
    return {
      ...head,
      dynamic: false,
      needed: [],
      rpath: [],
      runpath: [],
      versionNeeds: new Map(),
    };
  }
  const segments = readSegments(file);
  const interpreter = segments.find((it) => it.type === PT.interpreter);
  const x86Level = head.machine === "x86_64"
    ? readX86Level(file, segments)
    : undefined;
  return {
    ...head,
    ...readDynamicFacts(file, segments),
    ...interpreter === undefined ? {} : {
      interpreter: file.slice(interpreter.offset, interpreter.size).text(0),
    },
    ...x86Level === undefined ? {} : { x86Level },
  };
}

/**
 * Reads an ELF file, whole in memory.
 *
 * @returns What is wrong with it, where it is not sound; nothing is thrown.
 */
export function parseElf(bytes: Uint8Array): ElfFile | BrokenElf {
  if (!isElf(bytes)) return { broken: "it is no ELF file" };
  try {
    return readElf(bytes);
  } catch (error) {
    if (error instanceof Malformed) return { broken: error.message };
    throw error;
  }
}
