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
from tests.support.scene import DAY, REQUEST, SECOND, enrolled, in_the_window, renewed

WHO = ("operator", REQUEST)


def row(scene, serial):
    return models.Certificate.objects.using(scene.db.alias).select_related("lineage").get(serial=serial)


def silenced(scene, serial):
    return reminders.find(scene.db, row(scene, serial).pk).course.let_end


def test_noted_and_taken_back(scene):
    held = enrolled(scene)
    at = scene.clock.forward(DAY)
    assert opt_out_of_renewal(held.serial, scene.ctx, *WHO)
    assert not opt_out_of_renewal(held.serial, scene.ctx, *WHO)
    assert row(scene, held.serial).lineage.renewal_opt_out_at == at
    assert silenced(scene, held.serial)
    models.Certificate.objects.using(scene.db.alias).update(next_reminder_at=reminders.NEVER)
    assert opt_in_to_renewal(held.serial, scene.ctx, *WHO)
    assert not opt_in_to_renewal(held.serial, scene.ctx, *WHO)
    assert row(scene, held.serial).next_reminder_at is None, "reminders are looked at anew"
    assert not silenced(scene, held.serial)
    assert len(audited(scene, "let-end")) == len(audited(scene, "let-end-undone")) == 1


def test_renewed_after_all(sqlite_scene):
    """The opt-out does not silence the certificate that came after it."""
    held = enrolled(sqlite_scene)
    in_the_window(sqlite_scene, held)
    opt_out_of_renewal(held.serial, sqlite_scene.ctx, *WHO)
    sqlite_scene.clock.forward(DAY)
    new = renewed(sqlite_scene, held)
    assert (silenced(sqlite_scene, held.serial), silenced(sqlite_scene, new.serial)) == (True, False)


def test_one_that_has_a_successor(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    new = renewed(scene, held)
    with pytest.raises(PeopleError, match=f"reminders are about {new.serial}"):
        opt_out_of_renewal(held.serial, scene.ctx, *WHO)
    assert opt_out_of_renewal(new.serial, scene.ctx, *WHO)


def test_one_that_is_not_in_force(sqlite_scene):
    """An ended certificate is let end too, one that was never issued is not."""
    held = enrolled(sqlite_scene)
    in_the_window(sqlite_scene, held, SECOND - SECOND)
    sqlite_scene.clock.forward(SECOND)
    revoked = enrolled(sqlite_scene)
    revoke(RevocationRequest(revoked.serial, RevocationReason.SUPERSEDED), sqlite_scene.ctx, *WHO)
    for one in (held, revoked):
        assert opt_out_of_renewal(one.serial, sqlite_scene.ctx, *WHO)
    models.Certificate.objects.using(sqlite_scene.db.alias).update(state="reserved")
    with pytest.raises(PeopleError, match="is not issued"):
        opt_out_of_renewal(held.serial, sqlite_scene.ctx, *WHO)
    with pytest.raises(PeopleError, match="no certificate has"):
        opt_in_to_renewal(Serial("00" * 19), sqlite_scene.ctx, *WHO)
