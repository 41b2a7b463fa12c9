/**
 * The recipes of the custom ttyd, as data: which versions, in which order, with
 * which flags and edits.
 *
 * The steps are those of ttyd's own cross-build script; their flags, in both
 * recipes, those of its 1.7.7: that of 1.6.1 leaves out what makes libwebsockets
 * and ttyd smaller. Other than there, TLS is off unless it is asked for, and CMake
 * builds libuv, which without Autotools has no other way.
 *
 * @module
 */

import { compareNatural } from "../package_dir.ts";

/** What `--recipe` may be; the first is the default. */
export const RECIPES = ["classic", "modern"] as const;

/** The name of a recipe. */
export type RecipeName = typeof RECIPES[number];

/** A step, by the name of the source that it builds. */
export type StepName =
  | "zlib"
  | "json-c"
  | "openssl"
  | "mbedtls"
  | "libuv"
  | "libwebsockets"
  | "ttyd";

/** What a recipe is made of. */
export interface Recipe {
  /** The versions of its sources: rows of the source lock file. */
  readonly versions: Readonly<Partial<Record<StepName, string>>>;
  /** The library that `--tls` brings. */
  readonly tls: "openssl" | "mbedtls";
}

/**
 * All recipes. `+debian` is Debian's own tarball of a version: the same program,
 * other bytes than its makers'.
 */
export const RECIPE_DATA: Readonly<Record<RecipeName, Recipe>> = {
  // Pings every 5 s: the last libwebsockets that obeys ws_ping_pong_interval.
  classic: {
    versions: {
      zlib: "1.2.11",
      "json-c": "0.14",
      openssl: "1.0.2u",
      libuv: "1.38.0",
      libwebsockets: "3.2.3",
      ttyd: "1.6.1",
    },
    tls: "openssl",
  },
  // Pings every 5 s by -P, whose default works from ttyd 1.7.0 on.
  modern: {
    versions: {
      zlib: "1.3.1+debian",
      "json-c": "0.18+debian",
      mbedtls: "2.28.3+debian",
      libuv: "1.50.0+debian",
      libwebsockets: "4.3.5",
      ttyd: "1.7.7+debian",
    },
    tls: "mbedtls",
  },
};

/** A change of a source before it is built. One that changes nothing is an error. */
export interface Edit {
  /** The file in the source tree. */
  readonly file: string;
  /** What `sed` is told. */
  readonly sed: string;
  /** What the change is for, for the log. */
  readonly what: string;
}

/** How one source is built. */
export interface StepRecipe {
  /** The script in `ttyd/steps`. */
  readonly script: "cmake" | "libuv" | "openssl" | "ttyd" | "zlib";
  /** Flags of `cmake` or `configure`. */
  readonly flags: readonly string[];
  /** Changes before it is built. */
  readonly edits: readonly Edit[];
  /** Files of the source tree with its licence, in the order to keep them in. */
  readonly licences: readonly string[];
}

/** A version without what says whose tarball it is: `1.3.1` of `1.3.1+debian`. */
export function plainVersion(version: string): string {
  return version.replace(/\+.*$/, "");
}

/** Whether a version is `other` or later. */
export function isAtLeast(version: string, other: string): boolean {
  const plain = plainVersion(version);
  return plain === other || compareNatural(other, plain) < 0;
}

/**
 * The steps in the order to run them.
 *
 * @param tls The TLS library, where one is wanted.
 */
export function stepOrder(tls: Recipe["tls"] | undefined): StepName[] {
  return [
    "zlib",
    "json-c",
    ...tls === undefined ? [] : [tls],
    "libuv",
    "libwebsockets",
    "ttyd",
  ];
}

/**
 * How a source of a version is built.
 *
 * @param tls The TLS library, where one is wanted.
 */
