"""Use of transfer IDs, and the single reason for a rejection."""

from dataclasses import replace

import pytest
from hypothesis import given

from sinetti.domain.certificates.enrolment import (
    WRONG_PASSWORDS_ALLOWED,
    EnrolmentContext,
    authenticate_transfer_ids,
    decide_enrolment,
)
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import IssuanceApproval, Replay
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import LENIENT, STRICT
from sinetti.domain.values import TRANSFER_IDS_LIVE, VALIDITY, Language, Serial, ValidityPeriod
from tests.domain.facts import (
    AROUND,
    CLOSED,
    INSTANTS,
    NEW_KEY,
    NOW,
    ONE_SECOND,
    OTHER_KEY,
    WITHDRAWN,
    certificate,
    lineage,
    transfer_ids,
)

IDS = transfer_ids()
MINE, WRONG_ID = "0123456-7", "7654321-0"
LOCKED = transfer_ids(wrong_passwords=WRONG_PASSWORDS_ALLOWED)
PROOFS = {
    "right": (IDS, True, MINE, None),
    "the id differs in blanks only": (IDS, True, f" {MINE}", None),
    "nine wrong ones before": (transfer_ids(wrong_passwords=9), True, MINE, None),
    "ten wrong ones before": (LOCKED, True, MINE, RejectionReason.TRANSFER_IDS_LOCKED),
    "eleven wrong ones before": (transfer_ids(wrong_passwords=11), True, MINE, RejectionReason.TRANSFER_IDS_LOCKED),
    "unknown": (None, False, MINE, RejectionReason.TRANSFER_IDS_WRONG),
    "wrong": (IDS, False, MINE, RejectionReason.TRANSFER_IDS_WRONG),
    "made anew since": (transfer_ids(ended=True), True, MINE, RejectionReason.TRANSFER_IDS_WRONG),
    "wrong, and locked: who does not know the password does not learn of the lock": (
        LOCKED,
        False,
        MINE,
        RejectionReason.TRANSFER_IDS_WRONG,
    ),
    "locked, and another customer": (LOCKED, True, WRONG_ID, RejectionReason.TRANSFER_IDS_LOCKED),
    "another customer": (IDS, True, WRONG_ID, RejectionReason.CUSTOMER_MISMATCH),
    "another customer, and wrong": (IDS, False, WRONG_ID, RejectionReason.TRANSFER_IDS_WRONG),
}


@pytest.mark.parametrize(("ids", "fits", "customer_id", "refused_for"), PROOFS.values(), ids=PROOFS)
def test_prove_transfer_ids(ids, fits, customer_id, refused_for):
    proof = authenticate_transfer_ids(ids, password_fits=fits, customer_id=customer_id)
    if refused_for is None:
        assert proof is ids
    else:
        told = None if refused_for is RejectionReason.TRANSFER_IDS_WRONG else Language.SV
        assert proof == Rejection(refused_for, language=told)


PLAIN = EnrolmentContext(key_known=False, validity=VALIDITY, leniency=LENIENT)
KNOWN = replace(PLAIN, key_known=True)
MINE_ISSUED = certificate(NOW + VALIDITY, key=NEW_KEY)
OTHERS = certificate(NOW + VALIDITY, key=OTHER_KEY)
LAPSED = NOW - TRANSFER_IDS_LIVE - ONE_SECOND

CASES = {
    "unspent": (IDS, PLAIN, None),
    "the last second of 14 days": (transfer_ids(NOW - TRANSFER_IDS_LIVE), PLAIN, None),
    "one second after 14 days": (transfer_ids(LAPSED), PLAIN, RejectionReason.TRANSFER_IDS_EXPIRED),
    "spent with this key": (transfer_ids(used_for=MINE_ISSUED), KNOWN, Replay(MINE_ISSUED)),
    "spent with this key, lapsed since": (transfer_ids(LAPSED, used_for=MINE_ISSUED), KNOWN, Replay(MINE_ISSUED)),
    "spent with this key, organisation closed since": (
        transfer_ids(used_for=MINE_ISSUED, lineage=lineage(CLOSED)),
        KNOWN,
        Replay(MINE_ISSUED),
    ),
    "spent with this key, and nothing is kind": (
        transfer_ids(used_for=MINE_ISSUED),
        replace(KNOWN, leniency=STRICT),
        RejectionReason.TRANSFER_IDS_USED,
    ),
    "spent with this key, revoked since": (
        transfer_ids(used_for=replace(MINE_ISSUED, revoked_at=NOW)),
        KNOWN,
        RejectionReason.TRANSFER_IDS_USED,
    ),
    "spent with this key, expired since": (
        transfer_ids(LAPSED, used_for=certificate(NOW - ONE_SECOND, key=NEW_KEY)),
        KNOWN,
        RejectionReason.TRANSFER_IDS_EXPIRED,
    ),
    "spent with this key, only reserved": (
        transfer_ids(used_for=replace(MINE_ISSUED, state=CertificateState.RESERVED)),
        KNOWN,
        Replay(replace(MINE_ISSUED, state=CertificateState.RESERVED)),
    ),
    "lapsed, spent, closed, key known": (
        transfer_ids(LAPSED, used_for=OTHERS, lineage=lineage(CLOSED)),
        KNOWN,
        RejectionReason.TRANSFER_IDS_EXPIRED,
    ),
    "spent, closed, key known": (
        transfer_ids(used_for=OTHERS, lineage=lineage(CLOSED)),
        KNOWN,
        RejectionReason.TRANSFER_IDS_USED,
    ),
    "closed, key known": (transfer_ids(lineage=lineage(CLOSED)), KNOWN, RejectionReason.NOT_ENTITLED),
    "channel withdrawn": (transfer_ids(lineage=lineage(WITHDRAWN)), PLAIN, RejectionReason.NOT_ENTITLED),
    "key known": (IDS, KNOWN, RejectionReason.KEY_REUSED),
}


@pytest.mark.parametrize(("ids", "situation", "expected"), CASES.values(), ids=CASES)
def test_decide_enrolment(ids, situation, expected):
    decision = decide_enrolment(ids, NEW_KEY, situation, NOW)
    if expected is None:
        assert decision == IssuanceApproval(
            ids.lineage, NEW_KEY, ValidityPeriod(NOW, NOW + VALIDITY), order_id=ids.order_id
        )
    elif isinstance(expected, Replay):
        assert decision == expected
    else:
        ended = ids.expires if expected is RejectionReason.TRANSFER_IDS_EXPIRED else None
        assert decision == Rejection(expected, ended=ended, language=Language.SV)


def test_a_replacing_order_says_what_it_takes_the_place_of():
    approval = decide_enrolment(transfer_ids(replaces=Serial("43" * 19)), NEW_KEY, PLAIN, NOW)
    assert approval.replaces == "43" * 19
    assert approval.predecessor is None
    assert approval.supersedes is None


@given(created=INSTANTS, distance=AROUND)
def test_ids_work_for_14_days_of_24_hours(created, distance):
    ids = transfer_ids(created)
    now = created + TRANSFER_IDS_LIVE + distance
    decision = decide_enrolment(ids, NEW_KEY, PLAIN, now)
    if (now - created).total_seconds() <= 14 * 86_400:
        assert decision.span == ValidityPeriod(now, now + VALIDITY)
    else:
        assert decision.reason is RejectionReason.TRANSFER_IDS_EXPIRED
