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
from tests.support.service_context import (
    CONTACT,
    DAY,
    REQUEST,
    Desk,
    KilledError,
    accepted,
    add_organisation,
    enrolled,
    get_ask,
    held_by,
    in_the_window,
    new_ask,
    new_key,
    once_at,
    ordered,
    refused,
    renew_ask,
    renewed,
)


def rows(desk: Desk):
    return models.AuditEvent.objects.using(desk.db.alias).order_by("sequence")


def actions_since(desk: Desk, sequence: int) -> list[str]:
    return list(rows(desk).filter(sequence__gt=sequence).values_list("action", flat=True))


def a_whole_life(desk: Desk) -> None:
    """Order, make new ids, enrol, retrieve, renew twice, retrieve, revoke, close."""
    ids = ordered(desk)
    fresh = reissue_transfer_ids(ids.order_id, desk.ctx, "operator", REQUEST)
    key = new_key()
    retrieval_id = accepted(enrol(new_ask(fresh, key), desk.ctx, REQUEST))
    held = held_by(desk, key, retrieval_id)
    in_the_window(desk, held)
    accepted(renew(renew_ask(held, new_key()), desk.ctx, REQUEST))
    renewed(desk, held)
    revoke(RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE), desk.ctx, "operator", REQUEST)
    withdraw(CUSTOMER_ID, Channel.SFTP, desk.ctx, "operator", REQUEST)
    close(CUSTOMER_ID, desk.ctx, "operator", REQUEST)


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


def test_one_row_for_each_change(desk):
    a_whole_life(desk)
    actions = actions_since(desk, 0)
    assert sorted(one for one in actions if one != "ca-founded") == sorted([*LIFE, "channel-approved"]), "two channels"
    assert actions.count("ca-founded") == models.CertificateAuthority.objects.using(desk.db.alias).count()


def test_nobodys_name_is_in_it(desk):
    a_whole_life(desk)
    personal = (CUSTOMER_ID, CUSTOMER_NAME, CONTACT.name, CONTACT.email, CONTACT.phone, "payroll", "Sinisiipi", "nimi")
    for row in rows(desk):
        everything = " ".join((row.actor, row.object, row.action, bytes(row.octets).decode()))
        assert not [word for word in personal if word.lower() in everything.lower()]


def test_octets_are_canonical_and_say_what_the_columns_say(desk):
    a_whole_life(desk)
    for row in rows(desk):
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


