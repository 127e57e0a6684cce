"""Changes of tables while older code serves (docs/operators/migrations.md).

Rows that older code writes meanwhile are complete, on both databases.
"""

from threading import Event, Thread

import pytest
from django.db import connections
from django.db import models as fields
from django.db.migrations import AddField, CreateModel, Migration
from django.db.migrations.executor import MigrationExecutor

from sinetti.database import connection as database_connection
from sinetti.database import models
from sinetti.database import sql as database_ids
from sinetti.database.common import mappers
from sinetti.database.connection import DatabaseSetupError, migrate, open_database
from sinetti.database.migration_operations import AddIndexWhileServing, set_minimum_code_version
from sinetti.database.operations import authorities
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.services.issuance.enrol import enrol
from tests.support.authority import NOW
from tests.support.postgres import create_database
from tests.support.registers import ALIAS, all_connections_closed
from tests.support.scene import REQUEST, accepted, collected, new_ask, new_key, ordered

ROWS = 60
LATER = (
    AddField("certificate", "more", fields.CharField(max_length=9, null=True)),
    AddField("order", "count", fields.IntegerField(db_default=0)),
    AddIndexWhileServing("certificate", fields.Index(fields=["recorded_at"], name="by_recording")),
    CreateModel("Later", [("at", fields.DateTimeField(primary_key=True))]),
)
"""Operations of a later migration, one of each kind that docs/operators/migrations.md allows."""


def ours(executor):
    return sorted(name for app, name in executor.loader.disk_migrations if app == "sinetti")


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request, tmp_path):
    """Return an empty database and its tables as code of this version sees them."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/register.sqlite3"
    else:
        url = create_database(request.getfixturevalue("postgres_url"), f"older_{database_ids.random_id()}")
    with all_connections_closed():
        db = open_database(url, ALIAS)
        migrate(db)
        if request.param == "postgresql":
            with connections[ALIAS].cursor() as cursor:
                cursor.execute("DROP FUNCTION sinetti_require_entry() CASCADE")  # its rows need no entries here
        yield db, MigrationExecutor(connections[ALIAS]).loader.project_state().apps


def founded(apps) -> dict:
    """Write the rows on which all others depend, as older code does."""
    using = lambda name: apps.get_model("sinetti", name).objects.using(ALIAS)  # noqa: E731
    authority = using("CertificateAuthority").create(
        name="CAv1", common_name="CA v1", role="issuing", certificate=b"c", sha256="a" * 64, key_id="b" * 64,
        state="issuing", signs_from=NOW, signs_until=NOW,
    )  # fmt: skip
    kind = using("CertificateType").create(type_id="t", purpose="data-provider", channel="WS", authority=authority)
    organisation = using("Organisation").create(
        customer_id="0123456-7",
        normalised_id="01234567",
        kind="artificial",
        name="Malliyritys Oy",
        language="fi",
        created=NOW,
    )
    using("Instance").create(environment="TEST", created=NOW, fingerprints={"CAv1": "a" * 64})
    person = using("Person").create(name="A", email="a@b.example", phone="", language="sv")
    return {"authority": authority, "kind": kind, "organisation": organisation, "person": person, "using": using}


def issued(there, number: int) -> None:
    """Write one certificate's whole life, as older code does."""
    using, person = there["using"], there["person"]
    lineage = using("Lineage").create(
        organisation=there["organisation"], type=there["kind"], subject_serial=f"{number:032}", contact=person,
        created=NOW,
    )  # fmt: skip
    order = using("Order").create(lineage=lineage, contact=person, state="spent", created=NOW)
    using("TransferIds").create(transfer_id=f"{number:032}", order=order, password_mac=b"m", created=NOW, expires=NOW)
    key = using("UsedKey").create(key_id=f"{number:064}", first_seen=NOW)
    row = using("Certificate").create(
        serial=f"{number:038x}", authority=there["authority"], lineage=lineage, state="reserved", origin="order",
        order=order, key=key, retrieval_id=f"{number:032}", not_before=NOW, not_after=NOW, renewable_from=NOW,
        reserved_at=NOW,
    )  # fmt: skip
    using("CertificateDer").create(certificate=row, to_be_signed=b"t")
    using("AuditEvent").create(
        at=NOW, actor="o", action="a", object="c", request_id=REQUEST, octets=b"{}", sha256="a" * 64
    )
    using("Certificate").filter(pk=row.pk).update(state="issued", sha256=f"{number:064}", recorded_at=NOW)
    using("OutboxMessage").create(
        kind="fetched", lineage=lineage, certificate=row, recipient=person, step="once", created=NOW, due=NOW
    )
    using("RejectedRequest").create(lineage=lineage, reason="too-early", operation="renew", at=NOW, request_id=REQUEST)


