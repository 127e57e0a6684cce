"""Rules of a declared compromise, at fixed instants."""

from datetime import timedelta

import pytest

from sinetti.domain.authorities.distrust import (
    GOOD,
    DistrustPeriod,
    DistrustRefused,
    RecordedCertificate,
    bridge_status,
    decide_bridge_end,
    join_periods,
    names_to_root,
)
from sinetti.domain.certificates.ocsp_status import CertificateStatusInfo, CertStatus
from sinetti.domain.certificates.revocation import RevocationReason
from tests.domain.facts import NOW, ONE_SECOND

HOUR = timedelta(hours=1)
PERIOD = DistrustPeriod(NOW, NOW + 72 * HOUR)
STOLEN = CertificateStatusInfo(CertStatus.REVOKED, NOW, RevocationReason.CA_COMPROMISE)
OWN = CertificateStatusInfo(CertStatus.REVOKED, NOW + HOUR, RevocationReason.SUPERSEDED)
BEFORE = RecordedCertificate("ab" * 32, NOW - ONE_SECOND, None, None)

CASES = {
    "recorded a second before": (BEFORE, NOW + HOUR, GOOD),
    "the last second of the bridge": (BEFORE, PERIOD.bridge_until, GOOD),
    "a second later": (BEFORE, PERIOD.bridge_until + ONE_SECOND, STOLEN),
    "recorded at the instant": (RecordedCertificate("ab" * 32, NOW, None, None), NOW + HOUR, STOLEN),
    "not issued": (RecordedCertificate(None, NOW - HOUR, None, None), NOW + HOUR, STOLEN),
    "not recorded": (RecordedCertificate("ab" * 32, None, None, None), NOW + HOUR, STOLEN),
    "not known": (None, NOW + HOUR, STOLEN),
    "revoked for a reason of its own": (
        RecordedCertificate("ab" * 32, NOW - HOUR, OWN.revoked_at, OWN.reason), NOW + 2 * HOUR, OWN,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("found", "now", "status"), CASES.values(), ids=CASES)
def test_bridge_status(found, now, status):
    assert bridge_status(found, PERIOD, now) == status


def test_of_several_distrusts_the_strictest_counts():
    other = DistrustPeriod(NOW - HOUR, NOW + 80 * HOUR, ("a checkpoint",))
    assert join_periods([PERIOD, other]) == DistrustPeriod(NOW - HOUR, PERIOD.bridge_until, ("a checkpoint",))
    assert join_periods([]) is None


def test_names_of_the_cas_above():
    assert names_to_root("issuing", {"issuing": "middle", "middle": "root", "root": None}) == (
        "issuing",
        "middle",
        "root",
    )


def test_the_end_of_a_bridge():
    assert decide_bridge_end(NOW - HOUR, NOW, 72) == NOW + 72 * HOUR
    for since, hours in ((NOW + ONE_SECOND, 72), (NOW, 73), (NOW, -1)):
        with pytest.raises(DistrustRefused):
            decide_bridge_end(since, NOW, hours)
