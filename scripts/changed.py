"""Prints the tests of what has changed since main, for `make test CHANGED=1`.

    python scripts/changed.py

These are the tests in the folders of the changed modules, the files of tests that import one, and those named after a
module that imports one; of golden files, those that make their folder. Modules that import a deleted one are not found.
Nothing is printed if nothing has changed.
"""

import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (("src", "sinetti"), (".", "tests"), (".", "bench"), (".", "simulate"), (".", "fuzz"))
_IMPORT = re.compile(r"^[ ]*(?:import ([\w.]+)|from ([\w.]+) import (\([^)]*\)|.+))", re.MULTILINE)
_NAME = re.compile(r"\w+")
GOLDEN = "tests/golden/"
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
    sources = {path: (root / path).read_text(encoding="utf-8") for path in places.values()}
    tests = _makers_of_golden_files(altered, sources)
    for path, source in sources.items():
        names = imported(source)
        if not altered.isdisjoint(places[name] for name in names & places.keys()):
            importers.add(path)
    tests |= {path for path in altered | importers if path.startswith("tests/") and Path(path).name.startswith("test_")}
    for file in map(Path, importers):
        if file.is_relative_to("src/sinetti"):
            tests.add(f"tests/{file.relative_to('src/sinetti').parent.as_posix()}/test_{file.name}")
    for file in (Path(path) for path in altered if not path.startswith(GOLDEN)):
        if file.is_relative_to("src/sinetti"):
            tests.add(_nearest(root, "tests" / file.relative_to("src/sinetti").parent))
        elif file.name == "conftest.py" or (file.is_relative_to("tests") and file.suffix != ".py"):
            tests.add(_nearest(root, file.parent))
        elif file.suffix != ".py":
            tests.add("tests/house")
    existing = {one for one in tests if (root / one).exists() and not f"{one}/".startswith(ELSEWHERE)}
    return sorted(one for one in existing if not any(f"{one}/".startswith(f"{two}/") for two in existing - {one}))


def _makers_of_golden_files(changed: Iterable[str], sources: Mapping[str, str]) -> set[str]:
    folders = {path.removeprefix(GOLDEN).partition("/")[0] for path in changed if path.startswith(GOLDEN)}
    calls = re.compile(rf'golden\.check\(f?"({"|".join(sorted(folders))})[/"]')
    return {path for path, source in sources.items() if folders and calls.search(source)}


def _nearest(root: Path, folder: Path) -> str:
    """Return the nearest folder that exists."""
    while not (root / folder).is_dir():
        folder = folder.parent
    return folder.as_posix()


if __name__ == "__main__":
    print("\n".join(find_tests(changed_files(), ROOT)))
