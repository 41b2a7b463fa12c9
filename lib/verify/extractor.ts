/**
 * Fills a volume as the agent's extractor does, with BusyBox's tar and xz, and
 * tells what came of it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { parseElf } from "../elf.ts";
import type { Engine } from "../engine.ts";
import { KrunnerError } from "../errors.ts";
import { pourInto } from "../builder.ts";
import { capture, finish } from "../process.ts";
import type { Scratch } from "../scratch.ts";
import { encodeHeader, paddingOf } from "../tar_header.ts";
import { readTar } from "../tar_reader.ts";
import { pathOf, type TreeEntry } from "./tree.ts";

/** Where the agent's extractor has the volume. */
const VOLUME = "/root/volume";

/** The names of BusyBox that an extractor's shell calls. */
const APPLETS = [
  "cat",
  "echo",
  "mkdir",
  "mv",
  "rm",
  "sh",
  "sync",
  "tar",
  "test",
  "xz",
];

/**
 * What the agent's extractor does (see krunner-extractor.sh of Backend.AI), but
 * from stdin: an archive is read once. tar stops reading where the archive ends,
 * or breaks, and whoever writes to it must not be stopped by that. Its exit code,
 * which the agent does not look at, is the last line on stderr.
 */
const FILL = `tar xJf - -C ${VOLUME}/
code=$?
cat >/dev/null
if [ -n "$KRUNNER_VERSION" ]; then
  echo "$KRUNNER_VERSION" >${VOLUME}/VERSION
  sync
fi
echo "exit code $code" >&2
exec tar cf - -C ${VOLUME} .`;

const LIST = `exec tar cf - -C ${VOLUME} .`;

/** The version file that the extractor leaves in a volume; no archive has it. */
export const VERSION_FILE = "VERSION";

/** An image with BusyBox, or why there is none. */
export type ExtractorImage =
  | { readonly image: string }
  | { readonly missing: string };

/**
 * Finds an image whose `sh`, `tar` and `xz` are BusyBox's: the one named, else
 * one made here of the host's own static BusyBox. That needs no registry, and is
 * made once.
 *
 * @throws {KrunnerError} If the image named is not to be had, or the engine fails.
 */
export async function provideExtractor(
  engine: Engine,
  named: string | undefined,
): Promise<ExtractorImage> {
  if (named !== undefined) {
    if (await engine.imageId(named) === undefined) {
      await engine.run(
        ["pull", "--quiet", named],
        `get the extractor image "${named}"`,
      );
    }
    return { image: named };
  }
  const path = await findBusybox();
  if (path === undefined) return { missing: "BusyBox is not installed" };
  const program = await Deno.readFile(path);
  const elf = parseElf(program);
  if ("broken" in elf || elf.interpreter !== undefined) {
    return { missing: `"${path}" is not statically linked` };
  }
  const hash = createHash("sha256").update(program).digest("hex");
  const image = `krunner-extractor:${hash.slice(0, 12)}`;
  if (await engine.imageId(image) === undefined) {
    await importExtractor(engine, program, image);
  }
  return { image };
}

/** How to get an extractor, as the end of a sentence. */
export const EXTRACTOR_ADVICE =
  'install the package "busybox-static" (Debian, Ubuntu), or name an image with "--extractor"';

/** The path of the host's BusyBox, as it says itself. */
async function findBusybox(): Promise<string | undefined> {
  try {
    const { code, stdout } = await capture(
      ["busybox", "readlink", "/proc/self/exe"],
    );
    return code === 0 ? stdout.trimEnd() : undefined;
  } catch (error) {
    if (
      error instanceof KrunnerError &&
      error.cause instanceof Deno.errors.NotFound
    ) return undefined;
    throw error;
  }
}

async function importExtractor(
  engine: Engine,
  program: Uint8Array,
  image: string,
): Promise<void> {
  const child = engine.spawn(["import", "-", image], { stdin: "piped" });
  const complaint = new Response(child.stderr).text();
  const status = await finish(child, [
    complaint,
    new Response(child.stdout).text(),
    pourInto(ReadableStream.from(extractorTree(program)), child.stdin),
  ]);
  if (!status.success) {
    throw engine.failure(
      `make the extractor image "${image}"`,
      await complaint,
    );
  }
}

/** The tar archive of the extractor's root. */
function* extractorTree(program: Uint8Array): Generator<Uint8Array> {
  const header = (
    name: string,
    type: "directory" | "file" | "symbolic link",
    { size = 0, linkName = "" } = {},
  ) => encodeHeader({ name, type, mode: 0o755, size, mtime: 0, linkName });
  for (const name of ["bin/", "root/", "root/volume/", "tmp/"]) {
    yield header(name, "directory");
  }
  yield header("bin/busybox", "file", { size: program.length });
  yield program;
  yield new Uint8Array(paddingOf(program.length));
  for (const name of APPLETS) {
    yield header(`bin/${name}`, "symbolic link", { linkName: "busybox" });
  }
  yield new Uint8Array(1024);
}

