"""OCSP answers: their status, and how long a signed answer is reused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.certificates.ocsp_status import (
    ANSWER_LIFE,
    GOOD,
    UNKNOWN,
    CertificateStatusInfo,
    CertStatus,
    SingleResponse,
    cert_status,
    is_acceptable,
    is_fresh,
)
from sinetti.domain.certificates.revocation import RevocationReason

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
REASON = RevocationReason.KEY_COMPROMISE
REVOKED = CertificateStatusInfo(CertStatus.REVOKED, NOW, REASON)

STATUSES = {
    "issued": (True, None, None, GOOD),
    "never issued": (False, None, None, UNKNOWN),
    "revoked": (True, NOW, REASON, REVOKED),
    "revoked before it was issued: the list has it, too": (False, NOW, REASON, REVOKED),
    "revoked without a reason": (True, NOW, None, replace(REVOKED, reason=RevocationReason.UNSPECIFIED)),
}


@pytest.mark.parametrize(("issued", "at", "reason", "status"), STATUSES.values(), ids=STATUSES)
def test_what_is_said(issued, at, reason, status):
    assert cert_status(issued=issued, revoked_at=at, reason=reason) == status


TOLD = SingleResponse(GOOD, NOW, NOW + ANSWER_LIFE)
AGES = {
    "at once": (TOLD, GOOD, NOW, True, True),
    "the last second of half an hour": (TOLD, GOOD, NOW + 30 * MINUTE - SECOND, True, True),
    "half an hour old": (TOLD, GOOD, NOW + 30 * MINUTE, False, True),
    "the last second": (TOLD, GOOD, NOW + ANSWER_LIFE, False, True),
    "one second after its end": (TOLD, GOOD, NOW + ANSWER_LIFE + SECOND, False, False),
    "from the future": (TOLD, GOOD, NOW - SECOND, False, True),
    "revoked since": (TOLD, REVOKED, NOW, False, False),
    "revoked, and told so": (replace(TOLD, status=REVOKED), REVOKED, NOW, True, True),
    "revoked at another instant": (
        replace(TOLD, status=REVOKED),
        replace(REVOKED, revoked_at=NOW + SECOND),
        NOW,
        False,
        False,
    ),
    "short, since its responder ends": (replace(TOLD, next_update=NOW + MINUTE), GOOD, NOW + 2 * MINUTE, False, False),
}


@pytest.mark.parametrize(("told", "status", "now", "current", "holds"), AGES.values(), ids=AGES)
def test_what_is_stored_is_given(told, status, now, current, holds):
    assert (is_fresh(told, status, now), is_acceptable(told, status, now)) == (current, holds)
