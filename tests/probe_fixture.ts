/**
 * A shell script in the place of a volume's Python: what the probe of the checks
 * in containers would say.
 *
 * @module
 */

/** What it says of imports. */
export const IMPORTS = {
  failed: {},
  left_out: ["tkinter"],
  modules: 286,
  packages: 17,
  compiled: {},
};

/** What the probe says of a volume that nothing is wrong with. */
export const BARE = {
  python: "3.11.2",
  imports: { without: IMPORTS, with: IMPORTS },
  checks: {
    tls: { version: "OpenSSL 3" },
    sqlite3: { version: "3" },
    zmq: { version: "4" },
    uvloop: { version: "0.17" },
  },
  ttyd: null,
  startup: 200,
};

/** What it says in a hostile environment. */
export const HOSTILE = {
  python: "3.11",
  error: null,
  cases: {
    "PYTHONHOME": [],
    "PYTHONPATH": [],
    "VIRTUAL_ENV": [],
    "user site-packages": [],
  },
  libraries: { tried: 31, loaded: [] },
  others: [{ python: "/usr/bin/python3.11", version: "3.11", problems: [] }],
};

/**
 * A Python that says these things, from files of the volume, and its version to
 * everyone else.
 */
export const PYTHON =
  "#!/bin/sh\ncase $4 in bare) cat /opt/backend.ai/bare;; hostile) cat /opt/backend.ai/hostile;; *) echo 3.11.2;; esac\n";
