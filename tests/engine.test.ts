import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Engine,
  engineFault,
  type EngineName,
  platformOf,
} from "../lib/engine.ts";
import { CancelledError } from "../lib/errors.ts";

const NO_DOCKER =
  'Cannot reach the docker engine: it is not running, or went away; start it ("sudo systemctl start docker", or "sh setup.sh" as root), then run this again';
const NO_PERMISSION =
  'Cannot use docker: no permission on its socket; run as root, or join the group "docker" and log in again';
const NO_PODMAN =
  'Cannot reach the podman engine: it is not running, or went away; start it ("sudo systemctl start podman.socket"), then run this again';
const NO_NERDCTL =
  'Cannot reach the nerdctl engine: it is not running, or went away; start it ("sudo systemctl start containerd"), then run this again';

/** What clients print on stderr, as it was seen, and the message for it. */
const FAULTS: [string, EngineName, string, string | undefined][] = [
  [
    "docker 20 to 28, not running",
    "docker",
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
    NO_DOCKER,
  ],
  [
    "docker run, not running",
    "docker",
    "docker: Cannot connect to the Docker daemon at tcp://127.0.0.1:2375. Is the docker daemon running?\n\nRun 'docker run --help' for more information\n",
    NO_DOCKER,
  ],
  [
    "buildx, not running",
    "docker",
    "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
    NO_DOCKER,
  ],
  [
    "docker 29, not running",
    "docker",
    "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory\n",
    NO_DOCKER,
  ],
  [
    "docker over ssh",
    "docker",
    'error during connect: Get "http://docker.example.com/v1.24/version": command [ssh -l me -- host docker system dial-stdio] has exited with exit status 255\n',
    NO_DOCKER,
  ],
  ["cp, ended meanwhile", "docker", "unexpected EOF\n", NO_DOCKER],
  [
    "run, ended meanwhile",
    "docker",
    'time="2026-11-23T17:49:51Z" level=error msg="error waiting for container: unexpected EOF"\n',
    NO_DOCKER,
  ],
  [
    "classic build, ended meanwhile",
    "docker",
    'error during connect: Post "http://%2Fvar%2Frun%2Fdocker.sock/v1.24/build": EOF\n',
    NO_DOCKER,
  ],
  [
    "connection reset",
    "docker",
    "read unix @->/run/docker.sock: read: connection reset by peer\n",
    NO_DOCKER,
  ],
  [
    "BuildKit, ended meanwhile",
    "docker",
    "#5 [2/2] RUN sleep 6\nERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF\n",
    NO_DOCKER,
  ],
  [
    "older BuildKit, ended meanwhile",
    "docker",
    "failed to solve: rpc error: code = Unavailable desc = transport is closing\n",
    NO_DOCKER,
  ],
  [
    "docker 20, no permission",
    "docker",
    'Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.24/version": dial unix /var/run/docker.sock: connect: permission denied\n',
    NO_PERMISSION,
  ],
  [
    "docker 28, no permission",
    "docker",
    "docker: permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: dial unix /var/run/docker.sock: connect: permission denied\n",
    NO_PERMISSION,
  ],
  [
    "docker 29, no permission",
    "docker",
    "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock\n",
    NO_PERMISSION,
  ],
  [
    "podman",
    "podman",
    'Cannot connect to Podman. Please verify your connection to the Linux system using `podman system connection list`, or try `podman machine init` and `podman machine start` to manage a new Linux VM\nError: unable to connect to Podman socket: Get "http://d/v4.3.1/libpod/_ping": dial unix /nope.sock: connect: no such file or directory\n',
    NO_PODMAN,
  ],
  [
    "podman, no permission",
    "podman",
    'Error: unable to connect to Podman socket: Get "http://d/v4.3.1/libpod/_ping": dial unix /run/podman/podman.sock: connect: permission denied\n',
    "Cannot use podman: no permission on its socket; run as root",
  ],
  [
    "nerdctl",
    "nerdctl",
    'FATA[0000] cannot access containerd socket "/run/containerd/containerd.sock": no such file or directory\n',
    NO_NERDCTL,
  ],
  [
    "nerdctl, no permission",
    "nerdctl",
    'time="2026-11-23T17:49:51Z" level=fatal msg="cannot access containerd socket \\"/run/containerd/containerd.sock\\": permission denied"\n',
    "Cannot use nerdctl: no permission on its socket; run as root",
  ],
  [
    "nerdctl without root",
    "nerdctl",
    "FATA[0000] rootless containerd not running? (hint: use `containerd-rootless-setuptool.sh install` to start rootless containerd): stat /run/user/1000/containerd-rootless: no such file or directory\n",
    NO_NERDCTL,
  ],
  ["nothing", "docker", "", undefined],
  [
    "a registry that is not reached",
    "docker",
    'Error response from daemon: Get "https://localhost:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused\n',
    undefined,
  ],
  [
    "a registry that is away",
    "docker",
    "ERROR: failed to solve: localhost:5000/x: failed to resolve source metadata: unexpected status from HEAD request: 503 Service Unavailable\n",
    undefined,
  ],
  [
    "a download in a build that fails",
    "docker",
    "#5 0.345 curl: (7) Failed to connect to localhost port 80: Connection refused\n#5 0.4 tar: Unexpected EOF in archive\n",
    undefined,
  ],
  [
    "a file that may not be read",
    "docker",
    "Error response from daemon: open /var/lib/docker/x: permission denied while reading a socket\n",
    undefined,
  ],
];

