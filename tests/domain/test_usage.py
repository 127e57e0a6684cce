"""Whether a certificate is in use: what a gateway tells, and what nobody can know."""

from datetime import timedelta

import pytest

from sinetti.domain.usage import GatewayRefused, InUse, Reporting, Use, check_gateway_name, clipped, use_of
from tests.domain.facts import NOW, ONE_DAY, ONE_SECOND

WEEK = 7 * ONE_DAY
BEGUN = NOW - 400 * ONE_DAY
LOOKS = Reporting(NOW - 100 * ONE_DAY, NOW - ONE_DAY)
NEWER = Reporting(NOW - 10 * ONE_DAY, NOW)

CASES = {
    "seen": (BEGUN, NOW - ONE_DAY, [LOOKS], InUse(Use.SEEN, NOW - ONE_DAY)),
    "seen by a gateway that is gone": (BEGUN, NOW - 90 * ONE_DAY, [], InUse(Use.SEEN, NOW - 90 * ONE_DAY)),
    "no gateway at all": (BEGUN, None, [], InUse(Use.NOT_KNOWN)),
    "a gateway looks, in vain": (BEGUN, None, [LOOKS], InUse(Use.NOT_SEEN, LOOKS.first)),
    "several look: since the first began": (BEGUN, None, [NEWER, LOOKS], InUse(Use.NOT_SEEN, LOOKS.first)),
    "one that began later than the gateway": (NOW - ONE_DAY, None, [LOOKS], InUse(Use.NOT_SEEN, NOW - ONE_DAY)),
    "the last second of a week": (BEGUN, None, [Reporting(BEGUN, NOW - WEEK)], InUse(Use.NOT_SEEN, BEGUN)),
    "silent for a week and a second": (BEGUN, None, [Reporting(BEGUN, NOW - WEEK - ONE_SECOND)], InUse(Use.NOT_KNOWN)),
    "the one that looked longest is silent": (
        BEGUN,
        None,
        [Reporting(BEGUN, NOW - 30 * ONE_DAY), NEWER],
        InUse(Use.NOT_SEEN, NEWER.first),
    ),
    "the only one is withdrawn": (BEGUN, None, [Reporting(LOOKS.first, NOW, withdrawn=True)], InUse(Use.NOT_KNOWN)),
}


@pytest.mark.parametrize(("begins", "seen", "gateways", "known"), CASES.values(), ids=CASES)
def test_what_is_known_of_its_use(begins, seen, gateways, known):
    assert use_of(begins, seen, gateways, NOW) == known


def test_a_clock_that_is_ahead():
    assert clipped(NOW + timedelta(days=1), NOW) == NOW
    assert clipped(BEGUN, NOW) == BEGUN


def test_names_of_gateways():
    assert check_gateway_name("edge-1.example") == "edge-1.example"
    for bad in ("", "x" * 41, "edge 1", "ä", 'a"b'):
        with pytest.raises(GatewayRefused, match="1 to 40"):
            check_gateway_name(bad)
