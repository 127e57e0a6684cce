"""Translation: dates in Finnish time, filled values, and missing catalogues.

Without compiled catalogues the error is clear.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.domain.organisations.applications import ApplicationState
from sinetti.domain.values import RENEWAL_WINDOW, Language
from sinetti.i18n import translate
from sinetti.i18n.staff_labels import STATES
from sinetti.i18n.translate import (
    CatalogueMissingError,
    _,
    activated,
    active_language,
    finnish_day,
    format_date,
    format_date_range,
    format_datetime,
    format_datetime_long,
    format_month,
    format_time,
    format_weekday,
    gettext_noop,
    ngettext,
    number,
    placeholders,
    translate_plural,
)
from sinetti.i18n.translate import translate as text
from sinetti.notifications.templates import digests

ENDS = datetime(2027, 5, 2, 11, 3, tzinfo=UTC)

INSTANTS = {
    "an end in summer time": (ENDS, "2.5.2027 klo 14.03", "2.5.2027 kl. 14.03", "2 May 2027 at 14:03"),
    "its opening 60 days of 24 hours before, in winter time": (
        ENDS - RENEWAL_WINDOW,
        "3.3.2027 klo 13.03",
        "3.3.2027 kl. 13.03",
        "3 March 2027 at 13:03",
    ),
    "a leap day": (
        datetime(2028, 2, 29, 9, 5, tzinfo=UTC),
        "29.2.2028 klo 11.05",
        "29.2.2028 kl. 11.05",
        "29 February 2028 at 11:05",
    ),
    "60 days before the end of April in a leap year": (
        datetime(2028, 4, 29, 8, 5, tzinfo=UTC) - RENEWAL_WINDOW,
        "29.2.2028 klo 10.05",
        "29.2.2028 kl. 10.05",
        "29 February 2028 at 10:05",
    ),
    "an evening in UTC is the next day in Finland": (
        datetime(2027, 12, 31, 22, 0, tzinfo=UTC),
        "1.1.2028 klo 0.00",
        "1.1.2028 kl. 0.00",
        "1 January 2028 at 0:00",
    ),
    "the last second before summer time": (
        datetime(2027, 3, 28, 0, 59, 59, tzinfo=UTC),
        "28.3.2027 klo 2.59",
        "28.3.2027 kl. 2.59",
        "28 March 2027 at 2:59",
    ),
    "the first second of summer time": (
        datetime(2027, 3, 28, 1, 0, tzinfo=UTC),
        "28.3.2027 klo 4.00",
        "28.3.2027 kl. 4.00",
        "28 March 2027 at 4:00",
    ),
    "the hour that comes twice": (
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
        "31.10.2027 klo 3.30",
        "31.10.2027 kl. 3.30",
        "31 October 2027 at 3:30",
    ),
    "the end that says that there is none, which no Finnish clock shows (RFC 5280, 4.1.2.5)": (
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        "31.12.9999 klo 23.59",
        "31.12.9999 kl. 23.59",
        "31 December 9999 at 23:59",
    ),
}


@pytest.mark.parametrize(("at", "finnish", "swedish", "english"), INSTANTS.values(), ids=INSTANTS)
def test_dates_on_a_finnish_clock(at, finnish, swedish, english):
    assert format_datetime(at, Language.FI) == finnish
    assert format_datetime(at, Language.SV) == swedish
    assert format_datetime(at, Language.EN) == f"{english} (Finnish time)"
    assert format_time(at, Language.EN) == english


def test_with_the_day_of_the_week_and_the_hour():
    assert format_datetime_long(ENDS, Language.FI) == "sunnuntaina 2.5.2027 klo 14.03"
    assert format_datetime_long(ENDS, Language.SV) == "söndagen den 2 maj 2027 kl. 14.03"
    assert format_datetime_long(ENDS, Language.EN) == "Sunday 2 May 2027 at 14:03 (Finnish time)"


def test_the_day_is_finlands():
    assert finnish_day(datetime(2027, 12, 31, 21, 59, 59, tzinfo=UTC)) == date(2027, 12, 31)
    assert finnish_day(datetime(2027, 12, 31, 22, tzinfo=UTC)) == date(2028, 1, 1)


ON = {
    "a Monday in January": (
        date(2027, 1, 4),
        "maanantaina 4.1.2027",
        "måndagen den 4 januari 2027",
        "Monday 4 January 2027",
    ),
    "a Tuesday in February": (
        date(2028, 2, 29),
        "tiistaina 29.2.2028",
        "tisdagen den 29 februari 2028",
        "Tuesday 29 February 2028",
    ),
    "a Wednesday": (date(2027, 3, 3), "keskiviikkona 3.3.2027", "onsdagen den 3 mars 2027", "Wednesday 3 March 2027"),
    "a Thursday": (date(2027, 6, 24), "torstaina 24.6.2027", "torsdagen den 24 juni 2027", "Thursday 24 June 2027"),
    "a Friday": (date(2027, 4, 30), "perjantaina 30.4.2027", "fredagen den 30 april 2027", "Friday 30 April 2027"),
    "a Saturday": (date(2027, 8, 7), "lauantaina 7.8.2027", "lördagen den 7 augusti 2027", "Saturday 7 August 2027"),
    "a Sunday": (date(2027, 12, 5), "sunnuntaina 5.12.2027", "söndagen den 5 december 2027", "Sunday 5 December 2027"),
}


@pytest.mark.parametrize(("one", "finnish", "swedish", "english"), ON.values(), ids=ON)
def test_dates_with_the_day_of_the_week(one, finnish, swedish, english):
    assert (format_weekday(one, Language.FI), format_weekday(one, Language.SV), format_weekday(one, Language.EN)) == (
        finnish,
        swedish,
        english,
    )


def test_a_month():
    named = [format_month(date(2027, 6, 1), language) for language in (Language.FI, Language.SV, Language.EN)]
    assert named == ["6/2027", "juni 2027", "June 2027"]


DAYS = {
    "within a year": (
        date(2027, 3, 3),
        date(2027, 4, 30),
        "3.3.–30.4.2027",
        "3.3–30.4.2027",
        "3 March to 30 April 2027",
    ),
    "over its end": (
        date(2027, 12, 1),
        date(2028, 1, 28),
        "1.12.2027–28.1.2028",
        "1.12.2027–28.1.2028",
        "1 December 2027 to 28 January 2028",
    ),
    "one day": (date(2027, 4, 30), date(2027, 4, 30), "30.4.2027", "30.4.2027", "30 April 2027"),
}


@pytest.mark.parametrize(("first", "last", "finnish", "swedish", "english"), DAYS.values(), ids=DAYS)
def test_ranges_of_dates(first, last, finnish, swedish, english):
    told = tuple(format_date_range(first, last, language) for language in Language)
    assert told == (finnish, swedish, english)
    assert all(format_date(last, language) in one for language, one in zip(Language, told, strict=True))


@given(st.datetimes(datetime(2020, 1, 1), datetime(2120, 1, 1)), st.sampled_from(Language))
def test_every_instant_fits_in_36_characters(moment, language):
    assert len(format_datetime(moment.replace(tzinfo=UTC), language)) <= len(
        "30 September 2027 at 13:59 (Finnish time)"
    )


@given(st.datetimes(datetime(2020, 1, 1), datetime(2120, 1, 1)))
def test_the_minute_is_the_one_of_utc(moment):
    """Finland's zone differs from UTC by whole hours."""
    moment = moment.replace(tzinfo=UTC)
    assert format_time(moment, Language.FI).endswith(f".{moment.minute:02}")


