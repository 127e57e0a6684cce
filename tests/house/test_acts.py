"""Permission checks of acts: on behalf of organisations, and of clerks.

Acts on behalf of an organisation check permissions first. Acts of clerks check the clerk's session first.
"""

import ast
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE

ASKS = {
    "self_service": frozenset({"require_permission", "load_permissions", "check_can_modify", "check_can_view"})
    | {"organisations", "may", "require", "has_permission", "act_for", "act_on", "guarded", "order"},
    "staff": frozenset({"require_staff"}),
}
"""Functions that check permissions, by folder of acts.

Each act calls one of them, itself or through a function of its module.

`act_for`, `act_on` and `guarded` (services/access/act_transaction.py) check, and check again. `order` is the act of
that name, which many replacements are made of. `check_can_modify` and `check_can_view`
(services/access/permissions.py) check the organisation of an object. `load_permissions` is for lists. `has_permission`
and `organisations` belong to Permissions.
"""

PROOFS = frozenset({"StaffSession"})
"""Types that only a checked caller obtains (services/staff/session.py).

An act that takes one need not check again.
"""

WHO = frozenset({"Actor", "Permissions"}) | PROOFS
"""Types of the acting user.

An act takes an Actor. A page that only shows something takes the Permissions that were read for this request.
"""


def acts(package: str) -> list[Path]:
    """Return the modules of a folder of acts."""
    return sorted((PACKAGE / "services" / package).glob("*.py"))


def functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Return a module's functions by their names."""
    return {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}


def called(function: ast.FunctionDef) -> set[str]:
    """Return the names of the functions and methods that a function calls."""
    calls = [one.func for one in ast.walk(function) if isinstance(one, ast.Call)]
    return {
        one.id if isinstance(one, ast.Name) else one.attr for one in calls if isinstance(one, ast.Name | ast.Attribute)
    }


def asks(
    name: str, known: dict[str, ast.FunctionDef], wanted: frozenset[str], seen: frozenset[str] = frozenset()
) -> bool:
    """Return whether a function calls one of these, directly or in its module.

    An indirect call passes through another function of the module.
    """
    names = called(known[name])
    rest = (names & known.keys()) - seen - {name}
    return bool(names & wanted) or any(asks(one, known, wanted, seen | {name}) for one in rest)


def opens(name: str, known: dict[str, ast.FunctionDef], seen: frozenset[str] = frozenset()) -> bool:
    """Return whether a function opens the transaction of an act, or calls one."""
    return asks(name, known, OPENERS, seen) or "clerk.guarded" in ast.unparse(known[name])


def unguarded(function: ast.FunctionDef) -> list[str]:
    """Return the calls that write without a check of the right in the transaction.

    Only the function that opens an act makes its deed. A use case of others makes its own deed, and gets a guarded
    office.
    """
    found = []
    for call in (one for one in ast.walk(function) if isinstance(one, ast.Call)):
        callee, given = ast.unparse(call.func), {ast.unparse(one) for one in call.args}
        if callee.rpartition(".")[2] in {"audit_entry", "AuditContext"}:
            found.append(f"{callee}() makes a deed")
        guarded = given & GUARDED or any(one.startswith(("_guarded(", "guarded(")) for one in given)
        if given & NAMES and not guarded:
            found.append(f"{callee}() is given an office without a guard")
    return found


def takes_whom(function: ast.FunctionDef, whom: frozenset[str] = WHO) -> bool:
    """Return whether a parameter of the function has one of these types."""
    arguments = (*function.args.args, *function.args.kwonlyargs)
    return any(one.annotation is not None and ast.unparse(one.annotation).strip("'\"") in whom for one in arguments)


OPENERS = frozenset({"acting", "act_for", "act_on", "act", "clerk_act", "guarded", "_guarded"})
"""Openers of the transaction of an act, in which the right is checked again."""

GUARDED = frozenset({"for_it", "clerk.guarded"})
"""Names by which a guarded office is passed on."""

NAMES = frozenset({"actor.name", "clerk.actor.name", "clerk.officer"})
"""The actor's name, as use cases of others take it."""


@pytest.mark.parametrize("package", ASKS)
def test_each_act_asks_again_inside_its_transaction(package):
    wrong = []
    for path in acts(package):
        known = functions(ast.parse(path.read_text(encoding="utf-8")))
        wrong += [
            f"{path.name}: {name}: {one}"
            for name, function in known.items()
            if not (path.name == "session.py" and name in {"clerk_act", "guarded"})
            for one in unguarded(function)
            if not one.startswith(READS)
        ]
    assert not wrong


READS = (
    *("BulkRevocationRequest()", "bulk_revoke.alone_lately()", "bulk_revoke.look_at_proposal()", "audit_log.count()"),
    *("audit_log.note()", "bulk."),
    *("daily_counts.own_mailboxes()", "Charge()", "history.events()"),
)
"""Calls that take the actor's name and need no guard.

They write nothing, or get the act's deed as well.
"""


def test_an_act_that_writes_without_a_guard_is_found():
    text = "def bad(actor, ctx): store(ctx, actor.name)\ndef worse(ctx): write(ctx.audit_entry())\n"
    known = functions(ast.parse(text + "def good(actor, for_it): store(for_it, actor.name)"))
    assert [bool(unguarded(one)) for one in known.values()] == [True, True, False]


@pytest.mark.parametrize("package", ASKS)
def test_each_act_asks_first(package):
    wrong = []
    for path in acts(package):
        known = functions(ast.parse(path.read_text(encoding="utf-8")))
        for name in known:
            if name.startswith("_") or name in ASKS[package] | {"clerk_act", "guarded"}:
                continue
            if not takes_whom(known[name]):
                wrong.append(f"{path.name}: {name} takes no Actor (or Permissions, where it only reads)")
            elif not takes_whom(known[name], PROOFS) and not asks(name, known, ASKS[package]):
                wrong.append(f"{path.name}: {name} calls none of {', '.join(sorted(ASKS[package]))}")
    assert not wrong
    assert len(acts(package)) > 1


def test_an_act_that_does_not_ask_is_found():
    known = functions(
        ast.parse(
            "def bad(actor: Actor): store()\ndef good(actor: Actor): _check()\ndef _check(): require_permission()"
        )
    )
    assert [asks(name, known, ASKS["self_service"]) for name in ("bad", "good")] == [False, True]
    assert [takes_whom(one) for one in known.values()] == [True, True, False]
