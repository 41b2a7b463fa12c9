/**
 * What a package index has, by its "simple" API.
 *
 * Sources: the Python packaging specification "Simple repository API" (PEP 503,
 * PEP 691).
 *
 * @module
 */

import { createHash } from "node:crypto";
import { reasonOf } from "../download.ts";
import { CancelledError, KrunnerError } from "../errors.ts";

/** A file that an index lists. */
export interface IndexFile {
  /** Its name. */
  readonly name: string;
  /** Where it is. */
  readonly url: string;
  /** In lower-case hex; `null` where the index does not tell. */
  readonly sha256: string | null;
}

/** Milliseconds for a list. */
const LIST_LIMIT = 30_000;
/** Milliseconds for a file. */
const FILE_LIMIT = 600_000;

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

/** A project's name in URLs: `backend-ai-krunner-debian`. */
export function normalizeName(project: string): string {
  return project.replace(/[-_.]+/g, "-").toLowerCase();
}

/** The index did not answer, or not in words that are understood. */
export class IndexError extends KrunnerError {
  override readonly name = "IndexError";
}

/** An index. */
export class PackageIndex {
  readonly #url: URL;
  readonly #headers: Record<string, string> = {};
  readonly #signal: AbortSignal;

  /** @param url The "simple" API; a name and password in it are sent as such. */
  constructor(url: string, signal: AbortSignal) {
    this.#url = new URL(url);
    this.#signal = signal;
    const { username, password } = this.#url;
    if (username !== "" || password !== "") {
      const pair = `${decodeURIComponent(username)}:${
        decodeURIComponent(password)
      }`;
      const bytes = new TextEncoder().encode(pair);
      this.#headers["authorization"] = `Basic ${bytes.toBase64()}`;
      this.#url.username = "";
      this.#url.password = "";
    }
  }

  /**
   * The files of a project; none where the index does not know it.
   *
   * @throws {IndexError} If the index does not answer.
   */
  async list(project: string): Promise<IndexFile[]> {
    const url = new URL(`${normalizeName(project)}/`, this.#url);
    return await this.#get(url, LIST_LIMIT, {
      accept: `${JSON_TYPE}, text/html;q=0.1`,
      // A list that a cache kept may lack what was uploaded since.
      "cache-control": "no-cache",
    }, async (response) => {
      if (response.status === 404) return [];
      const text = await response.text();
      const type = response.headers.get("content-type") ?? "";
      return type.startsWith(JSON_TYPE)
        ? parseJsonList(text, response.url)
        : parseHtmlList(text, response.url);
    });
  }

  /**
   * The SHA-256 of a file's bytes as they come from the index.
   *
   * @throws {IndexError} If it cannot be had.
   */
  async digest({ url }: IndexFile): Promise<string> {
    return await this.#get(new URL(url), FILE_LIMIT, {}, async (response) => {
      if (response.status === 404) throw new Error("404 Not Found");
      const hash = createHash("sha256");
      for await (const chunk of response.body ?? []) hash.update(chunk);
      return hash.digest("hex");
    });
  }

  async #get<T>(
    url: URL,
    limit: number,
    headers: Record<string, string>,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    // Elsewhere than with the index, its password is nobody's business.
    const own = url.origin === this.#url.origin ? this.#headers : {};
    try {
      const response = await fetch(url, {
        headers: { ...headers, ...own },
        signal: AbortSignal.any([this.#signal, AbortSignal.timeout(limit)]),
      });
      if (!response.ok && response.status !== 404) {
        await response.body?.cancel();
        throw new Error(`${response.status} ${response.statusText}`.trim());
      }
      return await read(response);
    } catch (cause) {
      if (this.#signal.aborted) throw new CancelledError("Cancelled");
      throw new IndexError(
        `Cannot read "${url.origin}${url.pathname}": ${
          wordsOf(cause)
        }; see that the index answers, or name its "simple" API with "--index-url"`,
        { cause },
      );
    }
  }
}

function wordsOf(cause: unknown): string {
  const message = reasonOf(cause as Error);
  if ((cause as Error).name === "TimeoutError") return "it took too long";
  if (message.startsWith("401") || message.startsWith("403")) {
    return `${message} (a name and password may stand in "--index-url")`;
  }
  return message;
}

/** Reads a list as PEP 691 has it. */
export function parseJsonList(text: string, base: string): IndexFile[] {
  const { files } = JSON.parse(text) as {
    files: { filename: string; url: string; hashes?: { sha256?: string } }[];
  };
  return files.map(({ filename, url, hashes }) => ({
    name: filename,
    url: new URL(url, base).href,
    sha256: hashes?.sha256?.toLowerCase() ?? null,
  }));
}

/** Reads a list as PEP 503 has it: a page of links. */
export function parseHtmlList(text: string, base: string): IndexFile[] {
  const links = text.matchAll(/<a\s[^>]*?href\s*=\s*(["'])(.*?)\1[^>]*>/gis);
  return [...links].flatMap(([, , href = ""]) => {
    const url = URL.parse(href.replaceAll("&amp;", "&"), base);
    if (url === null) return [];
    const sha256 = /^#sha256=([0-9a-f]{64})/i.exec(url.hash)?.[1] ?? null;
    url.hash = "";
    return [{
      name: decodeURIComponent(url.pathname.split("/").at(-1) ?? ""),
      url: url.href,
      sha256: sha256?.toLowerCase() ?? null,
    }];
  });
}
