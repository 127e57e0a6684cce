"""Opening of a database: kinds, promises, and separation of two databases."""

import gc
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import OperationalError, connections, transaction

from sinetti.database import connection as database_connection
from sinetti.database import models
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import DATABASE_UNAVAILABLE, Database, migrate, open_database
from sinetti.database.operations import authorities
from sinetti.domain.values import Environment
from tests.support.authority import NOW
from tests.support.registers import all_connections_closed, copied_file

DEED = AuditContext("operator", NOW, "0" * 32)


@pytest.mark.parametrize("url", ["mysql://user@localhost/x", "oracle://user@localhost/x"])
def test_other_databases_are_refused_with_what_to_write(url):
    with pytest.raises(ValueError, match=r"sqlite:////path.*postgresql://"):
        open_database(url, alias="refused")


OPTIONS = {
    "of PostgreSQL, for SQLite": "sqlite:////tmp/x.sqlite3?sslmode=require",
    "of nobody": "postgresql://me@localhost/x?foo=bar",
    "twice": "postgresql://me@localhost/x?sslmode=require&sslmode=disable",
}


@pytest.mark.parametrize("url", OPTIONS.values(), ids=OPTIONS)
def test_options_that_the_database_does_not_know_are_refused(url):
    with pytest.raises(ValueError, match="after the question mark"):
        open_database(url, alias="refused")


def test_options_of_libpq_are_handed_on():
    open_database("postgresql://me@localhost/x?sslmode=require&connect_timeout=5", alias="far")
    options = connections["far"].settings_dict["OPTIONS"]
    assert (options["sslmode"], options["connect_timeout"]) == ("require", 5)


HOSTS = {
    "postgresql://me:p%40s@one:5001,two:5002/x?target_session_attrs=read-write": ("one,two", "5001,5002"),
    "postgresql://one,two:5002@one,two:5002/x?target_session_attrs=read-write": ("one,two", "5432,5002"),
    "postgresql://[::1]:5001,[::2]/x?target_session_attrs=read-write": ("::1,::2", "5001,5432"),
}


@pytest.mark.parametrize(("url", "expected"), HOSTS.items(), ids=repr)
def test_several_hosts_of_postgresql_are_handed_on(url, expected):
    open_database(url, alias="far")
    settings = connections["far"].settings_dict
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == (*expected, "x")
    assert settings["OPTIONS"]["target_session_attrs"] == "read-write"


def test_of_several_hosts_the_one_that_answers_is_used(postgres_url):
    url = urlsplit(postgres_url)
    place = f"127.0.0.1:1,{url.hostname}:{url.port}"
    several = url._replace(netloc=f"{url.username}:{url.password}@{place}", query="target_session_attrs=read-write")
    far = open_database(several.geturl(), alias="far")
    try:
        with connections["far"].cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery()")
            assert cursor.fetchone() == (False,)
    finally:
        far.close()


PROMISES = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


@pytest.mark.parametrize(("pragma", "value"), PROMISES.items(), ids=PROMISES)
def test_what_sqlite_promises(sqlite_db, pragma, value):
    with connections[sqlite_db.alias].cursor() as cursor:
        cursor.execute(f"PRAGMA {pragma}")
        assert cursor.fetchone() == (value,)


def test_a_transaction_on_sqlite_takes_its_lock_at_once(sqlite_db):
    """Otherwise a transaction that reads first and writes later may fail at once.

    Its error would be "locked", without a wait.
    """
    sent = []

    def note(execute, sql, *rest):
        sent.append(sql)
        return execute(sql, *rest)

    with connections[sqlite_db.alias].execute_wrapper(note), transaction.atomic(using=sqlite_db.alias):
        pass
    options = connections[sqlite_db.alias].settings_dict["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"


@pytest.mark.parametrize("on", [True, False])
def test_while_tables_are_made_nobody_looks_for_garbage_and_then_as_before(sqlite_db, monkeypatch, on):
    looking, was_on = [], gc.isenabled()
    monkeypatch.setattr(database_connection, "_is_current", lambda _connection: False)
    monkeypatch.setattr(database_connection, "_make_current", lambda _connection: looking.append(gc.isenabled()))
    (gc.enable if on else gc.disable)()
    try:
        migrate(sqlite_db)
        assert (looking, gc.isenabled()) == ([False], on)
    finally:
        (gc.enable if was_on else gc.disable)()


def test_migrating_again_changes_nothing(db):
    authorities.insert_authority(db, Environment.TEST, (), DEED)
    migrate(db)
    assert authorities.identity(db) is not None


def test_the_migrations_are_those_of_the_models(tmp_path):
    said = StringIO()
    with copied_file(tmp_path / "register.sqlite3") as url, all_connections_closed():
        open_database(url)
        call_command("makemigrations", check_changes=True, dry_run=True, stdout=said, verbosity=1)
    assert "No changes" in said.getvalue()


def test_two_registers_never_mix(sqlite_db, tmp_path):
    with copied_file(tmp_path / "other.sqlite3") as url:
        other = open_database(url, alias="other")
        authorities.insert_authority(other, Environment.TEST, (), DEED)
        assert authorities.identity(other) is not None
        assert authorities.identity(sqlite_db) is None
        other.close()


def test_an_alias_opened_anew_names_the_new_database(sqlite_db, tmp_path):
    authorities.insert_authority(sqlite_db, Environment.TEST, (), DEED)
    with copied_file(tmp_path / "other.sqlite3") as url:
        again = open_database(url, alias=sqlite_db.alias)
        assert again == sqlite_db == Database(sqlite_db.alias)
        assert authorities.identity(again) is None


def test_a_connection_that_the_server_cut_is_opened_anew(db):
    """As after a restart of the database, the first statement fails.

    The endpoint refreshes the connection, and the next statement works.
    """
    connection = connections[db.alias]
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server that could cut a connection")
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(DATABASE_UNAVAILABLE):
        authorities.identity(db)
    db.refresh()
    assert authorities.identity(db) is None


def test_refreshing_a_connection_that_is_well_keeps_it(db):
    authorities.identity(db)
    before = connections[db.alias].connection
    db.refresh()
    assert connections[db.alias].connection is before


def test_closing_is_for_this_thread_and_may_be_done_twice(db):
    assert models.Instance.objects.using(db.alias).count() == 0
    db.close()
    db.close()
    assert models.Instance.objects.using(db.alias).count() == 0
