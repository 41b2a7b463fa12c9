import { assertEquals, assertThrows } from "@std/assert";
import { KrunnerError } from "../lib/errors.ts";
import type { TarHeader } from "../lib/tar_header.ts";
import { compareNames, safeTarget, VolumeRules } from "../lib/volume_entry.ts";

const MOUNT = "/opt/backend.ai";

/** A header as an engine writes it, for a name below `backend.ai/`. */
function header(name: string, changes: Partial<TarHeader> = {}): TarHeader {
  const directory = name.endsWith("/");
  return {
    name: `backend.ai/${name}`,
    type: directory ? "directory" : "file",
    flag: directory ? "5" : "0",
    mode: directory ? 0o755 : 0o644,
    uid: 1000,
    gid: 1000,
    size: 0,
    mtime: 1.5,
    linkName: "",
    userName: "someone",
    groupName: "somebody",
    pax: new Map(),
    ...changes,
  };
}

function symlink(name: string, linkName: string): TarHeader {
  return header(name, { type: "symbolic link", flag: "2", linkName });
}

function hardLink(name: string, linkName: string): TarHeader {
  return header(name, { type: "hard link", flag: "1", linkName });
}

const ROOT = header("", { type: "directory", flag: "5" });

/** Puts headers through new rules; the last one's canonical form. */
function acceptAll(headers: TarHeader[]) {
  const rules = new VolumeRules(MOUNT);
  const entries = headers.map((header) => rules.accept(header));
  rules.finish();
  return entries.at(-1);
}

Deno.test("accept() brings entries into canonical form", async (t) => {
  const file = { type: "file", mode: 0o644, size: 0, link: "" };
  const cases: [string, TarHeader[], Record<string, unknown>][] = [
    ["the root", [], { ...file, name: "./", type: "directory" }],
    ["a file", [header("a", { size: 9, mode: 0o755 })], {
      ...file,
      name: "./a",
      mode: 0o755,
      size: 9,
    }],
    ["a directory without / at its end", [header("a", { type: "directory" })], {
      ...file,
      name: "./a/",
      type: "directory",
    }],
    ["a set-gid and sticky directory", [header("a/", { mode: 0o3775 })], {
      ...file,
      name: "./a/",
      type: "directory",
      mode: 0o775,
    }],
    ["a sticky file", [header("a", { mode: 0o1600 })], {
      ...file,
      name: "./a",
      mode: 0o600,
    }],
    ["a symbolic link of any mode", [
      header("a", { type: "symbolic link", linkName: "b", mode: 0 }),
    ], {
      ...file,
      name: "./a",
      type: "symbolic link",
      mode: 0o777,
      link: "b",
    }],
    ["an absolute link inside", [
      header("bin/"),
      symlink("bin/a", "/opt/backend.ai/lib/b"),
    ], {
      ...file,
      name: "./bin/a",
      type: "symbolic link",
      mode: 0o777,
      link: "../lib/b",
    }],
    ["a hard link", [header("a"), hardLink("b", "backend.ai/a")], {
      ...file,
      name: "./b",
      type: "hard link",
      link: "./a",
    }],
    ["other extended attributes", [
      header("a", { pax: new Map([["SCHILY.xattr.user.x", "y"]]) }),
    ], { ...file, name: "./a" }],
  ];
  for (const [title, headers, expected] of cases) {
    await t.step(title, () => {
      assertEquals<unknown>(acceptAll([ROOT, ...headers]), expected);
    });
  }
});

const ORDER =
  "; entries must come once, directories first, in the byte order of their names: use docker or podman";
const KINDS = "; a volume holds files, directories and links; remove it";
const NAMES =
  ': its name is not plainly below "backend.ai"; this is not how an engine\'s cp names entries';

