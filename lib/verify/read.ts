/**
 * Reads a volume's archive once, and keeps what the checks look at.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { treeRecord } from "../archive.ts";
import { type ElfFile, isElf, parseElf } from "../elf.ts";
import { CancelledError, fileError, KrunnerError } from "../errors.ts";
import { finish } from "../process.ts";
import { readTar, type TarEntry } from "../tar_reader.ts";
import type { VolumeEntry } from "../volume_entry.ts";
import { spawnUnxz } from "../xz.ts";
import { busyboxLinkName, busyboxName } from "./busybox_tar.ts";
import type { Finding } from "./finding.ts";
import { pathOf, type TreeEntry, type VolumeTree } from "./tree.ts";

/** What may be set for {@linkcode readVolume}. */
export interface ReadOptions {
  /**
   * Gets the packed bytes too, while they are read; it is closed at their end.
   * Where it fails, reading goes on without it: its owner knows why.
   */
  sink?: WritableStream<Uint8Array> | undefined;
  /** Which files' texts to keep, by path, beside those that checks read. */
  keepText?: ((path: string) => boolean) | undefined;
  /** Stops the work. */
  signal?: AbortSignal | undefined;
}

/** ELF files are held whole while they are looked at; none is near this, in bytes. */
const ELF_LIMIT = 1 << 29;

/** How much of a text is kept, in bytes. */
const TEXT_LIMIT = 1 << 20;

/** Files whose contents are kept: packages, bundled libraries, how Python was built. */
const TEXTS =
  /(\.dist-info\/METADATA|\.egg-info(\/PKG-INFO)?|\/debian-packages\.tsv|\/_sysconfigdata_[^/]*\.py)$/;

/**
 * Reads an archive. What is wrong with it as such is a finding: only a file
 * that cannot be read is an error.
 *
 * @param file The archive, `.tar.xz`
 * @throws {KrunnerError} If the file cannot be read, or xz is not installed.
 * @throws {CancelledError} If `signal` was aborted.
 */
export async function readVolume(
  file: string,
  { sink, keepText, signal }: ReadOptions = {},
): Promise<VolumeTree> {
  const source = await Deno.open(file).catch((error) => {
    throw fileError("read", file, error);
  });
  const xz = startXz(source, signal);
  const collector = new Collector(
    file,
    (path) => TEXTS.test(path) || (keepText?.(path) ?? false),
  );
  const complaint = new Response(xz.stderr).text();
  let packed = { sha256: "", size: 0 };
  let fault: KrunnerError | undefined;
  const status = await finish(xz, [
    complaint,
    feed(source, file, [xz.stdin, ...sink === undefined ? [] : [sink]])
      .then((result) => packed = result),
    collector.readAll(drainedOnCancel(xz.stdout)).catch((error) => {
      if (!(error instanceof KrunnerError)) throw error;
      fault = error;
    }),
  ]).catch((error) => {
    throw signal?.aborted ? cancelled() : error;
  });
  if (signal?.aborted) throw cancelled();
  if (status.signal !== null) {
    throw new KrunnerError(
      `Cannot unpack "${file}": xz was ended by ${status.signal}; see that there is memory for it`,
    );
  }
  const xzFault = status.success ? undefined : await complaint;
  return collector.finish(packed, { fault, xzFault });
}

function cancelled(): CancelledError {
  return new CancelledError("Cancelled");
}

/** xz, unpacking; where it cannot be started, the source is closed. */
function startXz(
  source: Deno.FsFile,
  signal: AbortSignal | undefined,
): Deno.ChildProcess {
  try {
    return spawnUnxz(signal);
  } catch (error) {
    source.close();
    throw error;
  }
}

/**
 * A stream that is read to its end even where its reader gives up: a program
 * whose output nobody takes is killed, and cannot tell any more what it found.
 */
function drainedOnCancel(
  stream: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      while (!(await reader.read()).done);
    },
  }, { highWaterMark: 0 });
}

