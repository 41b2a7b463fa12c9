import { assertEquals, assertRejects } from "@std/assert";
import type { Builder, BuilderKind } from "../lib/builder.ts";
import { KrunnerError } from "../lib/errors.ts";
import { type FrontendNeeds, settleFrontend } from "../lib/frontend.ts";
import { ScriptedEngine } from "./scripted_engine.ts";

/** An engine that has the image `here/it:1`, reaches no registry, and builds or not. */
class OfflineEngine extends ScriptedEngine {
  constructor({ builds }: { builds: boolean }) {
    super(
      `cat >/dev/null; case "$*" in *"--tag krunner-probe:k -") exit ${
        builds ? 0 : 1
      } ;; esac`,
    );
  }

  override imageId(reference: string): Promise<string | undefined> {
    return Promise.resolve(
      reference === "here/it:1" ? "sha256:1" : undefined,
    );
  }

  override async run(args: readonly string[]): Promise<string> {
    if (args[0] !== "pull") return await super.run(args);
    throw new KrunnerError(
      `Cannot get the image "${args.at(-1)}": docker says: no such host`,
    );
  }
}

const HEREDOC = { feature: "here-document", line: 5 } as const;
const MOUNT = { feature: "mount", line: 3 } as const;
const OFFICIAL = "docker/dockerfile-upstream:1-labs";

async function settle(
  kind: BuilderKind,
  needs: Omit<FrontendNeeds, "where" | "key">,
  { builds = true } = {},
): Promise<[how: string, notices: string[]]> {
  const builder: Builder = { kind, args: ["build"], env: {} };
  const notices: string[] = [];
  const how = await settleFrontend(
    new OfflineEngine({ builds }),
    builder,
    { ...needs, where: "D", key: "k" },
    (line) => notices.push(line),
  );
  return [how, notices];
}

Deno.test("settleFrontend() takes the frontend that is to be had", async (t) => {
  const notice =
    `Cannot get the image "${OFFICIAL}": docker says: no such host; the builder's own frontend reads "D" instead`;
  const cases: [
    string,
    BuilderKind,
    Omit<FrontendNeeds, "where" | "key">,
    [string, string[]],
  ][] = [
    ["nothing special", "buildx", {}, ["as written", []]],
    ["a mount", "buildkit", { buildKitOnly: MOUNT }, ["as written", []]],
    ["a here-document", "buildx", { buildKitOnly: HEREDOC }, [
      "as written",
      [],
    ]],
    ["a frontend in the engine", "buildkit", {
      syntax: "here/it:1",
      buildKitOnly: HEREDOC,
    }, ["as written", []]],
    ["Docker's frontend", "buildx", { syntax: OFFICIAL }, [
      "without syntax",
      [notice],
    ]],
    ["Docker's frontend for a here-document", "buildx", {
      syntax: OFFICIAL,
      buildKitOnly: HEREDOC,
    }, ["without syntax", [notice]]],
    ["a frontend, with the classic builder", "classic", { syntax: "x/y" }, [
      "as written",
      [],
    ]],
    ["a here-document, with podman", "native", {
      syntax: OFFICIAL,
      buildKitOnly: HEREDOC,
    }, ["as written", []]],
  ];
  for (const [name, kind, needs, expected] of cases) {
    await t.step(name, async () => {
      assertEquals(await settle(kind, needs), expected);
    });
  }
});

Deno.test("settleFrontend() says what is missing", async (t) => {
  const unknown =
    'Cannot build with "D", line 5: the builder\'s own frontend knows no here-documents; ';
  const cases: [
    string,
    BuilderKind,
    Omit<FrontendNeeds, "where" | "key">,
    string,
  ][] = [
    [
      "a mount",
      "classic",
      { buildKitOnly: MOUNT },
      'Cannot build with "D", line 3: its mount needs BuildKit, and this docker has the classic builder only; install docker\'s plugin buildx',
    ],
    [
      "a here-document of an old engine",
      "buildkit",
      { buildKitOnly: HEREDOC },
      `${unknown}an engine from 23 on has them built in`,
    ],
    [
      "a here-document and Docker's frontend",
      "buildkit",
      { buildKitOnly: HEREDOC, syntax: OFFICIAL },
      `${unknown}load the frontend "${OFFICIAL}" into the engine with "docker load", for it is not to be had here (Cannot get the image "${OFFICIAL}": docker says: no such host), or take an engine from 23 on, which has them built in`,
    ],
    [
      "somebody else's frontend",
      "buildx",
      { syntax: "x/y:1" },
      'Cannot build with "D", which wants the frontend "x/y:1": Cannot get the image "x/y:1": docker says: no such host; load it into the engine with "docker load"',
    ],
  ];
  for (const [name, kind, needs, message] of cases) {
    await t.step(name, async () => {
      const error = await assertRejects(
        () => settle(kind, needs, { builds: false }),
        KrunnerError,
      );
      assertEquals(error.message, message);
    });
  }
});
