"""Runs the tests on the lowest versions that pyproject.toml allows: `make floors`.

uv resolves the extras of a running service to their floors, and installs them into build/floors. A floor is true if
uv takes exactly that version, its wheel installs on this Python, and the tests pass. It needs the package index.
`--python PROGRAM` tries another interpreter, `--locked` the versions of the lock; other words go to pytest.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import lock  # a script beside this one

FOLDER = lock.ROOT / "build" / "floors"
CHOSEN = FOLDER / "chosen.txt"
EXTRAS = ["authority", "fast", "gateway", "pkcs11", "telemetry", "test"]
TESTS = [
    *("api", "authority", "ca", "cli", "client", "database", "diagnostics", "domain", "eservice", "gateway", "i18n"),
    *("infra", "journal", "notifications", "pki", "server", "services", "settings", "testbench", "wire"),
]
"""Folders of tests.

Those of the house, of bench and of attacks say nothing about versions.
"""

COMPILED = "tests/i18n/test_catalogues.py"
"""Test of compiled texts, which is left out.

Babel writes its version into them, and the texts here are compiled by that of the lock.
"""

_FLOOR = re.compile(r"[>=]=([0-9.!]+)")


def wanted() -> dict[str, str]:
    """Return the requirements by name. Raises ValueError for one without a floor."""
    found = {lock.canonical(one): one for one in lock.requirements(EXTRAS)}
    if without := [one for one in found.values() if not _FLOOR.search(one)]:
        sentence = f"pyproject.toml: {', '.join(without)}: no floor; add one"
        raise ValueError(sentence)
    return found


def is_floor(requirement: str, version: str) -> bool:
    """Return whether a version is a requirement's lower bound.

    Trailing zeros do not count.
    """
    floor = _FLOOR.search(requirement)
    return floor is not None and re.sub(r"(\.0)+$", "", floor[1]) == re.sub(r"(\.0)+$", "", version)


def uv(*words: str, text: str = "") -> None:
    """Run uv from .venv without its own settings; it must succeed."""
    command = [sys.executable, "-m", "uv", *words, "--quiet", "--no-config"]
    subprocess.run(command, cwd=lock.ROOT, input=text, text=True, check=True)  # noqa: S603 - own words


def untrue_floors(resolved: str) -> list[str]:
    """Return a line for each requirement whose floor uv could not take."""
    taken = dict(lock.pin(block) for block in lock.blocks(resolved))
    untrue = [(line, taken[name]) for name, line in wanted().items() if not is_floor(line, taken[name])]
    return [f"{line}: the lowest version that installs is {version}" for line, version in untrue]


def resolve() -> list[str]:
    """Write the floors and what they need as pins; return the untrue floors."""
    lowest = ["--resolution", "lowest-direct", "--only-binary", ":all:", "--no-header", "--python", str(FOLDER)]
    uv("pip", "compile", *lowest, "--output-file", str(CHOSEN), "-", text="\n".join(wanted().values()))
    return untrue_floors(CHOSEN.read_text(encoding="utf-8"))


def played(python: Path, *words: str) -> int:
    """Run the tests; return the exit code of pytest."""
    command = [str(python), "-m", "pytest", *(f"tests/{name}" for name in TESTS), "-m", "not long", "-q", *words]
    return subprocess.run(command, cwd=lock.ROOT, check=False).returncode  # noqa: S603 - own words


def main() -> int:
    """Install, and run the tests.

    The exit code is that of pytest, or 3 if a floor is untrue.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the interpreter to try")
    parser.add_argument("--locked", action="store_true", help="the versions of requirements.lock instead of the floors")
    parser.add_argument("--only-resolve", action="store_true", help="install nothing, and run no tests")
    known, more = parser.parse_known_args()
    uv("venv", "--clear", "--python", known.python, str(FOLDER))
    if known.locked:
        CHOSEN.write_text("".join(lock.select(lock.LOCK.read_text(encoding="utf-8"), EXTRAS)), encoding="utf-8")
    elif untrue := resolve():
        print("\n".join(untrue), file=sys.stderr)
        return 3
    if known.only_resolve:
        return 0
    uv("pip", "install", "--python", str(FOLDER), "--requirement", str(CHOSEN))
    uv("pip", "install", "--python", str(FOLDER), "--no-deps", "--editable", ".")
    return played(FOLDER / "bin" / "python", f"--ignore={COMPILED}", *more)


if __name__ == "__main__":
    sys.exit(main())
