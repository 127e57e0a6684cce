"""Holdings restored from journals, which have no people: they are reported until the people are named."""

from dataclasses import replace

import pytest

from sinetti.database import models
from sinetti.database.issuance import unrestored_people
from sinetti.database.issuance.unrestored_people import UnrestoredHolding
from sinetti.database.operations import authorities
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.journal.writer import Journal, JournalHeader
from sinetti.services.issuance.reconcile import reconcile
from sinetti.services.organisations.contacts import ContactUpdate, change_contact
from sinetti.services.organisations.people import PeopleError, add_signatory, settle_people
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support.authority import CUSTOMER_ID
from tests.support.backups import backed_up, restored
from tests.support.scene import (
    CONTACT,
    DAY,
    REQUEST,
    add_organisation,
    enrolled,
    in_the_window,
    renewed,
)

OTHER = "7654321-2"


@pytest.fixture
def scene(sqlite_scene, tmp_path):
    """Yield a scene with a journal of its own."""
    identity = authorities.identity(sqlite_scene.db)
    one = Journal(tmp_path / "journal", JournalHeader(identity.instance_id, "TEST", "north"), sqlite_scene.machine)
    yield sqlite_scene.but(journal=one)
    one.close()


def reported(scene) -> tuple[UnrestoredHolding, ...]:
    return reconcile(scene.ctx, scene.ctx.journal, REQUEST).without_people


def holding(scene, serial) -> str:
    return models.Certificate.objects.using(scene.db.alias).get(serial=serial).lineage_id


def test_a_holding_is_reported_until_its_contact_is_named(scene, tmp_path):
    known = enrolled(scene)
    in_the_window(scene, known)
    backup = backed_up(scene.db, tmp_path)
    renewed(scene, known)
    held = enrolled(scene)
    restored(scene.db, backup)
    expected = UnrestoredHolding("", held.serial, CUSTOMER_ID, Channel.WS, has_contact=False, has_roles=True)
    (found,) = reported(scene)
    assert replace(found, holding_id="") == expected, "the holding in the backup has its people"
    assert found.holding_id == holding(scene, held.serial)
    assert reported(scene) == (found,), "a second run has nothing to restore, and reports it again"
    change_contact(ContactUpdate(held.serial, CONTACT), scene.ctx, "operator", REQUEST)
    assert reported(scene) == ()


def test_an_organisation_from_the_journal_needs_roles_too(scene, tmp_path):
    backup = backed_up(scene.db, tmp_path)
    add_organisation(scene, OTHER)
    held = enrolled(scene, customer_id=OTHER)
    restored(scene.db, backup)
    (found,) = reported(scene)
    assert (found.customer_id, found.has_contact, found.has_roles) == (OTHER, False, False)
    change_contact(ContactUpdate(held.serial, CONTACT), scene.ctx, "operator", REQUEST)
    assert reported(scene) == (replace(found, has_contact=True),)
    add_signatory(OTHER, CONTACT, scene.ctx, "operator", REQUEST)
    assert reported(scene) == ()


def test_an_operator_settles_a_holding_without_people(scene, tmp_path):
    backup = backed_up(scene.db, tmp_path)
    held = [enrolled(scene), enrolled(scene)]
    restored(scene.db, backup)
    first, second = reported(scene)
    assert {first.serial, second.serial} == {one.serial for one in held}
    settle_people([first.holding_id], scene.ctx, "operator", REQUEST)
    assert reported(scene) == (second,)
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(action="people-settled")
    assert [row.object for row in rows] == [f"lineage:{first.holding_id}"]
    for unknown in (first.holding_id, "no holding"):
        with pytest.raises(PeopleError, match="no people are"):
            settle_people([unknown], scene.ctx, "operator", REQUEST)


def test_a_holding_that_is_not_in_use_needs_no_people(scene, tmp_path):
    backup = backed_up(scene.db, tmp_path)
    revoked_later, kept = enrolled(scene), enrolled(scene)
    restored(scene.db, backup)
    assert len(reported(scene)) == 2
    ask = RevocationRequest(revoked_later.serial, RevocationReason.CESSATION_OF_OPERATION)
    revoke(ask, scene.ctx, "operator", REQUEST)
    assert [one.serial for one in reported(scene)] == [kept.serial]
    assert unrestored_people.list_open(scene.db, scene.clock() + 3000 * DAY) == ()


def test_the_newest_certificate_is_named(scene, tmp_path):
    backup = backed_up(scene.db, tmp_path)
    held = enrolled(scene)
    in_the_window(scene, held)
    new = renewed(scene, held)
    restored(scene.db, backup)
    assert [one.serial for one in reported(scene)] == [new.serial]
