"""Renewal window: tables at fixed instants, and properties around day −60."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.client.renewal_window import ValidityPhase, opening_message, phase, renewal_opens_at, retry_delay
from sinetti.domain.values import ValidityPeriod
from tests.domain.facts import LIVES_AND_WINDOWS

START = datetime(2025, 5, 2, 11, 3, tzinfo=UTC)
END = datetime(2027, 5, 2, 11, 3, tzinfo=UTC)
OPENS = datetime(2027, 3, 3, 11, 3, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SPAN = ValidityPeriod(START, END)

PHASES = {
    "the first second": (SPAN, START, ValidityPhase.VALID),
    "one second before renewal opens": (SPAN, OPENS - SECOND, ValidityPhase.VALID),
    "the second renewal opens": (SPAN, OPENS, ValidityPhase.RENEWAL_OPEN),
    "the last valid second": (SPAN, END, ValidityPhase.RENEWAL_OPEN),
    "one second after the end": (SPAN, END + SECOND, ValidityPhase.EXPIRED),
    "before its first second it counts as valid": (SPAN, START - SECOND, ValidityPhase.VALID),
    "a certificate of 47 days is valid on its first day": (
        ValidityPeriod(START, START + timedelta(days=47)),
        START,
        ValidityPhase.VALID,
    ),
}


@pytest.mark.parametrize(("span", "now", "expected"), PHASES.values(), ids=PHASES)
def test_phase(span, now, expected):
    assert phase(span, now) is expected


OPENINGS = {
    "summer time lies between": (datetime(2027, 5, 2, 11, 3, tzinfo=UTC), datetime(2027, 3, 3, 11, 3, tzinfo=UTC)),
    "a leap day lies between": (datetime(2028, 4, 1, tzinfo=UTC), datetime(2028, 2, 1, tzinfo=UTC)),
    "the year turns": (datetime(2027, 1, 15, tzinfo=UTC), datetime(2026, 11, 16, tzinfo=UTC)),
}


@pytest.mark.parametrize(("end", "opens"), OPENINGS.values(), ids=OPENINGS)
def test_renewal_opens_sixty_days_of_24_hours_before_the_end(end, opens):
    assert renewal_opens_at(ValidityPeriod(end - timedelta(days=730), end)) == opens


@pytest.mark.parametrize(("life", "window"), LIVES_AND_WINDOWS.values(), ids=LIVES_AND_WINDOWS)
def test_the_client_opens_at_the_instant_of_the_authority(life, window):
    assert renewal_opens_at(ValidityPeriod(START, START + life)) == START + life - window


@pytest.mark.parametrize(("days", "often"), [(7, "hourly"), (29, "hourly"), (30, "daily"), (730, "daily")])
def test_a_life_under_thirty_days_needs_an_hourly_pass(days, often):
    message = opening_message(ValidityPeriod(START, START + timedelta(days=days)))
    assert f"“sinetti run” {often}" in message.text


ENDS = st.datetimes(datetime(2025, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)
OFFSETS = st.integers(-5_000_000, 400_000_000)


@given(ENDS, OFFSETS)
def test_the_phase_follows_the_distance_to_the_end(end, before):
    now = end - timedelta(seconds=before)
    expected = (
        ValidityPhase.EXPIRED
        if before < 0
        else ValidityPhase.RENEWAL_OPEN
        if before <= 60 * 86_400
        else ValidityPhase.VALID
    )
    assert phase(ValidityPeriod(end - timedelta(days=730), end), now) is expected


@given(ENDS, st.integers(-3, 3))
def test_around_the_opening_one_second_decides(end, offset):
    span = ValidityPeriod(end - timedelta(days=730), end)
    now = renewal_opens_at(span) + timedelta(seconds=offset)
    assert (phase(span, now) is ValidityPhase.RENEWAL_OPEN) is (offset >= 0)


PAUSES = {
    "the first pause is short": (0, 0.0, 300.0, 1.0),
    "pauses grow": (5, 20.0, 300.0, 13.0),
    "but not for ever": (99, 20.0, 300.0, 30.0),
    "the last one ends with the patience": (99, 290.0, 300.0, 10.0),
    "patience is used up": (3, 300.0, 300.0, None),
    "no patience at all": (0, 0.0, 0.0, None),
}


ASKED_FOR = {
    "less than would be waited": (3, 0.0, 1, 5.0),
    "more than would be waited": (0, 0.0, 60, 60.0),
    "all the patience that is left": (0, 200.0, 100, 100.0),
    "more than is left of it": (0, 201.0, 100, None),
}


@pytest.mark.parametrize(("attempt", "waited", "asked", "expected"), ASKED_FOR.values(), ids=ASKED_FOR)
def test_nobody_asks_before_the_service_wants_it(attempt, waited, asked, expected):
    assert retry_delay(attempt, waited, 300.0, timedelta(seconds=asked)) == expected


@pytest.mark.parametrize(("attempt", "waited", "wait", "expected"), PAUSES.values(), ids=PAUSES)
def test_pause(attempt, waited, wait, expected):
    assert retry_delay(attempt, waited, wait) == expected
