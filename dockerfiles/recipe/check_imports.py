"""Imports every module of the standard library that this volume can have, and
the top-level modules of every package that is installed in it.

    python3 check_imports.py [MODULE ...]

The modules named may be missing. Exits with 1 and a list if one cannot be imported.
"""

import importlib
import importlib.util
import sys
from importlib.metadata import packages_distributions

# Listed in sys.stdlib_module_names on every platform, but not for Linux.
OTHER_PLATFORMS = {
    "_android_support", "_apple_support", "_ios_support", "_msi", "_overlapped",
    "_scproxy", "_winapi", "_wmi", "msilib", "msvcrt", "nt", "winreg",
    "winsound",
}
# Needs Tk, which the recipe does not build.
NOT_BUILT = {"_tkinter", "idlelib", "tkinter", "turtle", "turtledemo"}
# Importing them does something: opens a browser, prints a poem.
SIDE_EFFECTS = {"antigravity", "this"}
# What leave-out.toml may take away.
MAY_BE_LEFT_OUT = {"ensurepip", "nis", "pydoc_data"}


def expected() -> list[str]:
    """Names of the standard library's modules that must be importable."""
    names = sys.stdlib_module_names - OTHER_PLATFORMS - NOT_BUILT - SIDE_EFFECTS
    return sorted(
        name for name in names
        if name not in MAY_BE_LEFT_OUT.union(sys.argv[1:])
        or importlib.util.find_spec(name)
    )


def installed() -> list[str]:
    """Names of the modules that the installed packages have."""
    return sorted(packages_distributions())


def failures(names: list[str]) -> list[str]:
    """One line for each of the names that cannot be imported."""
    lines = []
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # a broken module may raise anything
            lines.append(f"{name}: {type(error).__name__}: {error}")
    return lines


def main() -> int:
    lines = failures(expected() + installed())
    for line in lines:
        print(f"Cannot import {line}", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
