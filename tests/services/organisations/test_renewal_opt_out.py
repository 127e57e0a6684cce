"""Opting out of the renewal of a certificate.

The decision is recorded once and withdrawn once. A certificate that has a successor is refused.
"""

import pytest

from sinetti.database import models
from sinetti.database.notifications import reminders
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.services.organisations.people import PeopleError
from sinetti.services.organisations.renewal_opt_out import opt_in_to_renewal, opt_out_of_renewal
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support.people import audited
from tests.support.service_context import DAY, REQUEST, SECOND, enrolled, in_the_window, renewed

WHO = ("operator", REQUEST)


def row(desk, serial):
    return models.Certificate.objects.using(desk.db.alias).select_related("lineage").get(serial=serial)


def silenced(desk, serial):
    return reminders.find(desk.db, row(desk, serial).pk).course.let_end


def test_noted_and_taken_back(desk):
    held = enrolled(desk)
    at = desk.clock.forward(DAY)
    assert opt_out_of_renewal(held.serial, desk.ctx, *WHO)
    assert not opt_out_of_renewal(held.serial, desk.ctx, *WHO)
    assert row(desk, held.serial).lineage.renewal_opt_out_at == at
    assert silenced(desk, held.serial)
    models.Certificate.objects.using(desk.db.alias).update(next_reminder_at=reminders.NEVER)
    assert opt_in_to_renewal(held.serial, desk.ctx, *WHO)
    assert not opt_in_to_renewal(held.serial, desk.ctx, *WHO)
    assert row(desk, held.serial).next_reminder_at is None, "reminders are looked at anew"
    assert not silenced(desk, held.serial)
    assert len(audited(desk, "let-end")) == len(audited(desk, "let-end-undone")) == 1


def test_renewed_after_all(sqlite_desk):
    """The opt-out does not silence the certificate that came after it."""
    held = enrolled(sqlite_desk)
    in_the_window(sqlite_desk, held)
    opt_out_of_renewal(held.serial, sqlite_desk.ctx, *WHO)
    sqlite_desk.clock.forward(DAY)
    new = renewed(sqlite_desk, held)
    assert (silenced(sqlite_desk, held.serial), silenced(sqlite_desk, new.serial)) == (True, False)


def test_one_that_has_a_successor(desk):
    held = enrolled(desk)
    in_the_window(desk, held)
    new = renewed(desk, held)
    with pytest.raises(PeopleError, match=f"reminders are about {new.serial}"):
        opt_out_of_renewal(held.serial, desk.ctx, *WHO)
    assert opt_out_of_renewal(new.serial, desk.ctx, *WHO)


def test_one_that_is_not_in_force(sqlite_desk):
    """An ended certificate is let end too, one that was never issued is not."""
    held = enrolled(sqlite_desk)
    in_the_window(sqlite_desk, held, SECOND - SECOND)
    sqlite_desk.clock.forward(SECOND)
    revoked = enrolled(sqlite_desk)
    revoke(RevocationRequest(revoked.serial, RevocationReason.SUPERSEDED), sqlite_desk.ctx, *WHO)
    for one in (held, revoked):
        assert opt_out_of_renewal(one.serial, sqlite_desk.ctx, *WHO)
    models.Certificate.objects.using(sqlite_desk.db.alias).update(state="reserved")
    with pytest.raises(PeopleError, match="is not issued"):
        opt_out_of_renewal(held.serial, sqlite_desk.ctx, *WHO)
    with pytest.raises(PeopleError, match="no certificate has this serial"):
        opt_in_to_renewal(Serial("00" * 19), sqlite_desk.ctx, *WHO)
