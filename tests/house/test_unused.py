"""Functions and members that no program reads."""

import ast
import re
from collections.abc import Iterator

from tests.house.test_budgets import programs
from tests.house.tree import PACKAGE, modules

BY_NAME = {
    "certificate_sha256": "of an attestation: the command shows all its members",
    "is_every": "compared with a selection of nothing",
    "marked_before": "counted by name",
    "soft": "counted by name",
    "totp_secret": "answered with all members of the account",
    "unreadable": "counted by name",
    "set_minimum_code_version": "for a later migration (docs/operators/migrations.md)",
}
"""Members that are read in another way than by their name."""

_WORD = re.compile(r"[A-Za-z_]\w+")


def is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(one) for one in node.decorator_list)


def defined(tree: ast.Module) -> Iterator[str]:
    """Yield public functions of a module, and fields and methods of its dataclasses."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    yield from (one.name for one in tree.body if isinstance(one, functions) and not one.decorator_list)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and is_dataclass(node):
            yield from (one.name for one in node.body if isinstance(one, functions))
            yield from (one.target.id for one in node.body if isinstance(one, ast.AnnAssign))


def read(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module reads, and those in dotted strings."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Load()):
                yield node.id
            case ast.Attribute(ctx=ast.Load()):
                yield node.attr
            case ast.MatchClass():
                yield from node.kwd_attrs
            case ast.Constant(value=str(text)) if "." in text and " " not in text:
                yield from _WORD.findall(text)


def test_every_function_and_member_is_read():
    names = {name for tree in programs().values() for name in read(tree)}
    for pattern in ("*.html", "*.txt", "migrations/*.py"):
        for path in PACKAGE.rglob(pattern):
            names.update(_WORD.findall(path.read_text(encoding="utf-8")))
    unused = {name for tree in modules().values() for name in defined(tree)} - names
    assert {name for name in unused if not name.startswith("__")} == set(BY_NAME)
