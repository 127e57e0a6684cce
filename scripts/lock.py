"""Writes requirements.lock and prints parts of it.

`update` has uv resolve all extras of pyproject.toml for every Python version and system that it allows, and writes each
package with its version and hashes. `select EXTRA,…` prints what these extras need; `base` names the client alone,
`build` the tools that make the package. `select` runs on Python alone. The file names no registry: pip takes the
packages from the index that its own settings give, and with `--no-deps`: for a `coverage[toml]` that another package
needs it would try the newest version of `coverage`, and refuse that for its hash.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = ROOT / "pyproject.toml"
LOCK = ROOT / "requirements.lock"
LEFT_OUT = frozenset({"fuzz"})
"""Extras outside the lock: atheris has wheels for few Python versions only."""

EDITABLE = "editables>=0.5,<1"
"""Requirement of hatchling for editable installations (PEP 660), not declared."""

LOWEST_PYTHON = "3.11"
HEADER = """\
# Every package that Sinetti's extras need, with hashes: docs/contributors/release.md. Written by `make lock`.
# For a part of it: scripts/lock.py select authority,gateway > FILE; pip install --no-deps --require-hashes -r FILE
"""
_PROJECT = "sinetti (pyproject.toml)"
_PINNED = re.compile(r"^([a-z0-9-]+)==([^\s;]+)")
_VIA = re.compile(r"^    # +(?:via +)?(.+)$", re.MULTILINE)


def canonical(requirement: str) -> str:
    """Return the normalised name (PEP 503) of a requirement."""
    name = re.split(r"[\[ <>=!~;]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(extras: list[str]) -> list[str]:
    """Return the requirements of the named extras, and the client's.

    Raises KeyError for an unknown extra.
    """
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    known = project["optional-dependencies"] | {"base": [], "build": build_requirements()}
    base = [] if extras == ["build"] else project["dependencies"]
    return [*base, *(line for extra in extras for line in known[extra])]


def build_requirements() -> list[str]:
    """Return what makes the package, editable or not."""
    read = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    return [*read["build-system"]["requires"], EDITABLE]


def all_extras() -> list[str]:
    """Return the extras whose packages are in the lock."""
    return sorted(
        set(tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]) - LEFT_OUT
    )


def blocks(text: str) -> list[str]:
    """Return the entries of a lock.

    Each is a pinned package with its hashes and with the packages that need it.
    """
    return [block for block in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE) if _PINNED.match(block)]


def pin(block: str) -> tuple[str, str]:
    """Return name and version of an entry. Raises ValueError if there are none."""
    found = _PINNED.match(block)
    if found is None:
        sentence = f"requirements.lock: {block!r} names no version; run `make lock`"
        raise ValueError(sentence)
    return found[1], found[2]


def parents(block: str) -> set[str]:
    """Return the packages that need an entry, with `sinetti` among them.

    A tool of the build alone has none.
    """
    return {one.partition(" ")[0] for one in _VIA.findall(block) if one.strip() != "via"}


def select(text: str, extras: list[str]) -> list[str]:
    """Return the entries that the extras need, directly or by other entries."""
    chosen = {canonical(one) for one in requirements(extras)}
    entries = blocks(text)
    while more := {pin(one)[0] for one in entries if parents(one) & chosen} - chosen:
        chosen |= more
    return [one for one in entries if pin(one)[0] in chosen]


def update(*, is_upgrade: bool) -> None:
    """Resolve with uv and write the lock.

    Versions stay where they may, unless `is_upgrade`.
    """
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-config", "--universal"]
    command += ["--python-version", LOWEST_PYTHON, "--generate-hashes", "--no-header", "--no-emit-index-url"]
    command += ["--no-emit-find-links", "--output-file", str(LOCK), *(["--upgrade"] if is_upgrade else [])]
    command += [one for extra in all_extras() for one in ("--extra", extra)]
    lines = "\n".join(build_requirements())
    subprocess.run([*command, PYPROJECT.name, "-"], cwd=ROOT, input=lines, text=True, check=True)  # noqa: S603 - own words
    written = LOCK.read_text(encoding="utf-8")
    LOCK.write_text(HEADER + written.replace(_PROJECT, "sinetti"), encoding="utf-8")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("update").add_argument("--upgrade", action="store_true", help="take the newest versions")
    commands.add_parser("select").add_argument("extras", help="names, separated by commas; `base` for the client alone")
    args = parser.parse_args()
    if args.command == "update":
        update(is_upgrade=args.upgrade)
    else:
        print("".join(select(LOCK.read_text(encoding="utf-8"), args.extras.split(","))), end="")


if __name__ == "__main__":
    main()
