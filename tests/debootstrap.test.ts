import { assertEquals } from "@std/assert";
import { withSuites } from "../lib/bootstrap.ts";
import { explainFault } from "../lib/debootstrap.ts";

Deno.test("explainFault() says what to do about what debootstrap said", async (t) => {
  const first = "debootstrap ended with exit code 1";
  const cases: [string, string, string][] = [
    [
      "no keyring of Ubuntu on Debian",
      `I: Keyring file not available
W: Cannot check Release signature; keyring file not available /usr/share/keyrings/ubuntu-archive-keyring.gpg
E: Keyring-based check was requested; aborting accordingly`,
      'the keyring "/usr/share/keyrings/ubuntu-archive-keyring.gpg" is not on this host, and nothing is taken unchecked; install the package "ubuntu-keyring" (Ubuntu, Debian 13 and later), name a copy of the file with "--keyring", or an image with "--base-image"',
    ],
    [
      "no keyring of Debian on Ubuntu",
      "W: Cannot check Release signature; keyring file not available /usr/share/keyrings/debian-archive-keyring.gpg",
      'the keyring "/usr/share/keyrings/debian-archive-keyring.gpg" is not on this host, and nothing is taken unchecked; install the package "debian-archive-keyring", name a copy of the file with "--keyring", or an image with "--base-image"',
    ],
    [
      "a foreign key, as gpgv says it",
      "E: Release signed by unknown key (key id 6ED0E7B82643E131)\n   The specified keyring /k.gpg may be incorrect or out of date.",
      'the archive is signed with a key (6ED0E7B82643E131) that is not in the keyring "/k.gpg"; name the archive\'s own with "--keyring"',
    ],
    [
      "a foreign key, as sqv says it",
      "E: Release signed by unknown key\n   The specified keyring",
      'the archive is signed with a key (unknown) that is not in the keyring "/k.gpg"; name the archive\'s own with "--keyring"',
    ],
    [
      "a temporary folder without devices",
      "E: Cannot install into target '/tmp/x/root' mounted with noexec or nodev",
      "Cannot install into target '/tmp/x/root' mounted with noexec or nodev; set TMPDIR to a folder of another file system",
    ],
    [
      "another error",
      "I: x\nW: first\nE: one\nE: Couldn't download packages: x",
      `${first} (Couldn't download packages: x)`,
    ],
    [
      "only warnings",
      "W: Failure while configuring base packages.\nW: See the log",
      `${first} (Failure while configuring base packages.)`,
    ],
    ["nothing", "", first],
  ];
  for (const [name, output, words] of cases) {
    await t.step(name, () => {
      assertEquals(explainFault(`${first}\n${output}`, "/k.gpg"), words);
    });
  }
});

Deno.test("withSuites() adds suites of the mirror that is there", () => {
  const list = "deb http://m/d bookworm main contrib\n";
  const suite = "bookworm";
  assertEquals(withSuites(list, { suite }), list);
  assertEquals(
    withSuites(list, { suite, extraSuites: ["bookworm-updates", "x"] }),
    `${list}deb http://m/d bookworm-updates main contrib
deb http://m/d x main contrib
`,
  );
});
