"""Makes a tree self-contained: copies into it every shared library that its
ELF files need from outside, the C library aside, and points them to the copies
by a path relative to themselves.

    python3 bundle_libs.py ROOT LIBRARY_FOLDER LICENSE_FOLDER

LIBRARY_FOLDER is relative to ROOT. For the volume it is `lib/krunner`, not
`lib`: a kernel exports LD_LIBRARY_PATH=/opt/backend.ai/lib to the user's own
programs, and what lies there would replace their OpenSSL, libffi, ...

The path is written as DT_RPATH, though DT_RUNPATH is the newer kind. The loader
looks into LD_LIBRARY_PATH after DT_RPATH but before DT_RUNPATH, so with the
newer kind a user's LD_LIBRARY_PATH (CUDA, conda, ...) would slip its libraries
into our interpreter. A copied library gets a path of its own as well, since a
program's path is no help to a library that comes with DT_RUNPATH.

Certificates: Debian's libssl looks for them in /usr/lib/ssl, which is the
container's own store, and readline for terminals in the container's terminfo.
Both are meant to be the container's.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from elf import elf_files, needed, resolve, run_path
from licenses import collect_copyrights, owner


def outside(root: Path, files: list[Path]) -> dict[str, Path]:
    """Libraries that the files need from outside the root, by their name."""
    found: dict[str, Path] = {}
    for file in files:
        for name, path in resolve(file).items():
            if not path.resolve().is_relative_to(root):
                found[name] = path.resolve()
    return dict(sorted(found.items()))


def set_run_path(file: Path, entries: list[str]) -> None:
    """Writes the entries as the file's DT_RPATH; without any it has none.

    Into a copy that then takes the file's place: the interpreter that runs
    this script is one of the files, and a running program cannot be written.
    """
    copy = file.with_name(f".{file.name}.new")
    # Not by --output, which patchelf 0.9 of Ubuntu 16.04 and 18.04 lacks.
    shutil.copy(file, copy)
    change = (["--force-rpath", "--set-rpath", ":".join(entries)] if entries
              else ["--remove-rpath"])
    subprocess.run(["patchelf", *change, copy], check=True)
    copy.rename(file)


def relative_entry(file: Path, folder: Path) -> str:
    """The folder as the loader finds it from the file: `$ORIGIN/...`."""
    relative = os.path.relpath(folder, file.parent)
    return "$ORIGIN" if relative == "." else f"$ORIGIN/{relative}"


def relink(file: Path, folder: Path, bundled: set[str]) -> None:
    """Points the file to the folder, if it needs something there itself.

    A relative path that it came with (as the wheels of the public index do)
    stays in front; an absolute one would lead out of the tree and goes.
    """
    entries = run_path(file)
    own = [entry for entry in entries if entry.startswith("$ORIGIN")]
    if not bundled.isdisjoint(needed(file)):
        entry = relative_entry(file, folder)
        set_run_path(file, own if entry in own else [*own, entry])
    elif own != entries:
        set_run_path(file, own)


def bundle(root: Path, folder: Path, licenses: Path) -> list[str]:
    """Does what the top of this file says; gives the names of the copies.

    What is in the folder already, compiled for the tree, is pointed to as well.
    """
    root = root.resolve()
    folder = root / folder
    files = elf_files(root)
    own = {file.name for file in files if file.parent == folder}
    libraries = outside(root, files)
    if not own and not libraries:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in libraries.items():
        shutil.copyfile(path, folder / name)
        # Libraries need no execute bit, and Debian's have none.
        (folder / name).chmod(0o644)
    for file in [*files, *(folder / name for name in libraries)]:
        relink(file, folder, own | set(libraries))
    if rest := outside(root, elf_files(root)):
        raise RuntimeError(f"Libraries outside the tree are still used: {rest}")
    if libraries:
        owners = {owner(path) for path in libraries.values()}
        collect_copyrights(owners, licenses)
    return list(libraries)


def main() -> None:
    root, folder, licenses = map(Path, sys.argv[1:])
    for name in bundle(root, folder, licenses):
        print(f"bundled {folder / name}")


if __name__ == "__main__":
    main()
