"""Release of a certificate to a caller that gives its retrieval ID."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.domain.certificates.enrolment import decide_retrieval
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import LENIENT, STRICT
from sinetti.domain.values import VALIDITY, Language
from tests.domain.facts import NOW, ONE_SECOND, certificate

FETCHED = certificate(NOW + VALIDITY, recorded_at=NOW)
ISSUED = replace(FETCHED, state=CertificateState.ISSUED)
RESERVED = replace(FETCHED, state=CertificateState.RESERVED, recorded_at=None)
VOID = replace(FETCHED, state=CertificateState.SUPERSEDED, revoked_at=NOW)
NEVER_SIGNED = replace(VOID, recorded_at=None)
MINE, OTHER = "0123456-7", "7654321-0"
WAITED = NOW + timedelta(seconds=2)

CASES = {
    "issued": (ISSUED, MINE, LENIENT, NOW, None),
    "fetched before": (FETCHED, MINE, LENIENT, NOW, None),
    "the customer's id differs in blanks only": (ISSUED, f"{MINE} ", LENIENT, NOW, None),
    "revoked since: it is public anyway": (replace(ISSUED, revoked_at=NOW), MINE, LENIENT, NOW, None),
    "unknown": (None, MINE, LENIENT, NOW, RejectionReason.RETRIEVAL_ID_UNKNOWN),
    "another customer's": (ISSUED, OTHER, LENIENT, NOW, RejectionReason.RETRIEVAL_ID_UNKNOWN),
    "another customer's, voided": (VOID, OTHER, LENIENT, NOW, RejectionReason.RETRIEVAL_ID_UNKNOWN),
    "another customer's, reserved": (RESERVED, OTHER, LENIENT, NOW, RejectionReason.RETRIEVAL_ID_UNKNOWN),
    "renewed again before it was fetched": (VOID, MINE, LENIENT, NOW, RejectionReason.SUPERSEDED),
    "renewed again before it was signed": (NEVER_SIGNED, MINE, LENIENT, NOW, RejectionReason.SUPERSEDED),
    "revoked before it was signed": (replace(RESERVED, revoked_at=NOW), MINE, LENIENT, NOW, RejectionReason.SUPERSEDED),
    "reserved": (RESERVED, MINE, LENIENT, NOW, RejectionReason.NOT_READY),
    "strict: at once": (ISSUED, MINE, STRICT, NOW, RejectionReason.NOT_READY),
    "strict: one second early": (ISSUED, MINE, STRICT, WAITED - ONE_SECOND, RejectionReason.NOT_READY),
    "strict: after the wait": (ISSUED, MINE, STRICT, WAITED, None),
}


@pytest.mark.parametrize(("found", "customer_id", "leniency", "machine_now", "refused_for"), CASES.values(), ids=CASES)
def test_decide_retrieval(found, customer_id, leniency, machine_now, refused_for):
    decision = decide_retrieval(found, customer_id, leniency, machine_now)
    if refused_for is None:
        assert decision is found
    else:
        told = None if refused_for is RejectionReason.RETRIEVAL_ID_UNKNOWN else Language.SV
        assert decision == Rejection(refused_for, language=told)