Deno.test("accept() refuses what has no place in a volume", async (t) => {
  const named = (name: string) => [ROOT, { ...header("a"), name }];
  const cases: [string, TarHeader[], string][] = [
    ["an absolute name", named("/etc/passwd"), `"/etc/passwd"${NAMES}`],
    ["a climbing name", named("backend.ai/../x"), `"backend.ai/../x"${NAMES}`],
    ["a dot", named("backend.ai/./x"), `"backend.ai/./x"${NAMES}`],
    ["two slashes", named("backend.ai//x"), `"backend.ai//x"${NAMES}`],
    ["a NUL", named("backend.ai/\0"), `"backend.ai/\\u0000"${NAMES}`],
    ["another root", named("other/x"), `"other/x"${NAMES}`],
    ["a longer root", named("backend.ai2"), `"backend.ai2"${NAMES}`],
    ["no name", named(""), `""${NAMES}`],
    [
      "the root as a file",
      [header("")],
      '"/opt/backend.ai": it is a file; make it a directory',
    ],
    [
      "the root as a link",
      [symlink("", "other")],
      '"/opt/backend.ai": it is a symbolic link; make it a directory',
    ],
    ["the root twice", [ROOT, ROOT], `"./": it comes twice${ORDER}`],
    [
      "a file before the root",
      [header("a")],
      `"./a": its directory does not come before it${ORDER}`,
    ],
    [
      "a file before its directory",
      [ROOT, header("a/b")],
      `"./a/b": its directory does not come before it${ORDER}`,
    ],
    [
      "a file below a file",
      [ROOT, header("a"), header("a/b")],
      `"./a/b": its directory does not come before it${ORDER}`,
    ],
    [
      "a file below a link",
      [ROOT, symlink("a", "."), header("a/b")],
      `"./a/b": its directory does not come before it${ORDER}`,
    ],
    [
      "a file of a directory that was left",
      [ROOT, header("a/"), header("b"), header("a/c")],
      `"./a/c": its directory does not come before it${ORDER}`,
    ],
    [
      "a file twice",
      [ROOT, header("a"), header("a")],
      `"./a": it comes twice${ORDER}`,
    ],
    [
      "a directory as a file too",
      [ROOT, header("a/"), header("a/b"), header("a")],
      `"./a": it comes twice${ORDER}`,
    ],
    [
      "wrong order",
      [ROOT, header("d/"), header("d/b"), header("d/a")],
      `"./d/a": it comes after "./d/b"${ORDER}`,
    ],
    [
      "the order of UTF-16",
      [ROOT, header("\u{10000}"), header("\uFFFD")],
      `"./\uFFFD": it comes after "./\u{10000}"${ORDER}`,
    ],
    [
      "a set-uid file",
      [ROOT, header("su", { mode: 0o4755 })],
      '"./su": it is set-uid or set-gid; take that away with "chmod ug-s"',
    ],
    [
      "a set-gid file",
      [ROOT, header("sg", { mode: 0o2755 })],
      '"./sg": it is set-uid or set-gid; take that away with "chmod ug-s"',
    ],
    [
      "file capabilities",
      [
        ROOT,
        header("ping", {
          pax: new Map([["SCHILY.xattr.security.capability", "\x01"]]),
        }),
      ],
      '"./ping": it has file capabilities; take them away with "setcap -r"',
    ],
    [
      "a character device",
      [ROOT, header("null", { type: "character device" })],
      `"./null": it is a character device${KINDS}`,
    ],
    [
      "a block device",
      [ROOT, header("sda", { type: "block device" })],
      `"./sda": it is a block device${KINDS}`,
    ],
    [
      "a fifo",
      [ROOT, header("pipe", { type: "fifo" })],
      `"./pipe": it is a fifo${KINDS}`,
    ],
    [
      "an unknown type",
      [ROOT, header("s", { type: "unknown", flag: "S" })],
      `"./s": it is of the unknown type "S"${KINDS}`,
    ],
    ...[
      ["a directory", "backend.ai/d"],
      ["what comes later", "backend.ai/z"],
      ["itself", "backend.ai/h"],
      ["outside", "/etc/passwd"],
      ["the root", "backend.ai"],
      ["a link", "backend.ai/l"],
    ].map(([title, target = ""]): [string, TarHeader[], string] => [
      `a hard link to ${title}`,
      [ROOT, header("d/"), symlink("da", "d"), hardLink("h", target)],
      `"./h": it is a hard link to "${target}", which is no file that came before it; make it a file or a symbolic link`,
    ]),
  ];
  for (const [title, headers, message] of cases) {
    await t.step(title, () => {
      const error = assertThrows(() => acceptAll(headers), KrunnerError);
      assertEquals(error.message, `Cannot pack ${message}`);
    });
  }
});

