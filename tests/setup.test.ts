/**
 * `setup.sh` on made-up hosts: a folder stands for `/`, and every program that
 * it may call is a fake that notes how it was called.
 *
 * @module
 */

import { assertEquals } from "@std/assert";

const SCRIPT = new URL("../setup.sh", import.meta.url).pathname;

/** Programs that do here what they do anywhere. */
const REAL = ["cat", "mktemp", "nohup", "rm", "setsid", "sleep", "tail"];

/** Programs that every host has, as shell code; not noted. */
const BASE: Record<string, string> = {
  id: 'echo "$ID"',
  uname: 'echo "$SYSTEM"',
};

/** Programs that a host may have, as shell code; noted in `calls`. */
const PROGRAMS: Record<string, string> = {
  // Installing puts the fakes of all packages in place.
  "apt-get": `case "$*" in
    *" update") ;;
    *) [ ! -e "$ROOT/broken" ] || { echo "E: no such package"; exit 100; }
      /bin/mv "$ROOT"/store/* "$ROOT/bin" ;;
  esac`,
  "apt-cache": '[ ! -e "$ROOT/trixie" ] || echo "docker-cli - client"',
  busybox: "",
  debootstrap: "",
  "qemu-aarch64-static": "",
  // The engine answers where there is a file of that name.
  docker: `case $1 in
    context) echo "$CONTEXT" ;;
    *) [ -e "$ROOT/engine" ] ;;
  esac`,
  dockerd: `[ ! -e "$ROOT/broken" ] || { echo "disk full"; exit 1; }
    : >"$ROOT/engine"
    exec sleep 2`,
  systemctl: ': >"$ROOT/engine"',
  fish: "",
  zsh: "",
  gpg: "",
  xz: "",
};

const APT = ["apt-get", "apt-cache"];
const ALL = [
  ...APT,
  "docker",
  "dockerd",
  "xz",
  "debootstrap",
  "busybox",
];
const FOR_TESTS = [...ALL, "zsh", "fish", "gpg", "qemu-aarch64-static"];

/** A host to run `setup.sh` on. */
interface Host {
  /** What is installed; on Debian all that a build needs by default. */
  programs?: string[];
  /** Files by path, besides `etc/os-release` of Debian. */
  files?: Record<string, string>;
  /** Variables, besides those of the fakes. */
  env?: Record<string, string>;
  /** Whether the user is root, as by default. */
  isRoot?: boolean;
  /** The kernel; Linux by default. */
  system?: string;
  /** The script's arguments. */
  args?: string[];
}

/** What the script did there; `/` stands for the host's folder. */
interface Outcome {
  /** The exit code. */
  code: number;
  /** All that was printed, on stdout too, line by line. */
  printed: string[];
  /** The calls of programs, but for the question whether the engine answers. */
  calls: string[];
}

async function writeProgram(path: string, code: string): Promise<void> {
  await Deno.writeTextFile(path, `#!/bin/sh\n${code}\n`, { mode: 0o755 });
}

