"""Gathers the licence texts of what goes into a volume.

    python3 licenses.py SITE_PACKAGES LICENSE_FOLDER

moves the licence texts that the installed wheels carry in their `.dist-info` to
LICENSE_FOLDER/{name of the distribution}/.
"""

import re
import shutil
import sys
from pathlib import Path

from elf import output

COMMON = Path("/usr/share/common-licenses")
PACKAGE_LIST = "debian-packages.tsv"
_PACKAGE_ROW = "\t".join([
    "${Package}", "${Version}", "${source:Package}", "${source:Version}\n"
])
_COMMON_NAME = re.compile(rf"{COMMON}/([A-Za-z0-9.+-]*[A-Za-z0-9+])")
# Where wheels keep such texts: the folder that the core metadata names since
# 2.4, and the names that setuptools and its kin have always copied.
_WHEEL_TEXT = re.compile(
    r"^(licenses/.*|(LICEN[CS]E|COPY(ING|RIGHT)|NOTICE|AUTHORS)[^/]*)$",
    re.IGNORECASE,
)


def owner(path: Path) -> str:
    """Name of the Debian package that a file came with.

    Asked by the file's name: with /lib merged into /usr/lib, the folder in
    dpkg's records need not be the one that the loader says.
    """
    for line in output("dpkg-query", "--search", f"*/{path.name}").splitlines():
        package, _, recorded = line.partition(": ")
        if Path(recorded).resolve() == path.resolve():
            return package.partition(":")[0]
    raise LookupError(f'No Debian package owns "{path}"')


def collect_copyrights(packages: set[str], folder: Path) -> None:
    """Copies each Debian package's copyright file to `folder/{package}`, and
    the texts that it only points to (the GPL and others, which every Debian
    system has, but not every container) to `folder/common-licenses/`.

    Adds a line for each to `folder/debian-packages.tsv`: the package, its
    version, its source package and that one's version. Who has to offer or
    wants to look at the sources finds the very ones by it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / PACKAGE_LIST).open("a") as file:
        file.write(output("dpkg-query", "--show", "--showformat", _PACKAGE_ROW,
                          *sorted(packages)))
    for package in sorted(packages):
        text = Path("/usr/share/doc", package, "copyright").read_bytes()
        (folder / package).write_bytes(text)
        for name in _COMMON_NAME.findall(text.decode(errors="replace")):
            common = folder / "common-licenses" / name
            common.parent.mkdir(exist_ok=True)
            shutil.copyfile(COMMON / name, common)


def text_target(name: str, text: Path, folder: Path) -> Path:
    """Where a wheel's licence text goes. What many Debian packages point to is
    the same in each wheel that make_wheels.py made, and is kept once."""
    inner = Path(str(text).removeprefix("licenses/"))
    if inner.parts[0] == COMMON.name:
        return folder / inner
    return folder / name / inner


def move_from_wheels(site_packages: Path, folder: Path) -> None:
    """Moves the licence texts of the installed wheels."""
    for info in sorted(site_packages.glob("*.dist-info")):
        files = (file.relative_to(info) for file in info.rglob("*")
                 if file.is_file())
        texts = sorted(file for file in files if _WHEEL_TEXT.match(str(file)))
        if not texts:
            # Some wheels of the public index have only the name of a licence.
            print(f'Notice: no licence text in "{info.name}"', file=sys.stderr)
        for text in texts:
            target = text_target(info.name.partition("-")[0], text, folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            (info / text).replace(target)
        shutil.rmtree(info / "licenses", ignore_errors=True)


if __name__ == "__main__":
    move_from_wheels(Path(sys.argv[1]), Path(sys.argv[2]))
