"""The channels by which a call for early replacement reaches people."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.notifications.early_replacement import (
    ASKED_LATELY,
    NOTED_EVERY,
    CallAudience,
    CallReach,
    CallStage,
    PhoneCall,
    call_stage,
    channel_to,
    count_reached,
    has_program,
    list_copies,
    list_phone_calls,
    list_recipients,
    needs_record,
    next_repetition,
    parse_product,
    reach_curve,
)
from sinetti.domain.notifications.messages import MessageChannel

NOW = datetime(2027, 3, 2, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


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


def test_without_a_provider_of_text_messages_people_are_called_by_phone():
    certificates = [CallAudience(False, (BOUNCED,), "A Oy", "1"), CallAudience(True, (BOUNCED,), "B Oy", "2")]
    reach = count_reached(certificates, has_sms=False)
    assert reach == CallReach(program=1, unreached=1, telephone=1, people_unreached=1)
    assert list_phone_calls(certificates) == ()
    assert list_phone_calls(certificates, has_sms=False) == (PhoneCall(BOUNCED, "A Oy", "1", 1),)


def test_each_person_without_a_channel_is_called_once():
    certificates = [CallAudience(False, (STOPPED, NO_WAY), "A Oy", "1"), CallAudience(False, (STOPPED,), "B Oy", "2")]
    assert list_phone_calls(certificates) == (
        PhoneCall(STOPPED, "B Oy", "2", 2),
        PhoneCall(NO_WAY, "A Oy", "1", 1),
    )
    assert list_phone_calls([CallAudience(False, (STOPPED, MAIL))]) == (), "another person is reached"


def test_a_program_asks_on_for_a_day_and_is_noted_every_few_hours():
    assert not has_program(None, NOW)
    assert has_program(NOW, NOW)
    assert not has_program(NOW - ASKED_LATELY, NOW)
    assert needs_record(None, NOW)
    assert needs_record(NOW - NOTED_EVERY, NOW)
    assert not needs_record(NOW, NOW)
    assert needs_record(NOW - SECOND, NOW, NOW), "the first request since a call"
    assert not needs_record(NOW, NOW, NOW)


ENDS = NOW + timedelta(days=4)
STAGES = {
    "at once": (NOW, CallStage.FIRST),
    "before the middle": (NOW + timedelta(days=2) - SECOND, CallStage.FIRST),
    "from the middle": (NOW + timedelta(days=2), CallStage.WIDER),
    "before the last quarter": (ENDS - timedelta(days=1) - SECOND, CallStage.WIDER),
    "from the last quarter": (ENDS - timedelta(days=1), CallStage.TEXTED),
    "afterwards": (ENDS + timedelta(days=9), CallStage.TEXTED),
}


@pytest.mark.parametrize(("now", "expected"), STAGES.values(), ids=STAGES)
def test_a_call_grows(now, expected):
    assert call_stage(NOW, ENDS, now) is expected


REPETITIONS = {
    "of the morning: the next morning": ("2027-03-02T06:00:00Z", "2027-03-03T06:00:00Z"),
    "of the night: the next day": ("2027-03-02T01:00:00Z", "2027-03-03T06:00:00Z"),
    "of the evening: twelve hours are kept": ("2027-03-02T18:00:01Z", "2027-03-04T06:00:00Z"),
    "on a Sunday too": ("2027-03-06T10:00:00Z", "2027-03-07T06:00:00Z"),
    "in summer": ("2027-07-06T10:00:00Z", "2027-07-07T05:00:00Z"),
}


@pytest.mark.parametrize(("last", "expected"), REPETITIONS.values(), ids=REPETITIONS)
def test_messages_are_repeated_in_the_morning(last, expected):
    assert next_repetition(datetime.fromisoformat(last)) == datetime.fromisoformat(expected)


def test_the_last_stage_adds_text_messages_once_for_each_number():
    people = (MAIL, replace(AGAIN, address="z@b.example", phone="+358401234567", textable=True), BOUNCED, SAME_PHONE)
    first, last = list_copies(people, CallStage.WIDER), list_copies(people, CallStage.TEXTED)
    assert [(one.person_id, channel.value) for one, channel in first] == [("1", "email"), ("2", "email"), ("3", "sms")]
    assert [(one.person_id, channel.value) for one, channel in last[3:]] == [("1", "sms")]
    assert list_copies([replace(MAIL, textable=False)], CallStage.TEXTED)[1:] == ()
    assert list_copies([STOPPED, NO_WAY], CallStage.TEXTED) == ()


PRODUCTS = {
    "with a version": ("sinetti/1.2.0", "sinetti/1.2.0"),
    "the first of several": ("Payroll/7 (Windows; host-17) curl/8", "Payroll/7"),
    "without a version": ("certbot", "certbot"),
    "none": ("", ""),
    "no token": ("(a comment)", ""),
    "a name of a person": ("Åke", ""),
    "too long": ("x" * 41, ""),
    "a long version": ("x/" + "1" * 24, ""),
}


@pytest.mark.parametrize(("header", "expected"), PRODUCTS.values(), ids=PRODUCTS)
def test_the_product_of_a_program(header, expected):
    assert parse_product(header) == expected


def test_times_to_shares():
    at = [NOW + timedelta(minutes=minutes) for minutes in (9, 1, 2, 3, 4, 5, 6, 7, 8)]
    curve = reach_curve(10, at, NOW)
    assert (curve.reached, curve.percent, curve.half, curve.nine_tenths) == (9, 90.0, *(m * MINUTE for m in (5, 9)))
    curve = reach_curve(10, at[:5], NOW)
    assert (curve.half, curve.nine_tenths) == (9 * MINUTE, None)
    assert reach_curve(3000, [NOW] * 2999, NOW).percent == 99.9, "100 means all"
    assert (reach_curve(0, [], NOW).percent, reach_curve(0, [], NOW).half) == (0.0, None)