async function makeHost(root: string, host: Host): Promise<void> {
  const installed = host.programs ?? ALL;
  for (const folder of ["bin", "store", "etc", "run", "var/log"]) {
    await Deno.mkdir(`${root}/${folder}`, { recursive: true });
  }
  for (const name of REAL) {
    await Deno.symlink(`/usr/bin/${name}`, `${root}/bin/${name}`);
  }
  for (const [name, code] of Object.entries(BASE)) {
    await writeProgram(`${root}/bin/${name}`, code);
  }
  for (const [name, code] of Object.entries(PROGRAMS)) {
    const folder = installed.includes(name) ? "bin" : "store";
    const note = `echo "${name} $*" >>"$ROOT/calls"`;
    await writeProgram(`${root}/${folder}/${name}`, `${note}\n${code}`);
  }
  const files = { "etc/os-release": "ID=debian\n", ...host.files };
  for (const [path, content] of Object.entries(files)) {
    const folder = `${root}/${path}`.replace(/[^/]*$/, "");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${root}/${path}`, content);
  }
}

async function runSetup(root: string, host: Host): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: [SCRIPT, ...host.args ?? []],
    clearEnv: true,
    env: {
      CONTEXT: "default",
      ID: host.isRoot === false ? "1000" : "0",
      KRUNNER_SETUP_ROOT: root,
      PATH: `${root}/bin`,
      ROOT: root,
      SYSTEM: host.system ?? "Linux",
      ...host.env,
    },
  }).output();
  const lines = (text: string) =>
    text.replaceAll(root, "").split("\n").map((line) => line.trim())
      .filter((line) => line !== "" && line !== "docker ps --quiet");
  const decoder = new TextDecoder();
  return {
    code,
    printed: lines(decoder.decode(stdout) + decoder.decode(stderr)),
    calls: lines(await Deno.readTextFile(`${root}/calls`).catch(() => "")),
  };
}

/** Calls the function with a new host's folder, and removes that. */
async function withHost<T>(
  host: Host,
  use: (root: string) => Promise<T>,
): Promise<T> {
  const root = await Deno.makeTempDir({ prefix: "krunner-setup-" });
  try {
    await makeHost(root, host);
    return await use(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const ENGINE = { engine: "" };

/** What the tests try wheels with. */
const PYTHON = {
  "usr/bin/twine": "",
  "usr/lib/python3.11/ensurepip/__init__.py": "",
  "usr/lib/python3/dist-packages/setuptools/__init__.py": "",
  "usr/lib/python3/dist-packages/wheel/__init__.py": "",
};
const CONTEXT = "docker context inspect --format {{.Name}}";
const APT_UPDATE = "apt-get -qq -o DPkg::Lock::Timeout=120 update";
const APT_INSTALL =
  "apt-get -qq -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends";
const STARTING =
  "setup: starting the Docker engine (log: /var/log/dockerd.log)";

const CASES: Record<string, { host: Host; outcome: Partial<Outcome> }> = {
  "is silent where all is there": {
    host: { files: ENGINE },
    outcome: { code: 0, printed: [], calls: [] },
  },
  "is silent where a user has all that a user can use": {
    host: { isRoot: false, programs: ["docker", "xz"], files: ENGINE },
    outcome: { code: 0, printed: [], calls: [] },
  },
  "wants no debootstrap where it is of no use": {
    host: {
      programs: ["docker", "xz"],
      files: { ...ENGINE, "etc/os-release": "ID=fedora\n" },
    },
    outcome: { code: 0, printed: [], calls: [] },
  },
  "installs all on a bare Debian, and starts the engine": {
    host: { programs: APT },
    outcome: {
      code: 0,
      printed: [
        "setup: installing xz-utils docker.io ca-certificates debootstrap busybox-static",
        STARTING,
      ],
      calls: [
        APT_UPDATE,
        "apt-cache search --names-only ^docker-cli$",
        `${APT_INSTALL} xz-utils docker.io ca-certificates debootstrap busybox-static`,
        "dockerd",
      ],
    },
  },
  "installs the client where it is a package of its own": {
    host: { programs: [...APT, "xz", "debootstrap"], files: { trixie: "" } },
    outcome: {
      code: 0,
      printed: [
        "setup: installing docker.io ca-certificates busybox-static docker-cli",
        STARTING,
      ],
    },
  },
  "installs the engine beside a client without one": {
    host: { programs: [...APT, "docker", "xz", "debootstrap", "busybox"] },
    outcome: {
      code: 0,
      printed: ["setup: installing docker.io ca-certificates", STARTING],
    },
  },
  "installs what volumes are verified with": {
    host: {
      programs: [...APT, "docker", "dockerd", "xz", "debootstrap"],
      files: ENGINE,
    },
    outcome: {
      code: 0,
      printed: ["setup: installing busybox-static"],
      calls: [APT_UPDATE, `${APT_INSTALL} busybox-static`],
    },
  },
  "asks for it elsewhere only for tests": {
    host: {
      programs: ["docker", "xz"],
      files: { ...ENGINE, "etc/os-release": "ID=fedora\n" },
      args: ["--test"],
    },
    outcome: {
      code: 1,
      printed: [
        'setup: Cannot go on without busybox zsh fish: run "sudo dnf install moby-engine xz busybox zsh fish"',
      ],
    },
  },
  "installs the programs of tests only for them": {
    host: { files: { ...ENGINE, ...PYTHON }, args: ["--test"] },
    outcome: {
      code: 0,
      printed: ["setup: installing zsh fish gnupg qemu-user-static"],
      calls: [APT_UPDATE, `${APT_INSTALL} zsh fish gnupg qemu-user-static`],
    },
  },
  "installs what the tests try wheels with": {
    host: { programs: FOR_TESTS, files: ENGINE, args: ["--test"] },
    outcome: {
      code: 0,
      printed: [
        "setup: installing twine python3-venv python3-setuptools python3-wheel",
      ],
      calls: [
        APT_UPDATE,
        `${APT_INSTALL} twine python3-venv python3-setuptools python3-wheel`,
      ],
    },
  },
  "is silent where the tests have all": {
    host: {
      programs: FOR_TESTS,
      files: { ...ENGINE, ...PYTHON },
      args: ["--test"],
    },
    outcome: { code: 0, printed: [], calls: [] },
  },
  "tells a user how to have what the tests need": {
    host: {
      isRoot: false,
      files: { ...ENGINE, ...PYTHON },
      programs: ["docker", "xz", "apt-get"],
      args: ["--test"],
    },
    outcome: {
      code: 1,
      printed: [
        'setup: Cannot go on without busybox zsh fish: run "sudo sh setup.sh --test"',
      ],
    },
  },
  "takes what stems from Ubuntu for one": {
    host: {
      programs: [...APT, "docker", "dockerd", "debootstrap", "busybox"],
      files: {
        ...ENGINE,
        "etc/os-release": 'ID=linuxmint\nID_LIKE="ubuntu debian"\n',
      },
    },
    outcome: { code: 0, printed: ["setup: installing xz-utils"] },
  },
  "shows why nothing could be installed": {
    host: { programs: [...APT, "docker"], files: { ...ENGINE, broken: "" } },
    outcome: {
      code: 1,
      printed: [
        "setup: installing xz-utils debootstrap busybox-static",
        "E: no such package",
        "setup: Cannot install xz-utils debootstrap busybox-static: apt-get failed, see the lines above",
      ],
    },
  },
  "starts an engine that is installed": {
    host: {},
    outcome: { code: 0, printed: [STARTING], calls: [CONTEXT, "dockerd"] },
  },
  "starts the engine with systemd where that runs": {
    host: {
      programs: [...ALL, "systemctl"],
      files: { "run/systemd/system/x": "" },
    },
    outcome: {
      code: 0,
      printed: ["setup: starting the Docker engine (systemctl start docker)"],
      calls: [CONTEXT, "systemctl start docker"],
    },
  },
  "starts the engine over the traces of a dead one": {
    host: {
      files: {
        // Somebody else has the number now.
        "run/docker.pid": String(Deno.pid),
        "run/docker/containerd/containerd.pid": String(Deno.pid),
      },
    },
    outcome: { code: 0, printed: [STARTING], calls: [CONTEXT, "dockerd"] },
  },
  "shows why the engine does not start": {
    host: { files: { broken: "" } },
    outcome: {
      code: 1,
      printed: [
        STARTING,
        "disk full",
        'setup: Cannot start the Docker engine: it does not answer; see "/var/log/dockerd.log"',
      ],
    },
  },
  "starts no engine in place of another host's": {
    host: { env: { DOCKER_HOST: "ssh://builder" } },
    outcome: {
      code: 1,
      printed: [
        'setup: The Docker engine at DOCKER_HOST="ssh://builder" does not answer: start it, or unset DOCKER_HOST',
      ],
      calls: [CONTEXT],
    },
  },
  "starts no engine in place of another context's": {
    host: { env: { CONTEXT: "builder" } },
    outcome: {
      code: 1,
      printed: [
        'setup: The Docker engine of the context "builder" does not answer: start it, or run "docker context use default"',
      ],
    },
  },
  "tells a user how to reach the engine": {
    host: { isRoot: false },
    outcome: {
      code: 1,
      printed: [
        'setup: The Docker engine does not answer: start it ("sudo systemctl start docker"), or join its group ("sudo usermod -aG docker $USER", then log in again)',
      ],
      calls: [CONTEXT],
    },
  },
};

Deno.test("setup.sh does what the host needs, and no more", async (t) => {
  for (const [name, { host, outcome }] of Object.entries(CASES)) {
    await t.step(name, async () => {
      const found = await withHost(host, (root) => runSetup(root, host));
      assertEquals({ ...found, ...outcome }, found);
    });
  }
});

Deno.test("setup.sh says what to run where it can install nothing", async (t) => {
  const cases: [where: string, host: Host, command: string][] = [
    ["a user on Debian", { isRoot: false }, "sudo sh setup.sh"],
    ["Fedora", release("fedora"), "sudo dnf install moby-engine xz"],
    ["Alpine", release("alpine"), "sudo apk add docker xz"],
    ["Arch", release("arch"), "sudo pacman -S docker xz"],
    ["openSUSE", release("leap", "suse"), "sudo zypper install docker xz"],
    ["macOS", { system: "Darwin" }, "brew install xz, and Docker Desktop"],
    [
      "elsewhere",
      release("plan9"),
      "install Docker (docs.docker.com/engine/install) and xz",
    ],
  ];
  for (const [where, host, command] of cases) {
    await t.step(where, async () => {
      const bare = { isRoot: false, programs: [], ...host };
      const { code, printed, calls } = await withHost(
        bare,
        (root) => runSetup(root, bare),
      );
      assertEquals(code, 1);
      assertEquals(printed, [
        `setup: Cannot go on without xz docker: run "${command}"`,
      ]);
      assertEquals(calls, []);
    });
  }
});

Deno.test("setup.sh names itself as it was called", async () => {
  const host: Host = { isRoot: false, programs: APT };
  const printed = await withHost(host, async (root) => {
    const { stderr } = await new Deno.Command("/bin/sh", {
      args: ["-c", await Deno.readTextFile(SCRIPT), "krunner setup"],
      clearEnv: true,
      env: {
        CONTEXT: "default",
        ID: "1000",
        KRUNNER_SETUP_ROOT: root,
        PATH: `${root}/bin`,
        ROOT: root,
        SYSTEM: "Linux",
      },
    }).output();
    return new TextDecoder().decode(stderr);
  });
  assertEquals(
    printed,
    'setup: Cannot go on without xz docker: run "sudo krunner setup"\n',
  );
});

function release(id: string, like = ""): Host {
  return { files: { "etc/os-release": `ID=${id}\nID_LIKE="${like}"\n` } };
}

Deno.test("setup.sh waits for an engine that is starting", async () => {
  const host: Host = {};
  await withHost(host, async (root) => {
    await Deno.mkdir(`${root}/sbin`);
    await writeProgram(
      `${root}/sbin/dockerd`,
      `echo $$; sleep 0.3; : >"${root}/engine"; sleep 2`,
    );
    const engine = new Deno.Command(`${root}/sbin/dockerd`, {
      stdout: "piped",
    }).spawn();
    const reader = engine.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    await Deno.writeFile(`${root}/run/docker.pid`, value ?? new Uint8Array());
    const outcome = await runSetup(root, host);
    engine.kill("SIGKILL");
    await engine.status;
    assertEquals(outcome, { code: 0, printed: [], calls: [CONTEXT] });
  });
});
