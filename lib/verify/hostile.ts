/**
 * Whether a volume's Python stays itself whatever a user's image sets and holds,
 * and whether the image's own Python stays untouched by the volume.
 *
 * The agent runs `bin/python -s`, and its entry point exports LD_LIBRARY_PATH;
 * all other variables are the image's and the user's, and must reach the user's
 * programs unchanged. So it is the volume's part that they do not change its
 * Python: `-s` alone does not keep PYTHONHOME (with which nothing starts) and
 * PYTHONPATH (whose modules shadow the kernel runner's) out.
 *
 * @module
 */

import type { Scratch } from "../scratch.ts";
import type { CheckReport, Finding } from "./finding.ts";
import { printable, runProbe, type Trial } from "./probe.ts";

/** What the probe says of another Python. */
interface Other {
  python: string;
  version?: string;
  error?: string;
  problems?: string[];
}

/** What the probe says in the mode `hostile`. */
interface Hostile {
  python: string;
  error: string | null;
  cases: Record<string, string[]>;
  libraries: { error?: string; tried?: number; loaded?: string[] };
  others: Other[];
}

/** Why it matters that a case changes nothing. */
const WHY: Readonly<Record<string, string>> = {
  PYTHONHOME:
    "images set it for their own Python, and the kernel runner must start there too; let bin/python start the interpreter with -E",
  PYTHONPATH:
    "images and users set it for their own modules, which must not replace the kernel runner's; let bin/python start the interpreter with -E",
  VIRTUAL_ENV: "users work in virtual environments",
  "user site-packages":
    "what a user installs for himself must not replace the kernel runner's modules",
};

/**
 * Tries a volume in an image that means no good.
 *
 * @throws {KrunnerError} If the engine fails.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function checkHostile(
  scratch: Scratch,
  trial: Trial,
): Promise<CheckReport> {
  const report = {
    check: "hostile environment",
    subject: trial.image,
  } as const;
  const result = await runProbe<Hostile>(scratch, trial, "hostile");
  const reason = "failure" in result
    ? result.failure
    : result.answer.error ?? undefined;
  if (reason !== undefined || "failure" in result) {
    return {
      ...report,
      findings: [],
      skipped: `the volume's Python does not start in "${trial.image}": ${
        printable(reason ?? "")
      }`,
    };
  }
  return { ...report, ...judge(result.answer, trial.image) };
}

function judge(
  { python, cases, libraries, others }: Hostile,
  image: string,
): Pick<CheckReport, "findings" | "skipped" | "facts"> {
  const findings: Finding[] = [];
  const add = (what: string, why: string, where = image) =>
    findings.push({
      check: "hostile environment",
      what: printable(what),
      where: printable(where),
      why,
    });
  for (const [name, why] of Object.entries(WHY)) {
    const problems = cases[name] ?? [];
    if (problems.length > 0) {
      add(`${name} gets in: ${problems.join("; ")}`, why);
    }
  }
  judgeLibraries(libraries, add);
  for (const { python: path, problems = [] } of others) {
    if (problems.length > 0) {
      add(
        `LD_LIBRARY_PATH=/opt/backend.ai/lib changes "${path}": ${
          problems.join("; ")
        }`,
        "the user's own programs must run as if there were no volume",
      );
    }
  }
  const same = others.filter(({ version }) => version === python);
  return {
    findings,
    facts: {
      libraries: Number(libraries.tried ?? 0),
      "other Pythons": others
        .map(({ python, error }) =>
          `${python}${error ? " (does not run)" : ""}`
        )
        .map(printable).join(", "),
    },
    ...same.length > 0 ? {} : {
      skipped: `the image has no Python ${
        printable(python)
      } of its own to be disturbed; name one that has with "--image"`,
    },
  };
}

function judgeLibraries(
  { error, loaded = [] }: Hostile["libraries"],
  add: (what: string, why: string) => void,
): void {
  const why =
    "a user's LD_LIBRARY_PATH (CUDA, conda, …) would put other versions under the kernel runner";
  if (error !== undefined) {
    add(`it fails with a user's folder in LD_LIBRARY_PATH: ${error}`, why);
  }
  if (loaded.length > 0) {
    add(`it loads ${loaded.join(", ")} from a user's LD_LIBRARY_PATH`, why);
  }
}
