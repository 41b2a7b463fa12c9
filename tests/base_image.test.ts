import { assertEquals, assertRejects } from "@std/assert";
import { type BasePlan, provideBase } from "../lib/base_image.ts";
import { Engine } from "../lib/engine.ts";
import { CancelledError, KrunnerError } from "../lib/errors.ts";

/** An engine with some images, that can pull some. */
class FakeEngine extends Engine {
  readonly commands: string[] = [];
  readonly #local: Set<string>;
  readonly #registry: readonly string[];

  constructor(
    local: readonly string[],
    registry: readonly string[],
    signal?: AbortSignal,
  ) {
    super("docker", signal);
    this.#local = new Set(local);
    this.#registry = registry;
  }

  override imageId(reference: string): Promise<string | undefined> {
    return Promise.resolve(
      this.#local.has(reference) ? `sha256:${reference}` : undefined,
    );
  }

  override imagePlatform(reference: string): Promise<string> {
    return Promise.resolve(
      reference.endsWith("@x86_64") ? "linux/amd64" : "linux/arm64",
    );
  }

  override run(args: readonly string[], action: string): Promise<string> {
    this.commands.push(args.join(" "));
    const reference = args.at(-1) ?? "";
    if (!this.#registry.includes(reference)) {
      return Promise.reject(this.failure(action, "no such host"));
    }
    this.#local.add(reference);
    return Promise.resolve("");
  }
}

const PLAN: BasePlan = {
  reference: "debian:12-slim",
  policy: "auto",
  bootstrap: { suite: "bookworm" },
  bootstrapped: "krunner-base:debian12",
};

/** Provides a base image for another platform: that is never bootstrapped. */
async function provide(engine: Engine, plan: Partial<BasePlan> = {}) {
  const notices: string[] = [];
  const record = await provideBase(engine, { ...PLAN, ...plan }, {
    onNotice: (line) => notices.push(line),
    log: "/no/such/folder/base.log",
    platform: "linux/arm64",
  });
  return { record, notices };
}

Deno.test("provideBase() prefers what the engine has", async (t) => {
  const both = ["debian:12-slim", "krunner-base:debian12"];
  const cases: [BasePlan["policy"], string[], string][] = [
    ["auto", both, "debian:12-slim"],
    ["auto", ["krunner-base:debian12"], "krunner-base:debian12"],
    ["registry", both, "debian:12-slim"],
    ["bootstrap", both, "krunner-base:debian12"],
  ];
  for (const [policy, local, reference] of cases) {
    await t.step(`${policy}, ${local.length} images`, async () => {
      const engine = new FakeEngine(local, []);
      assertEquals(await provide(engine, { policy }), {
        record: { reference, id: `sha256:${reference}` },
        notices: [],
      });
      assertEquals(engine.commands, []);
    });
  }
});

Deno.test("provideBase() passes over a local image for another platform", async () => {
  const engine = new FakeEngine(["debian@x86_64", "krunner-base:debian12"], []);
  const { record } = await provide(engine, { reference: "debian@x86_64" });
  assertEquals(record.reference, "krunner-base:debian12");
});

Deno.test("provideBase() pulls what the engine has not", async (t) => {
  for (const policy of ["auto", "registry"] as const) {
    await t.step(policy, async () => {
      const engine = new FakeEngine([], ["debian:12-slim"]);
      assertEquals(await provide(engine, { policy }), {
        record: { reference: "debian:12-slim", id: "sha256:debian:12-slim" },
        notices: ['Pulling the base image "debian:12-slim"'],
      });
      assertEquals(engine.commands, [
        "pull --quiet --platform linux/arm64 debian:12-slim",
      ]);
    });
  }
  await t.step("registry, though one was bootstrapped", async () => {
    const engine = new FakeEngine(["krunner-base:debian12"], [
      "debian:12-slim",
    ]);
    const { record } = await provide(engine, { policy: "registry" });
    assertEquals(record.reference, "debian:12-slim");
  });
});

Deno.test("provideBase() says why there is no base image", async (t) => {
  const { bootstrap: _, ...unknown } = PLAN;
  const advice = 'load it into the engine, or name another with "--base-image"';
  const refused =
    'Cannot get the base image "debian:12-slim": Cannot pull the base image "debian:12-slim": docker says: no such host';
  const arm =
    'Cannot bootstrap "krunner-base:debian12" for linux/arm64: debootstrap makes images for this host\'s own arch here; name an image with "--base-image"';
  const cases: [string, BasePlan, string][] = [
    ["registry", { ...PLAN, policy: "registry" }, `${refused}; ${advice}`],
    ["nobody knows how", unknown, `${refused}; ${advice}`],
    [
      "nobody knows how, and no registry",
      { ...unknown, policy: "bootstrap" },
      `Cannot get the base image "debian:12-slim": no suite to bootstrap is known for it in krunner.json; ${advice}`,
    ],
    ["another arch", PLAN, arm],
    ["another arch, and no registry", { ...PLAN, policy: "bootstrap" }, arm],
  ];
  for (const [name, plan, message] of cases) {
    await t.step(name, async () => {
      const error = await assertRejects(
        () =>
          provideBase(new FakeEngine([], []), plan, {
            onNotice: () => {},
            log: "/no/such/folder/base.log",
            platform: "linux/arm64",
          }),
        KrunnerError,
      );
      assertEquals(error.message, message);
    });
  }
});

Deno.test("provideBase() goes on to bootstrap with a notice", async () => {
  const notices: string[] = [];
  await assertRejects(() =>
    provideBase(new FakeEngine([], []), PLAN, {
      onNotice: (line) => notices.push(line),
      log: "/no/such/folder/base.log",
      platform: "linux/arm64",
    })
  );
  assertEquals(notices, [
    'Pulling the base image "debian:12-slim"',
    'Cannot pull the base image "debian:12-slim": docker says: no such host; bootstrapping it instead',
  ]);
});

Deno.test("provideBase() does not bootstrap after it was cancelled", async () => {
  const controller = new AbortController();
  const engine = new FakeEngine([], [], controller.signal);
  await assertRejects(
    () =>
      provideBase(engine, PLAN, {
        onNotice: () => controller.abort(),
        log: "/no/such/folder/base.log",
        signal: controller.signal,
      }),
    CancelledError,
  );
});
