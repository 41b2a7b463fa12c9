/**
 * What is looked up on a machine, before anybody judges it.
 *
 * @module
 */

import type { BasePlan } from "../base_image.ts";
import type { BuilderKind } from "../builder.ts";
import type { EngineName } from "../engine.ts";
import type { SourceRow } from "../sources.ts";

/** An engine that answers. */
export interface EngineFacts {
  /** The client's program. */
  readonly name: EngineName;
  /** The engine's version. */
  readonly version: string;
  /** Its arch in Python's words. */
  readonly arch: string;
  /** Its storage driver, `""` where it does not say. */
  readonly driver: string;
  /** Its clock, in milliseconds since 1970, where it tells. */
  readonly time?: number;
  /** The folder of its images, where that is on this machine. */
  readonly root?: string;
  /** The builder that works, or why none does. */
  readonly builder: { readonly kind: BuilderKind } | { readonly fault: string };
  /** The version of the buildx plugin. */
  readonly buildx?: string;
}

/** An engine, or why there is none. */
export type EngineLook = EngineFacts | {
  readonly name: EngineName;
  /** One message for a person. */
  readonly fault: string;
};

/** The first line that each program says of its version; none where it is missing. */
export type ToolFacts = Readonly<Record<ToolName, string | undefined>>;

/** Programs that builds run. */
export type ToolName =
  | "busybox"
  | "debootstrap"
  | "git"
  | "tar"
  | "unshare"
  | "xz";

/** An origin's answer. */
export interface OriginFacts {
  /** What was asked for. */
  readonly url: string;
  /** An HTTP status, or why there is none. */
  readonly answer: number | string;
  /** Its clock, in milliseconds since 1970, where it tells. */
  readonly time?: number;
}

/** A registry's answer. */
export interface RegistryFacts {
  /** Its name: `docker.io`. */
  readonly registry: string;
  /** Why nothing can be pulled; absent where it answers. */
  readonly fault?: string;
}

/** A folder that things are written to. */
export interface FolderFacts {
  /** What is kept there. */
  readonly what: "cache" | "outputs" | "images";
  /** The folder, which may not be there yet. */
  readonly path: string;
  /** Free bytes for this user. */
  readonly free: number;
  /** Whether this user may write there. */
  readonly writable: boolean;
}

/** A distro version: what a build of it would take. */
export interface TargetFacts {
  /** The distro version. */
  readonly distroVersion: string;
  /** The sources of each way to build it, best first; or why it has no plan. */
  readonly ways: readonly (readonly SourceRow[])[] | { readonly fault: string };
  /** Its base image, where it has one. */
  readonly base?: BasePlan;
  /** Whether the engine has that, or one made in its place, or `--sources` does. */
  readonly hasBase: boolean;
  /** Whether a keyring file that its bootstrap names is there. */
  readonly hasKeyring: boolean;
}

/** The machine itself. */
export interface HostFacts {
  /** Whether this user is root. */
  readonly isRoot: boolean;
  /** Its clock, in milliseconds since 1970. */
  readonly now: number;
  /** When this program was written: no clock can be before. */
  readonly programTime: number;
  /** Bytes of memory that can be had. */
  readonly memory: number;
  /** Its arch in Python's words. */
  readonly arch: string;
  /** Arches that it runs by emulation. */
  readonly emulated: readonly string[];
}

/** All of it. */
export interface Facts {
  readonly host: HostFacts;
  readonly engine: EngineLook;
  readonly tools: ToolFacts;
  readonly origins: readonly OriginFacts[];
  readonly registries: readonly RegistryFacts[];
  readonly folders: readonly FolderFacts[];
  readonly targets: readonly TargetFacts[];
  /** Files of sources that are here already. */
  readonly cached: ReadonlySet<string>;
  /** Whether `--sources` leaves no other way to get them. */
  readonly offline: boolean;
}
