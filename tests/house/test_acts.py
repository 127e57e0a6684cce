"""What people do on somebody's behalf asks for their right first; what clerks do, whether they are clerks."""

import ast
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE

ASKS = {
    "behalf": frozenset({"require", "standing", "may_act", "may_look", "organisations", "may"}),
    "staff": frozenset({"require_staff"}),
}
"""What each act has to call, itself or by a function of its module: `standing` for lists of all that somebody may.

`may_act` and `may_look` (actions/objects.py) ask about the organisation of an object; `may` and `organisations` are
those of a Standing.
"""

PROOFS = frozenset({"Clerk"})
"""What nobody gets hold of who was not asked (actions/staff/clerk.py): an act that takes it need not ask again."""

WHO = frozenset({"Actor", "Standing"}) | PROOFS
"""Who it is that acts: an Actor; of a page that only shows something, what was read of them for this request."""


def acts(room: str) -> list[Path]:
    """The modules of a room of acts."""
    return sorted((PACKAGE / "actions" / room).glob("*.py"))


def functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """A module's functions by their names."""
    return {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}


def called(function: ast.FunctionDef) -> set[str]:
    """The names of what a function calls, methods too."""
    calls = [one.func for one in ast.walk(function) if isinstance(one, ast.Call)]
    return {
        one.id if isinstance(one, ast.Name) else one.attr for one in calls if isinstance(one, ast.Name | ast.Attribute)
    }


def asks(
    name: str, known: dict[str, ast.FunctionDef], wanted: frozenset[str], seen: frozenset[str] = frozenset()
) -> bool:
    """Whether a function calls one of these, itself or by another of its module."""
    names = called(known[name])
    rest = (names & known.keys()) - seen - {name}
    return bool(names & wanted) or any(asks(one, known, wanted, seen | {name}) for one in rest)


def takes_whom(function: ast.FunctionDef, whom: frozenset[str] = WHO) -> bool:
    """Whether it is told who acts."""
    arguments = (*function.args.args, *function.args.kwonlyargs)
    return any(one.annotation is not None and ast.unparse(one.annotation).strip("'\"") in whom for one in arguments)


@pytest.mark.parametrize("room", ASKS)
def test_each_act_asks_first(room):
    wrong = []
    for path in acts(room):
        known = functions(ast.parse(path.read_text(encoding="utf-8")))
        for name in known:
            if name.startswith("_") or name in ASKS[room]:
                continue
            if not takes_whom(known[name]):
                wrong.append(f"{path.name}: {name} takes no Actor (or Standing, where it only reads)")
            elif not takes_whom(known[name], PROOFS) and not asks(name, known, ASKS[room]):
                wrong.append(f"{path.name}: {name} calls none of {', '.join(sorted(ASKS[room]))}")
    assert not wrong
    assert len(acts(room)) > 1


def test_an_act_that_does_not_ask_is_found():
    known = functions(
        ast.parse("def bad(actor: Actor): store()\ndef good(actor: Actor): _check()\ndef _check(): require()")
    )
    assert [asks(name, known, ASKS["behalf"]) for name in ("bad", "good")] == [False, True]
    assert [takes_whom(one) for one in known.values()] == [True, True, False]
