"""Durability of a database.

A real server that does not keep its promises is rejected. A server that does not report them is named.
"""

import subprocess
import sys
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connections
from django.db.backends.base import base

from sinetti.database import connection as database_connection
from sinetti.database.connection import DatabaseSetupError, check_durability, open_database, server_default, setting
from sinetti.database.operations import authorities
from tests.support import golden, postgres
from tests.support.backups import url_of
from tests.support.registers import ALIAS


def test_a_durable_database_is_taken(db):
    assert check_durability(db) == ()


def on_postgresql(db):
    connection = connections[db.alias]
    if connection.vendor != "postgresql":
        pytest.skip("a promise of PostgreSQL's")
    return connection


def test_a_server_without_fsync_is_refused(db):
    on_postgresql(db)
    with postgres.careless(url_of(db), fsync="off"):
        db.close()
        with golden.refused("sentences/durability/fsync", DatabaseSetupError):
            check_durability(db)
    assert check_durability(db) == ()


def test_half_written_pages_are_the_operator_s_to_know(db):
    """ZFS writes them whole, and the service cannot see that from here."""
    on_postgresql(db)
    with postgres.careless(url_of(db), full_page_writes="off"):
        (said,) = check_durability(db)
        assert "full_page_writes = off" in said


def asked_of_a_new_session(db, name="synchronous_commit"):
    db.close()
    return setting(connections[db.alias], name)


@pytest.mark.parametrize("value", ["on", "off"])
def test_our_statements_are_not_compiled(db, value):
    """Lists take five times as long where they are."""
    connection = on_postgresql(db)
    with altered(connection, f"DATABASE {connection.settings_dict['NAME']}", value, "jit"):
        assert asked_of_a_new_session(db, "jit") == "off"


def test_a_server_without_synchronous_commits_is_refused_though_our_sessions_ask_for_them(db):
    connection = on_postgresql(db)
    user = connection.settings_dict["USER"]
    with postgres.careless(url_of(db), synchronous_commit="off"):
        assert asked_of_a_new_session(db) == "on"
        with pytest.raises(DatabaseSetupError, match=rf"synchronous_commit = off.*ALTER ROLE {user} SET"):
            check_durability(db)
    db.close()
    assert check_durability(db) == ()


@contextmanager
def altered(connection, what, value, name="synchronous_commit"):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER {what} SET {name} TO {value}")
    connection.close()
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER {what} RESET {name}")
        connection.close()


@pytest.mark.parametrize("what", ["DATABASE {NAME}", "ROLE {USER}"])
def test_what_role_or_database_has_counts_and_not_what_the_server_has(db, what):
    connection = on_postgresql(db)
    its = what.format(**connection.settings_dict)
    with altered(connection, its, "off"), pytest.raises(DatabaseSetupError, match="synchronous_commit = off"):
        check_durability(db)
    with postgres.careless(url_of(db), synchronous_commit="off"), altered(connection, its, "on"):
        assert check_durability(db) == ()


@pytest.mark.parametrize("value", ["local", "remote_write", "remote_apply"])
def test_whatever_waits_for_this_machine_s_disk_is_taken_and_stays(db, value):
    connection = on_postgresql(db)
    with altered(connection, f"DATABASE {connection.settings_dict['NAME']}", value):
        assert asked_of_a_new_session(db) == value
        assert check_durability(db) == ()


def test_a_session_that_stays_careless_is_refused(db):
    with on_postgresql(db).cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
    try:
        with pytest.raises(DatabaseSetupError, match="synchronous_commit = off"):
            check_durability(db)
    finally:
        db.close()


def test_a_server_that_does_not_know_a_setting_is_named_and_goes_on(db, monkeypatch):
    """Another engine that speaks the protocol has other settings.

    It may have no such function at all.
    """
    connection = on_postgresql(db)
    assert setting(connection, "no.such.setting") is server_default(connection, "no.such.setting") is None
    with monkeypatch.context() as patched, connection.cursor() as cursor:
        patched.setattr(database_connection, "_SETTING", "SELECT no_such_function(%s)")
        patched.setattr(database_connection, "_PLAIN_SETTING", "SELECT reset_val FROM no_such_table WHERE name = %s")
        golden.check("sentences/durability/unknown-settings", {"en.txt": "\n".join((*check_durability(db), ""))})
        cursor.execute("SELECT 1")  # the session is as well as before


def test_a_server_that_is_too_old_is_refused(db, monkeypatch):
    connection = on_postgresql(db)
    db.close()
    monkeypatch.setattr(base, "RAN_DB_VERSION_CHECK", set())  # Django looks once in a process
    monkeypatch.setattr(connection.features, "minimum_database_version", (99,))
    with pytest.raises(DatabaseSetupError, match="PostgreSQL 99 or later"):
        authorities.identity(db)
    db.close()


PRAGMAS = {"no write-ahead log": "PRAGMA journal_mode=DELETE", "no fsync of each commit": "PRAGMA synchronous=NORMAL"}


@pytest.mark.parametrize("pragma", PRAGMAS.values(), ids=PRAGMAS)
def test_sqlite_has_to_have_taken_what_was_asked_for(sqlite_db, pragma):
    with connections[sqlite_db.alias].cursor() as cursor:
        cursor.execute(pragma)
    with pytest.raises(DatabaseSetupError, match="local disk"):
        check_durability(sqlite_db)


MIGRATING = """
import sys
from sinetti.database.connection import migrate, open_database
register = open_database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
migrate(register)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/register.sqlite3"
    return postgres.create_database(request.getfixturevalue("postgres_url"), f"empty_{tmp_path.name[-20:].lower()}")


@pytest.mark.long
def test_two_processes_make_the_tables_at_the_same_moment(empty_url):
    command = [sys.executable, "-W", "ignore", "-c", MIGRATING, empty_url]
    both = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for one in both:
        assert one.stdout.readline() == "ready\n"
    for one in both:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate(timeout=60)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    db = open_database(empty_url, ALIAS)
    try:
        assert authorities.identity(db) is None
        assert database_connection._is_current(connections[ALIAS])
    finally:
        db.close()


def test_who_makes_tables_waits_for_whoever_does(db):
    """The process asks again and again.

    A statement that waited would delay an index that is made meanwhile.
    """
    connection = on_postgresql(db)
    asked = []
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [database_connection._SCHEMA_LOCK])

        class Waiting:
            def wait(self, _seconds):
                asked.append(
                    other.execute("SELECT pg_advisory_unlock(%s)", [database_connection._SCHEMA_LOCK]).fetchone()
                )

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(database_connection, "Event", Waiting)
            with database_connection._alone(connection):
                assert asked == [(True,)]


def test_a_server_without_advisory_locks_keeps_nobody_waiting(db, monkeypatch):
    connection = on_postgresql(db)
    monkeypatch.setattr(database_connection, "_TRY_LOCK", "SELECT no_such_lock(%s)")
    with database_connection._alone(connection):
        assert authorities.identity(db) is None
