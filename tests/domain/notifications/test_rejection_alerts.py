"""Refused again and again: what people are told of."""

import pytest

from sinetti.domain.notifications.rejection_alerts import counts
from sinetti.domain.refusals import Reason

SILENT = {
    "a program that asks every day until the window opens": Reason.TOO_EARLY,
    "it will be ready in a moment": Reason.NOT_READY,
    "we are away": Reason.UNAVAILABLE,
    "too fast": Reason.TOO_MANY_REQUESTS,
    "our own fault": Reason.INTERNAL,
}


@pytest.mark.parametrize("reason", SILENT.values(), ids=SILENT)
def test_what_passes_by_itself_is_not_told(reason):
    assert not counts(reason)


def test_everything_else_is():
    assert {reason for reason in Reason if not counts(reason)} == set(SILENT.values())
