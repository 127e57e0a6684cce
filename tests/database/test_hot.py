"""Hand-written statements: rows as in the ORM, few round trips, decisive locks."""

import hashlib
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread
from time import sleep

import psycopg
import pytest
from django.db import OperationalError, connections, transaction
from django.test.utils import CaptureQueriesContext

from sinetti.database import models
from sinetti.database import sql as database_sql
from sinetti.database.certificates import revocation as certificates_revocation
from sinetti.database.common import audit_log, mappers
from sinetti.database.issuance import transactions
from sinetti.database.issuance.statements import find_for_renewal
from sinetti.database.issuance.transactions import CertificateReservation, ConcurrentUpdate, SignedCertificate
from sinetti.database.notifications import outbox
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import IssuanceApproval
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import VALIDITY, KeyId, Serial, Sha256, ValidityPeriod
from sinetti.infra.clock import monotonic_seconds
from sinetti.services.issuance.renew import renew
from sinetti.wire.transparency import entries
from tests.support.scene import (
    DAY,
    REQUEST,
    Scene,
    accepted,
    enrolled,
    in_the_window,
    new_key,
    renew_ask,
    renewed,
)

SERIAL, KEY = Serial("45" * 19), KeyId("ee" * 32)
SIGNED = Sha256("01" * 32)


def table(scene: Scene, model):
    return model.objects.using(scene.db.alias)


def renewal(scene: Scene, serial: Serial = SERIAL) -> CertificateReservation:
    """Return a reservation for a permitted renewal."""
    held = enrolled(scene)
    now, signer = in_the_window(scene, held), scene.certificate(held.serial)
    approval = IssuanceApproval(signer.lineage, KEY, ValidityPeriod(now, now + VALIDITY), predecessor=held.serial)
    return CertificateReservation(
        approval=approval,
        authority=signer.authority,
        serial=serial,
        retrieval_id="cd" * 16,
        renewable_from=approval.span.not_after - 60 * DAY,
        crl_shard=1,
        to_be_signed=b"\x00octets\xff",
        reserved_machine_time=scene.machine.now,
    )


def written_by_the_orm(scene: Scene, reservation: CertificateReservation, signed: SignedCertificate) -> None:
    """Write the same rows with Django's ORM."""
    approval, using = reservation.approval, table(scene, models.Certificate)
    key = table(scene, models.UsedKey).create(key_id=KEY, first_seen=scene.clock.now)
    row = using.create(
        serial=reservation.serial,
        authority_id=reservation.authority,
        lineage_id=approval.lineage.lineage_id,
        state=CertificateState.ISSUED,
        origin="renewal",
        predecessor=using.get(serial=approval.predecessor),
        key=key,
        sha256=signed.sha256,
        retrieval_id=reservation.retrieval_id,
        not_before=approval.span.not_before,
        not_after=approval.span.not_after,
        renewable_from=reservation.renewable_from,
        crl_shard=1,
        reserved_at=scene.clock.now,
        reserved_machine_time=reservation.reserved_machine_time,
        recorded_at=signed.recorded_at,
    )
    octets = table(scene, models.CertificateDer)
    octets.create(certificate=row, to_be_signed=b"", der=signed.der)
    name = f"certificate:{reservation.serial}"
    lineage = approval.lineage.lineage_id
    facts = {"key": KEY, "order": None, "predecessor": approval.predecessor, "voids": None}
    facts["tbs"] = hashlib.sha256(reservation.to_be_signed).hexdigest()
    audit_log.write(scene.db, scene.audit_entry(), "certificate-reserved", name, holding=lineage, **facts)
    audit_log.write(scene.db, scene.audit_entry(), "certificate-issued", name, sha256=signed.sha256)
    outbox.notify_contact(scene.db, "renewed", mappers.certificates(scene.db).get(pk=row.pk), scene.clock.now)


def stored(scene: Scene, certificate: int) -> dict[str, list[tuple]]:
    """Return the stored cells of a certificate, except for random ids."""
    sql = {
        "key": "SELECT * FROM sinetti_usedkey WHERE key_id = %s",
        "certificate": "SELECT * FROM sinetti_certificate WHERE id = %s",
        "octets": "SELECT * FROM sinetti_certificateder WHERE certificate_id = %s",
        "outbox": "SELECT * FROM sinetti_outboxmessage WHERE certificate_id = %s",
        "audit": "SELECT * FROM sinetti_auditevent WHERE object = %s ORDER BY sequence",
    }
    drawn, found = {"id", "sequence", "message_id", "certificate_id"}, {}
    of = {"key": KEY, "audit": f"certificate:{SERIAL}"}
    with connections[scene.db.alias].cursor() as cursor:
        for name, statement in sql.items():
            cursor.execute(statement, [of.get(name, certificate)])
            columns = [column[0] for column in cursor.description]
            found[name] = [
                tuple(
                    str(bytes(cell) if isinstance(cell, memoryview) else cell)
                    for column, cell in zip(columns, row, strict=True)
                    if column not in drawn
                )
                for row in cursor.fetchall()
            ]
    return found


