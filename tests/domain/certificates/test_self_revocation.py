"""Self-revocation of a certificate: the permitted requests."""

from dataclasses import replace

import pytest

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.certificates.self_revocation import SelfRevocationResult, decide_self_revocation
from tests.domain.facts import NOW, ONE_SECOND, certificate

HELD = certificate(NOW)
LOST, SUPERSEDED = RevocationReason.KEY_COMPROMISE, RevocationReason.SUPERSEDED
GONE = replace(HELD, revoked_at=NOW, revocation_reason=LOST)
LATE = NOW + ONE_SECOND

CASES = {
    "itself, in its last second": (HELD, HELD.serial, LOST, NOW, SelfRevocationResult.REVOKE),
    "another": (HELD, "42" * 19, LOST, NOW, SelfRevocationResult.OTHER),
    "another, though it is revoked itself": (GONE, "42" * 19, LOST, NOW, SelfRevocationResult.OTHER),
    "a reason that is the service's": (
        HELD,
        HELD.serial,
        RevocationReason.PRIVILEGE_WITHDRAWN,
        NOW,
        SelfRevocationResult.REASON,
    ),
    "a reason that is for CAs": (HELD, HELD.serial, RevocationReason.CA_COMPROMISE, NOW, SelfRevocationResult.REASON),
    "the same again": (GONE, HELD.serial, LOST, NOW, SelfRevocationResult.SAME),
    "the same again after its end": (GONE, HELD.serial, LOST, LATE, SelfRevocationResult.SAME),
    "another reason afterwards": (GONE, HELD.serial, SUPERSEDED, NOW, SelfRevocationResult.ALREADY),
    "the key was lost, after another reason": (
        replace(GONE, revocation_reason=SUPERSEDED),
        HELD.serial,
        LOST,
        NOW,
        SelfRevocationResult.ALREADY,
    ),
    "after its end": (HELD, HELD.serial, LOST, LATE, SelfRevocationResult.ENDED),
}


@pytest.mark.parametrize(("signer", "serial", "reason", "now", "expected"), CASES.values(), ids=CASES)
def test_decide_own(signer, serial, reason, now, expected):
    assert decide_self_revocation(signer, serial, reason, now) is expected