Deno.test("engineFault() knows the clients' own words", async (t) => {
  for (const [name, engine, stderr, expected] of FAULTS) {
    await t.step(name, () => {
      assertEquals(engineFault(engine, stderr), expected);
    });
  }
});

Deno.test("Engine.failure() ends with the engine's own words", async (t) => {
  const cases: [string, string][] = [
    [
      "Error response from daemon: No such container: x\n",
      "No such container: x",
    ],
    [
      "docker: Error response from daemon: OCI runtime create failed: unknown.\nSee 'docker run --help'.\n",
      "OCI runtime create failed: unknown.",
    ],
    [
      "docker: Error response from daemon: it failed\n\nRun 'docker run --help' for more information\n",
      "it failed",
    ],
    ["ERROR: failed to solve: x\n", "failed to solve: x"],
    [
      "Error: inspecting object: x: image not known\n",
      "inspecting object: x: image not known",
    ],
    ["first\n  last  \n\n", "last"],
    [" \n", "nothing"],
    ["", "nothing"],
  ];
  for (const [stderr, words] of cases) {
    await t.step(JSON.stringify(stderr), () => {
      const { message } = new Engine("docker").failure("do it", stderr);
      assertEquals(message, `Cannot do it: docker says: ${words}`);
    });
  }
  await t.step("a cancelled run", () => {
    const engine = new Engine("docker", AbortSignal.abort());
    const error = engine.failure("do it", "x");
    assertEquals([error.name, error.message], ["CancelledError", "Cancelled"]);
  });
});

Deno.test("Engine starts nothing after its signal was aborted", async () => {
  const engine = new Engine("docker", AbortSignal.abort());
  assertThrows(() => engine.throwIfCancelled(), CancelledError);
  assertThrows(() => engine.spawn(["ps"]), CancelledError);
  await assertRejects(() => engine.run(["ps"], "look"), CancelledError);
  await assertRejects(() => engine.imageId("x"), CancelledError);
  await assertRejects(() => engine.create([], "x"), CancelledError);
  engine.forCleanup().throwIfCancelled();
});

/** An engine whose commands print what a test says. */
class TalkingEngine extends Engine {
  readonly commands: string[] = [];
  readonly #answers: Readonly<Record<string, string>>;

  constructor(name: EngineName, answers: Readonly<Record<string, string>>) {
    super(name);
    this.#answers = answers;
  }

  override run(args: readonly string[]): Promise<string> {
    this.commands.push(args.join(" "));
    return Promise.resolve(this.#answers[args[0] ?? ""] ?? "");
  }
}

Deno.test("Engine.info() names the arch as Python does", async (t) => {
  const cases: [EngineName, string, string, string][] = [
    ["docker", "20.10.24 amd64", "20.10.24", "x86_64"],
    ["docker", "28.2.2 arm64", "28.2.2", "aarch64"],
    ["podman", "4.3.1 linux/amd64", "4.3.1", "x86_64"],
    ["nerdctl", "1.7.0 riscv64", "1.7.0", "riscv64"],
  ];
  for (const [name, words, version, arch] of cases) {
    await t.step(`${name} ${arch}`, async () => {
      const engine = new TalkingEngine(name, { version: words });
      assertEquals(await engine.info(), { version, arch });
    });
  }
});

Deno.test("Engine.imageLabel() reads one label", async (t) => {
  const cases: [string, string | undefined][] = [
    ['{"a":"1","b":"2"}', "1"],
    ['{"b":"2"}', undefined],
    ["null", undefined],
  ];
  for (const [json, expected] of cases) {
    await t.step(json, async () => {
      const engine = new TalkingEngine("docker", { image: json });
      assertEquals(await engine.imageLabel("x", "a"), expected);
    });
  }
});

Deno.test("Engine.removeContainers() removes those of one build", async () => {
  const none = new TalkingEngine("docker", {});
  assertEquals(await none.removeContainers("k"), 0);
  const two = new TalkingEngine("docker", { ps: "1\n2" });
  assertEquals(await two.removeContainers("k"), 2);
  const list = "ps -aq --no-trunc --filter label=ai.backend.krunner.build=k";
  assertEquals(none.commands, [list]);
  assertEquals(two.commands, [list, "rm --force --volumes 1 2"]);
});

Deno.test("platformOf() names an arch as docker does", () => {
  assertEquals(platformOf("x86_64"), "linux/amd64");
  assertEquals(platformOf("aarch64"), "linux/arm64");
  assertEquals(platformOf("riscv64"), "linux/riscv64");
});
