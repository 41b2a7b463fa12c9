import { assertEquals } from "@std/assert";
import { formatVolumeName, parseVolumeName } from "../lib/volume_name.ts";

Deno.test("parseVolumeName() reads what formatVolumeName() writes", async (t) => {
  const cases = {
    "backendai-krunner.v6.x86_64.ubuntu18.04": [6, "x86_64", "ubuntu18.04"],
    "backendai-krunner.v12.aarch64.static-gnu": [12, "aarch64", "static-gnu"],
    "backendai-krunner.v1.x86_64.musllinux_1_2": [
      1,
      "x86_64",
      "musllinux_1_2",
    ],
  } as const;
  for (const [name, expected] of Object.entries(cases)) {
    await t.step(name, () => {
      const [version, arch, distroVersion] = expected;
      const parts = { version, arch, distroVersion };
      assertEquals(parseVolumeName(name), parts);
      assertEquals(formatVolumeName(parts), name);
    });
  }
});

Deno.test("parseVolumeName() takes no other names", () => {
  for (
    const name of [
      "backendai-krunner",
      "backendai-krunner.v.x86_64.debian12",
      "backendai-krunner.v0.x86_64.debian12",
      "backendai-krunner.v01.x86_64.debian12",
      "backendai-krunner.v1.x86_64",
      "backendai-krunner.v1.x86_64.",
      "my-backendai-krunner.v1.x86_64.debian12",
    ]
  ) assertEquals(parseVolumeName(name), undefined, name);
});
