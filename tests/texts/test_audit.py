"""The audit trail in words: no row that a clerk reads has only a name of the code for what was done."""

import ast
from pathlib import Path

from sinetti import registry
from sinetti.texts.audit import ACTIONS

PLACE = 2
"""Where the action stands among what `audit.write` is given."""


def actions(module):
    """The actions that a module writes out: in calls of `write`, and in what it calls `action`."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"audit.write", "audit.write_each"}:
            yield from words(node.args[PLACE])
        elif isinstance(node, ast.Assign) and "action" in ast.unparse(node.targets[0]):
            yield from words(node.value)


def words(node):
    """The strings of an expression that are not parts of others."""
    match node:
        case ast.Constant(value=str() as found):
            yield found
        case ast.IfExp():
            yield from (*words(node.body), *words(node.orelse))
        case ast.Tuple():
            yield from (found for one in node.elts for found in words(one))


def test_every_action_of_the_register_has_its_words():
    found = {one for module in Path(registry.__file__).parent.glob("*.py") for one in actions(module)}
    assert {"certificate-issued", "clerk-dismissed", "certificate-fetched"} <= found
    assert not found - set(ACTIONS)
