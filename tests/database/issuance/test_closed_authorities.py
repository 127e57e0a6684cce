"""Reservations and a CA that stops issuing at the same time, on both databases."""

from dataclasses import replace
from threading import Event, Thread

import pytest
from django.db import transaction

from sinetti.database import models, sql
from sinetti.database.authorities import register
from sinetti.database.issuance import transactions
from sinetti.database.issuance.transactions import AuthorityClosed, ConcurrentUpdate
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Sha256
from tests.database.issuance.test_transactions import a_reservation, approved, certificates, nothing_came_of_it
from tests.support.scene import DAY, enrolled, in_the_window, renewed

NAME = "DataProvidersTestIssuingCAv1"


def of_an_order(scene):
    return approved(scene)


def of_a_renewal(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    return approved(scene, lineage=scene.certificate(held.serial).lineage, order_id=None, predecessor=held.serial)


def of_a_repeated_renewal(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    new = scene.certificate(renewed(scene, held).serial)
    return approved(scene, lineage=new.lineage, order_id=None, predecessor=held.serial, supersedes=new)


APPROVALS = {"an order": of_an_order, "a renewal": of_a_renewal, "a repeated renewal": of_a_repeated_renewal}


@pytest.mark.parametrize("approval", APPROVALS.values(), ids=APPROVALS)
@pytest.mark.parametrize("state", sorted(set(CaState) - {CaState.ISSUING, CaState.PENDING}))
def test_a_ca_in_another_state_reserves_nothing(scene, approval, state):
    approval = approval(scene)
    models.CertificateAuthority.objects.using(scene.db.alias).filter(pk=NAME).update(state=state)
    with pytest.raises(AuthorityClosed):
        transactions.reserve_certificate(scene.db, a_reservation(scene, approval), scene.audit_entry())
    assert nothing_came_of_it(scene)
    transactions.check_version(scene.db, approval.lineage)


DATES = {
    "before its first second": ({"signs_from": DAY, "signs_until": 2 * DAY}, AuthorityClosed),
    "after its last second": ({"signs_from": -2 * DAY, "signs_until": -DAY}, AuthorityClosed),
    "in its only second": ({"signs_from": 0 * DAY, "signs_until": 0 * DAY}, None),
}


@pytest.mark.parametrize(("dates", "refusal"), DATES.values(), ids=DATES)
def test_a_ca_reserves_between_its_dates(scene, dates, refusal):
    approval = approved(scene)
    rows = models.CertificateAuthority.objects.using(scene.db.alias).filter(pk=NAME)
    rows.update(**{name: scene.clock.now + by for name, by in dates.items()})
    reservation = a_reservation(scene, approval)
    if refusal is None:
        assert transactions.reserve_certificate(scene.db, reservation, scene.audit_entry()).authority == NAME
        return
    with pytest.raises(refusal):
        transactions.reserve_certificate(scene.db, reservation, scene.audit_entry())
    assert nothing_came_of_it(scene)


def test_a_lineage_that_moved_is_no_closed_ca(scene):
    approval = of_a_renewal(scene)
    stale = replace(approval, lineage=replace(approval.lineage, version=approval.lineage.version - 1))
    with pytest.raises(ConcurrentUpdate):
        transactions.reserve_certificate(scene.db, a_reservation(scene, stale), scene.audit_entry())


def test_a_revoked_ca_stores_no_certificate(scene):
    found = transactions.reserve_certificate(scene.db, a_reservation(scene, of_a_renewal(scene)), scene.audit_entry())
    register.revoke(scene.db, NAME, RevocationReason.CA_COMPROMISE, None, scene.audit_entry())
    signed = transactions.SignedCertificate(b"der", Sha256("01" * 32), scene.machine.now)
    assert transactions.store_certificate(scene.db, found, signed, scene.audit_entry()).sha256 is None
    assert transactions.get_der(scene.db, found) == (b"octets", None)


@pytest.mark.parametrize("approval", [of_an_order, of_a_renewal], ids=["an order", "a renewal"])
def test_a_reservation_that_met_the_close_sees_it(scene, approval):
    """The reservation waits for the row of the CA, and then reads its new state."""
    reservation, closes, outcome = a_reservation(scene, approval(scene)), Event(), []

    def reserve():
        try:
            closes.wait(60)
            transactions.reserve_certificate(scene.db, reservation, scene.audit_entry())
        except AuthorityClosed as closed:
            outcome.append(closed)
        finally:
            scene.db.close()

    thread = Thread(target=reserve)
    thread.start()
    with register.changing(scene.db):
        rows = models.CertificateAuthority.objects.using(scene.db.alias).filter(pk=NAME)
        list(rows.select_for_update())
        rows.update(state=CaState.PUBLISHING)
        closes.set()
        thread.join(0.2)
        assert thread.is_alive()
    thread.join(60)
    assert len(outcome) == 1
    assert nothing_came_of_it(scene)


def test_a_close_waits_for_reservations_in_flight(scene):
    """When `wait_for_reservations` returns, no certificate of the CA is reserved any more."""
    if not sql.takes_ctes_that_write(scene.db):
        pytest.skip("transactions of SQLite are serial")
    reservation, closed = a_reservation(scene, of_a_renewal(scene)), Event()

    def close():
        try:
            register.stop(scene.db, NAME, scene.audit_entry())
            register.wait_for_reservations(scene.db, [NAME])
            closed.set()
        finally:
            scene.db.close()

    thread = Thread(target=close)
    with transaction.atomic(using=scene.db.alias):
        transactions.reserve_certificate(scene.db, reservation, scene.audit_entry())
        thread.start()
        assert not closed.wait(0.2)
    thread.join(60)
    assert closed.is_set()
    assert certificates(scene).filter(serial=reservation.serial).exists()
    # The state itself was committed at once, without waiting: reservations from then on are refused.
    assert register.get_authority(scene.db, NAME).state is CaState.PUBLISHING
