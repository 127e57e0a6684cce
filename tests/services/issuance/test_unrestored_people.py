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
from tests.support.service_context import (
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
def desk(sqlite_desk, tmp_path):
    """Yield a desk with a journal of its own."""
    identity = authorities.identity(sqlite_desk.db)
    one = Journal(tmp_path / "journal", JournalHeader(identity.instance_id, "TEST", "north"), sqlite_desk.machine)
    yield sqlite_desk.but(journal=one)
    one.close()


def reported(desk) -> tuple[UnrestoredHolding, ...]:
    return reconcile(desk.ctx, desk.ctx.journal, REQUEST).without_people


def holding(desk, serial) -> str:
    return models.Certificate.objects.using(desk.db.alias).get(serial=serial).lineage_id


def test_a_holding_is_reported_until_its_contact_is_named(desk, tmp_path):
    known = enrolled(desk)
    in_the_window(desk, known)
    backup = backed_up(desk.db, tmp_path)
    renewed(desk, known)
    held = enrolled(desk)
    restored(desk.db, backup)
    expected = UnrestoredHolding("", held.serial, CUSTOMER_ID, Channel.WS, has_contact=False, has_roles=True)
    (found,) = reported(desk)
    assert replace(found, holding_id="") == expected, "the holding in the backup has its people"
    assert found.holding_id == holding(desk, held.serial)
    assert reported(desk) == (found,), "a second run has nothing to restore, and reports it again"
    change_contact(ContactUpdate(held.serial, CONTACT), desk.ctx, "operator", REQUEST)
    assert reported(desk) == ()


def test_an_organisation_from_the_journal_needs_roles_too(desk, tmp_path):
    backup = backed_up(desk.db, tmp_path)
    add_organisation(desk, OTHER)
    held = enrolled(desk, customer_id=OTHER)
    restored(desk.db, backup)
    (found,) = reported(desk)
    assert (found.customer_id, found.has_contact, found.has_roles) == (OTHER, False, False)
    change_contact(ContactUpdate(held.serial, CONTACT), desk.ctx, "operator", REQUEST)
    assert reported(desk) == (replace(found, has_contact=True),)
    add_signatory(OTHER, CONTACT, desk.ctx, "operator", REQUEST)
    assert reported(desk) == ()


def test_an_operator_settles_a_holding_without_people(desk, tmp_path):
    backup = backed_up(desk.db, tmp_path)
    held = [enrolled(desk), enrolled(desk)]
    restored(desk.db, backup)
    first, second = reported(desk)
    assert {first.serial, second.serial} == {one.serial for one in held}
    settle_people([first.holding_id], desk.ctx, "operator", REQUEST)
    assert reported(desk) == (second,)
    rows = models.AuditEvent.objects.using(desk.db.alias).filter(action="people-settled")
    assert [row.object for row in rows] == [f"lineage:{first.holding_id}"]
    for unknown in (first.holding_id, "no holding"):
        with pytest.raises(PeopleError, match="no people are reported missing"):
            settle_people([unknown], desk.ctx, "operator", REQUEST)


def test_a_holding_that_is_not_in_use_needs_no_people(desk, tmp_path):
    backup = backed_up(desk.db, tmp_path)
    revoked_later, kept = enrolled(desk), enrolled(desk)
    restored(desk.db, backup)
    assert len(reported(desk)) == 2
    ask = RevocationRequest(revoked_later.serial, RevocationReason.CESSATION_OF_OPERATION)
    revoke(ask, desk.ctx, "operator", REQUEST)
    assert [one.serial for one in reported(desk)] == [kept.serial]
    assert unrestored_people.list_open(desk.db, desk.clock() + 3000 * DAY) == ()


def test_the_newest_certificate_is_named(desk, tmp_path):
    backup = backed_up(desk.db, tmp_path)
    held = enrolled(desk)
    in_the_window(desk, held)
    new = renewed(desk, held)
    restored(desk.db, backup)
    assert [one.serial for one in reported(desk)] == [new.serial]
