"""Writes docs/licences.md: licences of packages beside a running Sinetti.

The packages come from requirements.lock, their licences from what they declare in their own metadata.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import lock  # a script beside this one

PAGE = lock.ROOT / "docs" / "licences.md"
DEVELOPMENT = frozenset({"check", "docs", "fuzz", "release", "test"})
ACCEPTED = frozenset(
    {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT-0", "MPL-2.0", "LGPL-3.0-only", "PSF-2.0"}
)
"""Licences of packages that may be installed beside the EUPL-1.2.

A contributor adds another after reading it.
"""

SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""Names in older metadata.

"BSD" alone was read in each package's licence file: three clauses.
"""

READ = {"fido2": "BSD-2-Clause AND Apache-2.0 AND MPL-2.0"}
"""Licences of packages whose metadata is vague, as their files have them.

That of the code is first, then those of parts by others.
"""

HEADING = """\
# Licences

This page lists the licence of each package that an installation of Sinetti has beside Sinetti itself (EUPL-1.2).
Operators and packagers need it. `scripts/licences.py` writes it from [requirements.lock](../requirements.lock) and the
packages' own metadata; a test compares them. Older metadata lists several licences without saying "and" or "or": the
page then says AND. `base` is the client, which each of the others includes. [Dependencies](dependencies.md) gives the
reason for each direct one.

| package | licence | brought by |
|---|---|---|
"""


def extras() -> list[str]:
    """Return the extras that run, with `base` for the client's packages."""
    return ["base", *(one for one in lock.all_extras() if one not in DEVELOPMENT)]


def packages() -> dict[str, list[str]]:
    """Return the locked packages by name, each with the extras that bring it.

    `base` stands for all.
    """
    text, found = lock.LOCK.read_text(encoding="utf-8"), dict[str, list[str]]()
    for extra in extras():
        for block in lock.select(text, [extra]):
            if "sys_platform == 'win32'" in block:  # of the servers' packages, which do not run there
                continue
            brought = found.setdefault(lock.pin(block)[0], [])
            if "base" not in brought and extra not in brought:
                brought.append(extra)
    return dict(sorted(found.items()))


def licence(name: str) -> str:
    """Return what a package declares, as SPDX.

    Raises PackageNotFoundError if it is not installed.
    """
    declared = metadata.metadata(name)
    if name in READ:
        return READ[name]
    named: list[str] = [*declared.get_all("License-Expression", []), *declared.get_all("License", [])]
    for short in named:
        if not unknown(written := SPDX.get(short, short)):
            return written
    classified = [one.rpartition(" :: ")[2] for one in declared.get_all("Classifier", []) if "OSI Approved ::" in one]
    return " AND ".join(SPDX.get(one, one) for one in sorted(set(classified)))


def unknown(expression: str) -> set[str]:
    """Return the licences of an expression that are not accepted."""
    return set(re.split(r" AND | OR |[()]", expression)) - ACCEPTED - {""}


def listed(text: str) -> dict[str, str]:
    """Return the licences that a page has by package."""
    return dict(re.findall(r"^\| (\S+) \| ([^|]+?) \| [^|]+ \|$", text.partition("|---|")[2], re.MULTILINE))


def page(current: str) -> str:
    """Return the page as it has to be.

    A package that only another Python needs keeps its licence of `current`.
    """
    known, rows = listed(current), []
    for name, brought in packages().items():
        try:
            declared = licence(name)
        except metadata.PackageNotFoundError:
            declared = known.get(name, "not installed here")
        rows.append(f"| {name} | {declared} | {', '.join(brought)} |")
    return HEADING + "\n".join(rows) + "\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""), encoding="utf-8")


if __name__ == "__main__":
    main()
