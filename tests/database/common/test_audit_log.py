"""Audit rows: one for each change, in the transaction of the change.

They contain no names of persons and are never altered.
"""

import hashlib
import json
from dataclasses import replace
from threading import Thread

import pytest
from django.apps import apps
from django.db import DatabaseError, connections, transaction

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import RejectionReason, WriteRefused
from sinetti.domain.values import Channel
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.order import reissue_transfer_ids
from sinetti.services.issuance.renew import renew
from sinetti.services.issuance.retrieve import retrieve
from sinetti.services.organisations.registration import approve, close, withdraw
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import publish
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME, NOW
from tests.support.killed import KilledError, once_at
from tests.support.scene import (
    CONTACT,
    DAY,
    REQUEST,
    Scene,
    accepted,
    add_organisation,
    enrolled,
    get_ask,
    held_by,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    refused,
    renew_ask,
    renewed,
)


def rows(scene: Scene):
    return models.AuditEvent.objects.using(scene.db.alias).order_by("sequence")


def actions_since(scene: Scene, sequence: int) -> list[str]:
    return list(rows(scene).filter(sequence__gt=sequence).values_list("action", flat=True))


def a_whole_life(scene: Scene) -> None:
    """Order, make new ids, enrol, retrieve, renew twice, retrieve, revoke, close."""
    ids = ordered(scene)
    fresh = reissue_transfer_ids(ids.order_id, scene.ctx, "operator", REQUEST)
    key = new_key()
    retrieval_id = accepted(enrol(new_ask(fresh, key), scene.ctx, REQUEST))
    held = held_by(scene, key, retrieval_id)
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    renewed(scene, held)
    revoke(RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)
    withdraw(CUSTOMER_ID, Channel.SFTP, scene.ctx, "operator", REQUEST)
    close(CUSTOMER_ID, scene.ctx, "operator", REQUEST)


LIFE = [
    "founded",
    "organisation-added",
    "channel-approved",
    "ordered",
    "transfer-ids-made-anew",
    "certificate-reserved",
    "certificate-issued",
    "certificate-fetched",
    "certificate-reserved",
    "certificate-issued",
    "certificate-voided",
    "certificate-reserved",
    "certificate-issued",
    "certificate-fetched",
    "certificate-revoked",
    "certificate-revoked",
    "crl-published",
    "channel-withdrawn",
    "organisation-closed",
]


def test_one_row_for_each_change(scene):
    a_whole_life(scene)
    actions = actions_since(scene, 0)
    assert sorted(one for one in actions if one != "ca-founded") == sorted([*LIFE, "channel-approved"]), "two channels"
    assert actions.count("ca-founded") == models.CertificateAuthority.objects.using(scene.db.alias).count()


def test_nobodys_name_is_in_it(scene):
    a_whole_life(scene)
    personal = (CUSTOMER_ID, CUSTOMER_NAME, CONTACT.name, CONTACT.email, CONTACT.phone, "payroll", "Sinisiipi", "nimi")
    for row in rows(scene):
        everything = " ".join((row.actor, row.object, row.action, bytes(row.octets).decode()))
        assert not [word for word in personal if word.lower() in everything.lower()]


