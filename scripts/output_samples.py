"""Writes tests/cli/samples/: outputs of the commands at several widths.

    python scripts/output_samples.py

A test compares the folder with the output of this script.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.cli import output_samples


def main() -> None:
    """Write the folder anew."""
    output_samples.FOLDER.mkdir(exist_ok=True)
    written = dict(output_samples.files())
    for path in output_samples.FOLDER.glob("*.txt"):
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (output_samples.FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
