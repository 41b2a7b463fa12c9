"""What the recipe asks of ELF files: who they are, what they need.

`ldd` and `patchelf` do the work; this file only reads their answers.
"""

import re
import subprocess
from pathlib import Path

# The C library's own files. They belong to the kernel and the loader of the
# container that the volume is mounted in, never to the volume.
C_LIBRARY = re.compile(
    r"^(ld-linux.*|linux-vdso|lib(c|m|dl|pthread|rt|util|resolv))\.so(\.\d+)?$"
)
_RESOLVED = re.compile(r"^\s*(\S+) => (\S.*?) \(0x[0-9a-f]+\)$")
_MISSING = re.compile(r"^\s*(\S+) => not found$")


def output(*command: str | Path) -> str:
    """Standard output of a command. Raises CalledProcessError if it fails."""
    return subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout


def is_elf(path: Path) -> bool:
    """Whether it is a program or a shared library, and not a link to one."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(20)
    # ET_EXEC and ET_DYN; an object file (ET_REL) is never loaded.
    return head[:4] == b"\x7fELF" and head[16:18] in (b"\2\0", b"\3\0")


def elf_files(root: Path) -> list[Path]:
    """Every program and shared library below the folder, sorted."""
    return sorted(filter(is_elf, root.rglob("*")))


def dynamic(question: str, path: Path) -> str:
    """What patchelf says of a file's dynamic section; nothing for a static
    program, which has none."""
    try:
        return output("patchelf", question, path).strip()
    except subprocess.CalledProcessError as error:
        # Its versions differ in their words.
        if ".dynamic" in error.stderr:
            return ""
        raise


def needed(path: Path) -> list[str]:
    """Names of the libraries that the file itself asks for (DT_NEEDED)."""
    return dynamic("--print-needed", path).split()


def run_path(path: Path) -> list[str]:
    """Folders of the file's DT_RPATH or DT_RUNPATH."""
    entries = dynamic("--print-rpath", path).split(":")
    return [entry for entry in entries if entry]


def resolve(path: Path) -> dict[str, Path]:
    """Where the loader of this system finds each library that the file needs,
    directly or through another one, the C library aside.

    Raises FileNotFoundError if the loader does not find one.
    """
    found: dict[str, Path] = {}
    # A file without needs has nothing to resolve, and ldd may fail on it.
    if not needed(path):
        return found
    for line in output("ldd", path).splitlines():
        if missing := _MISSING.match(line):
            raise FileNotFoundError(f'"{path}" needs "{missing[1]}": not found')
        match = _RESOLVED.match(line)
        if match and not C_LIBRARY.match(match[1]):
            found[match[1]] = Path(match[2])
    return found
