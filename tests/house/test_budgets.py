"""Budgets: lines of a function, lines of a module, parameters of a function."""

import ast
from functools import cache

from tests.house.tree import PACKAGE, ROOT, modules

FUNCTION_LINES = 50
MODULE_LINES = 600
PARAMETERS = 7
XMLDSIG_LINES = 300
BESIDE = ("scripts", "fuzz", "bench", "simulate")
"""Folders with the project's programs beside the package."""


@cache
def programs() -> dict[str, ast.Module]:
    """Return the modules of the package and beside it, by their path in the project."""
    beside = [path for folder in BESIDE for path in sorted((ROOT / folder).rglob("*.py"))]
    package = {(PACKAGE / name).relative_to(ROOT).as_posix(): tree for name, tree in modules().items()}
    return package | {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in beside
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    }


def functions() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    return [
        (f"{module}:{node.lineno} {node.name}", node)
        for module, tree in programs().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return len([name for name in names if name not in {"self", "cls"}])


def lines(path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_functions():
    assert not [name for name, node in functions() if node.end_lineno - node.lineno + 1 > FUNCTION_LINES]


def test_parameters():
    # The parameters of a command are its arguments.
    assert not [name for name, node in functions() if parameters(node) > PARAMETERS and "/cli/" not in name]


def test_modules():
    assert not [f"{name}: {lines(ROOT / name)}" for name in programs() if lines(ROOT / name) > MODULE_LINES]


def test_the_signature_of_our_own_stays_small_enough_to_be_read_whole():
    assert lines(PACKAGE / "wire" / "xmldsig" / "signature.py") <= XMLDSIG_LINES


def test_every_module_says_what_it_is():
    assert not [module for module, tree in programs().items() if not ast.get_docstring(tree)]
