/**
 * A server on loopback with faults, and a cache for what it gives.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { KrunnerError } from "../lib/errors.ts";
import { sha256 } from "../lib/inputs.ts";
import type { SourcePlaces } from "../lib/source_cache.ts";
import type { Origin, SourceRow } from "../lib/sources.ts";
import { tempDir } from "./package_fixture.ts";

/** What the rows of tests want. */
export const CONTENT = "the source\n".repeat(10_000);

/** The first half of it. */
export const HALF = CONTENT.slice(0, CONTENT.length / 2);

/** A row that wants {@linkcode CONTENT}. */
export async function row(...origins: Origin[]): Promise<SourceRow> {
  return {
    name: "thing",
    version: "1.0",
    file: "thing-1.0.tgz",
    sha256: await sha256(CONTENT),
    size: CONTENT.length,
    licence: "MIT",
    origins,
  };
}

/** What a path answers; `nth` counts its requests from 1. */
export type Answer = (
  request: Request,
  nth: number,
  server: Server,
) => Response | Promise<Response>;

/** A content as a good server gives it: all of it, or the range that is wanted. */
export function ranged(
  request: Request,
  content = CONTENT,
  headers: Record<string, string> = { etag: '"1"' },
): Response {
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "") ??
    [];
  const condition = request.headers.get("if-range");
  if (from === undefined || (condition ?? headers.etag) !== headers.etag) {
    return new Response(content, { headers });
  }
  const start = Number(from);
  if (start >= content.length) return new Response("", { status: 416 });
  const total = content.length;
  return new Response(content.slice(start), {
    status: 206,
    headers: {
      ...headers,
      "content-range": `bytes ${start}-${total - 1}/${total}`,
    },
  });
}

/** A text of which the server then sends no more, and what it does instead. */
export function begun(
  text: string,
  then: () => Promise<void> = () => Promise.resolve(),
  headers: Record<string, string> = {},
): Response {
  async function* chunks() {
    yield new TextEncoder().encode(text);
    await then();
  }
  return new Response(ReadableStream.from(chunks()), { headers });
}

/** The half that comes of a file when the connection breaks. */
export function broken(headers: Record<string, string> = {}): Response {
  return begun(HALF, undefined, {
    "content-length": String(CONTENT.length),
    ...headers,
  });
}

const ANSWERS: Readonly<Record<string, Answer>> = {
  "/good": (request) => ranged(request),
  "/wrong": () => new Response("other content"),
  "/cut": () => broken({ etag: '"1"' }),
  "/silent": async (_request, _nth, server) => {
    await server.end();
    return new Response();
  },
  "/stalls": (_request, _nth, server) => begun(HALF, () => server.end()),
};

/** A server that remembers what it was asked. */
export class Server implements AsyncDisposable {
  /** Paths of the requests, with the range that each wanted. */
  readonly requests: string[] = [];
  readonly #answers: Readonly<Record<string, Answer>>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #ending = Promise.withResolvers<void>();

  /** @param answers What paths answer beside the usual ones. */
  constructor(answers: Readonly<Record<string, Answer>> = {}) {
    this.#answers = { ...ANSWERS, ...answers };
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  /** Its host and port. */
  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  /** The URL of a path. */
  url(path: string): string {
    return `http://${this.host}/${path}`;
  }

  /** The origin at a path. */
  origin(path: string): Origin {
    return { url: this.url(path) };
  }

  /** Waits for the server's end: how to hang. */
  end(): Promise<void> {
    return this.#ending.promise;
  }

  #answer(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    const range = request.headers.get("range");
    this.requests.push(range === null ? pathname : `${pathname} ${range}`);
    const nth =
      this.requests.filter((line) => line.split(" ")[0] === pathname).length;
    return this.#answers[pathname]?.(request, nth, this) ??
      new Response("nothing", { status: 404 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.resolve();
    await this.#server.shutdown();
  }
}

/** Where nobody listens: bound and closed again. */
export function deadUrl(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return `http://127.0.0.1:${listener.addr.port}/x`;
}

/** A cache in a temporary folder, and what was noticed meanwhile. */
export function laboratory(changes: Partial<SourcePlaces> = {}) {
  const dir = tempDir();
  const notices: string[] = [];
  const places: SourcePlaces = {
    cache: `${dir.path}/cache`,
    openDebianSource: () => {
      throw new KrunnerError("no base image is known to run apt in");
    },
    onNotice: (line) => notices.push(line),
    stallTimeout: 5_000,
    retryDelays: [],
    ...changes,
  };
  return {
    places,
    notices,
    /** Names of all files, the lock aside. */
    cached: () =>
      [...Deno.readDirSync(places.cache)].map(({ name }) => name)
        .filter((name) => name !== ".thing-1.0.tgz.lock").sort(),
    /** Bytes of the file with this ending, 0 where there is none. */
    sizeOf: (ending: string) => {
      if (!existsSync(places.cache)) return 0;
      const name = [...Deno.readDirSync(places.cache)]
        .map(({ name }) => name).find((name) => name.endsWith(`.${ending}`));
      return name === undefined
        ? 0
        : Deno.statSync(`${places.cache}/${name}`).size;
    },
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
}

/** A cache of a test's own. */
export type SourceLaboratory = ReturnType<typeof laboratory>;

/** The name of a row's part. */
export function partName({ file, sha256 }: SourceRow): string {
  return `.${file}.${sha256.slice(0, 16)}.part`;
}