def test_rows_are_those_that_the_orm_would_have_written(scene, monkeypatch):
    monkeypatch.setattr(entries, "new_nonce", lambda: "the same")
    reservation, signed = renewal(scene), SignedCertificate(b"\x30der\x00", SIGNED, scene.machine.now)
    with transaction.atomic(using=scene.db.alias):
        written_by_the_orm(scene, reservation, signed)
        wanted = stored(scene, table(scene, models.Certificate).get(serial=SERIAL).pk)
        transaction.set_rollback(True, using=scene.db.alias)
    certificate = transactions.reserve_certificate(scene.db, reservation, scene.audit_entry())
    transactions.store_certificate(scene.db, certificate, signed, scene.audit_entry())
    assert stored(scene, table(scene, models.Certificate).get(serial=SERIAL).pk) == wanted
    assert all(wanted.values())


def test_what_is_given_back_is_what_is_read_back(scene):
    reservation, signed = renewal(scene), SignedCertificate(b"der", SIGNED, scene.machine.now)
    reserved = transactions.reserve_certificate(scene.db, reservation, scene.audit_entry())
    assert reserved == scene.certificate(SERIAL)
    assert transactions.store_certificate(scene.db, reserved, signed, scene.audit_entry()) == scene.certificate(SERIAL)


def test_the_reading_by_hand_is_that_of_the_orm(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    for _ in range(2):
        accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    new = renewed(scene, held)
    found = scene.certificate(held.serial)
    read = find_for_renewal(scene.db, found.sha256, KEY)
    assert (read.signer, read.renewals.successor) == (found, scene.certificate(new.serial))
    assert read.renewals.repeat_count == 2
    certificates_revocation.revoke(
        scene.db, found.lineage.lineage_id, [new.serial], (RevocationReason.SUPERSEDED, None), scene.audit_entry()
    )
    read = find_for_renewal(scene.db, found.sha256, scene.certificate(new.serial).key)
    assert (read.signer, read.renewals.same_key) == (scene.certificate(held.serial), scene.certificate(new.serial))
    assert (read.renewals.successor, read.key_known) == (None, True)


def counted(scene: Scene, monkeypatch) -> list[str]:
    """Return a list that collects the hand-written statements from here on."""
    sent, run = [], database_sql._run

    def counting(connection, statement, values):
        sent.append(statement)
        return run(connection, statement, values)

    monkeypatch.setattr(database_sql, "_run", counting)
    return sent


def test_a_renewal_takes_three_round_trips(scene, monkeypatch):
    held = enrolled(scene)
    in_the_window(scene, held)
    scene.db.refresh()
    sent = counted(scene, monkeypatch)
    with CaptureQueriesContext(connections[scene.db.alias]) as by_the_orm:
        accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    if database_sql.takes_ctes_that_write(scene.db):
        assert (len(sent), len(by_the_orm)) == (3, 0)
    else:
        assert {query["sql"] for query in by_the_orm} <= {"BEGIN IMMEDIATE", "BEGIN", "COMMIT"}


def test_a_connection_that_was_cut_is_opened_again_for_the_reading(scene, monkeypatch):
    held = enrolled(scene)
    in_the_window(scene, held)
    scene.db.refresh()
    cut(scene)
    accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))


def test_a_connection_that_is_cut_later_is_not_tried_again(scene):
    """The database may have executed the statement.

    A caller that repeats the request learns the result.
    """
    if not database_sql.takes_ctes_that_write(scene.db):
        pytest.skip("a file has no connection to cut")
    reservation = renewal(scene)
    cut(scene)
    with pytest.raises(OperationalError):
        transactions.reserve_certificate(scene.db, reservation, scene.audit_entry())
    scene.db.refresh()
    assert not table(scene, models.Certificate).filter(serial=SERIAL).exists()


def cut(scene: Scene) -> None:
    """Have the server end this thread's connection; a file's is closed."""
    connection = connections[scene.db.alias]
    if connection.vendor != "postgresql":
        connection.close()
        return
    pid = connection.connection.info.backend_pid
    with psycopg.connect(
        connection.connection.info.dsn, password=connection.connection.info.password, autocommit=True
    ) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
        eventually(lambda: other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone() is None)


def eventually(condition) -> None:
    deadline = monotonic_seconds() + 60
    while not condition():
        assert monotonic_seconds() < deadline, "it did not come about"
        sleep(0.01)


@contextmanager
def held_up(scene: Scene, do):
    """Run `do` in a transaction of another connection that outlasts the block."""
    done, over = Event(), Event()

    def run() -> None:
        with transaction.atomic(using=scene.db.alias):
            do()
            done.set()
            over.wait(60)
        scene.db.close()

    thread = Thread(target=run)
    thread.start()
    assert done.wait(60)
    try:
        yield over
    finally:
        over.set()
        thread.join(60)


