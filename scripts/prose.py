"""Lists docstrings, comments, names and texts that break the rules of prose.

    python scripts/prose.py [FILE …]

CONTRIBUTING.md has the rules. Without files it checks all folders of programs. `tests/house/test_prose.py` calls the
same functions.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("src/sinetti", "bench", "scripts", "simulate", "fuzz")
SUBJECTS = re.compile(
    r"\b(nobody|somebody|anybody|everybody|whoever|whatever|told|owed|mend(?:s|ed|ing)?|kindness(?:es)?|heed(?:s|ed|ing)?)\b",
    re.IGNORECASE,
)
"""Pronouns that hide the actor; say user, clerk, holder, caller or process."""
NAMES = re.compile(
    r"(?:^|_)(nobody|somebody|anybody|everybody|whoever|whatever|told|owed?|mend(?:s|ed)?|kindness|heed(?:s|ed)?)(?:_|$)",
    re.IGNORECASE,
)
"""The same words in a name of the code; its meaning makes a better name."""
QUESTION = re.compile(r"(what|whether|who|whom|whose|which|where|when|why|how)\b", re.IGNORECASE)
"""First words of a question clause, with which no docstring begins."""
LONGEST = 80
"""Characters of the first line of a docstring."""
CATALOGUED = frozenset(
    {"translate", "_", "gettext_noop", "make_message", "translate_plural", "ngettext", "ngettext_noop"}
)
"""Calls whose message ids the catalogues hold; their wording is not checked here."""
HELP_CATALOGUED = ROOT / "src/sinetti/cli/client"
"""Folder of the commands whose help texts are message ids, too."""


@cache
def message_ids() -> frozenset[str]:
    """Return the message ids of the catalogues; some are raised as errors first."""
    place = ROOT / "src" / "sinetti" / "i18n" / "locale" / "fi" / "LC_MESSAGES" / "sinetti.po"
    with place.open("rb") as opened:
        return frozenset(one.id for one in read_po(opened) if isinstance(one.id, str))


def modules() -> list[Path]:
    """Return the Python files of the folders, without migrations and environments."""
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "migrations" not in path.parts and not any(p.startswith(".") for p in path.parts)]


def faults(path: Path) -> list[str]:
    """Return a line for each fault of a file."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    found = [*_docstring_faults(tree), *_comment_faults(text), *_name_faults(tree)]
    if not path.is_relative_to(HELP_CATALOGUED):
        found += _string_faults(tree)
    return [f"{path.relative_to(ROOT).as_posix()}:{line}: {fault}" for line, fault in sorted(found)]


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield docstrings, also those that follow an assignment."""
    for node in ast.walk(tree):
        for one in getattr(node, "body", []) if isinstance(getattr(node, "body", None), list) else []:
            if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) and isinstance(one.value.value, str):
                yield one.value


def _docstring_faults(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for docstring in _docstrings(tree):
        first = str(docstring.value).partition("\n")[0]
        if QUESTION.match(first):
            yield docstring.lineno, f"begins with a question word: {first}"
        if len(first) > LONGEST:
            yield docstring.lineno, f"first line has {len(first)} characters: {first}"
        if word := SUBJECTS.search(str(docstring.value)):
            yield docstring.lineno, f"{word[0]!r} hides the actor: {first}"


def _comment_faults(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and (word := SUBJECTS.search(token.string)):
            yield token.start[0], f"{word[0]!r} hides the actor: {token.string}"


def _string_faults(tree: ast.Module) -> Iterator[tuple[int, str]]:
    spared = {id(one) for one in _docstrings(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in CATALOGUED:
            spared |= {id(one) for one in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spared:
            word = SUBJECTS.search(node.value)
            if word and " " in node.value and node.value not in message_ids():
                yield node.lineno, f"{word[0]!r} hides the actor: {node.value.strip()[:80]}"


def _names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the names that a module defines or uses, with their lines."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield node.lineno, name


def _name_faults(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for line, name in sorted(set(_names(tree))):
        if NAMES.search(name):
            yield line, f"{name!r} does not name its meaning"


def main(arguments: list[str]) -> int:
    """Print the faults of the files; exit code 1 if there are any."""
    paths = [Path(one).resolve() for one in arguments] or modules()
    found = [fault for path in paths for fault in faults(path)]
    sys.stdout.writelines(f"{one}\n" for one in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
