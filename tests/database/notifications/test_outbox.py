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
from tests.support.scene import (
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


def owed(scene):
    messages = models.OutboxMessage.objects.using(scene.db.alias).select_related("certificate", "recipient")
    return messages.order_by("created", "kind")


def test_fetched_renewed_revoked(scene):
    held = enrolled(scene)
    first = scene.clock.now
    in_the_window(scene, held)
    new = renewed(scene, held)
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    now = scene.clock.now
    told = [(row.kind, row.certificate.serial, row.created, row.due, row.recipient.email) for row in owed(scene)]
    assert told == [
        ("fetched", held.serial, first, first, CONTACT.email),
        ("fetched", new.serial, now, now, CONTACT.email),
        ("renewed", new.serial, now, now, CONTACT.email),
        ("revoked", held.serial, now, now, CONTACT.email),
    ]
    assert {(row.attempts, row.sent, row.failed_at) for row in owed(scene)} == {(0, None, None)}
    assert {row.lineage_id for row in owed(scene)} == {scene.certificate(held.serial).lineage.lineage_id}


def test_the_same_request_again_owes_nothing_more(scene):
    held, key = enrolled(scene), new_key()
    in_the_window(scene, held)
    for _ in range(3):
        new = held_by(scene, key, accepted(renew(renew_ask(held, key), scene.ctx, REQUEST)))
    collected(scene, new.retrieval_id)
    assert sorted(row.kind for row in owed(scene)) == ["fetched", "fetched", "renewed"]


def test_a_voided_renewal_is_told_of_by_the_one_that_took_its_place(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    renewed(scene, held)
    assert sorted(row.kind for row in owed(scene)) == ["fetched", "fetched", "renewed", "renewed"]


def test_none_goes_out_twice(scene):
    enrolled(scene)
    row = owed(scene).get()
    certificate = models.Certificate.objects.using(scene.db.alias).select_related("lineage").get()
    outbox.notify_contact(scene.db, "fetched", certificate, scene.clock.now)
    assert owed(scene).count() == 1
    with pytest.raises(IntegrityError), transaction.atomic(using=scene.db.alias):
        models.OutboxMessage.objects.using(scene.db.alias).create(
            kind=row.kind,
            certificate=row.certificate,
            recipient=row.recipient,
            step=row.step,
            created=row.created,
            due=row.due,
        )


def test_a_lineage_whose_contact_was_erased(scene):
    """The message waits without a recipient, once."""
    held = enrolled(scene)
    models.OutboxMessage.objects.using(scene.db.alias).all().delete()
    models.Lineage.objects.using(scene.db.alias).update(contact=None)
    certificate = models.Certificate.objects.using(scene.db.alias).select_related("lineage").get()
    for _ in range(2):
        outbox.notify_contact(scene.db, "fetched", certificate, scene.clock.now)
    assert owed(scene).get().recipient is None
    assert scene.certificate(held.serial).lineage.language == "fi", "the organisation's language then"
