"""Databases with damaged files.

The message asks the operator to restore a backup. A fault of the program stays an internal error.
"""

import sqlite3
from types import SimpleNamespace

import psycopg
import pytest
from django.db import DatabaseError, InternalError, ProgrammingError

from sinetti.cli.authority.common import run_command
from sinetti.database import models
from tests.cli.authority.test_notices import opened
from tests.cli.authority.test_serve import ANY
from tests.support.scene import CUSTOMER_ID

COMMANDS = [
    ("serve", *ANY),
    ("reconcile",),
    ("status",),
    ("revoke", "4f", "--reason", "superseded"),
    ("backup", "--out", "nowhere"),
]
DAMAGES = {
    "no database": lambda octets: b"\x01" * len(octets),
    "pages overwritten": lambda octets: octets[:4096] + b"\x01" * (len(octets) - 4096),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_register_that_is_damaged(sqlite_operator, words, damage):
    sqlite_operator.found()
    path = sqlite_operator.root / "register.sqlite3"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    sentence = sqlite_operator.refused(5, *words)
    path.write_bytes(whole)  # later tests find it under the same alias
    assert "the register is damaged" in sentence
    assert "sinetti authority restore" in sentence


VALUES = {
    "the state of a CA": (models.CertificateAuthority, "state", ("ca", "list"), "'odd' is not a valid CaState"),
    "a channel": (
        models.CertificateType, "channel", ("organisation", "show", "--customer-id", CUSTOMER_ID),
        "'odd' is not a valid Channel",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("model", "column", "words", "said"), VALUES.values(), ids=VALUES)
def test_a_value_that_no_enumeration_has(sqlite_operator, model, column, words, said):
    operator = sqlite_operator
    operator.found()
    operator.add(CUSTOMER_ID)
    with opened(operator) as db:
        rows = model.objects.using(db.alias)
        rows.filter(pk=rows.latest("pk").pk).update(**{column: "odd"})
    sentence = operator.refused(5, *words)
    assert "the register is damaged" in sentence
    assert said in sentence


def raising(error: Exception, cause: Exception | None):
    def run(_parsed: object) -> int:
        raise error from cause

    return run


@pytest.mark.parametrize("code", [psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted])
def test_postgresql_says_so_by_its_codes(capsys, code):
    run = raising(InternalError("invalid page in block 7"), code("invalid page in block 7"))
    assert run_command(run, SimpleNamespace()) == 5
    assert "the register is damaged" in capsys.readouterr().err


OURS = {
    "a statement that is wrong": (ProgrammingError("no such table"), sqlite3.OperationalError("no such table")),
    "a type that is wrong": (DatabaseError("cannot adapt"), psycopg.ProgrammingError("cannot adapt")),
    "without a cause": (DatabaseError("a rule of Django"), None),
    "a value of another place": (ValueError("'x' is not a valid CaState"), None),
}


@pytest.mark.parametrize(("error", "cause"), OURS.values(), ids=OURS)
def test_an_error_of_ours_is_not_hidden(error, cause):
    with pytest.raises(type(error)):
        run_command(raising(error, cause), SimpleNamespace())
