"""`sinetti authority clock`, and a server with a wrong clock.

A real server issues nothing until the operator has accepted the clock.
"""

import io
import json
import re
import sqlite3
import sys
from contextlib import closing
from datetime import timedelta
from time import sleep

import pytest

from sinetti.authority import bootstrap
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.infra.clock import is_synchronised, monotonic_seconds, utc_now, utc_now_precise
from tests.cli.authority.test_serve import holder, serving
from tests.support.officers import founders, proposed
from tests.support.programs import codes, new_key

HOUR = timedelta(hours=1)
MEMBERS = ["machine", "database", "difference", "newest", "accepted", "issuing", "reason", "problem"]


def stored_ahead(operator, by=HOUR):
    """Store an instant of a wrong clock, and return it as text."""
    operator.does("status")  # opens the database in this process
    at = utc_now() + by
    audit_log.write(Database("default"), AuditContext("operator", at, "0" * 32), "looked", "nothing")
    Database("default").close()
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def shown(operator):
    return json.loads(operator.does("clock", "show", "--json"))


def test_a_clock_that_is_believed(operator):
    operator.found()
    told = shown(operator)
    assert list(told) == MEMBERS
    assert (told["issuing"], told["reason"], told["problem"], told["accepted"]) == (True, None, None, None)
    if operator.database:
        assert abs(told["difference"]) < 1
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["database"])
    else:
        assert (told["database"], told["difference"]) == (None, None)
    words = operator.does("clock", "show")
    assert ("no clock of its own" in words) == (not operator.database)
    assert re.search(r"^issuing +yes$", words, re.MULTILINE)


def test_accepting_is_the_way_out(operator):
    operator.found()
    later = stored_ahead(operator)
    told = shown(operator)
    assert (told["issuing"], told["reason"], told["newest"]) == (False, "behind-the-newest-instant", later)
    assert "issuing        no: the machine's clock (" in operator.does("clock", "show")
    assert "give --yes" in operator.run("clock", "accept")[2]
    assert not shown(operator)["issuing"], "nobody said yes"
    assert re.search(r"^issuing +yes$", operator.does("clock", "accept", "--yes"), re.MULTILINE)
    told = shown(operator)
    assert (told["issuing"], told["newest"]) == (True, told["accepted"])


class Terminal(io.StringIO):
    """Terminal with a user who types."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("Yes\n", 0), ("\n", 2), ("n\n", 2)])
def test_a_person_is_asked_whether_the_time_is_right(sqlite_operator, monkeypatch, typed, code):
    sqlite_operator.found()
    stored_ahead(sqlite_operator)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ended, _, said = sqlite_operator.run("clock", "accept")
    assert ended == code
    assert re.search(r"Is \S+Z the correct time\? \[y/N\]", said)
    assert shown(sqlite_operator)["issuing"] == (code == 0)


def test_a_proposal_does_not_say_that_the_clock_is_trusted(sqlite_operator, caplog):
    """Its act was rehearsed, and rolled back."""
    sqlite_operator.found(*founders())
    stored_ahead(sqlite_operator)
    proposed(sqlite_operator, "clock", "accept", "--yes", "--officer", "anna")
    assert "trusted again" not in caplog.text
    assert not shown(sqlite_operator)["issuing"]


def test_a_clock_that_differs_from_the_database_s_is_not_accepted(operator, monkeypatch):
    operator.found()
    if not operator.database:
        pytest.skip("SQLite has no clock of its own")
    monkeypatch.setattr(bootstrap, "utc_now_precise", lambda: utc_now_precise() + HOUR)
    assert shown(operator)["reason"] == "differs-from-the-database"
    _, _, said = operator.run("clock", "accept", "--yes")
    assert re.search(r"is 3600 s ahead of the database's, .*; clock accept does not accept .*\.$", said)


def stored_long_ago(operator):
    """Let all stored instants be 40 days old, as for a clock that is 40 days ahead."""
    with closing(sqlite3.connect(operator.root / "register.sqlite3")) as register:
        (last,) = register.execute("SELECT max(sequence) FROM sinetti_auditevent").fetchone()
        row = ("clock", f"{utc_now() - 40 * 24 * HOUR:%Y-%m-%d %H:%M:%S}", last, last)
        columns = "(name, newest, sequence, accepted_sequence)"
        register.execute(f"INSERT INTO sinetti_clockcheckpoint {columns} VALUES (?, ?, ?, ?)", row)  # noqa: S608 - fixed
        register.commit()


DOUBTED = {"a stored instant ahead": stored_ahead, "a start 40 days ahead": stored_long_ago}


def test_a_command_before_the_start_does_not_hide_that_the_clock_is_far_ahead(sqlite_operator, monkeypatch, tmp_path):
    """A timer makes a missed backup as soon as the machine has booted, and its audit row has the wrong time."""
    monkeypatch.setattr(bootstrap, "is_synchronised", lambda _: False)
    sqlite_operator.found()
    stored_long_ago(sqlite_operator)
    sqlite_operator.does("backup", "--out", str(tmp_path / "copy"))
    assert shown(sqlite_operator)["reason"] == "ahead-of-the-newest-instant"
    assert "clock is not trusted" in sqlite_operator.run("retention", "apply")[2]
    sqlite_operator.does("clock", "accept", "--yes")
    assert shown(sqlite_operator)["issuing"]


@pytest.mark.long
@pytest.mark.parametrize("store", DOUBTED.values(), ids=DOUBTED)
def test_a_server_issues_nothing_until_its_clock_is_accepted(sqlite_operator, store):
    """The refusal is in the contact's language, and the same request works afterwards."""
    if store is stored_long_ago and is_synchronised(utc_now()):
        pytest.skip("the time daemon of this machine confirms its clock")
    sqlite_operator.found()
    sqlite_operator.add("0123456-7", "--channel", "WS")
    ids, key = sqlite_operator.order("--contact-language", "sv"), new_key()
    store(sqlite_operator)
    with serving(sqlite_operator) as (soap, _):
        one = holder(sqlite_operator, soap)
        answer = one.new(ids, key)
        assert codes(answer) == ["PKI090"]
        assert "Tjänsten" in answer.errors[0].message
        sqlite_operator.does("clock", "accept", "--yes")
        deadline = monotonic_seconds() + 60
        while not (answer := one.new(ids, key)).status_ok:
            assert codes(answer) == ["PKI090"]
            assert monotonic_seconds() < deadline
            sleep(0.2)
        assert one.fetched(answer)
