"""Takes out of a volume what it does without.

    python3 leave_out.py ROOT LIST [GROUP ...]

LIST is leave-out.toml; the groups named are kept, `all` keeps every one.
"""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from elf import is_elf


def groups_to_leave_out(groups: dict[str, dict], keep: set[str]) -> list[dict]:
    """The groups that are not kept. Raises ValueError for an unknown name."""
    if unknown := keep - groups.keys() - {"all"}:
        raise ValueError(
            f"Cannot keep {sorted(unknown)}: the groups are {sorted(groups)}"
        )
    if "all" in keep:
        return []
    return [group for name, group in groups.items() if name not in keep]


def remove(path: Path) -> None:
    """Removes a file, a link, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        # A folder of an earlier pattern may have taken it along.
        path.unlink(missing_ok=True)


def strip(path: Path) -> None:
    """Takes the debug symbols out of an ELF file.

    Into a copy that then takes the file's place: the interpreter that runs
    this script is one of the files, and a running program cannot be written.
    """
    copy = path.with_name(f".{path.name}.new")
    subprocess.run(["strip", "--strip-unneeded", "-o", copy, path], check=True)
    copy.rename(path)


def remove_empty_parents(folder: Path, root: Path) -> None:
    """Removes the folder if nothing is left in it, then the one around it."""
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def leave_out(root: Path, group: dict) -> None:
    """Removes or strips what the patterns of a group match."""
    for pattern in group.get("paths", []):
        for path in sorted(root.glob(pattern)):
            remove(path)
            remove_empty_parents(path.parent, root)
    for pattern in group.get("strip", []):
        for path in filter(is_elf, sorted(root.glob(pattern))):
            strip(path)


def main() -> None:
    root, list_file, *keep = sys.argv[1:]
    groups = tomllib.loads(Path(list_file).read_text())
    try:
        chosen = groups_to_leave_out(groups, set(keep))
    except ValueError as error:
        sys.exit(str(error))
    for group in chosen:
        leave_out(Path(root), group)


if __name__ == "__main__":
    main()
