"""Files of the project for the house tests, parsed once."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "sinetti"
DOCS = ROOT / "docs"


@cache
def modules() -> dict[str, ast.Module]:
    """Return every module of the package by its place in it.

    Migrations are left out, since Django writes them.
    """
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if "migrations" not in path.parts]
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


@cache
def text_files() -> tuple[Path, ...]:
    """Return the project's own text files, committed or about to be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    paths = [ROOT / name for name in sorted(set(listed)) if name and (ROOT / name).is_file()]
    return tuple(path for path in paths if b"\0" not in path.read_bytes()[:4096])


def imported(tree: ast.AST) -> set[str]:
    """Return the names of the modules that a module imports anywhere in it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rows(page: Path, heading: str) -> list[list[str]]:
    """Return the rows of every table of a page whose first column has this heading."""
    found, inside = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == heading:
            inside = True
        elif inside and set(line) - set("|-: "):
            found.append(cells)
    return found