/** What the extractor made of an archive. */
export interface Filled {
  /** The exit code of BusyBox's tar, which the agent does not look at. */
  readonly code: number;
  /** What it said on stderr. */
  readonly complaint: string;
  /** What is in the volume now. */
  readonly entries: TreeEntry[];
}

/** A volume that is being filled. */
export interface Filling {
  /** Gets the packed archive. Never fails: what went wrong shows in `done`. */
  readonly sink: WritableStream<Uint8Array>;
  /**
   * Settles some time after the sink was closed, and throws a KrunnerError if the
   * container failed.
   */
  readonly done: Promise<Filled>;
}

/**
 * Starts to fill a volume.
 *
 * @param version What to write into the file VERSION; none where it is absent
 * @throws {KrunnerError} If the engine cannot start the extractor.
 */
export async function startFilling(
  scratch: Scratch,
  { image, volume, version }: {
    image: string;
    volume: string;
    version?: number;
  },
): Promise<Filling> {
  const env = version === undefined ? [] : [`--env=KRUNNER_VERSION=${version}`];
  const id = await create(scratch, image, volume, "", FILL, [
    "--interactive",
    ...env,
  ]);
  const child = scratch.engine.spawn(
    ["start", "--attach", "--interactive", id],
    { stdin: "piped" },
  );
  const done = collect(scratch, id, child, volume).then(
    ({ entries, stderr }) => {
      const [, complaint = "", code = "1"] =
        /^(.*?)exit code (\d+)\s*$/s.exec(stderr) ?? [];
      return { entries, complaint: complaint.trim(), code: Number(code) };
    },
  );
  // It is awaited only after the sink is closed.
  done.catch(() => {});
  return { sink: lenient(child.stdin), done };
}

/**
 * Lists what is in a volume.
 *
 * @throws {KrunnerError} If the engine cannot run the extractor.
 */
export async function listVolume(
  scratch: Scratch,
  { image, volume }: { image: string; volume: string },
): Promise<TreeEntry[]> {
  const id = await create(scratch, image, volume, ":ro", LIST);
  const child = scratch.engine.spawn(["start", "--attach", id]);
  return (await collect(scratch, id, child, volume)).entries;
}

/** A container of the extractor with a volume, not started yet. */
async function create(
  scratch: Scratch,
  image: string,
  volume: string,
  mode: "" | ":ro",
  script: string,
  options: readonly string[] = [],
): Promise<string> {
  return await scratch.createContainer([
    "--network",
    "none",
    "--read-only",
    "--volume",
    `${volume}:${VOLUME}${mode}`,
    ...options,
    "--entrypoint",
    "sh",
    image,
    "-c",
    script,
  ], image);
}

/** Reads the tar archive of a volume that a container writes, and removes it. */
async function collect(
  scratch: Scratch,
  id: string,
  child: Deno.ChildProcess,
  volume: string,
): Promise<{ entries: TreeEntry[]; stderr: string }> {
  const stderr = new Response(child.stderr).text();
  const [entries, status] = await Promise.allSettled([
    readTree(child.stdout),
    child.status,
  ]);
  const complaint = await stderr;
  await scratch.removeContainer(id);
  const isEnded = status.status === "fulfilled" && status.value.success;
  if (!isEnded) {
    throw scratch.engine.failure(`read the volume "${volume}"`, complaint);
  }
  if (entries.status === "rejected") throw entries.reason;
  return { entries: entries.value, stderr: complaint };
}

/** The entries of a tar stream. */
async function readTree(
  stream: ReadableStream<Uint8Array>,
): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  for await (const { header, body } of readTar(stream)) {
    const { linkName, flag: _, pax: __, ...rest } = header;
    entries.push({
      ...rest,
      path: pathOf(header.name),
      link: linkName,
      sha256: header.type === "file" ? await hashOf(body) : "",
    });
  }
  return entries;
}

async function hashOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of body) hash.update(chunk);
  return hash.digest("hex");
}

/** A child's stdin that takes everything, whether the child reads it or not. */
function lenient(
  stdin: WritableStream<Uint8Array>,
): WritableStream<Uint8Array> {
  const writer = stdin.getWriter();
  let open = true;
  const giveUp = () => {
    open = false;
  };
  writer.closed.catch(giveUp);
  return new WritableStream({
    async write(chunk) {
      if (open) await writer.write(chunk).catch(giveUp);
    },
    async close() {
      await (open ? writer.close() : writer.abort()).catch(giveUp);
    },
    async abort() {
      await writer.abort().catch(giveUp);
    },
  });
}
