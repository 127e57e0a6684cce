"""Alerts about repeated rejections."""

import pytest

from sinetti.domain.notifications.messages import triggers_alert
from sinetti.domain.refusals import RejectionReason

SILENT = {
    "a program that asks every day until the window opens": RejectionReason.TOO_EARLY,
    "it will be ready in a moment": RejectionReason.NOT_READY,
    "we are away": RejectionReason.UNAVAILABLE,
    "too fast": RejectionReason.TOO_MANY_REQUESTS,
    "our own fault": RejectionReason.INTERNAL,
}


@pytest.mark.parametrize("reason", SILENT.values(), ids=SILENT)
def test_what_passes_by_itself_is_not_told(reason):
    assert not triggers_alert(reason)


def test_everything_else_is():
    assert {reason for reason in RejectionReason if not triggers_alert(reason)} == set(SILENT.values())
