"""SOAP endpoint while the database is away.

Every operation answers with a signed "come again", and the endpoint recovers by itself.
"""

import psycopg
import pytest
from django.db import connections

from sinetti.api.publication import PublicationEndpoint
from sinetti.database.connection import open_database
from sinetti.server.http import Request
from tests.api.counter import opened_counter
from tests.api.drafts import DRAFTS, new_draft
from tests.support.registers import opened_register
from tests.support.scene import REQUEST, opened_scene

NOWHERE = {"sqlite": "sqlite:////nowhere/at/all/register.sqlite3", "postgresql": "postgresql://nobody@127.0.0.1:1/none"}


@pytest.mark.parametrize("operation", DRAFTS)
@pytest.mark.parametrize("url", NOWHERE.values(), ids=NOWHERE)
def test_every_operation_says_to_come_again(url, operation, counter):
    draft = DRAFTS[operation](counter)
    draft.counter = counter.on(counter.scene.but(db=open_database(url, alias="away")))
    assert draft.ask().code == "PKI090"
    draft.counter = counter
    assert draft.ask().status == "OK"


@pytest.mark.parametrize("url", NOWHERE.values(), ids=NOWHERE)
def test_lists_are_fetched_again_in_a_minute(url, counter, caplog):
    ctx = counter.scene.but(db=open_database(url, alias="away")).ctx

    def status(path: str) -> tuple[int, str | None]:
        reply = PublicationEndpoint(ctx)(Request("GET", path, "", {}, REQUEST, b""))
        return reply.status, reply.headers.get("retry-after")

    assert status("/crl/DataProvidersTestIssuingCAv1-1.crl") == (503, "60")
    assert REQUEST in caplog.text
    assert status("/ca/DataProvidersTestIssuingCAv1.cer") == (200, None)


def test_the_door_comes_back_with_the_database(request, tmp_path):
    """As after a restart of PostgreSQL, this thread's connection is dead.

    The next connection works.
    """
    with opened_register("postgresql", request, tmp_path) as db:
        counter = opened_counter(opened_scene(db))
        draft = new_draft(counter)
        settings = connections[db.alias].settings_dict
        names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
        with psycopg.connect(**{name: settings[key] for name, key in names.items()}, autocommit=True) as other:
            others = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = %s"
            )
            assert other.execute(others, (settings["NAME"],)).fetchall()
        assert draft.ask().code in {None, "PKI090"}
        assert draft.ask().status == "OK"
