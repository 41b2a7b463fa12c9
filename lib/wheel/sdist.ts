/**
 * Source distributions: a package directory's dockerfiles and texts, with a build
 * backend that says how volumes are made in place of making an empty package.
 *
 * @module
 */

import { encodeHeader, paddingOf } from "../tar_header.ts";
import { type DigestedEntry, readAgain, type Write } from "./entry.ts";

/** The module of the build backend. */
const BACKEND = "krunner_sdist";

/** The text of an sdist's `pyproject.toml`. */
export const PYPROJECT = `[build-system]
requires = []
build-backend = "${BACKEND}"
backend-path = ["."]
`;

/** The file of the build backend. */
export const BACKEND_FILE = `${BACKEND}.py`;

/**
 * The build backend (PEP 517). Metadata can be had, so that the sdist can be
 * downloaded and resolved; a wheel cannot: it would be one without volumes.
 */
export const BACKEND_TEXT =
  `"""The build backend of a source distribution that pip cannot build."""

import os
import re
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))


def _read_stem():
    fields = {}
    with open(os.path.join(HERE, "PKG-INFO"), encoding="utf-8") as file:
        for line in file:
            if not line.strip():
                break
            name, _, value = line.partition(": ")
            fields.setdefault(name, value.strip())
    name = re.sub("[-_.]+", "_", fields["Name"]).lower()
    return "{}-{}".format(name, fields["Version"])


def _refuse():
    raise SystemExit(
        "Cannot build this package from its source distribution: it has no volumes,"
        " and pip cannot make them; install a wheel (is there one for this"
        " processor and system?), or build the volumes and the wheel with krunner's"
        " build.ts and wheel.ts from the dockerfiles in it"
    )


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = _read_stem() + ".dist-info"
    os.mkdir(os.path.join(metadata_directory, folder))
    shutil.copy(
        os.path.join(HERE, "PKG-INFO"),
        os.path.join(metadata_directory, folder, "METADATA"),
    )
    return folder


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    _refuse()


def build_sdist(sdist_directory, config_settings=None):
    _refuse()
`;

/** The end of a tar archive: two zero blocks. */
const END = new Uint8Array(1024);

/**
 * Writes a gzipped tar with the entries in the order given. No header has a name, an owner or a time of this host.
 *
 * @param seconds The one time of all entries, since 1970.
 * @throws {KrunnerError} If a file cannot be read, or changed since its digest.
 * @throws {CancelledError} If the signal is aborted.
 */
export async function writeTarGz(
  write: Write,
  entries: readonly DigestedEntry[],
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  const packed = ReadableStream.from(tarBytes(entries, seconds, signal))
    .pipeThrough(new CompressionStream("gzip"));
  for await (const chunk of packed) write(chunk);
}

async function* tarBytes(
  entries: readonly DigestedEntry[],
  mtime: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (const entry of entries) {
    const { name, mode, size } = entry;
    yield new Uint8Array(
      encodeHeader({ name, type: "file", mode, size, mtime, linkName: "" }),
    );
    yield* readAgain(entry, signal);
    yield new Uint8Array(paddingOf(size));
  }
  yield END;
}