def test_the_zone_of_the_value_does_not_matter():
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only here

    assert format_datetime(ENDS.astimezone(ZoneInfo("America/New_York")), Language.FI) == format_datetime(
        ENDS, Language.FI
    )


def test_a_message_without_translation_is_given_in_english():
    assert text("{count} certificates of nobody", Language.FI, count=3) == "3 certificates of nobody"


def test_a_value_with_braces_stays_as_it_is():
    assert text("{name}", Language.EN, name="{opens}") == "{opens}"


def test_a_placeholder_without_value_is_an_error():
    with pytest.raises(KeyError, match="name"):
        text("{name}", Language.EN)


def test_placeholders_are_named():
    assert placeholders("From {opens} to {ended}, {opens}") == {"opens", "ended"}
    assert placeholders("Nothing here") == frozenset()


def test_mark_changes_nothing():
    assert gettext_noop("a message") == "a message"


def test_where_nothing_is_compiled_the_error_says_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr(translate.resources, "files", lambda _package: tmp_path)
    translate._catalogue.cache_clear()  # the function keeps the catalogue that it has read
    try:
        with pytest.raises(CatalogueMissingError, match="make texts"):
            text("a message", Language.SV)
    finally:
        translate._catalogue.cache_clear()  # and must not keep this catalogue


