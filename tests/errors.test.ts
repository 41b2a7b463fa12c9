import { assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import {
  CancelledError,
  describeError,
  fileError,
  KrunnerError,
  UsageError,
} from "../lib/errors.ts";
import { tempDir } from "./package_fixture.ts";

/** What the system throws for a file operation. */
async function thrownBy(operation: () => Promise<unknown>): Promise<unknown> {
  try {
    await operation();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

async function fillDevice(): Promise<void> {
  using full = await Deno.open("/dev/full", { write: true });
  await full.write(new Uint8Array(1));
}

Deno.test("describeError() gives one message and an exit code", async (t) => {
  using dir = tempDir();
  const gone = `${dir.path}/gone`;
  const cases: [string, unknown, { message: string; exitCode: number }][] = [
    ["a failure", new KrunnerError("Cannot x"), {
      message: "Cannot x",
      exitCode: 1,
    }],
    ["wrong usage", new UsageError("Cannot y"), {
      message: "Cannot y",
      exitCode: 2,
    }],
    ["a cancelled run", new CancelledError("Cancelled"), {
      message: "Cancelled",
      exitCode: 1,
    }],
    ["a permission", new Deno.errors.NotCapable("Requires run access"), {
      message: "Requires run access",
      exitCode: 1,
    }],
    ["a missing file", await thrownBy(() => Deno.stat(gone)), {
      message: `No such file or directory (os error 2): stat '${gone}'`,
      exitCode: 1,
    }],
    ["a folder for a file", await thrownBy(() => Deno.readFile(dir.path)), {
      message: `Is a directory (os error 21): readfile '${dir.path}'`,
      exitCode: 1,
    }],
    ["a full disk", await thrownBy(fillDevice), {
      message: "No space left on device (os error 28)",
      exitCode: 1,
    }],
    ["no error at all", "words", {
      message: "This is a bug in krunner: words",
      exitCode: 1,
    }],
  ];
  for (const [name, error, expected] of cases) {
    await t.step(name, () => assertEquals(describeError(error), expected));
  }
});

Deno.test("describeError() shows the stack of a bug", () => {
  for (
    const error of [
      new TypeError("x is not a function"),
      Object.assign(new TypeError("bad"), { code: "ERR_INVALID_ARG_TYPE" }),
    ]
  ) {
    const { message, exitCode } = describeError(error);
    assertEquals(exitCode, 1);
    assertMatch(message, /^This is a bug in krunner: TypeError: .*\n +at /);
  }
});

Deno.test("fileError() says what to do about a file", async (t) => {
  using dir = tempDir({ file: "" });
  const cases: [string, () => Promise<unknown>, "read" | "write", string][] = [
    [
      "gone",
      () => Deno.stat(`${dir.path}/gone`),
      "read",
      'Cannot read "F": no such file or directory; see that it is a file that you may read',
    ],
    [
      "a folder",
      () => Deno.readFile(dir.path),
      "read",
      'Cannot read "F": is a directory; see that it is a file that you may read',
    ],
    [
      "no folder",
      () => Deno.writeTextFile(`${dir.path}/gone/x`, ""),
      "write",
      'Cannot write "F": no such file or directory; see that its folder exists and that you may write there',
    ],
    [
      "below a file",
      () => Deno.writeTextFile(`${dir.path}/file/x`, ""),
      "write",
      'Cannot write "F": not a directory; see that its folder exists and that you may write there',
    ],
    [
      "a full disk",
      fillDevice,
      "write",
      'Cannot write "F": no space is left on the device; free some space there',
    ],
  ];
  for (const [name, operation, action, message] of cases) {
    await t.step(name, async () => {
      const cause = await thrownBy(operation);
      const error = fileError(action, "F", cause);
      assertInstanceOf(error, KrunnerError);
      assertEquals(error.message, message);
      assertEquals(error.cause, cause);
    });
  }
});

Deno.test("fileError() leaves other errors alone", () => {
  for (const error of [new KrunnerError("x"), new TypeError("y"), "z"]) {
    assertEquals(fileError("read", "F", error), error);
  }
});
