"""Two roles of one database: the owner of the tables, and the service, which cannot change the past."""

import secrets
from urllib.parse import urlsplit

import psycopg
import pytest

from sinetti.database.connection import open_database
from sinetti.database.obeyed_tables import TABLES
from sinetti.database.privileges import can_change_log
from sinetti.domain.values import Channel
from tests.cli.authority.conftest import Operator
from tests.cli.authority.test_export_certificates import enrolled
from tests.cli.authority.test_serve import ANY, serving
from tests.support import golden
from tests.support.registers import all_connections_closed

REFUSED = {
    "UPDATE sinetti_auditevent SET actor = 'other'",
    "DELETE FROM sinetti_auditevent",
    "TRUNCATE sinetti_auditevent",
    "ALTER TABLE sinetti_auditevent DISABLE TRIGGER ALL",
    "DROP TABLE sinetti_auditevent",
    "DROP TRIGGER audit_no_change ON sinetti_auditevent",
    "UPDATE sinetti_logentry SET leaf = ''",
    "DELETE FROM sinetti_logentry",
    "DELETE FROM sinetti_lognode",
    "UPDATE sinetti_logcheckpoint SET note = ''",
    "DELETE FROM sinetti_logcheckpoint",
    "DROP TABLE sinetti_logcheckpoint",
    "DELETE FROM sinetti_certificate",
    "DELETE FROM django_migrations",
    "CREATE TABLE sinetti_more (id int)",
}


@pytest.fixture
def roles(postgres_url):
    """Yield the URLs of the owner and of the service, in a new database."""
    server, name = postgres_url.rpartition("/")[0], f"roles_{secrets.token_hex(6)}"
    place = urlsplit(postgres_url).netloc.rpartition("@")[2]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for one in ("owner", "service"):
            connection.execute(f"CREATE ROLE {name}_{one} LOGIN PASSWORD 'known'")
        connection.execute(f"CREATE DATABASE {name} OWNER {name}_owner")
    with psycopg.connect(f"{server}/{name}", autocommit=True) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        connection.execute(f"GRANT CREATE ON SCHEMA public TO {name}_owner")
    with all_connections_closed():
        yield tuple(f"postgresql://{name}_{one}:known@{place}/{name}" for one in ("owner", "service"))


@pytest.fixture
def founded(roles, tmp_path, capsys, monkeypatch):
    """Return an operator whose tables belong to the owner, and both URLs."""
    owner, service = roles
    operator = Operator(tmp_path / "authority", capsys, {"DATABASE_URL": service})
    monkeypatch.setenv("DATABASE_URL", service)
    monkeypatch.setenv("OWNER_DATABASE_URL", owner)
    operator.found()
    monkeypatch.delenv("OWNER_DATABASE_URL")
    return operator, owner, service


def test_the_service_works_and_cannot_change_the_past(founded):
    operator, _, service = founded
    operator.add()
    operator.order()
    with serving(operator, *ANY):
        pass
    assert "The log is intact" in operator.does("audit", "verify")
    with psycopg.connect(service, autocommit=True) as connection:
        for statement in REFUSED:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    assert not can_change_log(open_database(service, alias="service"))


ENTRY = """INSERT INTO sinetti_auditevent (at, actor, action, object, request_id, octets, sha256)
VALUES (now(), 'operator', 'test', %s, '0', '', '')"""
ROWS = {
    "officer:anna": "INSERT INTO sinetti_officerrecord (officer_id, name, role, key, fingerprint, attestation,"
    " added_at) VALUES ('1', 'anna', 'auditor', 'key', 'print', '', now())",
    "setting:ca": "INSERT INTO sinetti_approvalsetting VALUES ('ca', '3')",
    "user:1": "INSERT INTO sinetti_user (user_id, email, name, password, language, is_active, is_staff, is_superuser,"
    " created) VALUES ('1', 'a@b.example', '', '', 'en', true, true, false, now())",
    "user:2": "INSERT INTO sinetti_user (user_id, email, name, password, language, is_active, is_staff, is_superuser,"
    " created) VALUES ('2', 'b@b.example', '', '', 'en', true, false, false, now())",
    "user:1 ": "INSERT INTO sinetti_staffperson (user_id, digest, added_at) VALUES ('1', 'digest', now())",
    "gateway:gate1": "INSERT INTO sinetti_gateway (name, public_key, added) VALUES ('gate1', 'key', now())",
    "trust-list:x": "INSERT INTO sinetti_trustlist (kind, number, octets, created) VALUES ('x', 1, '', now())",
}
CHANGES = {
    "officerrecord": "UPDATE sinetti_officerrecord SET role = 'approver'",
    "approvalsetting": "UPDATE sinetti_approvalsetting SET value = '1'",
    "user": "UPDATE sinetti_user SET is_staff = true WHERE user_id = '2'",
    "staffperson": "UPDATE sinetti_staffperson SET digest = 'another'",
    "certificateauthority": "UPDATE sinetti_certificateauthority SET state = 'retired', version = version + 1",
    "cadistrust": "INSERT INTO sinetti_cadistrust VALUES ((SELECT min(name) FROM sinetti_certificateauthority),"
    " now(), now(), now(), '')",
    "certificatetype": "UPDATE sinetti_certificatetype SET purpose = 'another'",
    "gateway": "UPDATE sinetti_gateway SET public_key = 'another'",
    "trustlist": "UPDATE sinetti_trustlist SET octets = 'x' WHERE kind = 'x'",
    "certificate": "UPDATE sinetti_certificate SET revoked_at = now(), revocation_reason = 'unspecified'",
}


