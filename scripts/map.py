"""Writes the module lists of docs/contributors/map.md from module docstrings.

    python scripts/map.py

Each list has the first sentences of the docstrings. The text above the marker is written by hand and stays as it is. A
test compares the page with the tree.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "contributors" / "map.md"
MARKER = "<!-- What follows is written by scripts/map.py from the modules' docstrings. -->\n"
WRITTEN_BY_OTHERS = frozenset({"migrations"})


def modules() -> list[Path]:
    """Return every module of the package and every script in Python, in reading order."""
    found = [*(ROOT / "src" / "sinetti").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")]
    return sorted(path for path in found if not WRITTEN_BY_OTHERS & set(path.parts))


def sentence(module: Path) -> str:
    """Return the first sentence of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    line = " ".join(docstring.partition("\n\n")[0].split())
    return line.split(". ")[0].rstrip(".").replace("|", "\\|")


def lists() -> str:
    """Return the generated part: one heading per folder, one line per module."""
    lines = []
    folder = None
    for module in sorted(modules(), key=lambda path: (path.parent, path.name != "__init__.py", path.name)):
        if module.parent != folder:
            folder = module.parent
            lines += ["", f"## `{folder.relative_to(ROOT).as_posix()}/`", ""]
        if module.name == "__init__.py":
            lines += [f"{sentence(module)}.", ""] if sentence(module) else []
        else:
            lines.append(f"- `{module.name}`: {sentence(module)}")
    return "\n".join(lines) + "\n"


def page(current: str) -> str:
    """Return the page as it should be: the hand-written part, the marker, the lists."""
    return current.partition(MARKER)[0] + MARKER + lists()


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