def test_sequence_numbers_follow_each_other(desk):
    a_whole_life(desk)
    numbers = list(rows(desk).values_list("sequence", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_actors_are_opaque(desk):
    a_whole_life(desk)
    kinds = {actor.partition(":")[0] for actor in rows(desk).values_list("actor", flat=True)}
    assert kinds == {"operator", "order", "certificate", "retrieval", "service"}


def test_what_changes_nothing_writes_nothing(desk):
    held, key = enrolled(desk), new_key()
    in_the_window(desk, held)
    accepted(renew(renew_ask(held, key), desk.ctx, REQUEST))
    approve(CUSTOMER_ID, frozenset(Channel), desk.ctx, "operator", REQUEST)
    last = rows(desk).last().sequence
    accepted(renew(renew_ask(held, key), desk.ctx, REQUEST))
    retrieve(get_ask(held.retrieval_id), desk.ctx, REQUEST)
    retrieve(get_ask("unknown"), desk.ctx, REQUEST)
    approve(CUSTOMER_ID, frozenset(Channel), desk.ctx, "operator", REQUEST)
    assert actions_since(desk, last) == []
    desk.clock.forward(-10 * DAY)
    assert refused(renew(renew_ask(held, held.key), desk.ctx, REQUEST)) is not RejectionReason.UNAVAILABLE
    assert actions_since(desk, last) == ["request-refused"]


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
    thread.join(30)
    return found


def prepared(desk: Desk):
    """Prepare the database; return acts by the audit row that each writes."""
    held, late = enrolled(desk), ordered(desk)
    unfetched = accepted(enrol(new_ask(ordered(desk), new_key()), desk.ctx, REQUEST))
    ctx, name = desk.ctx, desk.ctx.issuing[Channel.WS]
    in_the_window(desk, held)
    accepted(renew(renew_ask(held, new_key()), desk.ctx, REQUEST))
    desk.clock.now, window = NOW, desk.clock.now

    def renew_in_the_window() -> None:
        desk.clock.now = window
        renew(renew_ask(held, new_key()), ctx, REQUEST)

    reason = RevocationReason.SUPERSEDED
    return {
        "organisation-added": lambda: add_organisation(desk, "7654321-0"),
        "channel-approved": lambda: add_organisation(desk, "7654321-0"),
        "channel-withdrawn": lambda: withdraw(CUSTOMER_ID, Channel.WS, ctx, "operator", REQUEST),
        "organisation-closed": lambda: close(CUSTOMER_ID, ctx, "operator", REQUEST),
        "ordered": lambda: ordered(desk),
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
def test_a_change_whose_row_cannot_be_written_did_not_happen(desk, monkeypatch, change):
    do, write_each, committed = prepared(desk)[change], audit_log.write_each, []

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
    assert contents(desk.db) == committed[0]
    assert rows(desk).count() == len(committed[0]["AuditEvent"])


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
def test_a_commit_whose_row_the_database_refuses_did_not_happen(desk, case):
    """All of a commit stands or nothing does, for every form of commit."""
    (change, reached), before, held = HOT_CHANGES[case], [], enrolled(desk)
    in_the_window(desk, held)
    ids = ordered(desk)
    if "again" in case:
        accepted(renew(renew_ask(held, new_key()), desk.ctx, REQUEST))
    watching = desk.but(step=once_at(reached, lambda: before.append(contents(desk.db)))).ctx
    on, off = REFUSING[connections[desk.db.alias].vendor]
    with connections[desk.db.alias].cursor() as cursor:
        cursor.execute(on.format(change=change))
        if "renewal" in case:
            answer = renew(renew_ask(held, new_key()), watching, REQUEST)
        else:
            answer = enrol(new_ask(ids, new_key()), watching, REQUEST)
        cursor.execute(off)
    assert refused(answer) in {RejectionReason.INTERNAL, RejectionReason.UNAVAILABLE}
    assert contents(desk.db) == before[0]


# Never altered: the database itself refuses.

ALTERATIONS = {
    "update": "UPDATE sinetti_auditevent SET actor = 'somebody else'",
    "delete": "DELETE FROM sinetti_auditevent",
    "update of one": "UPDATE sinetti_auditevent SET action = 'x' WHERE sequence = 1",
    "delete of a certificate": "DELETE FROM sinetti_certificate",
}


@pytest.mark.parametrize("statement", ALTERATIONS.values(), ids=ALTERATIONS)
def test_the_database_refuses(desk, statement):
    enrolled(desk)
    before = list(rows(desk).values_list())
    connection = connections[desk.db.alias]
    if "sinetti_certificate" in statement:
        models.CertificateDer.objects.using(desk.db.alias).all().delete()
        models.OutboxMessage.objects.using(desk.db.alias).all().delete()
    with (
        pytest.raises(DatabaseError, match="never"),
        transaction.atomic(using=desk.db.alias),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert list(rows(desk).values_list()) == before
    assert models.Certificate.objects.using(desk.db.alias).count() == 1


def test_the_database_refuses_to_truncate(desk):
    connection = connections[desk.db.alias]
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with (
        pytest.raises(DatabaseError, match="never"),
        transaction.atomic(using=desk.db.alias),
        connection.cursor() as cursor,
    ):
        cursor.execute("TRUNCATE sinetti_auditevent")
    assert rows(desk).exists()


def test_a_view_is_written_with_its_caller_while_nothing_else_may_be(desk):
    audit = replace(desk.audit_entry(), caller="192.0.2.7")
    with desk.db.reading_only():
        audit_log.write(desk.db, audit, audit_log.LOOKED, "person:1")
        with pytest.raises(WriteRefused):
            audit_log.write(desk.db, audit, "ordered", "order:1")
    assert models.CallerAddress.objects.using(desk.db.alias).get().address == "192.0.2.7"
