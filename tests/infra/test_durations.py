"""Durations of ISO 8601: the bench, the gateway and the hierarchy read them alike."""

from datetime import timedelta

import pytest

from sinetti.infra.durations import has_years, parse_duration

GOOD = {
    "P59DT1H": timedelta(days=59, hours=1),
    "P8W": timedelta(weeks=8),
    "P1W1D": timedelta(days=8),
    "PT24H": timedelta(hours=24),
    "PT90M": timedelta(minutes=90),
    "P1DT1H1M1S": timedelta(days=1, hours=1, minutes=1, seconds=1),
    "-PT1H": -timedelta(hours=1),
    "PT0S": timedelta(),
}


@pytest.mark.parametrize(("text", "length"), GOOD.items(), ids=GOOD)
def test_a_duration(text, length):
    assert parse_duration(text) == length


BAD = ["", "P", "PT", "P1DT", "1D", "P1H", "PT1D", "P1.5D", "P1Y", "P1M", "p1d", "P 1D", "P1D ", "P٣D", f"P{'1' * 40}D"]


@pytest.mark.parametrize("text", BAD)
def test_no_duration(text):
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_a_length_that_no_program_counts():
    with pytest.raises(OverflowError):
        parse_duration("P9999999999D")


YEARS = {"P2Y": True, "P6M": True, "-P1Y2M": True, "PT6M": False, "P7D": False, "two years": False, "": False}


@pytest.mark.parametrize(("text", "years"), YEARS.items(), ids=YEARS)
def test_years_and_months(text, years):
    assert has_years(text) is years
