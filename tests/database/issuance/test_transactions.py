"""Two commits around a signature, and constraints for concurrent requests.

The constraints decide where two requests meet.
"""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction
from django.db import models as django_models

from sinetti.database import models
from sinetti.database.issuance import transactions
from sinetti.database.issuance.statements import RenewalLookup, Renewals, find_for_renewal
from sinetti.database.issuance.transactions import CertificateReservation, ConcurrentUpdate
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.certificates.models import IssuanceApproval
from sinetti.domain.values import VALIDITY, KeyId, Serial, Sha256, ValidityPeriod
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.renew import renew
from tests.support.scene import (
    DAY,
    REQUEST,
    Scene,
    accepted,
    enrolled,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    renew_ask,
    renewed,
)

KEY = KeyId("ee" * 32)


def certificates(scene: Scene):
    return models.Certificate.objects.using(scene.db.alias)


def a_reservation(scene: Scene, approval: IssuanceApproval) -> CertificateReservation:
    return CertificateReservation(
        approval=approval,
        authority="DataProvidersTestIssuingCAv1",
        serial=Serial("45" * 19),
        retrieval_id="cd" * 16,
        renewable_from=approval.span.not_after - 60 * DAY,
        crl_shard=1,
        to_be_signed=b"octets",
    )


def approved(scene: Scene, **facts: object) -> IssuanceApproval:
    """Return an approval for an open order."""
    (ids,) = transactions.find_transfer_ids(scene.db, [ordered(scene).transfer_id])
    now = scene.clock.now
    values = {"lineage": ids.lineage, "key": KEY, "span": ValidityPeriod(now, now + VALIDITY), "order_id": ids.order_id}
    return IssuanceApproval(**{**values, **facts})


def nothing_came_of_it(scene: Scene) -> bool:
    known = transactions.known_keys(scene.db, [KEY])
    return not known and not certificates(scene).filter(serial="45" * 19).exists()


def test_a_reservation_is_read_back_as_it_was_decided(scene):
    approval = approved(scene)
    found = transactions.reserve_certificate(scene.db, a_reservation(scene, approval), scene.audit_entry())
    assert (found.serial, found.key, found.span) == ("45" * 19, KEY, approval.span)
    assert (found.state, found.sha256, found.recorded_at) == (CertificateState.RESERVED, None, None)
    assert found.order_id == approval.order_id
    assert found.lineage.version == approval.lineage.version + 1
    assert transactions.get_der(scene.db, found) == (b"octets", None)
    assert transactions.known_keys(scene.db, [KEY])


def test_the_lineage_has_moved_since(scene):
    approval = approved(scene)
    stale = replace(approval, lineage=replace(approval.lineage, version=approval.lineage.version - 1))
    with pytest.raises(ConcurrentUpdate):
        transactions.reserve_certificate(scene.db, a_reservation(scene, stale), scene.audit_entry())
    assert nothing_came_of_it(scene)
    with pytest.raises(ConcurrentUpdate):
        transactions.check_version(scene.db, stale.lineage)
    transactions.check_version(scene.db, approval.lineage)


def test_the_order_was_spent_since(scene):
    approval = approved(scene)
    models.Order.objects.using(scene.db.alias).update(state=OrderState.FULFILLED)
    with pytest.raises(ConcurrentUpdate):
        transactions.reserve_certificate(scene.db, a_reservation(scene, approval), scene.audit_entry())
    assert nothing_came_of_it(scene)


def test_the_key_was_used_since(scene):
    approval = approved(scene)
    models.UsedKey.objects.using(scene.db.alias).create(key_id=KEY, first_seen=scene.clock.now)
    with pytest.raises(ConcurrentUpdate):
        transactions.reserve_certificate(scene.db, a_reservation(scene, approval), scene.audit_entry())
    assert not certificates(scene).exists()
    assert models.Order.objects.using(scene.db.alias).get().state == OrderState.OPEN


