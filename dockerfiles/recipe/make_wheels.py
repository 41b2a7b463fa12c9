"""Makes wheels of installed Debian packages: those that a requirements file
asks for, and those that these ask for.

    python3 make_wheels.py REQUIREMENTS_FILE WHEEL_FOLDER

Each wheel is complete: metadata, the Debian package's copyright file, and the
shared libraries that its extension modules need. `wheel pack` writes it.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bundle_libs import bundle
from elf import elf_files, output
from licenses import collect_copyrights, owner

DIST_PACKAGES = Path("/usr/lib/python3/dist-packages")
# What an installer leaves behind; a wheel has none of it (RECORD is written
# anew by `wheel pack`, METADATA and WHEEL below).
NOT_IN_WHEELS = {
    "INSTALLER", "METADATA", "PKG-INFO", "RECORD", "REQUESTED", "SOURCES.txt",
    "WHEEL", "dependency_links.txt", "direct_url.json", "not-zip-safe",
    "requires.txt", "zip-safe",
}
# Requirements that a Debian package knows (Depends), but its Python metadata
# has lost. By name and version: the next release's needs no such help.
LOST_REQUIREMENTS = {("python-dateutil", "2.8.2"): ["six>=1.5"]}
# The earliest time that a zip file can tell: files of a wheel have one time.
ZIP_EPOCH = "315532800"


def requirements(file: Path) -> list[Requirement]:
    """The requirements of a file that has names and comments, no options."""
    lines = (line.partition("#")[0].strip()
             for line in file.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def dependencies(dist: Distribution) -> list[str]:
    """What a distribution requires, as its metadata should say."""
    name = canonicalize_name(dist.metadata["Name"])
    lost = LOST_REQUIREMENTS.get((name, dist.version), [])
    return [*(dist.requires or []), *lost]


def closure(wanted: list[Requirement]) -> dict[str, Distribution]:
    """Distributions that the requirements need, by normalised name."""
    found: dict[str, Distribution] = {}
    queue = list(wanted)
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        marker = requirement.marker
        if name in found or (marker and not marker.evaluate({"extra": ""})):
            continue
        found[name] = distribution(requirement.name)
        queue += map(Requirement, dependencies(found[name]))
    return dict(sorted(found.items()))


def metadata(dist: Distribution) -> str:
    """Core metadata: METADATA as it is, or an old .egg-info's PKG-INFO with
    the dependencies, which are in a file of their own there, put in."""
    if text := dist.read_text("METADATA"):
        return text
    header, _, body = (dist.read_text("PKG-INFO") or "").partition("\n\n")
    lines = header.strip().splitlines()
    if not any(line.startswith("Requires-Dist:") for line in lines):
        lines += [f"Requires-Dist: {one}" for one in dependencies(dist)]
    return "\n".join(lines) + "\n\n" + body


def wheel_file(is_pure: bool) -> str:
    """Content of the file WHEEL: the tags that `wheel pack` names it by."""
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag = "py3-none-any" if is_pure else f"{python}-{python}-{platform}"
    return (
        "Wheel-Version: 1.0\n"
        "Generator: krunner make_wheels\n"
        f"Root-Is-Purelib: {str(is_pure).lower()}\n"
        f"Tag: {tag}\n"
    )


def metadata_folder(dist: Distribution) -> Path:
    """The distribution's .dist-info or .egg-info folder."""
    # Its only public face is the files in it, and an .egg-info lists none.
    return Path(dist._path)


def copy_files(package: str, old_info: Path, tree: Path, info: Path) -> None:
    """Copies a Debian package's modules to the tree, and what is worth it of
    the metadata to the folder `info`."""
    for line in output("dpkg-query", "--listfiles", package).splitlines():
        source = Path(line)
        if not source.is_relative_to(DIST_PACKAGES) or source.is_dir():
            continue
        target = tree / source.relative_to(DIST_PACKAGES)
        if source.is_relative_to(old_info):
            if source.name in NOT_IN_WHEELS:
                continue
            target = info / source.relative_to(old_info)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Follows symbolic links: wheels have none.
        shutil.copyfile(source, target)


def pack(tree: Path, folder: Path) -> None:
    """Writes the wheel of an unpacked tree."""
    subprocess.run(
        [sys.executable, "-m", "wheel", "pack", "--dest-dir", folder, tree],
        check=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": ZIP_EPOCH},
    )


def make_wheel(dist: Distribution, folder: Path) -> None:
    """Makes one distribution's wheel."""
    old_info = metadata_folder(dist)
    name = canonicalize_name(dist.metadata["Name"]).replace("-", "_")
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(temporary)
        info = tree / f"{name}-{dist.version}.dist-info"
        info.mkdir()
        package = owner(next(p for p in old_info.iterdir() if p.is_file()))
        copy_files(package, old_info, tree, info)
        (info / "METADATA").write_text(metadata(dist))
        (info / "WHEEL").write_text(wheel_file(is_pure=not elf_files(tree)))
        collect_copyrights({package}, info / "licenses")
        bundle(tree, Path(f"{name}.libs"), info / "licenses")
        pack(tree, folder)


def main() -> None:
    file, folder = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    for dist in closure(requirements(file)).values():
        make_wheel(dist, folder)


if __name__ == "__main__":
    main()