def waiting_for_a_lock(scene: Scene) -> bool:
    with connections[scene.db.alias].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return cursor.fetchone()[0] > 0


def beside(scene: Scene, do, other):
    """Return the result of `do`, or its ConcurrentUpdate.

    `do` starts while another connection holds the lock in which it ran `other`.
    """
    came = []

    def run() -> None:
        try:
            came.append(do())
        except ConcurrentUpdate as moved:
            came.append(moved)
        scene.db.close()

    with held_up(scene, other) as over:
        thread = Thread(target=run)
        thread.start()
        if database_sql.takes_ctes_that_write(scene.db):
            eventually(lambda: waiting_for_a_lock(scene))
        over.set()
        thread.join(60)
    return came[0]


def revocation(scene: Scene, lineage_id: str, serial: Serial):
    why = (RevocationReason.KEY_COMPROMISE, None)
    return lambda: certificates_revocation.revoke(scene.db, lineage_id, [serial], why, scene.audit_entry())


def test_a_revocation_that_comes_while_commit_2_waits_for_its_lock_voids_the_renewal(scene):
    """The statement's snapshot is older than the lock that it waited for.

    The changed version shows it.
    """
    reservation = renewal(scene)
    certificate = transactions.reserve_certificate(scene.db, reservation, scene.audit_entry())
    revoke = revocation(scene, certificate.lineage.lineage_id, certificate.predecessor)
    signed = SignedCertificate(b"der", SIGNED, scene.machine.now)
    found = beside(
        scene, lambda: transactions.store_certificate(scene.db, certificate, signed, scene.audit_entry()), revoke
    )
    assert (found.state, found.revocation_reason) == (CertificateState.SUPERSEDED, RevocationReason.KEY_COMPROMISE)
    assert found.sha256 is None
    assert not table(scene, models.OutboxMessage).filter(kind="renewed").exists()
    assert transactions.get_der(scene.db, found)[1] is None


def test_a_revocation_that_came_before_the_reservation_was_read_voids_it_too(scene):
    certificate = transactions.reserve_certificate(scene.db, renewal(scene), scene.audit_entry())
    revocation(scene, certificate.lineage.lineage_id, certificate.predecessor)()
    again = scene.certificate(SERIAL)
    found = transactions.store_certificate(
        scene.db, again, SignedCertificate(b"der", SIGNED, scene.machine.now), scene.audit_entry()
    )
    assert found.state is CertificateState.SUPERSEDED


def test_a_revocation_that_comes_while_commit_1_waits_for_its_lock_leaves_nothing_reserved(scene):
    reservation = renewal(scene)
    lineage, predecessor = reservation.approval.lineage, reservation.approval.predecessor
    revoke = revocation(scene, lineage.lineage_id, predecessor)
    assert isinstance(
        beside(scene, lambda: transactions.reserve_certificate(scene.db, reservation, scene.audit_entry()), revoke),
        ConcurrentUpdate,
    )
    assert not transactions.known_keys(scene.db, [KEY])
    assert not table(scene, models.Certificate).filter(serial=SERIAL).exists()
    assert scene.certificate(predecessor).lineage.version == lineage.version + 1


def test_something_else_of_the_lineage_moves_between_the_commits(scene):
    """The version is another one, and the reservation stands.

    It is checked again and recorded.
    """
    certificate = transactions.reserve_certificate(scene.db, renewal(scene), scene.audit_entry())
    mappers.move_versions(table(scene, models.Lineage).all())
    found = transactions.store_certificate(
        scene.db, certificate, SignedCertificate(b"der", SIGNED, scene.machine.now), scene.audit_entry()
    )
    assert (found.state, found.sha256) == (CertificateState.ISSUED, SIGNED)
    assert found == scene.certificate(SERIAL)


def test_two_renewals_of_one_certificate_at_once(scene):
    reservation = renewal(scene)
    other = replace(reservation, serial=Serial("46" * 19), approval=replace(reservation.approval, key=KeyId("dd" * 32)))
    first = beside(
        scene,
        lambda: transactions.reserve_certificate(scene.db, other, scene.audit_entry()),
        lambda: transactions.reserve_certificate(scene.db, reservation, scene.audit_entry()),
    )
    assert isinstance(first, ConcurrentUpdate)


def test_an_instant_may_have_parts_of_a_second(scene):
    """Clocks give whole seconds; what a database keeps does not depend on it."""
    reservation = replace(renewal(scene), reserved_machine_time=scene.machine.now + timedelta(microseconds=5))
    transactions.reserve_certificate(scene.db, reservation, scene.audit_entry())
    assert (
        table(scene, models.Certificate).get(serial=SERIAL).reserved_machine_time == reservation.reserved_machine_time
    )