/** One receiver of the packed bytes, which may give up. */
class Receiver {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #open = true;

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
    // Its failure is seen where something is written.
    this.#writer.closed.catch(() => {});
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (!this.#open) return;
    await this.#writer.write(chunk).catch(() => this.#open = false);
  }

  async close(): Promise<void> {
    if (this.#open) await this.#writer.close().catch(() => {});
    else await this.#writer.abort().catch(() => {});
  }
}

/** Hands the file's bytes to all receivers, at the pace of the slowest. */
async function feed(
  source: Deno.FsFile,
  file: string,
  streams: readonly WritableStream<Uint8Array>[],
): Promise<{ sha256: string; size: number }> {
  const receivers = streams.map((stream) => new Receiver(stream));
  const hash = createHash("sha256");
  let size = 0;
  try {
    for await (const chunk of source.readable) {
      hash.update(chunk);
      size += chunk.length;
      await Promise.all(receivers.map((receiver) => receiver.write(chunk)));
    }
    return { sha256: hash.digest("hex"), size };
  } catch (error) {
    throw fileError("read", file, error);
  } finally {
    await Promise.all(receivers.map((receiver) => receiver.close()));
  }
}

/** What ended the reading before the archive's end. */
interface Faults {
  fault: KrunnerError | undefined;
  xzFault: string | undefined;
}

/** Gathers a {@linkcode VolumeTree}. */
class Collector {
  readonly #file: string;
  readonly #isText: (path: string) => boolean;
  readonly #entries: TreeEntry[] = [];
  readonly #byPath = new Map<string, TreeEntry>();
  readonly #elf = new Map<string, ElfFile>();
  readonly #brokenElf = new Map<string, string>();
  readonly #texts = new Map<string, string>();
  readonly #problems: Finding[] = [];
  readonly #digest = createHash("sha256");

  constructor(file: string, isText: (path: string) => boolean) {
    this.#file = file;
    this.#isText = isText;
  }

  async readAll(tar: ReadableStream<Uint8Array>): Promise<void> {
    const onTrailingData = () =>
      this.#problem(
        "data follows the end of the tar archive",
        this.#file,
        "no extractor looks at it: the archive is not what a build wrote",
      );
    for await (const entry of readTar(tar, { onTrailingData })) {
      await this.#add(entry);
    }
  }