def test_the_window_opens_an_hour_earlier_by_the_clock_when_summer_time_lies_between():
    assert timedelta(days=60) == RENEWAL_WINDOW
    assert format_datetime(ENDS, Language.FI).endswith("14.03")
    assert format_datetime(ENDS - RENEWAL_WINDOW, Language.FI).endswith("13.03")


NUMBERS = {
    "small": (7, "7", "7"),
    "a thousand": (1000, "1\N{NO-BREAK SPACE}000", "1,000"),
    "millions": (1234567, "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567", "1,234,567"),
}


@pytest.mark.parametrize(("count", "finnish", "english"), NUMBERS.values(), ids=NUMBERS)
def test_numbers(count, finnish, english):
    assert [number(count, one) for one in (Language.FI, Language.SV, Language.EN)] == [finnish, finnish, english]


def test_a_count_in_a_text_is_written_as_its_language_writes_numbers():
    read = [text("{done} of {count}", one, done=1500, count=12000) for one in Language]
    assert read == ["1\u00a0500 / 12\u00a0000", "1\u00a0500 av 12\u00a0000", "1,500 of 12,000"]


def test_an_application_is_refused_in_the_words_of_its_decision():
    told = [text(STATES[ApplicationState.REFUSED], one) for one in Language]
    assert told == ["hylätty", "avslagen", "refused by decision"], "in Swedish not avvisad: examined, and refused"


COUNTED = {
    "none": (0, "And 0 more that need no action."),
    "one": (1, "And 1 more that needs no action."),
    "many": (2000, "And 2,000 more that need no action."),
}


@pytest.mark.parametrize(("count", "told"), COUNTED.values(), ids=COUNTED)
def test_a_text_has_the_form_of_its_count(count, told):
    assert translate_plural(*digests.MORE, count, Language.EN) == told


def test_texts_and_dates_follow_the_active_language():
    assert active_language() is Language.EN
    with activated(lambda: Language.FI):
        assert _("Finnish") == text("Finnish", Language.FI)
        assert ngettext("{count} certificate", "{count} certificates", 2) == translate_plural(
            "{count} certificate", "{count} certificates", 2, Language.FI
        )
        assert (format_datetime(ENDS), number(1000)) == ("2.5.2027 klo 14.03", "1\u00a0000")
        assert format_datetime(ENDS, Language.SV) == "2.5.2027 kl. 14.03", "a language that is passed comes first"
        with activated(lambda: Language.SV):
            assert active_language() is Language.SV
        assert active_language() is Language.FI
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(active_language).result() is Language.EN, "of this thread alone"
    assert active_language() is Language.EN


def test_the_active_language_is_looked_up_at_its_first_use():
    def fail():
        raise AssertionError

    with activated(fail):
        pass
