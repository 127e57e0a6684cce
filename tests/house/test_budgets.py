"""Budgets: how long a function and a module may be, and how many parameters a function may have."""

import ast

from tests.house.tree import PACKAGE, ROOT, modules

FUNCTION_LINES = 50
MODULE_LINES = 400
PARAMETERS = 5
XMLDSIG_LINES = 250


def functions() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    return [
        (f"{module}:{node.lineno} {node.name}", node)
        for module, tree in modules().items()
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
    assert not [name for name, node in functions() if parameters(node) > PARAMETERS]


def test_modules():
    paths = [PACKAGE / module for module in modules()] + list((ROOT / "scripts").rglob("*.py"))
    assert not [f"{path.name}: {lines(path)}" for path in paths if lines(path) > MODULE_LINES]


def test_the_signature_of_our_own_stays_small_enough_to_be_read_whole():
    assert lines(PACKAGE / "wire" / "xmldsig.py") <= XMLDSIG_LINES


def test_every_module_says_what_it_is():
    assert not [module for module, tree in modules().items() if not ast.get_docstring(tree)]