  finish(
    packed: VolumeTree["packed"],
    { fault, xzFault }: Faults,
  ): VolumeTree {
    if (xzFault !== undefined) {
      this.#problem(
        fault === undefined
          ? `xz fails at the end: ${xzWords(xzFault)}`
          : `xz cannot unpack it: ${xzWords(xzFault)}`,
        this.#file,
        fault === undefined
          ? "the file is longer or shorter than what was packed"
          : `${WHERE_IT_BREAKS}${this.#lastName()}`,
      );
    } else if (fault !== undefined) {
      this.#problem(
        tarWords(fault),
        this.#file,
        `${WHERE_IT_BREAKS}${this.#lastName()}`,
      );
    }
    return {
      complete: fault === undefined && xzFault === undefined,
      entries: this.#entries,
      byPath: this.#byPath,
      elf: this.#elf,
      brokenElf: this.#brokenElf,
      texts: this.#texts,
      packed,
      treeSha256: this.#digest.digest("hex"),
      tarProblems: this.#problems,
    };
  }

  #lastName(): string {
    const last = this.#entries.at(-1);
    return last === undefined
      ? "nothing of it can be read"
      : `the last entry that could be read is ${JSON.stringify(last.name)}`;
  }

  #problem(what: string, where: string, why: string): void {
    this.#problems.push({ check: "safety", what, where, why });
  }

  async #add({ header, body, raw }: TarEntry): Promise<void> {
    const entry: TreeEntry = {
      name: header.name,
      path: pathOf(header.name),
      type: header.type,
      mode: header.mode,
      uid: header.uid,
      gid: header.gid,
      userName: header.userName,
      groupName: header.groupName,
      size: header.size,
      mtime: header.mtime,
      link: header.linkName,
      sha256: "",
    };
    this.#checkReaders(entry, raw);
    if (entry.type === "file") entry.sha256 = await this.#read(entry, body);
    this.#entries.push(entry);
    this.#byPath.set(entry.path, entry);
    // Types that no volume has are told of elsewhere.
    this.#digest.update(treeRecord(entry as VolumeEntry, entry.sha256));
  }

  /** Whether BusyBox reads the header as everyone else does. */
  #checkReaders(entry: TreeEntry, raw: TarEntry["raw"]): void {
    const isLink = entry.type.endsWith(" link");
    const name = busyboxName(raw);
    const link = isLink ? busyboxLinkName(raw) : "";
    if (name !== entry.name) {
      this.#problem(
        `BusyBox's tar extracts it as ${JSON.stringify(name)}`,
        entry.name,
        "agents extract with it, and it reads no PAX header",
      );
    } else if (isLink && link !== entry.link) {
      this.#problem(
        `BusyBox's tar links it to ${JSON.stringify(link)}`,
        entry.name,
        "agents extract with it, and it reads no PAX header",
      );
    } else if (raw.before.some((flag) => flag === "x" || flag === "g")) {
      this.#problem(
        "it has a PAX header",
        entry.name,
        "agents extract with BusyBox's tar, which ignores what it says",
      );
    }
  }

  /** Hashes a file's content and keeps what is to be kept. */
  async #read(entry: TreeEntry, body: TarEntry["body"]): Promise<string> {
    const hash = createHash("sha256");
    let kept: Uint8Array | undefined;
    let offset = 0;
    for await (const chunk of withWholeStart(body)) {
      hash.update(chunk);
      if (offset === 0) kept = this.#bufferFor(entry, chunk);
      kept?.set(chunk.subarray(0, kept.length - offset), offset);
      offset += chunk.length;
      if (kept !== undefined && offset >= kept.length) {
        this.#keep(entry, kept);
        kept = undefined;
      }
    }
    return hash.digest("hex");
  }

  /** Room for a content that is wanted. How it begins tells an ELF file. */
  #bufferFor({ path, size }: TreeEntry, start: Uint8Array) {
    const limit = this.#isText(path)
      ? TEXT_LIMIT
      : isElf(start)
      ? ELF_LIMIT
      : undefined;
    if (limit === undefined) return undefined;
    return new Uint8Array(Math.min(size, limit));
  }

  #keep({ path }: TreeEntry, content: Uint8Array): void {
    if (this.#isText(path)) {
      this.#texts.set(path, new TextDecoder().decode(content));
      return;
    }
    const elf = parseElf(content);
    if ("broken" in elf) this.#brokenElf.set(path, elf.broken);
    else this.#elf.set(path, elf);
  }
}

/** The chunks, the first of which has the bytes that tell an ELF file, if all have. */
async function* withWholeStart(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  let start: Uint8Array | undefined = new Uint8Array();
  for await (const chunk of body) {
    if (start === undefined) {
      yield chunk;
      continue;
    }
    start = start.length === 0 ? chunk : new Uint8Array([...start, ...chunk]);
    if (start.length < 4) continue;
    yield start;
    start = undefined;
  }
  if (start !== undefined && start.length > 0) yield start;
}

const WHERE_IT_BREAKS =
  "an agent's extractor fills the volume up to there and does not notice; ";

/** xz's words without its name and that of its input. */
function xzWords(text: string): string {
  const words = text.trim().split("\n")[0] ?? "";
  return words.replace(/^\S*xz: (\(stdin\): )?/, "").replace(
    /^[A-Z](?=[a-z])/,
    (letter) => letter.toLowerCase(),
  ) || "it ended without a word";
}

/** The reader's state, without its "Cannot …" and its advice. */
function tarWords({ message }: KrunnerError): string {
  return message.replace(/^Cannot [^:]*: /, "").replace(/; .*$/s, "");
}
