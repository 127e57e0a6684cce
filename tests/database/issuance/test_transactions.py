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
from tests.support.service_context import (
    DAY,
    REQUEST,
    Desk,
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


def certificates(desk: Desk):
    return models.Certificate.objects.using(desk.db.alias)


def a_reservation(desk: Desk, approval: IssuanceApproval) -> CertificateReservation:
    return CertificateReservation(
        approval=approval,
        authority="DataProvidersTestIssuingCAv1",
        serial=Serial("45" * 19),
        retrieval_id="cd" * 16,
        renewable_from=approval.span.not_after - 60 * DAY,
        crl_shard=1,
        to_be_signed=b"octets",
    )


def approved(desk: Desk, **facts: object) -> IssuanceApproval:
    """Return an approval for an open order."""
    (ids,) = transactions.find_transfer_ids(desk.db, [ordered(desk).transfer_id])
    now = desk.clock.now
    values = {"lineage": ids.lineage, "key": KEY, "span": ValidityPeriod(now, now + VALIDITY), "order_id": ids.order_id}
    return IssuanceApproval(**{**values, **facts})


def nothing_came_of_it(desk: Desk) -> bool:
    known = transactions.known_keys(desk.db, [KEY])
    return not known and not certificates(desk).filter(serial="45" * 19).exists()


def test_a_reservation_is_read_back_as_it_was_decided(desk):
    approval = approved(desk)
    found = transactions.reserve_certificate(desk.db, a_reservation(desk, approval), desk.audit_entry())
    assert (found.serial, found.key, found.span) == ("45" * 19, KEY, approval.span)
    assert (found.state, found.sha256, found.recorded_at) == (CertificateState.RESERVED, None, None)
    assert found.order_id == approval.order_id
    assert found.lineage.version == approval.lineage.version + 1
    assert transactions.get_der(desk.db, found) == (b"octets", None)
    assert transactions.known_keys(desk.db, [KEY])


def test_the_lineage_has_moved_since(desk):
    approval = approved(desk)
    stale = replace(approval, lineage=replace(approval.lineage, version=approval.lineage.version - 1))
    with pytest.raises(ConcurrentUpdate):
        transactions.reserve_certificate(desk.db, a_reservation(desk, stale), desk.audit_entry())
    assert nothing_came_of_it(desk)
    with pytest.raises(ConcurrentUpdate):
        transactions.check_version(desk.db, stale.lineage)
    transactions.check_version(desk.db, approval.lineage)


def test_the_order_was_spent_since(desk):
    approval = approved(desk)
    models.Order.objects.using(desk.db.alias).update(state=OrderState.FULFILLED)
    with pytest.raises(ConcurrentUpdate):
        transactions.reserve_certificate(desk.db, a_reservation(desk, approval), desk.audit_entry())
    assert nothing_came_of_it(desk)


def test_the_key_was_used_since(desk):
    approval = approved(desk)
    models.UsedKey.objects.using(desk.db.alias).create(key_id=KEY, first_seen=desk.clock.now)
    with pytest.raises(ConcurrentUpdate):
        transactions.reserve_certificate(desk.db, a_reservation(desk, approval), desk.audit_entry())
    assert not certificates(desk).exists()
    assert models.Order.objects.using(desk.db.alias).get().state == OrderState.OPEN


def test_a_fetched_renewal_is_not_voided_even_if_it_was_decided_so(desk):
    held = enrolled(desk)
    in_the_window(desk, held)
    new = desk.certificate(renewed(desk, held).serial)
    approval = approved(desk, lineage=new.lineage, order_id=None, predecessor=held.serial, supersedes=new)
    with pytest.raises(ConcurrentUpdate):
        transactions.reserve_certificate(desk.db, a_reservation(desk, approval), desk.audit_entry())
    assert nothing_came_of_it(desk)
    assert desk.certificate(new.serial) == new


def test_a_serial_that_is_taken(desk):
    """150 random bits will not meet.

    If they did, the decision would be made anew with another serial.
    """
    held = enrolled(desk)
    taken = replace(a_reservation(desk, approved(desk)), serial=held.serial)
    with pytest.raises(ConcurrentUpdate):
        transactions.reserve_certificate(desk.db, taken, desk.audit_entry())
    assert nothing_came_of_it(desk)


def test_only_the_first_signature_is_kept(desk):
    found = transactions.reserve_certificate(desk.db, a_reservation(desk, approved(desk)), desk.audit_entry())
    first = transactions.SignedCertificate(b"first", Sha256("01" * 32), desk.machine.now)
    second = transactions.SignedCertificate(b"second", Sha256("02" * 32), desk.machine.now)
    assert transactions.store_certificate(desk.db, found, first, desk.audit_entry()).sha256 == "01" * 32
    assert transactions.store_certificate(desk.db, found, second, desk.audit_entry()).sha256 == "01" * 32
    assert transactions.get_der(desk.db, found) == (b"", b"first")


NOT_THERE = {
    "a password": lambda db: transactions.find_passwords(db, ["9" * 32])[0],
    "transfer ids": lambda db: transactions.find_transfer_ids(db, ["9" * 32])[0],
    "a signer": lambda db: find_for_renewal(db, Sha256("00" * 32), KEY).signer,
    "a retrieval id": lambda db: transactions.find_by_retrieval_id(db, "0" * 32, "0123456-7"),
    "a serial": lambda db: transactions.find_certificate(db, Serial("00")),
}


@pytest.mark.parametrize("find", NOT_THERE.values(), ids=NOT_THERE)
def test_what_is_not_there(desk, find):
    enrolled(desk)
    assert find(desk.db) is None


def test_what_came_of_a_certificate(desk):
    held = enrolled(desk)
    found = desk.certificate(held.serial)
    assert find_for_renewal(desk.db, found.sha256, KEY) == RenewalLookup(
        found, Renewals(None, None, 0), key_known=False
    )
    in_the_window(desk, held)
    accepted(renew(renew_ask(held, new_key()), desk.ctx, REQUEST))
    new = desk.certificate(renewed(desk, held).serial)
    found = desk.certificate(held.serial)
    assert find_for_renewal(desk.db, found.sha256, KEY) == RenewalLookup(found, Renewals(None, new, 1), key_known=False)
    assert find_for_renewal(desk.db, found.sha256, None) == RenewalLookup(
        found, Renewals(None, new, 1), key_known=False
    )
    both = RenewalLookup(found, Renewals(new, None, 1), key_known=True)
    assert find_for_renewal(desk.db, found.sha256, new.key) == both


# Constraints: the database decides, independently of the code.


def copied(desk: Desk, row: models.Certificate, **changes: object) -> None:
    """Store a second certificate like this one.

    It differs in what each new certificate has of its own, and in `changes`.
    """
    key = models.UsedKey.objects.using(desk.db.alias).create(key_id="99" * 32, first_seen=desk.clock.now)
    fresh = {"pk": None, "serial": "46" * 19, "key": key, "sha256": None, "retrieval_id": "99" * 16}
    for name, value in {**fresh, **changes}.items():
        setattr(row, name, value)
    with transaction.atomic(using=desk.db.alias):
        row.save(using=desk.db.alias, force_insert=True)


@pytest.fixture
def row(desk) -> models.Certificate:
    """Return a renewal's row that has no order and no retrieval of its own."""
    held = enrolled(desk)
    in_the_window(desk, held)
    return certificates(desk).get(serial=renewed(desk, held).serial)


UNIQUE = {
    "serial": lambda row: {"serial": row.serial, "predecessor": None},
    "retrieval id": lambda row: {"retrieval_id": row.retrieval_id, "predecessor": None},
    "octets": lambda row: {"sha256": row.sha256, "predecessor": None},
    "live renewal": lambda _row: {},
}


@pytest.mark.parametrize("changes", UNIQUE.values(), ids=UNIQUE)
def test_never_two_of_the_same(desk, row, changes):
    with pytest.raises(IntegrityError):
        copied(desk, row, **changes(row))


ALLOWED = {
    "a voided renewal": {"state": CertificateState.SUPERSEDED},
    "a serial of another CA": {"authority_id": "DataProvidersSFTPTestIssuingCAv1", "predecessor": None},
}


@pytest.mark.parametrize("changes", ALLOWED.values(), ids=ALLOWED)
def test_two_that_may_stand_beside_each_other(desk, row, changes):
    copied(desk, row, **{"serial": row.serial if "authority_id" in changes else "46" * 19, **changes})
    assert certificates(desk).count() == 3


def test_a_renewal_may_follow_a_revoked_one(desk, row):
    certificates(desk).filter(pk=row.pk).update(revoked_at=desk.clock.now)
    copied(desk, row)
    assert certificates(desk).count() == 3


def test_one_live_certificate_per_order(desk):
    accepted(enrol(new_ask(ordered(desk), new_key()), desk.ctx, REQUEST))
    with pytest.raises(IntegrityError):
        copied(desk, certificates(desk).get())


def test_no_certificate_is_deleted_through_what_it_hangs_on(desk):
    enrolled(desk)
    for model in (models.CertificateAuthority, models.Organisation, models.Lineage, models.Order, models.UsedKey):
        with pytest.raises(django_models.ProtectedError):
            model.objects.using(desk.db.alias).all().delete()
    assert certificates(desk).count() == 1
