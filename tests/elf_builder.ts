/**
 * ELF files for tests: as much of one as a loader looks at, and no code.
 *
 * @module
 */

import { concat } from "./tar_builder.ts";

/** What an ELF file is to say of itself; all of it may be left out. */
export interface TestElf {
  /** `e_machine`; 62 (x86-64) by default. */
  machine?: number;
  /** `e_type`; 3 (shared object) by default. */
  type?: number;
  interpreter?: string;
  needed?: string[];
  soname?: string;
  rpath?: string;
  runpath?: string;
  /** Symbol versions by library. */
  versions?: Record<string, string[]>;
  /** The x86-64 level that its property note says it needs. */
  x86Level?: number;
  /** Whether it is static: without a dynamic section. */
  isStatic?: boolean;
}

const encoder = new TextEncoder();

/** Little-endian numbers of the given widths in bytes. */
function numbers(
  ...values: readonly (readonly [value: number, width: 2 | 4 | 8])[]
): Uint8Array<ArrayBuffer> {
  return concat(values.map(([value, width]) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
    return bytes.slice(0, width);
  }));
}

/** A string table that is filled on the way. */
class Strings {
  #bytes = new Uint8Array(1);

  add(text: string): number {
    const offset = this.#bytes.length;
    this.#bytes = concat([this.#bytes, encoder.encode(`${text}\0`)]);
    return offset;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }
}

function versionTable(
  versions: Readonly<Record<string, string[]>>,
  strings: Strings,
): Uint8Array {
  const rows = Object.entries(versions);
  return concat(rows.map(([library, names], index) => {
    const size = 16 + 16 * names.length;
    const isLast = index === rows.length - 1;
    return concat([
      numbers(
        [1, 2],
        [names.length, 2],
        [strings.add(library), 4],
        [16, 4],
        [isLast ? 0 : size, 4],
      ),
      ...names.map((name, at) =>
        numbers(
          [0, 4],
          [0, 2],
          [2, 2],
          [strings.add(name), 4],
          [at === names.length - 1 ? 0 : 16, 4],
        )
      ),
    ]);
  }));
}

function propertyNote(level: number): Uint8Array {
  return concat([
    numbers([4, 4], [16, 4], [5, 4]),
    encoder.encode("GNU\0"),
    numbers([0xc0008002, 4], [4, 4], [1 << (level - 1), 4], [0, 4]),
  ]);
}

/** The bytes of an ELF file for 64-bit little-endian machines. */
export function elfOf(elf: TestElf = {}): Uint8Array<ArrayBuffer> {
  const strings = new Strings();
  const entries: [number, number][] = [
    ...(elf.needed ?? []).map((name): [number, number] => [
      1,
      strings.add(name),
    ]),
    ...elf.soname === undefined
      ? []
      : [[14, strings.add(elf.soname)] as [number, number]],
    ...elf.rpath === undefined
      ? []
      : [[15, strings.add(elf.rpath)] as [number, number]],
    ...elf.runpath === undefined
      ? []
      : [[29, strings.add(elf.runpath)] as [number, number]],
  ];
  const versions = versionTable(elf.versions ?? {}, strings);
  const interpreter = encoder.encode(`${elf.interpreter ?? ""}\0`);
  const note = propertyNote(elf.x86Level ?? 1);
  const count = 5;
  const at = {
    interpreter: 64 + 56 * count,
    note: 0,
    versions: 0,
    strings: 0,
    dynamic: 0,
  };
  at.note = at.interpreter + interpreter.length;
  at.versions = at.note + note.length;
  at.strings = at.versions + versions.length;
  at.dynamic = at.strings + strings.bytes.length;
  // The addresses of what is loaded are its offsets, and this more.
  const base = 0x400000;
  const tables: [number, number][] = [
    ...entries,
    [5, base + at.strings],
    [10, strings.bytes.length],
    ...versions.length === 0 ? [] : [
      [0x6ffffffe, base + at.versions] as [number, number],
      [0x6fffffff, Object.keys(elf.versions ?? {}).length] as [number, number],
    ],
    [0, 0],
  ];
  const dynamic = concat(
    tables.map(([tag, value]) => numbers([tag, 8], [value, 8])),
  );
  const size = at.dynamic + dynamic.length;
  const segment = (type: number, offset: number, length: number) =>
    numbers(
      [type, 4],
      [4, 4],
      [offset, 8],
      [base + offset, 8],
      [base + offset, 8],
      [length, 8],
      [length, 8],
      [8, 8],
    );
  const unused = segment(0, 0, 0);
  return concat([
    new Uint8Array([
      0x7f,
      0x45,
      0x4c,
      0x46,
      2,
      1,
      1,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
    ]),
    numbers(
      [elf.type ?? 3, 2],
      [elf.machine ?? 62, 2],
      [1, 4],
      [0, 8],
      [64, 8],
      [0, 8],
      [0, 4],
      [64, 2],
      [56, 2],
      [count, 2],
      [64, 2],
      [0, 2],
      [0, 2],
    ),
    segment(1, 0, size),
    elf.isStatic ? unused : segment(2, at.dynamic, dynamic.length),
    elf.interpreter === undefined
      ? unused
      : segment(3, at.interpreter, interpreter.length),
    elf.x86Level === undefined ? unused : segment(4, at.note, note.length),
    unused,
    interpreter,
    note,
    versions,
    strings.bytes,
    dynamic,
  ]);
}
