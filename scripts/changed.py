"""Prints the tests of what has changed since main, for `make test CHANGED=1`.

    python scripts/changed.py

These are the tests in the folders of the changed modules, the files of tests that import one, and those named after a
module that imports one. Modules that import a deleted one are not found. Nothing is printed if nothing has changed.
"""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (("src", "sinetti"), (".", "tests"), (".", "bench"), (".", "simulate"), (".", "fuzz"))
_IMPORT = re.compile(r"^[ ]*(?:import ([\w.]+)|from ([\w.]+) import (\([^)]*\)|.+))", re.MULTILINE)
_NAME = re.compile(r"\w+")
ELSEWHERE = ("tests/judges/", "tests/acceptance/")


def changed_files() -> list[str]:
    """Return the files that differ from where main was left, also new ones."""
    base = _git("merge-base", "HEAD", "origin/main" if _git("branch", "-r", "--list", "origin/main") else "main")
    return [*_git("diff", "--name-only", base[0]), *_git("ls-files", "--others", "--exclude-standard")]


def _git(*words: str) -> list[str]:
    command = ["git", *words]
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - own words
    return completed.stdout.splitlines()


def modules(root: Path) -> dict[str, str]:
    """Return the files of all modules, by the names by which they are imported."""
    return {
        ".".join(path.relative_to(root / above).with_suffix("").parts).removesuffix(".__init__"): (
            path.relative_to(root).as_posix()
        )
        for above, package in SOURCES
        for path in (root / above / package).rglob("*.py")
    }


def imported(source: str) -> set[str]:
    """Return the names that a module may import: modules, or members of modules."""
    names: set[str] = set()
    for whole, above, members in _IMPORT.findall(source):
        names |= {whole} if whole else {above, *(f"{above}.{name}" for name in _NAME.findall(members))}
    return names


def find_tests(changed: Iterable[str], root: Path) -> list[str]:
    """Return the folders and files of the tests of changed files."""
    places = modules(root)
    altered, importers = set(changed), set[str]()
    for path in places.values():
        names = imported((root / path).read_text(encoding="utf-8"))
        if not altered.isdisjoint(places[name] for name in names & places.keys()):
            importers.add(path)
    tests = {path for path in altered | importers if path.startswith("tests/") and Path(path).name.startswith("test_")}
    for source in map(Path, importers):
        if source.is_relative_to("src/sinetti"):
            tests.add(f"tests/{source.relative_to('src/sinetti').parent.as_posix()}/test_{source.name}")
    for file in map(Path, altered):
        if file.is_relative_to("src/sinetti"):
            tests.add(_nearest(root, "tests" / file.relative_to("src/sinetti").parent))
        elif file.name == "conftest.py" or (file.is_relative_to("tests") and file.suffix != ".py"):
            tests.add(_nearest(root, file.parent))
        elif file.suffix != ".py":
            tests.add("tests/house")
    existing = {one for one in tests if (root / one).exists() and not f"{one}/".startswith(ELSEWHERE)}
    return sorted(one for one in existing if not any(f"{one}/".startswith(f"{two}/") for two in existing - {one}))


def _nearest(root: Path, folder: Path) -> str:
    """Return the nearest folder that exists."""
    while not (root / folder).is_dir():
        folder = folder.parent
    return folder.as_posix()


if __name__ == "__main__":
    print("\n".join(find_tests(changed_files(), ROOT)))