def test_a_fetched_renewal_is_not_voided_even_if_it_was_decided_so(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    new = scene.certificate(renewed(scene, held).serial)
    approval = approved(scene, lineage=new.lineage, order_id=None, predecessor=held.serial, supersedes=new)
    with pytest.raises(ConcurrentUpdate):
        transactions.reserve_certificate(scene.db, a_reservation(scene, approval), scene.audit_entry())
    assert nothing_came_of_it(scene)
    assert scene.certificate(new.serial) == new


def test_a_serial_that_is_taken(scene):
    """150 random bits will not meet.

    If they did, the decision would be made anew with another serial.
    """
    held = enrolled(scene)
    taken = replace(a_reservation(scene, approved(scene)), serial=held.serial)
    with pytest.raises(ConcurrentUpdate):
        transactions.reserve_certificate(scene.db, taken, scene.audit_entry())
    assert nothing_came_of_it(scene)


def test_only_the_first_signature_is_kept(scene):
    found = transactions.reserve_certificate(scene.db, a_reservation(scene, approved(scene)), scene.audit_entry())
    first = transactions.SignedCertificate(b"first", Sha256("01" * 32), scene.machine.now)
    second = transactions.SignedCertificate(b"second", Sha256("02" * 32), scene.machine.now)
    assert transactions.store_certificate(scene.db, found, first, scene.audit_entry()).sha256 == "01" * 32
    assert transactions.store_certificate(scene.db, found, second, scene.audit_entry()).sha256 == "01" * 32
    assert transactions.get_der(scene.db, found) == (b"", b"first")


NOT_THERE = {
    "a password": lambda db: transactions.find_passwords(db, ["9" * 32])[0],
    "transfer ids": lambda db: transactions.find_transfer_ids(db, ["9" * 32])[0],
    "a signer": lambda db: find_for_renewal(db, Sha256("00" * 32), KEY).signer,
    "a retrieval id": lambda db: transactions.find_by_retrieval_id(db, "0" * 32, "0123456-7"),
    "a serial": lambda db: transactions.find_certificate(db, Serial("00")),
}


@pytest.mark.parametrize("find", NOT_THERE.values(), ids=NOT_THERE)
def test_what_is_not_there(scene, find):
    enrolled(scene)
    assert find(scene.db) is None


def test_what_came_of_a_certificate(scene):
    held = enrolled(scene)
    found = scene.certificate(held.serial)
    assert find_for_renewal(scene.db, found.sha256, KEY) == RenewalLookup(
        found, Renewals(None, None, 0), key_known=False
    )
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    new = scene.certificate(renewed(scene, held).serial)
    found = scene.certificate(held.serial)
    assert find_for_renewal(scene.db, found.sha256, KEY) == RenewalLookup(
        found, Renewals(None, new, 1), key_known=False
    )
    assert find_for_renewal(scene.db, found.sha256, None) == RenewalLookup(
        found, Renewals(None, new, 1), key_known=False
    )
    both = RenewalLookup(found, Renewals(new, None, 1), key_known=True)
    assert find_for_renewal(scene.db, found.sha256, new.key) == both


# Constraints: the database decides, independently of the code.


def copied(scene: Scene, row: models.Certificate, **changes: object) -> None:
    """Store a second certificate like this one.

    It differs in what each new certificate has of its own, and in `changes`.
    """
    key = models.UsedKey.objects.using(scene.db.alias).create(key_id="99" * 32, first_seen=scene.clock.now)
    fresh = {"pk": None, "serial": "46" * 19, "key": key, "sha256": None, "retrieval_id": "99" * 16}
    for name, value in {**fresh, **changes}.items():
        setattr(row, name, value)
    with transaction.atomic(using=scene.db.alias):
        row.save(using=scene.db.alias, force_insert=True)


@pytest.fixture
def row(scene) -> models.Certificate:
    """Return a renewal's row that has no order and no retrieval of its own."""
    held = enrolled(scene)
    in_the_window(scene, held)
    return certificates(scene).get(serial=renewed(scene, held).serial)


UNIQUE = {
    "serial": lambda row: {"serial": row.serial, "predecessor": None},
    "retrieval id": lambda row: {"retrieval_id": row.retrieval_id, "predecessor": None},
    "octets": lambda row: {"sha256": row.sha256, "predecessor": None},
    "live renewal": lambda _row: {},
}


@pytest.mark.parametrize("changes", UNIQUE.values(), ids=UNIQUE)
def test_never_two_of_the_same(scene, row, changes):
    with pytest.raises(IntegrityError):
        copied(scene, row, **changes(row))


ALLOWED = {
    "a voided renewal": {"state": CertificateState.SUPERSEDED},
    "a serial of another CA": {"authority_id": "DataProvidersSFTPTestIssuingCAv1", "predecessor": None},
}


@pytest.mark.parametrize("changes", ALLOWED.values(), ids=ALLOWED)
def test_two_that_may_stand_beside_each_other(scene, row, changes):
    copied(scene, row, **{"serial": row.serial if "authority_id" in changes else "46" * 19, **changes})
    assert certificates(scene).count() == 3


def test_a_renewal_may_follow_a_revoked_one(scene, row):
    certificates(scene).filter(pk=row.pk).update(revoked_at=scene.clock.now)
    copied(scene, row)
    assert certificates(scene).count() == 3


def test_one_live_certificate_per_order(scene):
    accepted(enrol(new_ask(ordered(scene), new_key()), scene.ctx, REQUEST))
    with pytest.raises(IntegrityError):
        copied(scene, certificates(scene).get())


def test_no_certificate_is_deleted_through_what_it_hangs_on(scene):
    enrolled(scene)
    for model in (models.CertificateAuthority, models.Organisation, models.Lineage, models.Order, models.UsedKey):
        with pytest.raises(django_models.ProtectedError):
            model.objects.using(scene.db.alias).all().delete()
    assert certificates(scene).count() == 1
