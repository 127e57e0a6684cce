"""The channels by which a call for early replacement reaches people."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from sinetti.domain.notifications.early_replacement import (
    ASKED_LATELY,
    NOTED_EVERY,
    CallAudience,
    CallReach,
    channel_to,
    count_reached,
    has_program,
    list_recipients,
    needs_record,
)
from sinetti.domain.notifications.messages import MessageChannel

NOW = datetime(2027, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class FakePerson:
    """A person as messages see them."""

    person_id: str
    address: str = ""
    phone: str = ""
    mailable: bool = False
    textable: bool = False
    stopped: bool = False


MAIL = FakePerson("1", "a@b.example", "+358 40 1234567", mailable=True, textable=True)
AGAIN = FakePerson("2", "a@b.example", "", mailable=True)
BOUNCED = FakePerson("3", "c@b.example", "040 765 4321", textable=True)
SAME_PHONE = FakePerson("4", "d@b.example", "+358 40 7654321", textable=True)
ODD_PHONE = FakePerson("5", "e@b.example", "1", textable=True)
STOPPED = FakePerson("6", "f@b.example", "+358 40 1", textable=True, stopped=True)
NO_WAY = FakePerson("7")

CHANNELS = {
    "mail first": (MAIL, MessageChannel.EMAIL),
    "the phone where mail fails": (BOUNCED, MessageChannel.SMS),
    "no more mail is no text message either": (STOPPED, None),
    "neither address nor number": (NO_WAY, None),
}


@pytest.mark.parametrize(("one", "expected"), CHANNELS.values(), ids=CHANNELS)
def test_how_a_person_is_reached(one, expected):
    assert channel_to(one) is expected


def test_one_message_to_an_address_and_to_a_number():
    found = list_recipients([MAIL, AGAIN, BOUNCED, SAME_PHONE, ODD_PHONE, STOPPED, NO_WAY])
    assert [one.person_id for one in found.values()] == ["1", "3", "5", "6", "7"]


COUNTS = {
    "none": ([], CallReach()),
    "by program alone": ([CallAudience(True, ())], CallReach(program=1)),
    "by program and by mail": ([CallAudience(True, (MAIL,))], CallReach(program=1, email=1, emails=1)),
    "one person for many": (
        [CallAudience(False, (MAIL,)), CallAudience(False, (AGAIN,))],
        CallReach(email=2, emails=1),
    ),
    "by text message": ([CallAudience(False, (BOUNCED, STOPPED))], CallReach(sms=1, texts=1, people_unreached=1)),
    "by no way": (
        [CallAudience(False, (STOPPED,)), CallAudience(False, ())],
        CallReach(unreached=2, telephone=1, people_unreached=1),
    ),
}


@pytest.mark.parametrize(("certificates", "expected"), COUNTS.values(), ids=COUNTS)
def test_whom_a_call_reaches(certificates, expected):
    assert count_reached(certificates) == expected


def test_a_program_asks_on_for_two_days_and_is_noted_once_a_day():
    assert not has_program(None, NOW)
    assert has_program(NOW, NOW)
    assert not has_program(NOW - ASKED_LATELY, NOW)
    assert needs_record(None, NOW)
    assert needs_record(NOW - NOTED_EVERY, NOW)
    assert not needs_record(NOW, NOW)
