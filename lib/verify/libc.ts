/**
 * The C library of each distro version: what a volume for it may need.
 *
 * Sources: the packages `libc6` of Debian's and Ubuntu's releases and `glibc`
 * of CentOS's, by the names of distro versions that krunner packages have.
 *
 * @module
 */

/** glibc's version by distro version. */
const GLIBC: Readonly<Record<string, string>> = {
  "centos6": "2.12",
  "centos7": "2.17",
  "centos8": "2.28",
  "debian9": "2.24",
  "debian10": "2.28",
  "debian11": "2.31",
  "debian12": "2.36",
  "debian13": "2.41",
  "ubuntu16.04": "2.23",
  "ubuntu18.04": "2.27",
  "ubuntu20.04": "2.31",
  "ubuntu22.04": "2.35",
  "ubuntu24.04": "2.39",
};

/** Distro versions that are musl's. */
const MUSL = /^(alpine|musllinux|static-musl)/;

/** A distro version's C library. */
export type Libc =
  | { readonly kind: "musl" }
  | {
    readonly kind: "glibc";
    /** `major.minor`; `undefined` where it is not known. */
    readonly version: string | undefined;
  };

/**
 * The C library of a distro version. `centos7.6` is as `centos7`: minor
 * releases keep the library; and `manylinux_2_28` says it itself.
 */
export function libcOf(distroVersion: string): Libc {
  if (MUSL.test(distroVersion)) return { kind: "musl" };
  const [, major, minor] = /^manylinux_(\d+)_(\d+)/.exec(distroVersion) ?? [];
  if (major !== undefined && minor !== undefined) {
    return { kind: "glibc", version: `${major}.${minor}` };
  }
  const release = distroVersion.replace(/^(centos\d+)\..*$/, "$1");
  const version = Object.hasOwn(GLIBC, release) ? GLIBC[release] : undefined;
  return { kind: "glibc", version };
}
