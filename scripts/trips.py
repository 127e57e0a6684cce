"""Writes docs/contributors/walkthroughs.md from a profile of four calls.

    python scripts/trips.py

The calls stand in tests/house/test_walkthroughs.py, which compares the page with them.
"""

import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "sinetti"
PAGE = ROOT / "docs" / "contributors" / "walkthroughs.md"
MARKER = "<!-- What follows is written by scripts/trips.py. -->\n"
TITLES = {
    "renewal": "One renewal, from the SOAP endpoint",
    "reminder": "One reminder, planned and sent",
    "list": "The list of certificates",
    "agent": "One run of the agent, with a renewal",
}
Trip = dict[str, str]
"""Files in the order of their first call, each with its first function."""


def traced(call: Callable[[], object]) -> Trip:
    """Return the files of the package that a call passes through.

    Threads that the call starts count too.
    """
    found: Trip = {}

    def note(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(SOURCE)):
            found.setdefault(Path(code.co_filename).relative_to(SOURCE).as_posix(), code.co_qualname)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return found


def section(name: str, trip: Trip) -> str:
    """Return the section of a trip."""
    packages = {place.partition("/")[0] for place in trip}
    rows = [f"| `{place}` | `{function}` |" for place, function in trip.items()]
    count = f"{len(trip)} files in {len(packages)} packages."
    return "\n".join([f"## {TITLES[name]}", "", count, "", "| file | first called |", "|---|---|", *rows, ""])


def files_of(page: str, name: str) -> set[str]:
    """Return the files that the page lists for a trip."""
    part = page.partition(f"## {TITLES[name]}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([\w/]+\.py)`", part, re.MULTILINE))


class Writer:
    """Plugin of pytest that collects the trips instead of comparing them."""

    def __init__(self) -> None:
        """Start with no trip."""
        self.trips: dict[str, Trip] = {}


def main() -> int:
    """Play the calls and write the page; return pytest's exit code."""
    writer = Writer()
    tests = [str(ROOT / "tests" / "house" / "test_walkthroughs.py"), "-q", "-p", "no:randomly"]
    tests += ["-k", "not says_how_many"]
    code = pytest.main(tests, plugins=[writer])
    if code == 0:
        head = PAGE.read_text(encoding="utf-8").partition(MARKER)[0]
        for name, trip in writer.trips.items():
            head = re.sub(rf"(?m)^\| {name} \| \d+ \|", f"| {name} | {len(trip)} |", head)
        sections = [section(name, writer.trips[name]) for name in TITLES]
        PAGE.write_text(head + MARKER + "\n" + "\n".join(sections), encoding="utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
