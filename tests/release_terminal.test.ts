/**
 * The real twine in a terminal, where it asks for a name and a password.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { makeWheels } from "../lib/wheel/make.ts";
import { LOGIN, PackageIndexServer } from "./package_index.ts";
import { Terminal } from "./shell_fixture.ts";
import { wheelFixture } from "./wheel_fixture.ts";
import { writeFiles } from "./package_fixture.ts";

const LIB = new URL("../lib/", import.meta.url).href;
const CONFIG = new URL("../deno.json", import.meta.url).pathname;

/** Uploads a file, and ends with 0 if that worked. */
const SCRIPT = `
import { uploadCommand, uploadFile } from "${LIB}release/twine.ts";
const [url = "", path = ""] = Deno.args;
// Nobody's own settings.
const argv = ["env", "-u", "TWINE_USERNAME", "-u", "TWINE_PASSWORD",
  "HOME=/nonexistent", "twine"];
const twine = { argv, version: "" };
const options = ["--repository-url", url];
const command = uploadCommand(twine, options, path, true);
const fault = await uploadFile(command, true, new AbortController().signal);
if (fault !== undefined) throw new Error(fault);
`;

Deno.test("uploadFile() shows what twine asks on a terminal", async () => {
  await using index = new PackageIndexServer();
  using fixture = await wheelFixture();
  writeFiles(fixture.path, { "upload.ts": SCRIPT });
  const [, sdist] = await makeWheels(await fixture.open(), fixture.options);
  const words = [
    ...[Deno.execPath(), "run", "-q", "-A", "--config", CONFIG],
    ...[`${fixture.path}/upload.ts`, index.uploadUrl, sdist!.path],
  ];
  const terminal = new Terminal(
    words.map((word) => `'${word}'`).join(" "),
    fixture.path,
    {
      PYTHON_KEYRING_BACKEND: "keyring.backends.null.Keyring",
    },
  );
  await terminal.saw(/Enter your username: /);
  await terminal.send(`${LOGIN.username}\r`);
  await terminal.saw(/Enter your password: /);
  await terminal.send(`${LOGIN.password}\r`);
  assertEquals(await terminal.end(), 0);
  assertEquals(index.stored, [sdist!.path.replace(/^.*\//, "")]);
});
