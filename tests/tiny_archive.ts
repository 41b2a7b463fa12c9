/**
 * A Debian archive on loopback with one package, signed with a key of its own, and
 * debootstrap's script for it: all that debootstrap does, in a second.
 *
 * @module
 */

import { must } from "./engine_fixture.ts";
import { sha256 } from "../lib/inputs.ts";

/** The one suite that has a package; there is an empty `tiny-updates` too. */
export const SUITE = "tiny";

/** A keyring that no host has. */
export const NO_KEYRING = "/usr/share/keyrings/krunner-test-keyring.gpg";

/** The package is the image's whole content: BusyBox. */
const SCRIPT = `mirror_style release
download_style apt
finddebs_style from-indices
variants - minbase
keyring ${NO_KEYRING}
work_out_debs () {
  required="$(get_debs Priority: required)"
  base=
}
first_stage_install () {
  extract $required
}
second_stage_install () {
  in_target /bin/busybox true
}
`;

/** The archive and its server. */
export class TinyArchive implements AsyncDisposable {
  /** Its folder, with `pool` and `dists` in `www`. */
  readonly root: string;
  /** Paths that were asked for. */
  readonly requests: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #gate = Promise.resolve();
  #open = () => {};

  private constructor(root: string) {
    this.root = root;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  /** Makes a folder with all of it, and the server. */
  static async open(): Promise<TinyArchive> {
    const root = await Deno.makeTempDir({ prefix: "krunner-test-" });
    const archive = new TinyArchive(root);
    await Deno.writeTextFile(archive.script, SCRIPT);
    await archive.#makeKey("own");
    await archive.#makeKey("other");
    await Deno.writeTextFile(`${root}/empty.gpg`, "");
    const entry = await archive.#makePackage();
    await archive.#makeSuite(SUITE, entry);
    await archive.#makeSuite(`${SUITE}-updates`, "");
    return archive;
  }

  /** Its URL. */
  get mirror(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/tiny`;
  }

  /** debootstrap's script for its suite. */
  get script(): string {
    return `${this.root}/script`;
  }

  /** A keyring: `own` has its key, `other` another one, `empty` none. */
  keyring(name: "own" | "other" | "empty"): string {
    return `${this.root}/${name}.gpg`;
  }

  /** Lets nobody have a package until {@linkcode goOn}. */
  holdBack(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    this.#open = resolve;
  }

  /** Ends {@linkcode holdBack}. */
  goOn(): void {
    this.#open();
  }

  /** The path of one of its files. */
  path(name: string): string {
    return `${this.root}/www/tiny/${name}`;
  }

  async #makeKey(name: string): Promise<void> {
    const home = `${this.root}/${name}`;
    await Deno.mkdir(home, { mode: 0o700 });
    const gpg = ["gpg", "--homedir", home, "--batch", "--quiet"];
    await must([
      ...gpg,
      "--passphrase",
      "",
      "--quick-generate-key",
      "Nobody <nobody@localhost>",
      "ed25519",
      "sign",
      "never",
    ]);
    await must([...gpg, "--output", `${home}.gpg`, "--export"]);
    await must(["gpgconf", "--homedir", home, "--kill", "all"]);
  }

  /** Its stanza of `Packages`. */
  async #makePackage(): Promise<string> {
    const tree = `${this.root}/tree`;
    const arch = await must(["dpkg", "--print-architecture"]);
    const control = `Package: tiny
Version: 1
Architecture: ${arch}
Priority: required
Maintainer: Nobody <nobody@localhost>
Description: BusyBox
`;
    await Deno.mkdir(`${tree}/DEBIAN`, { recursive: true });
    await Deno.mkdir(`${tree}/bin`);
    await Deno.mkdir(`${tree}/var/log`, { recursive: true });
    await Deno.copyFile("/bin/busybox", `${tree}/bin/busybox`);
    await Deno.writeTextFile(`${tree}/DEBIAN/control`, control);
    const pool = "pool/main/t/tiny/tiny_1.deb";
    await Deno.mkdir(this.path("pool/main/t/tiny"), { recursive: true });
    await must(["dpkg-deb", "--build", "-Zxz", tree, this.path(pool)]);
    const bytes = await Deno.readFile(this.path(pool));
    return `${control}Filename: ${pool}
Size: ${bytes.length}
SHA256: ${await sha256(bytes)}

`;
  }

  async #makeSuite(suite: string, packages: string): Promise<void> {
    const arch = await must(["dpkg", "--print-architecture"]);
    const dir = this.path(`dists/${suite}`);
    const lines = [
      `Suite: ${suite}`,
      `Codename: ${suite}`,
      `Architectures: ${arch}`,
      "Components: main universe",
      "SHA256:",
    ];
    for (const component of ["main", "universe"]) {
      const index = `${component}/binary-${arch}/Packages`;
      const text = component === "main" ? packages : "";
      await Deno.mkdir(`${dir}/${component}/binary-${arch}`, {
        recursive: true,
      });
      await Deno.writeTextFile(`${dir}/${index}`, text);
      lines.push(` ${await sha256(text)} ${text.length} ${index}`);
    }
    await Deno.writeTextFile(`${dir}/Release`, `${lines.join("\n")}\n`);
    const home = `${this.root}/own`;
    await must([
      "gpg",
      "--homedir",
      home,
      "--batch",
      "--output",
      `${dir}/InRelease`,
      "--clearsign",
      `${dir}/Release`,
    ]);
    await must(["gpgconf", "--homedir", home, "--kill", "all"]);
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    this.requests.push(pathname);
    if (pathname.endsWith(".deb")) await this.#gate;
    const file = await Deno.open(`${this.root}/www${pathname}`)
      .catch(() => undefined);
    return file === undefined
      ? new Response("nothing", { status: 404 })
      : new Response(file.readable);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.goOn();
    await this.#server.shutdown();
    await Deno.remove(this.root, { recursive: true });
  }
}
