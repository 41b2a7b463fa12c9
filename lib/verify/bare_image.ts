/**
 * Whether everything in a volume works in an image that was made without a
 * thought of it: with a read-only root, no network and no rights.
 *
 * @module
 */

import { VOLUME_ROOT } from "../engine.ts";
import type { Scratch } from "../scratch.ts";
import type { CheckReport, Finding } from "./finding.ts";
import { printable, runProbe, type Trial } from "./probe.ts";

/** What the probe says of importing everything. */
interface Imports {
  error?: string;
  failed?: Record<string, string>;
  left_out?: string[];
  modules?: number;
  packages?: number;
  compiled?: Record<string, string>;
}

/** What the probe says of a thing that has a version. */
interface Tried {
  version?: string;
  error?: string;
}

/** What the probe says in the mode `bare`. */
interface Bare {
  python: string;
  imports: { without: Imports; with: Imports };
  checks: Record<string, Tried>;
  ttyd: Tried | null;
  startup: number;
}

/** What is tried beside imports: what it is called, and who needs it. */
const TRIED: Readonly<Record<string, readonly [string, string]>> = {
  tls: ["a TLS handshake fails", "a kernel downloads over TLS"],
  sqlite3: ["SQLite cannot use a file", "Jupyter keeps its history in one"],
  zmq: [
    "ZeroMQ passes no message",
    "the agent talks with the kernel runner over it, and with nothing else",
  ],
  uvloop: ["uvloop does not run", "the kernel runner runs in its event loop"],
};

const NAKED = "not set";

/** How many findings of one kind are shown one by one. */
const SHOWN = 10;

/** Gathers the findings about one image. */
class Findings {
  readonly list: Finding[] = [];
  readonly #image: string;

  constructor(image: string) {
    this.#image = image;
  }

  add(what: string, why: string): void {
    const where = this.#image;
    this.list.push({ check: "bare image", what: printable(what), where, why });
  }

  /** One finding for each of them, or one more for all that are too many. */
  addAll(whats: readonly string[], rest: string, why: string): void {
    for (const what of whats.slice(0, SHOWN)) this.add(what, why);
    const more = whats.length - SHOWN;
    if (more > 0) this.add(`${more} more ${rest}`, why);
  }
}

/**
 * Tries a volume in an image.
 *
 * @param libraryPath The image's own LD_LIBRARY_PATH
 * @throws {KrunnerError} If the engine fails.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function checkBareImage(
  scratch: Scratch,
  trial: Trial,
  libraryPath = "",
): Promise<CheckReport> {
  const findings = new Findings(trial.image);
  const report = { check: "bare image", subject: trial.image } as const;
  const naked = await runProbe<Bare>(scratch, trial, "bare");
  if ("answer" in naked) return { ...report, ...judge(naked.answer, findings) };
  findings.add(
    `its Python does not start where LD_LIBRARY_PATH is ${NAKED}: ${naked.failure}`,
    "whatever starts it without the agent's entry point fails: cron jobs, sudo, services",
  );
  const agents = await runProbe<Bare>(scratch, trial, "bare", {
    LD_LIBRARY_PATH: `${VOLUME_ROOT}/lib:${libraryPath}`,
  });
  if ("answer" in agents) {
    return { ...report, ...judge(agents.answer, findings, "with") };
  }
  findings.add(
    `its Python does not start with the agent's LD_LIBRARY_PATH: ${agents.failure}`,
    "no kernel starts in this image",
  );
  return { ...report, findings: findings.list };
}

/** @param only What was started with LD_LIBRARY_PATH only is not asked without. */
function judge(
  answer: Bare,
  findings: Findings,
  only?: "with",
): Pick<CheckReport, "findings" | "facts" | "skipped"> {
  try {
    const agents = answer.imports.with;
    if (only === undefined) {
      judgeImports(
        answer.imports.without,
        `LD_LIBRARY_PATH ${NAKED}`,
        findings,
      );
    }
    // What fails in both ways is said once.
    judgeImports(
      without(agents, only === undefined ? answer.imports.without : {}),
      "the agent's LD_LIBRARY_PATH",
      findings,
    );
    judgeCompiled(agents.compiled ?? {}, findings);
    judgeTried(answer, findings);
    return {
      findings: findings.list,
      facts: {
        Python: printable(answer.python),
        modules: Number(agents.modules ?? 0),
        packages: Number(agents.packages ?? 0),
        "left out": (agents.left_out ?? []).map(printable).join(", "),
        "start-up": `${Number(answer.startup)} ms`,
      },
      // sys.stdlib_module_names and packages_distributions() are of 3.10.
      ...agents.modules === 0
        ? { skipped: "a Python before 3.10 cannot name all of its modules" }
        : {},
    };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    findings.add(
      "its Python gives answers that the probe did not ask for",
      "the interpreter or its standard library is not what it seems",
    );
    return { findings: findings.list };
  }
}

/** The imports that fail only here. */
function without(imports: Imports, others: Imports): Imports {
  const { failed, error, ...rest } = imports;
  return {
    ...rest,
    ...error === undefined || error === others.error ? {} : { error },
    ...failed === undefined ? {} : {
      failed: Object.fromEntries(
        Object.entries(failed).filter(([name, why]) =>
          others.failed?.[name] !== why
        ),
      ),
    },
  };
}

function judgeImports(
  { error, failed = {} }: Imports,
  how: string,
  findings: Findings,
): void {
  if (error !== undefined) {
    findings.add(
      `importing everything with ${how} fails: ${error}`,
      "a module that crashes takes the kernel with it",
    );
  }
  findings.addAll(
    Object.entries(failed).map(([name, words]) =>
      `"${name}" cannot be imported with ${how}: ${words}`
    ),
    `modules cannot be imported with ${how}`,
    "a kernel that needs it fails in this image, and the image was to need nothing",
  );
}

function judgeCompiled(
  compiled: Readonly<Record<string, string>>,
  findings: Findings,
): void {
  findings.addAll(
    Object.entries(compiled).map(([path, why]) =>
      `"${path}" is compiled at each start: ${why}`
    ),
    "modules are compiled at each start",
    "the mount is read-only, so Python cannot keep what it compiled, and starts late in each container",
  );
}

function judgeTried({ checks, ttyd }: Bare, findings: Findings): void {
  for (const [name, [what, why]] of Object.entries(TRIED)) {
    const error = checks[name]?.error;
    if (error !== undefined) findings.add(`${what}: ${error}`, why);
  }
  if (ttyd?.error !== undefined) {
    findings.add(
      `bin/ttyd does not run: ${ttyd.error}`,
      "there is no terminal in this image",
    );
  }
}
