"""Labels of the audit trail.

Every row that a clerk reads has labels for its action, facts and values, not only names of the code.
"""

import ast
from pathlib import Path

import pytest

import sinetti
from sinetti.domain.access.access_purpose import AccessPurpose, SearchScope
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Environment, IdentifierType, Language
from sinetti.i18n.audit_labels import ACTIONS, ACTORS, FACTS, OBJECTS, VALUES, actor_label, fact_label, object_label

SOURCE = Path(sinetti.__file__).parent
MODULES = [*SOURCE.glob("database/**/*.py"), *SOURCE.glob("services/**/*.py"), *SOURCE.glob("eservice/accounts/*.py")]
WRITERS = {"audit_log.write", "audit_log.write_each", "_audit", "_deleted", "_write"}
"""Calls that write a row or lead to one.

The action is one of their arguments, under its name in the code.
"""
NOTERS = {"note", "accounts.audit", "audit_queries.note_look", "audit_reading.note"}
ID = "5f" * 16
FI, SV, EN = Language


def calls(names):
    """Yield the calls by these names in all modules."""
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in names:
                yield node


def actions():
    """Yield the actions that the code spells out.

    They are in calls that write, in assignments to `action`, and in tuples of signals.
    """
    for node in calls(WRITERS | NOTERS):
        for given in node.args:
            yield from (one for one in words(given) if "-" in one or one in ACTIONS)
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and "action" in ast.unparse(node.targets[0]):
                yield from words(node.value)
            elif isinstance(node, ast.Tuple) and module.name == "signals.py":
                yield from (one for one in words(node) if "-" in one)


def facts():
    """Yield the names of the facts that the code spells out."""
    for node in calls(WRITERS | {"audit_queries.note_look", "accounts.audit"}):
        yield from (one.arg for one in node.keywords if one.arg is not None)


def words(node):
    """Yield the strings of an expression that are not parts of others."""
    match node:
        case ast.Constant(value=str() as found):
            yield found
        case ast.IfExp():
            yield from (*words(node.body), *words(node.orelse))
        case ast.Tuple():
            yield from (found for one in node.elts for found in words(one))


def test_every_action_has_its_words():
    found = set(actions())
    assert {"certificate-issued", "clerk-dismissed", "certificate-fetched", "password-reset"} <= found
    assert {"second-factor-added", "organisation-loads-deleted", "authorisation-withdrawn"} <= found
    assert not found - set(ACTIONS)


def test_every_fact_has_its_name():
    found = set(facts()) | {"purpose", "case", "search", "sha256", "holding", "key", "order", "predecessor", "voids"}
    assert {"reason", "channel", "mandate", "staff", "newest", "lists"} <= found
    assert not found - set(FACTS)


LISTS = {
    "purpose": AccessPurpose,
    "reason": RevocationReason,
    "channel": Channel,
    "kind": IdentifierType,
    "language": Language,
    "role": Role,
    "environment": Environment,
}


def test_every_value_of_a_closed_list_has_its_words_in_each_language():
    assert set(VALUES) == set(LISTS)
    for name, members in LISTS.items():
        assert set(VALUES[name]) == set(members)
        for language in Language:
            told = [fact_label(name, str(one), language) for one in members]
            assert len(set(told)) == len(told)
            raw = [one for one, member in zip(told, members, strict=True) if one.endswith(f": {member}")]
            assert not raw or (raw == ["authorisation: viewer"] and language is EN), told


READ = {
    "a code": (("reason", "keyCompromise"), "reason: the private key was, or may have been, disclosed"),
    "a count": (("count", 12345), "count: 12,345"),
    "yes": (("staff", 1), "clerk: yes"),
    "no": (("staff", 0), "clerk: no"),
    "an instant": (("before", "2026-03-02T12:00:00Z"), "before: 2 March 2026 at 14:00 (Finnish time)"),
    "an id where there may be an instant": (("before", ID), f"before: {ID}"),
    "a code that is not known": (("reason", "elsewise"), "reason: elsewise"),
    "a fact of later versions": (("colour", "blue"), "colour: blue"),
}


@pytest.mark.parametrize(("fact", "told"), READ.values(), ids=READ)
def test_a_fact_in_english(fact, told):
    assert fact_label(*fact, EN) == told


def test_facts_in_finnish_and_swedish_as_on_all_pages():
    assert fact_label("count", 12345, FI) == "lukumäärä: 12\u00a0345"
    assert fact_label("newest", "2026-03-02T12:00:00Z", SV).endswith(": 2.3.2026 kl. 14.00")
    assert fact_label("role", "viewer", FI) == "valtuus: katselija"


def test_objects_and_actors_in_a_word():
    assert object_label(f"organisation:{ID}", EN) == "organisation"
    assert object_label(f"search:{SearchScope.OUTBOX}", EN) == "search: Outbox"
    assert all(object_label(f"search:{one}", EN) > "search: " for one in SearchScope)
    assert object_label("search:elsewhere", EN) == "search"
    assert object_label("retention", EN) == OBJECTS["retention"]
    assert object_label("something:else", EN) == actor_label("somebody:else", EN) == ""
    assert actor_label("operator", EN) == ACTORS["operator"]
    assert actor_label(f"user:{ID}", FI) == "tili"