def test_what_older_code_writes_while_the_tables_change_is_all_there(older):
    db, apps = older
    there, begun, failures = founded(apps), Event(), []

    def write():
        try:
            for number in range(ROWS):
                issued(there, number)
                if number == ROWS // 10:
                    begun.set()
        except BaseException as failure:  # noqa: BLE001 - reported below, in the test's own thread
            failures.append(failure)
        finally:
            begun.set()
            db.close()

    thread = Thread(target=write)
    thread.start()
    assert begun.wait(60)
    for operation in LATER:
        change(db, operation, atomic=getattr(operation, "atomic", True) or connection_is_sqlite(db))
    thread.join(120)
    assert failures == []
    assert database_connection._is_current(connections[ALIAS])
    found = [mappers.certificate(db, row) for row in mappers.certificates(db)]
    assert len(found) == ROWS
    assert {one.state for one in found} == {CertificateState.ISSUED}
    assert models.AuditEvent.objects.using(ALIAS).count() == ROWS
    assert (
        models.OutboxMessage.objects.using(ALIAS).count() == models.RejectedRequest.objects.using(ALIAS).count() == ROWS
    )
    issued(there, ROWS)
    assert authorities.identity(db) is not None


def connection_is_sqlite(db) -> bool:
    return connections[db.alias].vendor == "sqlite"


def change(db, *operations, atomic=True):
    """Run a migration of its own on the present tables."""
    connection = connections[db.alias]
    state = MigrationExecutor(connection).loader.project_state()
    one = type("Migration", (Migration,), {"operations": list(operations), "atomic": atomic})("9999_later", "sinetti")
    with connection.schema_editor(atomic=atomic) as editor:
        one.apply(state, editor)


def test_a_node_that_cannot_serve_changed_tables_says_so_and_changes_nothing(db):
    newest = max(int(name[:4]) for name in ours(MigrationExecutor(connections[db.alias])))
    change(db, set_minimum_code_version(newest))
    migrate(db)
    change(db, set_minimum_code_version(newest + 1))
    with pytest.raises(DatabaseSetupError, match=rf"\(number {newest + 1}, this one has {newest}.*other nodes run"):
        migrate(db)


def test_a_node_goes_on_with_tables_of_later_code_that_it_can_serve(scene):
    connection = connections[scene.db.alias]
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('sinetti', '9998_more', %s)", [NOW])
        cursor.execute("ALTER TABLE sinetti_certificate ADD COLUMN more varchar(9)")
    try:
        migrate(scene.db)
        key, ids = new_key(), ordered(scene)
        assert collected(scene, accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST)))
    finally:
        scene.db.close()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE name = '9998_more'")
            cursor.execute("ALTER TABLE sinetti_certificate DROP COLUMN more")


def test_the_mark_s_own_migration_is_the_one_that_is_looked_for(db):
    executor = MigrationExecutor(connections[db.alias])
    made = executor.loader.disk_migrations["sinetti", database_connection._SCHEMA_MARK]
    assert "SchemaFloor" in {one.name for one in made.operations if hasattr(one, "fields")}


def test_an_index_on_a_table_that_is_in_use(db):
    """On PostgreSQL the index is made concurrently, so that no writer waits for it.

    After a killed attempt it is made anew.
    """
    connection, sent = connections[db.alias], []
    postgresql = connection.vendor == "postgresql"
    operation = AddIndexWhileServing("certificate", fields.Index(fields=["recorded_at"], name="by_recording"))

    def note(execute, sql, *rest):
        sent.append(str(sql))
        return execute(sql, *rest)

    try:
        with connection.execute_wrapper(note):
            for _ in range(2 if postgresql else 1):
                change(db, operation, atomic=not postgresql)
        assert [sql for sql in sent if "CREATE INDEX" in sql and "CONCURRENTLY" not in sql] == [] or not postgresql
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, "sinetti_certificate")
        assert found["by_recording"]["columns"] == ["recorded_at"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX IF EXISTS by_recording")


def test_no_index_is_there_for_questions_that_nobody_asks(db):
    """Django makes one for LIKE beside each index of a text column.

    Each row would pay for all of them.
    """
    connection = connections[db.alias]
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has none of them")
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'sinetti\\_%'")
        found = [statement for (statement,) in cursor.fetchall()]
    assert found
    assert not [statement for statement in found if "pattern_ops" in statement]
