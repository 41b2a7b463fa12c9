import { assertEquals, assertRejects } from "@std/assert";
import { Engine, type EngineInfo } from "../lib/engine.ts";
import { KrunnerError } from "../lib/errors.ts";
import { findBottom, findForeignImages } from "../lib/foreign_images.ts";
import { provideForeignImage } from "../lib/provide_foreign.ts";
import { readStageFile } from "../lib/stage_file.ts";

const ARM = "linux/arm64";

/** An engine with `a:1` for x86_64, at whose registry there is `a:1` or nothing. */
class FakeEngine extends Engine {
  readonly commands: string[] = [];
  readonly #registry: boolean;

  constructor(registry: boolean) {
    super("docker");
    this.#registry = registry;
  }

  override imageId(reference: string): Promise<string | undefined> {
    return Promise.resolve(reference === "a:1" ? "sha256:1" : undefined);
  }

  override imagePlatform(): Promise<string> {
    return Promise.resolve("linux/amd64");
  }

  override run(args: readonly string[], action: string): Promise<string> {
    this.commands.push(args.join(" "));
    if (this.#registry) return Promise.resolve("");
    throw this.failure(action, "Error response from daemon: no such host");
  }

  override info(): Promise<EngineInfo> {
    return Promise.resolve({ version: "1", arch: "x86_64" });
  }
}

async function provide(
  engine: FakeEngine,
  reference: string,
  platform?: string,
): Promise<string[]> {
  const notices: string[] = [];
  await provideForeignImage(engine, reference, {
    where: "D",
    platform,
    onNotice: (line) => notices.push(line),
  });
  return notices;
}

Deno.test("provideForeignImage() pulls what the engine has not", async (t) => {
  const cases: [string, string, string | undefined, string[]][] = [
    ["what it has", "a:1", undefined, []],
    ["what it has not", "b:1", undefined, ["pull --quiet b:1"]],
    ["what it has for another platform", "a:1", ARM, [
      `pull --quiet --platform ${ARM} a:1`,
    ]],
  ];
  for (const [name, reference, platform, commands] of cases) {
    await t.step(name, async () => {
      const engine = new FakeEngine(true);
      assertEquals(
        await provide(engine, reference, platform),
        commands.map(() => `Pulling the image "${reference}"`),
      );
      assertEquals(engine.commands, commands);
    });
  }
});

Deno.test("provideForeignImage() says which dockerfile wants the image", async () => {
  const error = await assertRejects(
    () => provide(new FakeEngine(false), "b:1"),
    KrunnerError,
  );
  assertEquals(
    error.message,
    'Cannot build with "D", which is made from the image "b:1": Cannot get the image "b:1": docker says: no such host; load it into the engine with "docker load", or make its registry reachable',
  );
});

Deno.test("findForeignImages() names each once, and no stage's", () => {
  const stage = (name: string, text: string) => ({
    name,
    file: readStageFile(text, name, {}),
  });
  assertEquals(
    findForeignImages(
      [
        stage("wheels", "FROM quay.io/pypa/many AS x\nFROM x\n"),
        stage(
          "python",
          "FROM ubuntu:20.04\nCOPY --from=quay.io/pypa/many / /\n",
        ),
        stage("env", "FROM own-wheels:1 AS w\nFROM own-python:1\n"),
      ],
      (reference) => reference.startsWith("own-"),
    ),
    [
      { reference: "quay.io/pypa/many", dockerfile: "wheels" },
      { reference: "ubuntu:20.04", dockerfile: "python" },
    ],
  );
});

Deno.test("findBottom() goes through all stages", () => {
  const file = (text: string) => readStageFile(text, "F", {});
  const stages: Record<string, ReturnType<typeof file>> = {
    "own-env": file("FROM other AS x\nFROM own-python\nCOPY --from=x / /\n"),
    "own-python": file("FROM own-toolchain AS y\nFROM y\n"),
    "own-toolchain": file("FROM ubuntu:20.04\n"),
  };
  assertEquals(
    findBottom(stages["own-env"]!, (image) => stages[image]),
    "ubuntu:20.04",
  );
});