def test_octets_are_canonical_and_say_what_the_columns_say(scene):
    a_whole_life(scene)
    for row in rows(scene):
        octets = bytes(row.octets)
        assert hashlib.sha256(octets).hexdigest() == row.sha256
        told = json.loads(octets)
        assert (told["action"], told["actor"], told["object"], told["request"]) == (
            row.action,
            row.actor,
            row.object,
            row.request_id,
        )
        assert told["at"] == row.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert octets == json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def test_sequence_numbers_follow_each_other(scene):
    a_whole_life(scene)
    numbers = list(rows(scene).values_list("sequence", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_actors_are_opaque(scene):
    a_whole_life(scene)
    kinds = {actor.partition(":")[0] for actor in rows(scene).values_list("actor", flat=True)}
    assert kinds == {"operator", "order", "certificate", "retrieval", "service"}


def test_what_changes_nothing_writes_nothing(scene):
    held, key = enrolled(scene), new_key()
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, key), scene.ctx, REQUEST))
    approve(CUSTOMER_ID, frozenset(Channel), scene.ctx, "operator", REQUEST)
    last = rows(scene).last().sequence
    accepted(renew(renew_ask(held, key), scene.ctx, REQUEST))
    retrieve(get_ask(held.retrieval_id), scene.ctx, REQUEST)
    retrieve(get_ask("unknown"), scene.ctx, REQUEST)
    approve(CUSTOMER_ID, frozenset(Channel), scene.ctx, "operator", REQUEST)
    assert actions_since(scene, last) == []
    scene.clock.forward(-10 * DAY)
    assert refused(renew(renew_ask(held, held.key), scene.ctx, REQUEST)) is not RejectionReason.UNAVAILABLE
    assert actions_since(scene, last) == ["request-refused"]


# The same transaction: a change whose audit row fails did not happen.


def contents(db) -> dict[str, list]:
    """Return every committed row of every table, read over a connection of its own."""
    found = {}

    def read() -> None:
        for model in apps.get_app_config("sinetti").get_models():
            found[model.__name__] = sorted(map(repr, model.objects.using(db.alias).values_list()))
        db.close()

    thread = Thread(target=read)
    thread.start()
    thread.join(60)
    return found


def prepared(scene: Scene):
    """Prepare the database; return acts by the audit row that each writes."""
    held, late = enrolled(scene), ordered(scene)
    unfetched = accepted(enrol(new_ask(ordered(scene), new_key()), scene.ctx, REQUEST))
    ctx, name = scene.ctx, scene.ctx.issuing[Channel.WS]
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    scene.clock.now, window = NOW, scene.clock.now

    def renew_in_the_window() -> None:
        scene.clock.now = window
        renew(renew_ask(held, new_key()), ctx, REQUEST)

    reason = RevocationReason.SUPERSEDED
    return {
        "organisation-added": lambda: add_organisation(scene, "7654321-0"),
        "channel-approved": lambda: add_organisation(scene, "7654321-0"),
        "channel-withdrawn": lambda: withdraw(CUSTOMER_ID, Channel.WS, ctx, "operator", REQUEST),
        "organisation-closed": lambda: close(CUSTOMER_ID, ctx, "operator", REQUEST),
        "ordered": lambda: ordered(scene),
        "transfer-ids-made-anew": lambda: reissue_transfer_ids(late.order_id, ctx, "operator", REQUEST),
        "certificate-fetched": lambda: retrieve(get_ask(unfetched), ctx, REQUEST),
        "certificate-voided": renew_in_the_window,
        "certificate-revoked": lambda: revoke(RevocationRequest(held.serial, reason), ctx, "operator", REQUEST),
        "crl-published": lambda: publish(name, ctx, REQUEST),
    }


HAND_WRITTEN = {"certificate-reserved", "certificate-issued"}
"""Audit actions that hand-written statements record; see below."""

CHANGES = sorted(set(LIFE) - {"founded"} - HAND_WRITTEN)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_whose_row_cannot_be_written_did_not_happen(scene, monkeypatch, change):
    do, write_each, committed = prepared(scene)[change], audit_log.write_each, []

    def fail(db, audit, action, subjects, **facts):
        if action == change:
            assert connections[db.alias].in_atomic_block
            committed.append(contents(db))
            raise KilledError
        return write_each(db, audit, action, subjects, **facts)

    with monkeypatch.context() as patched:
        patched.setattr(audit_log, "write_each", fail)
        with pytest.raises(KilledError):
            do()
    assert contents(scene.db) == committed[0]
    assert rows(scene).count() == len(committed[0]["AuditEvent"])


