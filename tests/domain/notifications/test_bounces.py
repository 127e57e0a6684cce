"""Returned mail that shows an address to be dead: the table of docs/operators/bounces.md.

The tests also cover other mail that comes back.
"""

import pytest

from sinetti.domain.notifications.bounces import BounceType, DeliveryStatus, alarm, classify
from tests.house.tree import DOCS, rows

PAGE = {cells[0].strip("`"): cells[1] for cells in rows(DOCS / "operators" / "bounces.md", "status")}


@pytest.mark.parametrize(("status", "says"), PAGE.items(), ids=PAGE)
def test_the_page_has_what_is_judged(status, says):
    assert classify([DeliveryStatus("failed", status)], automatic=True) == BounceType(says)


def test_the_page_has_both():
    assert set(PAGE.values()) == {"hard", "soft"}


CASES = {
    "failed, and spaces and comments around it": (
        [DeliveryStatus(" Failed ", " 5.1.1 (bad destination mailbox address)")],
        False,
        BounceType.HARD,
    ),
    "delayed, though the status is for good": ([DeliveryStatus("delayed", "5.1.1")], False, BounceType.SOFT),
    "delivered after all": ([DeliveryStatus("delivered", "2.0.0")], False, BounceType.OTHER),
    "relayed on": ([DeliveryStatus("relayed", "2.0.0")], True, BounceType.OTHER),
    "one of two failed": (
        [DeliveryStatus("delivered", "2.1.5"), DeliveryStatus("failed", "5.1.1")],
        False,
        BounceType.HARD,
    ),
    "failed without a status": ([DeliveryStatus("failed", "")], False, BounceType.SOFT),
    "failed with what is no status": ([DeliveryStatus("failed", "five")], False, BounceType.SOFT),
    "a status with a number too long": ([DeliveryStatus("failed", "5.1.1000")], False, BounceType.SOFT),
    "an absence note": ([], True, BounceType.AUTOMATIC),
    "a person answers": ([], False, BounceType.OTHER),
}


@pytest.mark.parametrize(("told", "automatic", "verdict"), CASES.values(), ids=CASES)
def test_judge(told, automatic, verdict):
    assert classify(told, automatic=automatic) is verdict


ALARMS = {
    "nothing was sent": (0, 0, False),
    "all of very few": (9, 9, False),
    "a twentieth": (200, 10, False),
    "more than a twentieth": (199, 10, True),
    "what was sent before comes back now": (0, 10, True),
}


@pytest.mark.parametrize(("sent", "returned", "told"), ALARMS.values(), ids=ALARMS)
def test_alarm(sent, returned, told):
    sentence = alarm(sent, returned)
    assert (sentence is not None) == told
    assert sentence is None or sentence.startswith(f"{returned} of {sent} e-mails")
