"""Queued messages: one for each certificate, step and recipient.

The transaction that makes them due also queues them.
"""

import pytest
from django.db import IntegrityError, transaction

from sinetti.database import models
from sinetti.database.notifications import outbox
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.services.issuance.renew import renew
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support.service_context import (
    CONTACT,
    REQUEST,
    accepted,
    collected,
    enrolled,
    held_by,
    in_the_window,
    new_key,
    renew_ask,
    renewed,
)


def owed(desk):
    messages = models.OutboxMessage.objects.using(desk.db.alias).select_related("certificate", "recipient")
    return messages.order_by("created", "kind")


def test_fetched_renewed_revoked(desk):
    held = enrolled(desk)
    first = desk.clock.now
    in_the_window(desk, held)
    new = renewed(desk, held)
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), desk.ctx, "operator", REQUEST)
    now = desk.clock.now
    told = [(row.kind, row.certificate.serial, row.created, row.due, row.recipient.email) for row in owed(desk)]
    assert told == [
        ("fetched", held.serial, first, first, CONTACT.email),
        ("fetched", new.serial, now, now, CONTACT.email),
        ("renewed", new.serial, now, now, CONTACT.email),
        ("revoked", held.serial, now, now, CONTACT.email),
    ]
    assert {(row.attempts, row.sent, row.failed_at) for row in owed(desk)} == {(0, None, None)}
    assert {row.lineage_id for row in owed(desk)} == {desk.certificate(held.serial).lineage.lineage_id}


def test_the_same_request_again_owes_nothing_more(desk):
    held, key = enrolled(desk), new_key()
    in_the_window(desk, held)
    for _ in range(3):
        new = held_by(desk, key, accepted(renew(renew_ask(held, key), desk.ctx, REQUEST)))
    collected(desk, new.retrieval_id)
    assert sorted(row.kind for row in owed(desk)) == ["fetched", "fetched", "renewed"]


def test_a_voided_renewal_is_told_of_by_the_one_that_took_its_place(desk):
    held = enrolled(desk)
    in_the_window(desk, held)
    accepted(renew(renew_ask(held, new_key()), desk.ctx, REQUEST))
    renewed(desk, held)
    assert sorted(row.kind for row in owed(desk)) == ["fetched", "fetched", "renewed", "renewed"]


def test_none_goes_out_twice(desk):
    enrolled(desk)
    row = owed(desk).get()
    certificate = models.Certificate.objects.using(desk.db.alias).select_related("lineage").get()
    outbox.notify_contact(desk.db, "fetched", certificate, desk.clock.now)
    assert owed(desk).count() == 1
    with pytest.raises(IntegrityError), transaction.atomic(using=desk.db.alias):
        models.OutboxMessage.objects.using(desk.db.alias).create(
            kind=row.kind,
            certificate=row.certificate,
            recipient=row.recipient,
            step=row.step,
            created=row.created,
            due=row.due,
        )


def test_a_lineage_whose_contact_was_erased(desk):
    """The message waits without a recipient, once."""
    held = enrolled(desk)
    models.OutboxMessage.objects.using(desk.db.alias).all().delete()
    models.Lineage.objects.using(desk.db.alias).update(contact=None)
    certificate = models.Certificate.objects.using(desk.db.alias).select_related("lineage").get()
    for _ in range(2):
        outbox.notify_contact(desk.db, "fetched", certificate, desk.clock.now)
    assert owed(desk).get().recipient is None
    assert desk.certificate(held.serial).lineage.language == "fi", "the organisation's language then"
