"""Which returned mail says that an address does not work: the table of docs/returns.md, and what else comes back."""

import pytest

from sinetti.domain.notifications.bounces import Told, Verdict, alarm, judge
from tests.house.tree import DOCS, rows

PAGE = {cells[0].strip("`"): cells[1] for cells in rows(DOCS / "returns.md", "status")}


@pytest.mark.parametrize(("status", "says"), PAGE.items(), ids=PAGE)
def test_the_page_has_what_is_judged(status, says):
    assert judge([Told("failed", status)], automatic=True) == Verdict(says)


def test_the_page_has_both():
    assert set(PAGE.values()) == {"hard", "soft"}


CASES = {
    "failed, and spaces and comments around it": (
        [Told(" Failed ", " 5.1.1 (bad destination mailbox address)")],
        False,
        Verdict.HARD,
    ),
    "delayed, though the status is for good": ([Told("delayed", "5.1.1")], False, Verdict.SOFT),
    "delivered after all": ([Told("delivered", "2.0.0")], False, Verdict.OTHER),
    "relayed on": ([Told("relayed", "2.0.0")], True, Verdict.OTHER),
    "one of two failed": ([Told("delivered", "2.1.5"), Told("failed", "5.1.1")], False, Verdict.HARD),
    "failed without a status": ([Told("failed", "")], False, Verdict.SOFT),
    "failed with what is no status": ([Told("failed", "five")], False, Verdict.SOFT),
    "a status with a number too long": ([Told("failed", "5.1.1000")], False, Verdict.SOFT),
    "an absence note": ([], True, Verdict.AUTOMATIC),
    "a person answers": ([], False, Verdict.OTHER),
}


@pytest.mark.parametrize(("told", "automatic", "verdict"), CASES.values(), ids=CASES)
def test_judge(told, automatic, verdict):
    assert judge(told, automatic=automatic) is verdict


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
