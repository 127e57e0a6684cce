"""Use of a certificate: what a gateway reports, and what cannot be known."""

from datetime import timedelta

import pytest

from sinetti.domain.usage import (
    GatewayRefused,
    ReportingPeriod,
    TrustListNumbers,
    UsageReport,
    UsageState,
    check_gateway_name,
    clamp_to_now,
    usage_of,
)
from tests.domain.facts import NOW, ONE_DAY, ONE_SECOND

WEEK = 7 * ONE_DAY
BEGUN = NOW - 400 * ONE_DAY
LOOKS = ReportingPeriod(NOW - 100 * ONE_DAY, NOW - ONE_DAY)
NEWER = ReportingPeriod(NOW - 10 * ONE_DAY, NOW)

CASES = {
    "seen": (BEGUN, NOW - ONE_DAY, [LOOKS], UsageReport(UsageState.SEEN, NOW - ONE_DAY)),
    "seen by a gateway that is gone": (BEGUN, NOW - 90 * ONE_DAY, [], UsageReport(UsageState.SEEN, NOW - 90 * ONE_DAY)),
    "no gateway at all": (BEGUN, None, [], UsageReport(UsageState.NOT_KNOWN)),
    "a gateway looks, in vain": (BEGUN, None, [LOOKS], UsageReport(UsageState.NOT_SEEN, LOOKS.first)),
    "several look: since the first began": (BEGUN, None, [NEWER, LOOKS], UsageReport(UsageState.NOT_SEEN, LOOKS.first)),
    "one that began later than the gateway": (
        NOW - ONE_DAY,
        None,
        [LOOKS],
        UsageReport(UsageState.NOT_SEEN, NOW - ONE_DAY),
    ),
    "the last second of a week": (
        BEGUN,
        None,
        [ReportingPeriod(BEGUN, NOW - WEEK)],
        UsageReport(UsageState.NOT_SEEN, BEGUN),
    ),
    "silent for a week and a second": (
        BEGUN,
        None,
        [ReportingPeriod(BEGUN, NOW - WEEK - ONE_SECOND)],
        UsageReport(UsageState.NOT_KNOWN),
    ),
    "the one that looked longest is silent": (
        BEGUN,
        None,
        [ReportingPeriod(BEGUN, NOW - 30 * ONE_DAY), NEWER],
        UsageReport(UsageState.NOT_SEEN, NEWER.first),
    ),
    "the only one is withdrawn": (
        BEGUN,
        None,
        [ReportingPeriod(LOOKS.first, NOW, withdrawn=True)],
        UsageReport(UsageState.NOT_KNOWN),
    ),
}


@pytest.mark.parametrize(("begins", "seen", "gateways", "known"), CASES.values(), ids=CASES)
def test_what_is_known_of_its_use(begins, seen, gateways, known):
    assert usage_of(begins, seen, gateways, NOW) == known


def test_a_clock_that_is_ahead():
    assert clamp_to_now(NOW + timedelta(days=1), NOW) == NOW
    assert clamp_to_now(BEGUN, NOW) == BEGUN


def test_names_of_gateways():
    assert check_gateway_name("edge-1.example") == "edge-1.example"
    for bad in ("", "x" * 41, "edge 1", "ä", 'a"b'):
        with pytest.raises(GatewayRefused, match="1 to 40"):
            check_gateway_name(bad)


def test_numbers_of_trust_lists_have_one_form_in_a_header():
    assert TrustListNumbers(3, 1790000000).header == "anchors=3, distrust=1790000000"
    for numbers in (TrustListNumbers(), TrustListNumbers(3, 1790000000)):
        assert TrustListNumbers.of_header(numbers.header) == numbers
    for text in ("", "anchors=3", "anchors=03, distrust=1", "anchors=-1, distrust=1", f"anchors=3, distrust={1 << 70}"):
        assert TrustListNumbers.of_header(text) is None
