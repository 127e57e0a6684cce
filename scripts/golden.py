"""Writes the golden files, for `make golden`.

    python scripts/golden.py [FOLDER ...]

They are the folders of tests/golden, and the manual pages, samples and transcripts of docs/. The script runs the tests
that compare them, and each writes what it makes. Without names it writes all folders. The English output in the pages
of docs/ follows from the transcripts.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import golden, transcripts  # noqa: E402 - tests are no installed package


def main(*names: str) -> int:
    """Write the named folders, or all, and return an exit code."""
    producers = golden.producers()
    chosen = {
        name: {folder for folder in producers if f"{folder}/".startswith(f"{name}/") or name.startswith(f"{folder}/")}
        for name in names
    }
    if unknown := [name for name, folders in chosen.items() if not folders]:
        known = sorted({folder.partition("/")[0] for folder in producers})
        print(f"no golden folder {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    tests = sorted(set().union(*(producers[name] for name in set().union(*chosen.values()) or producers)))
    written = subprocess.run(  # noqa: S603 -- the project's own tests
        ["/usr/bin/env", "GOLDEN_FILES=write", ROOT / "scripts" / "pytest", "-q", "--durations=0", *tests],
        cwd=ROOT,
        check=False,
    )
    if not names or any("transcripts" in folders for folders in chosen.values()):
        transcripts.write_pages()
    return written.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