REFUSING = {
    "sqlite": (
        """CREATE TRIGGER refusing BEFORE INSERT ON sinetti_auditevent WHEN NEW.action = '{change}'
           BEGIN SELECT RAISE(ABORT, 'no'); END""",
        "DROP TRIGGER refusing",
    ),
    "postgresql": (
        """CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'no'; END $$ LANGUAGE plpgsql;
           CREATE TRIGGER refusing BEFORE INSERT ON sinetti_auditevent FOR EACH ROW WHEN (NEW.action = '{change}')
           EXECUTE FUNCTION refuse()""",
        "DROP TRIGGER refusing ON sinetti_auditevent; DROP FUNCTION refuse",
    ),
}
"""Statements, by database, that start and stop the refusal of an audit row.

The database refuses rows of one action.
"""

HOT_CHANGES = {
    "enrolment, commit 1": ("certificate-reserved", "8-prepared"),
    "enrolment, commit 2": ("certificate-issued", "10-signed"),
    "renewal, commit 1": ("certificate-reserved", "8-prepared"),
    "renewal, commit 2": ("certificate-issued", "10-signed"),
    "renewal made again, commit 1": ("certificate-reserved", "8-prepared"),
    "renewal made again, its voiding": ("certificate-voided", "8-prepared"),
}


@pytest.mark.parametrize("case", HOT_CHANGES)
def test_a_commit_whose_row_the_database_refuses_did_not_happen(scene, case):
    """All of a commit stands or nothing does, for every form of commit."""
    (change, reached), before, held = HOT_CHANGES[case], [], enrolled(scene)
    in_the_window(scene, held)
    ids = ordered(scene)
    if "again" in case:
        accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    watching = scene.but(step=once_at(reached, lambda: before.append(contents(scene.db)))).ctx
    on, off = REFUSING[connections[scene.db.alias].vendor]
    with connections[scene.db.alias].cursor() as cursor:
        cursor.execute(on.format(change=change))
        if "renewal" in case:
            answer = renew(renew_ask(held, new_key()), watching, REQUEST)
        else:
            answer = enrol(new_ask(ids, new_key()), watching, REQUEST)
        cursor.execute(off)
    assert refused(answer) in {RejectionReason.INTERNAL, RejectionReason.UNAVAILABLE}
    assert contents(scene.db) == before[0]


# Never altered: the database itself refuses.

ALTERATIONS = {
    "update": "UPDATE sinetti_auditevent SET actor = 'somebody else'",
    "delete": "DELETE FROM sinetti_auditevent",
    "update of one": "UPDATE sinetti_auditevent SET action = 'x' WHERE sequence = 1",
    "delete of a certificate": "DELETE FROM sinetti_certificate",
}


@pytest.mark.parametrize("statement", ALTERATIONS.values(), ids=ALTERATIONS)
def test_the_database_refuses(scene, statement):
    enrolled(scene)
    before = list(rows(scene).values_list())
    connection = connections[scene.db.alias]
    if "sinetti_certificate" in statement:
        models.CertificateDer.objects.using(scene.db.alias).all().delete()
        models.OutboxMessage.objects.using(scene.db.alias).all().delete()
    with (
        pytest.raises(DatabaseError, match="never"),
        transaction.atomic(using=scene.db.alias),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert list(rows(scene).values_list()) == before
    assert models.Certificate.objects.using(scene.db.alias).count() == 1


def test_the_database_refuses_to_truncate(scene):
    connection = connections[scene.db.alias]
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with (
        pytest.raises(DatabaseError, match="never"),
        transaction.atomic(using=scene.db.alias),
        connection.cursor() as cursor,
    ):
        cursor.execute("TRUNCATE sinetti_auditevent")
    assert rows(scene).exists()


def test_a_view_is_written_with_its_caller_while_nothing_else_may_be(scene):
    audit = replace(scene.audit_entry(), caller="192.0.2.7")
    with scene.db.reading_only():
        audit_log.write(scene.db, audit, audit_log.LOOKED, "person:1")
        with pytest.raises(WriteRefused):
            audit_log.write(scene.db, audit, "ordered", "order:1")
    assert models.CallerAddress.objects.using(scene.db.alias).get().address == "192.0.2.7"