Deno.test("finish() refuses a tree of nothing", () => {
  const error = assertThrows(() => acceptAll([]), KrunnerError);
  assertEquals(
    error.message,
    'Cannot pack "/opt/backend.ai": it is empty; see what the image holds',
  );
});

Deno.test("accept() takes the order in which Go walks a tree", () => {
  const names = [
    "a/",
    "a/x",
    "a/y/",
    "a/y/z",
    "a-b",
    "a.b",
    "ab",
    "é",
    "\u{10000}",
  ];
  assertEquals(
    acceptAll([ROOT, ...names.map((name) => header(name))])?.name,
    "./\u{10000}",
  );
});

Deno.test("safeTarget() keeps what stays inside and makes it relative", async (t) => {
  const cases: [string, string, string][] = [
    ["python3", "python3.11", "python3.11"],
    ["bin/a", "../lib/b", "../lib/b"],
    ["bin/a", "..", ".."],
    ["bin/a", ".././lib//b/", ".././lib//b/"],
    ["a", ".", "."],
    ["a", "..b", "..b"],
    ["a", "/opt/backend.ai", "."],
    ["a", "/opt/backend.ai/", "."],
    ["a/b", "/opt/backend.ai", ".."],
    ["a/b/c", "//opt/./backend.ai//a/d", "../d"],
    ["a/b/c", "/opt/backend.ai/a/b", "."],
    ["a/b/c", "/opt/backend.ai/x/y", "../../x/y"],
  ];
  for (const [link, target, expected] of cases) {
    await t.step(`${link} -> ${target}`, () => {
      assertEquals(safeTarget(link.split("/"), target, MOUNT), expected);
    });
  }
});

Deno.test("safeTarget() refuses what leads outside, or may", async (t) => {
  const outside = [
    ["a", ".."],
    ["a", "../backend.ai/b"],
    ["bin/a", "../../etc"],
    ["a", ""],
    ["a", "b\0c"],
    ["a", "/"],
    ["a", "/etc/passwd"],
    ["a", "/opt/backend.ai2"],
    ["a", "/opt"],
    ["a", "/opt/backend.ai/../x"],
  ];
  for (const [link = "", target = ""] of outside) {
    await t.step(`${link} -> ${target}`, () => {
      const error = assertThrows(
        () => safeTarget(link.split("/"), target, MOUNT),
        KrunnerError,
      );
      assertEquals(
        error.message,
        `Cannot pack "./${link}": it links to ${
          JSON.stringify(target)
        }, which is outside the volume; make the link relative and let it stay inside`,
      );
    });
  }
  for (const target of ["c/../d", "/opt/backend.ai/c/../d"]) {
    await t.step(`a .. behind a name: ${target}`, () => {
      const error = assertThrows(
        () => safeTarget(["a", "b"], target, MOUNT),
        KrunnerError,
      );
      assertEquals(
        error.message,
        `Cannot pack "./a/b": it links to "${target}", which has ".." behind a name; write the link's target without it`,
      );
    });
  }
});

Deno.test("compareNames() orders by UTF-8 bytes", () => {
  const names = [
    "",
    "A",
    "a",
    "a-b",
    "a.b",
    "a/b",
    "ab",
    "é",
    "\uFFFD",
    "\u{10000}",
  ];
  assertEquals([...names].reverse().sort(compareNames), names);
  assertEquals(compareNames("a", "a"), 0);
});
