import { assert, assertEquals } from "@std/assert";
import { isElf, parseElf } from "../lib/elf.ts";
import { elfOf } from "./elf_builder.ts";

Deno.test("parseElf() reads what a loader looks at", () => {
  const file = elfOf({
    interpreter: "/lib64/ld-linux-x86-64.so.2",
    needed: ["libz.so.1", "libc.so.6"],
    soname: "libx.so.1",
    rpath: "/old",
    runpath: "$ORIGIN/../krunner:$ORIGIN",
    versions: {
      "libc.so.6": ["GLIBC_2.34", "GLIBC_2.2.5"],
      "libz.so.1": ["ZLIB_1.2.9"],
    },
    x86Level: 3,
  });
  assert(isElf(file));
  assertEquals(parseElf(file), {
    bits: 64,
    machine: "x86_64",
    type: "shared object",
    interpreter: "/lib64/ld-linux-x86-64.so.2",
    dynamic: true,
    needed: ["libz.so.1", "libc.so.6"],
    soname: "libx.so.1",
    rpath: ["/old"],
    runpath: ["$ORIGIN/../krunner", "$ORIGIN"],
    versionNeeds: new Map([
      ["libc.so.6", ["GLIBC_2.34", "GLIBC_2.2.5"]],
      ["libz.so.1", ["ZLIB_1.2.9"]],
    ]),
    x86Level: 3,
  });
});

const NOTHING = {
  dynamic: false,
  needed: [],
  rpath: [],
  runpath: [],
  versionNeeds: new Map(),
};

Deno.test("parseElf() reads static files, and headers of other machines", () => {
  assertEquals(parseElf(elfOf({ isStatic: true, type: 2, machine: 183 })), {
    bits: 64,
    machine: "aarch64",
    type: "executable",
    ...NOTHING,
  });
  const narrow = elfOf({ machine: 3 });
  narrow[4] = 1;
  assertEquals(parseElf(narrow), {
    bits: 32,
    machine: "i386",
    type: "shared object",
    ...NOTHING,
  });
  const bigEndian = elfOf();
  bigEndian[5] = 2;
  bigEndian.set([0, 3, 0, 22], 16);
  assertEquals(parseElf(bigEndian), {
    bits: 64,
    machine: "s390x",
    type: "shared object",
    ...NOTHING,
  });
  assertEquals(parseElf(elfOf({ isStatic: true, machine: 999, type: 9 })), {
    bits: 64,
    machine: "machine 999",
    type: "unknown",
    ...NOTHING,
  });
});

Deno.test("parseElf() tells what is wrong with a broken file", () => {
  const ended = { broken: "it ends early, or points behind its end" };
  const whole = elfOf({ needed: ["libc.so.6"] });
  const changed = (offset: number, ...bytes: number[]) => {
    const file = whole.slice();
    file.set(bytes, offset);
    return file;
  };
  assertEquals(parseElf(new Uint8Array()), { broken: "it is no ELF file" });
  assertEquals(parseElf(whole.slice(0, 4)), {
    broken: "its class or byte order is unknown",
  });
  assertEquals(parseElf(whole.slice(0, 40)), ended);
  assertEquals(parseElf(whole.slice(0, -8)), ended);
  assertEquals(parseElf(changed(54, 8)), {
    broken: "its program headers are too short",
  });
  // The first segment no longer holds the address of the names.
  assertEquals(parseElf(changed(64, 0)), {
    broken: "an address is in no segment",
  });
});

Deno.test("parseElf() never throws, whatever byte is wrong", () => {
  const whole = elfOf({
    interpreter: "/lib/ld.so",
    needed: ["liba.so"],
    versions: { "liba.so": ["A_1", "A_2"] },
    x86Level: 2,
  });
  for (let length = 0; length < whole.length; length++) {
    parseElf(whole.subarray(0, length));
  }
  for (let offset = 4; offset < whole.length; offset++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const file = whole.slice();
      file[offset] = value;
      parseElf(file);
    }
  }
});