export function stepRecipe(
  name: StepName,
  version: string,
  tls: Recipe["tls"] | undefined,
): StepRecipe {
  switch (name) {
    case "zlib":
      return {
        script: "zlib",
        flags: ["--static"],
        edits: [],
        // Its README has the licence up to 1.2.11.
        licences: [isAtLeast(version, "1.2.12") ? "LICENSE" : "README"],
      };
    case "json-c":
      return {
        script: "cmake",
        flags: [
          "-DBUILD_SHARED_LIBS=OFF",
          "-DBUILD_TESTING=OFF",
          "-DBUILD_APPS=OFF",
          "-DDISABLE_WERROR=ON",
          "-DDISABLE_THREAD_LOCAL_STORAGE=ON",
        ],
        edits: [],
        licences: ["COPYING"],
      };
    case "openssl":
      return {
        script: "openssl",
        flags: ["--openssldir=/etc/ssl", "no-shared", "no-dso", "-fPIC"],
        edits: [],
        licences: ["LICENSE"],
      };
    case "mbedtls":
      return {
        script: "cmake",
        flags: ["-DENABLE_TESTING=OFF", "-DENABLE_PROGRAMS=OFF"],
        edits: [],
        licences: ["LICENSE"],
      };
    case "libuv":
      return {
        script: "libuv",
        flags: ["-DBUILD_TESTING=OFF", "-DLIBUV_BUILD_SHARED=OFF"],
        edits: [],
        licences: [
          "LICENSE",
          ...isAtLeast(version, "1.45.0") ? ["LICENSE-extra"] : [],
        ],
      };
    case "libwebsockets":
      return libwebsockets(version, tls);
    case "ttyd":
      return {
        script: "ttyd",
        flags: [
          "-DCMAKE_FIND_LIBRARY_SUFFIXES=.a",
          "-DCMAKE_C_FLAGS=-Os -ffunction-sections -fdata-sections -fno-unwind-tables -fno-asynchronous-unwind-tables -flto",
          "-DCMAKE_EXE_LINKER_FLAGS=-static -no-pie -Wl,-s -Wl,-Bsymbolic -Wl,--gc-sections",
        ],
        edits: [],
        licences: ["LICENSE"],
      };
  }
}

function libwebsockets(
  version: string,
  tls: Recipe["tls"] | undefined,
): StepRecipe {
  const isNew = isAtLeast(version, "4.1.0");
  return {
    script: "cmake",
    flags: [
      "-DCMAKE_FIND_LIBRARY_SUFFIXES=.a",
      "-DCMAKE_EXE_LINKER_FLAGS=-static",
      `-DLWS_WITH_SSL=${tls === undefined ? "OFF" : "ON"}`,
      `-DLWS_WITH_MBEDTLS=${tls === "mbedtls" ? "ON" : "OFF"}`,
      "-DLWS_WITHOUT_TESTAPPS=ON",
      "-DLWS_WITHOUT_CLIENT=ON",
      "-DLWS_WITHOUT_EXTENSIONS=OFF",
      "-DLWS_WITH_LIBUV=ON",
      "-DLWS_WITH_SHARED=OFF",
      "-DLWS_STATIC_PIC=ON",
      "-DLWS_UNIX_SOCK=ON",
      "-DLWS_IPV6=ON",
      "-DLWS_ROLE_RAW_FILE=OFF",
      `-DLWS_WITH_HTTP2=${isNew ? "ON" : "OFF"}`,
      "-DLWS_WITH_HTTP_BASIC_AUTH=OFF",
      "-DLWS_WITH_UDP=OFF",
      "-DLWS_WITH_LEJP=OFF",
      "-DLWS_WITH_LEJP_CONF=OFF",
      "-DLWS_WITH_LWSAC=OFF",
      "-DLWS_WITH_SEQUENCER=OFF",
      ...isNew ? ["-DDISABLE_WERROR=ON"] : ["-DCMAKE_C_FLAGS=-Wno-error"],
    ],
    edits: [
      {
        file: isNew
          ? "cmake/libwebsockets-config.cmake.in"
          : "cmake/LibwebsocketsConfig.cmake.in",
        sed: "s/ websockets_shared//",
        what: "nothing links to the shared library, for it is not built",
      },
      ...isNew && tls === "openssl"
        ? [{
          file: "lib/tls/CMakeLists.txt",
          sed: "s/ OR PC_OPENSSL_FOUND//; /PC_OPENSSL/d",
          what: "OpenSSL is the step's own, and not what pkg-config finds",
        }]
        : [],
    ],
    licences: ["LICENSE"],
  };
}
