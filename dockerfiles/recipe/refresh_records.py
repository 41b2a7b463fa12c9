"""Makes the RECORD of each installed wheel true again.

    python3 refresh_records.py SITE_PACKAGES

After the volume is trimmed and relinked, a RECORD names files that are gone and
hashes of files that have changed: scanners take that for tampering.
"""

import base64
import csv
import hashlib
import sys
from pathlib import Path


def entry(site_packages: Path, name: str) -> list[str] | None:
    """The row of a file, or None if it is gone."""
    path = site_packages / name
    if not path.is_file():
        return None
    content = path.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return [name, f"sha256={digest.decode().rstrip('=')}", str(len(content))]


def refresh(record: Path) -> None:
    """Rewrites one RECORD."""
    site_packages = record.parent.parent
    own_name = str(record.relative_to(site_packages))
    with record.open(newline="") as file:
        names = sorted(row[0] for row in csv.reader(file) if row)
    # By the standard a RECORD has no hash of itself.
    rows = [[name, "", ""] if name == own_name else entry(site_packages, name)
            for name in names]
    with record.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(row for row in rows if row)


if __name__ == "__main__":
    for found in sorted(Path(sys.argv[1]).glob("*.dist-info/RECORD")):
        refresh(found)