def test_a_row_that_is_obeyed_changes_with_an_entry_alone(founded):
    """Each table with each role: the service, and the owner of the tables."""
    assert {one.name for one in TABLES} | {"sinetti_certificate"} == {f"sinetti_{table}" for table in CHANGES}
    operator, owner, service = founded
    operator.add()
    enrolled(operator, Channel.WS)
    with psycopg.connect(service) as connection:
        for about, statement in ROWS.items():
            connection.execute(statement)
            with connection.transaction():  # a savepoint, as in the service
                connection.execute(ENTRY, [about.strip()])
    for url in (service, owner):
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in CHANGES.values():
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="needs an entry of the log"):
                    connection.execute(statement)
            connection.execute("UPDATE sinetti_user SET name = 'Other'")
            connection.execute("UPDATE sinetti_certificateauthority SET crl_number = crl_number + 1")


def test_the_owner_can_and_watch_says_so(founded, monkeypatch):
    operator, owner, _ = founded
    assert can_change_log(open_database(owner, alias="owner-looks"))
    monkeypatch.setenv("DATABASE_URL", owner)
    _, out, _ = operator.run("watch")
    assert "log-unprotected" in out


def test_a_migration_by_the_owner_alone(founded, monkeypatch):
    operator, owner, _ = founded
    with psycopg.connect(owner, autocommit=True) as connection:
        later = "name >= '0013_unrestored_people'"
        connection.execute(f"DELETE FROM django_migrations WHERE app = 'sinetti' AND {later}")  # noqa: S608
        connection.execute("DROP TABLE sinetti_unrestoredpeople, sinetti_unregisteredcertificate")
        connection.execute("DROP INDEX messages_given_up")
        for table in ("gateway", "hintrequest"):
            connection.execute(f"ALTER TABLE sinetti_{table} DROP anchors_number, DROP distrust_number")
        connection.execute("ALTER TABLE sinetti_cadistrust DROP checkpoint CASCADE")
    operator.refused(2, "status")
    monkeypatch.setenv("OWNER_DATABASE_URL", owner)
    operator.does("migrate")
    operator.does("migrate")
    monkeypatch.delenv("OWNER_DATABASE_URL")
    operator.does("status")
    monkeypatch.setenv("OWNER_DATABASE_URL", "no address")
    operator.refused(5, "migrate")
    golden.check("sentences/database-roles/a-migration-by-the-owner-alone", operator.said())


def test_one_role_becomes_two(roles, tmp_path, capsys, monkeypatch, postgres_url):
    """By the statements of deploy/postgresql.md; until `migrate`, the service has no rights."""
    owner, service = roles
    names = [urlsplit(one).username for one in roles]
    place = f"{postgres_url.rpartition('/')[0]}{urlsplit(service).path}"
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {urlsplit(service).path[1:]} OWNER TO {names[1]}")
        operator = Operator(tmp_path / "authority", capsys, {"DATABASE_URL": service})
        monkeypatch.setenv("DATABASE_URL", service)
        operator.found()
        connection.execute(f"ALTER DATABASE {urlsplit(service).path[1:]} OWNER TO {names[0]}")
        connection.execute(f"REASSIGN OWNED BY {names[1]} TO {names[0]}")
    operator.refused(2, "status")
    monkeypatch.setenv("OWNER_DATABASE_URL", owner)
    operator.does("migrate")
    monkeypatch.delenv("OWNER_DATABASE_URL")
    operator.does("status")
    assert "log-unprotected" not in operator.run("watch")[1]
    golden.check("sentences/database-roles/one-role-becomes-two", operator.said())


def test_the_owner_of_another_database_changes_nothing(founded, monkeypatch, postgres_url):
    operator, _, _ = founded
    monkeypatch.setenv("OWNER_DATABASE_URL", postgres_url)
    operator.refused(5, "migrate")
    golden.check("sentences/database-roles/the-owner-of-another-database-changes-nothing", operator.said())


def test_a_drill_where_the_role_of_the_service_is_unknown(founded, monkeypatch, postgres_url, tmp_path):
    operator, owner, service = founded
    operator.does("backup", "--out", tmp_path / "register")
    (name, scratch), server = (f"drill_{secrets.token_hex(6)}" for _ in range(2)), urlsplit(service)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {server.username} RENAME TO {name}")
        connection.execute(f"CREATE DATABASE {scratch} OWNER {urlsplit(owner).username}")
    monkeypatch.setenv("DATABASE_URL", service.replace(f"{server.username}:", f"{name}:", 1))
    passfile = tmp_path / "passfile"
    passfile.write_text("*:*:*:*:known\n")
    passfile.chmod(0o600)
    place = f"{urlsplit(owner).username}@{server.netloc.rpartition('@')[2]}/{scratch}?passfile={passfile}"
    drill = ("restore-drill", "--backup", tmp_path / "register", "--scratch-database", f"postgresql://{place}")
    assert "The backup has 0 certificates" in operator.does(*drill)


def test_one_role_needs_no_owner(sqlite_operator):
    sqlite_operator.found()
    sqlite_operator.does("migrate")
    assert "log-unprotected" not in sqlite_operator.run("watch")[1]
