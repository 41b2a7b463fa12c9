/**
 * A package index on loopback: it takes uploads as the public one does, lists them
 * by the "simple" API as JSON or as a page, and can fail in the ways that indexes
 * and networks do.
 *
 * Sources: the index's "Upload API" documentation, and the Python packaging
 * specification "Simple repository API".
 *
 * @module
 */

/**
 * What happens to the next upload: an HTTP status; `cut`, the connection ends and
 * nothing was stored; `lost`, it was stored and the answer is lost; `hang`, it was
 * stored and the answer never comes; `slow`, it takes a while.
 */
export type Fault = number | "cut" | "lost" | "hang" | "slow";

/** A stored file. */
interface Stored {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

/** Who may upload. */
export const LOGIN = { username: "__token__", password: "pypi-se cret" };

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

/** The index. */
export class PackageIndexServer implements AsyncDisposable {
  /** Names of the files in the order in which they were stored. */
  readonly stored: string[] = [];
  /** Names of the files of all uploads, with what came of each. */
  readonly attempts: string[] = [];
  /** What happens to the next uploads, first things first. */
  faults: (Fault | "ok")[] = [];
  /** How many lists are still to miss what was uploaded last. */
  lag = 0;
  /** Whether it knows pages only, as old indexes do. */
  onlyPages = false;
  readonly #files = new Map<string, Stored>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #ends: Promise<void>[] = [];
  #release = Promise.withResolvers<void>();

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
    // A server cannot cut a connection; what stands before it can.
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#ends.push(this.#accept());
  }

  /** Where it is. */
  get origin(): string {
    return `http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  /** Where uploads go to. */
  get uploadUrl(): string {
    return `${this.origin}/legacy/`;
  }

  /** Where the lists are. */
  get indexUrl(): string {
    return `${this.origin}/simple/`;
  }

  /** Has a file, whoever uploaded it. */
  async put(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    this.#files.set(name, { bytes, sha256: new Uint8Array(digest).toHex() });
  }

  /** Cuts all connections. */
  cut(): void {
    for (const connection of this.#connections) close(connection);
    this.#connections.clear();
    this.#release.resolve();
    this.#release = Promise.withResolvers();
  }

  async #accept(): Promise<void> {
    const { port } = this.#server.addr;
    for await (const client of this.#listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port });
      for (const [from, to] of [[client, server], [server, client]] as const) {
        this.#connections.add(from);
        this.#ends.push(
          from.readable.pipeTo(to.writable).catch(() => {}).finally(() => {
            close(from);
            this.#connections.delete(from);
          }),
        );
      }
    }
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, area, name = ""] = pathname.split("/");
    if (request.method === "POST" && area === "legacy") {
      return await this.#upload(request);
    }
    await request.body?.cancel();
    if (area === "simple") return this.#list(request);
    const file = this.#files.get(decodeURIComponent(name));
    return area === "files" && file !== undefined
      ? new Response(file.bytes)
      : new Response("nothing here", { status: 404 });
  }

  #list(request: Request): Response {
    if (this.lag > 0) {
      this.lag--;
      return new Response("not yet", { status: 404 });
    }
    const files = [...this.#files];
    if (files.length === 0) return new Response("no such", { status: 404 });
    const accept = request.headers.get("accept") ?? "";
    if (this.onlyPages || !accept.includes(JSON_TYPE)) {
      const links = files.map(([name, { sha256 }]) =>
        `<a href="../../files/${name}#sha256=${sha256}">${name}</a><br>`
      );
      return new Response(`<!DOCTYPE html><html><body>${links.join("\n")}`, {
        headers: { "content-type": "text/html" },
      });
    }
    return Response.json({
      meta: { "api-version": "1.0" },
      name: "demo",
      files: files.map(([name, { sha256 }]) => ({
        filename: name,
        url: `/files/${name}`,
        hashes: { sha256 },
      })),
    }, { headers: { "content-type": JSON_TYPE } });
  }

  async #upload(request: Request): Promise<Response> {
    const form = await request.formData();
    const content = form.get("content");
    const login = `Basic ${btoa(`${LOGIN.username}:${LOGIN.password}`)}`;
    if (request.headers.get("authorization") !== login) {
      return new Response("who are you?", { status: 403 });
    }
    if (!(content instanceof File) || form.get(":action") !== "file_upload") {
      return new Response("no file", { status: 400 });
    }
    const { name } = content;
    const fault = this.faults.shift() ?? "ok";
    this.attempts.push(`${name} ${fault}`);
    if (typeof fault === "number") {
      return new Response("as the test wants it", { status: fault });
    }
    if (fault === "cut") {
      this.cut();
      return new Response();
    }
    if (this.#files.has(name)) {
      return new Response("File already exists", { status: 400 });
    }
    await this.put(name, new Uint8Array(await content.arrayBuffer()));
    this.stored.push(name);
    if (this.#files.get(name)?.sha256 !== form.get("sha256_digest")) {
      return new Response("another digest", { status: 400 });
    }
    if (fault === "slow") await new Promise((done) => setTimeout(done, 1500));
    if (fault === "lost") this.cut();
    if (fault === "hang") await this.#release.promise;
    return new Response();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#listener.close();
    await this.#server.shutdown();
    await Promise.all(this.#ends);
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
