"""Suggested renewal window, and calls for early replacement.

The window is never too early and never late, and flat over a wave of renewals. The tests also check which certificates
may be called for early replacement.
"""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.renewal_info import (
    EarlyReplacementError,
    EarlyReplacementFacts,
    EarlyReplacementNotice,
    Explanation,
    RenewalInfoInput,
    SuggestedWindow,
    check_notice,
    check_over,
    check_reason,
    default_renewal_start,
    in_proportion,
    is_eligible,
    renewal_window,
    suggested_window,
)
from sinetti.domain.values import RENEWAL_WINDOW, Language, ValidityPeriod
from tests.domain.facts import LIVES_AND_WINDOWS, NOW, ONE_DAY, ONE_SECOND
from tests.support import golden

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SERIALS = st.binary(min_size=1, max_size=20).map(bytes.hex)
LIVES = st.timedeltas(HOUR, 5000 * ONE_DAY).map(lambda one: timedelta(seconds=int(one.total_seconds())))
ANY_LIVES = st.integers(0, 5000 * 86_400).map(lambda seconds: timedelta(seconds=seconds))


def facts(serial="41", life=730 * ONE_DAY, **changes):
    span = ValidityPeriod(NOW, NOW + life)
    return replace(RenewalInfoInput(serial, span, default_renewal_start(span)), **changes)


def called(one, after, over, notice=None):
    """Return the certificate with a notice of early replacement.

    The notice begins `after` the certificate's beginning and lasts `over`.
    """
    begins = one.span.not_before + after
    opens = min(one.renewable_from, begins)
    return replace(
        one, renewable_from=opens, called=EarlyReplacementNotice(begins, begins + over, notice or Explanation())
    )


@pytest.mark.parametrize(("life", "window"), LIVES_AND_WINDOWS.values(), ids=LIVES_AND_WINDOWS)
def test_by_the_rule(life, window):
    span = ValidityPeriod(NOW, NOW + life)
    assert renewal_window(span) == window
    assert default_renewal_start(span) == span.not_after - window


@given(ANY_LIVES, ANY_LIVES)
def test_the_window_is_short_enough_and_grows_with_the_life(life, other):
    shorter, longer = sorted((life, other))
    window, wider = (renewal_window(ValidityPeriod(NOW, NOW + one)) for one in (shorter, longer))
    part = shorter / (2 if shorter < 10 * ONE_DAY else 3)
    assert window <= part
    assert part - window < ONE_SECOND or window == RENEWAL_WINDOW
    assert window.microseconds == 0
    if (shorter < 10 * ONE_DAY) is (longer < 10 * ONE_DAY):
        assert window <= wider <= RENEWAL_WINDOW


def test_an_end_before_the_beginning_has_no_window():
    assert renewal_window(ValidityPeriod(NOW, NOW - ONE_DAY)) == timedelta()


@given(ANY_LIVES)
def test_a_new_certificate_is_never_open_at_once(life):
    assert default_renewal_start(ValidityPeriod(NOW, NOW + life)) >= NOW + life / 2


def test_times_for_the_usual_window_shrink_with_it():
    assert in_proportion(14 * ONE_DAY, ValidityPeriod(NOW, NOW + 730 * ONE_DAY)) == 14 * ONE_DAY
    assert in_proportion(14 * ONE_DAY, ValidityPeriod(NOW, NOW + 90 * ONE_DAY)) == 7 * ONE_DAY


@given(SERIALS, LIVES)
def test_the_window_lies_in_the_first_half_of_the_time_for_renewing(serial, life):
    one = facts(serial, life)
    window = suggested_window(one)
    assert one.renewable_from <= window.start < window.end
    assert window.end <= one.span.not_after - (one.span.not_after - one.renewable_from) / 2
    assert window == suggested_window(one), "whoever asks, however often"
    assert window.start.microsecond == window.end.microsecond == 0


@given(SERIALS, LIVES, st.floats(0, 0.999), st.timedeltas(MINUTE, 30 * ONE_DAY))
def test_a_call_brings_the_window_forward_and_never_back(serial, life, share, over):
    one = facts(serial, life)
    after = timedelta(seconds=int(life.total_seconds() * share))
    early = called(one, after, timedelta(seconds=int(over.total_seconds())))
    window = suggested_window(early)
    assert early.renewable_from <= window.start < window.end
    assert window.start <= suggested_window(one).start
    begins = one.span.not_before + after
    left = one.span.not_after - begins
    if left > MINUTE:
        assert window.end <= max(one.span.not_after - left / 2, suggested_window(one).end)
    if window != suggested_window(one):
        assert window.end <= max(early.called.ends, begins + ONE_SECOND)


def test_a_wave_is_flat():
    """A thousand certificates end in the same second.

    No day of thirty has more than twice its share.
    """
    days = Counter((suggested_window(facts(f"{number:038x}")).start - NOW).days for number in range(1000))
    assert set(days) == set(range(670, 699))
    assert max(days.values()) < 2 * 1000 / 29
    assert min(days.values()) > 1000 / 29 / 3


def test_a_call_is_flat_over_its_span():
    windows = [
        suggested_window(called(facts(f"{number:038x}"), 100 * ONE_DAY, timedelta(minutes=10)))
        for number in range(1000)
    ]
    begins = NOW + 100 * ONE_DAY
    minutes = Counter((one.start - begins) // MINUTE for one in windows)
    assert set(minutes) <= set(range(9))
    assert max(minutes.values()) < 200
    assert all(one.end <= begins + timedelta(minutes=10) for one in windows)
    assert {one.end - one.start for one in windows} == {timedelta(seconds=75)}


def test_whoever_is_late_already_is_not_put_off_by_a_call():
    one = facts()
    usual = suggested_window(one)
    assert suggested_window(called(one, 729 * ONE_DAY, ONE_DAY)) == usual


def test_an_undone_call_leaves_the_window_of_the_rule():
    one = facts()
    assert suggested_window(replace(one, renewable_from=NOW + ONE_DAY)) == suggested_window(one)


def test_the_shortest_life_has_a_window_of_a_second():
    one = facts(life=timedelta(0))
    assert suggested_window(one) == SuggestedWindow(NOW, NOW + ONE_SECOND)


def test_of_a_revoked_certificate_the_window_has_passed():
    gone = facts(revoked_at=NOW + HOUR, called=EarlyReplacementNotice(NOW, NOW + HOUR))
    assert suggested_window(gone) == SuggestedWindow(NOW, NOW + HOUR - ONE_SECOND)


LIVE = EarlyReplacementFacts(CertificateState.RETRIEVED, NOW + ONE_DAY, revoked=False, renewed=False, called=False)
CALLABLE = {
    "fetched and in force": (LIVE, True),
    "issued, and nobody has fetched it yet": (replace(LIVE, state=CertificateState.ISSUED), True),
    "in its last second": (replace(LIVE, not_after=NOW), True),
    "ended": (replace(LIVE, not_after=NOW - ONE_SECOND), False),
    "not issued yet": (replace(LIVE, state=CertificateState.RESERVED), False),
    "given up": (replace(LIVE, state=CertificateState.SUPERSEDED), False),
    "revoked": (replace(LIVE, revoked=True), False),
    "renewed already": (replace(LIVE, renewed=True), False),
    "called before": (replace(LIVE, called=True), False),
}


@pytest.mark.parametrize(("one", "expected"), CALLABLE.values(), ids=CALLABLE)
def test_may_be_called(one, expected):
    assert is_eligible(one, NOW) is expected


@pytest.mark.parametrize("over", [timedelta(seconds=59), timedelta(days=30, seconds=1)])
def test_a_span_that_is_too_short_or_too_long(over):
    with pytest.raises(EarlyReplacementError, match="to 30 days"):
        check_over(over)


def test_a_span_is_whole_seconds():
    assert check_over(timedelta(minutes=1, microseconds=5)) == MINUTE


def test_a_reason_is_given():
    assert check_reason(" incident 7 ") == "incident 7"
    attempts = {repr(text): partial(check_reason, text) for text in ("", "x" * 201, "two\nlines")}
    golden.check("sentences/early-replacement/reasons", {"en.txt": golden.refusals(attempts, EarlyReplacementError)})


ALL = {Language.FI: "a", Language.SV: " b ", Language.EN: "c"}
UNACCEPTABLE = {
    "two languages": Explanation({Language.FI: "a", Language.SV: "b"}),
    "an empty one": Explanation({**ALL, Language.EN: " "}),
    "too long": Explanation({**ALL, Language.EN: "x" * 401}),
    "plain http": Explanation(None, "http://customer.example/"),
    "a long address": Explanation(None, "https://" + "x" * 200),
    "letters of others": Explanation(None, "https://ä.example/"),
    "a blank": Explanation(None, "https://a.example/ b"),
    "a line end": Explanation(None, "https://a.example/\n"),
}


@pytest.mark.parametrize("notice", UNACCEPTABLE.values(), ids=UNACCEPTABLE)
def test_an_unacceptable_notice(notice):
    with pytest.raises(EarlyReplacementError):
        check_notice(notice)


def test_told():
    assert check_notice(Explanation()) == Explanation()
    notice = check_notice(Explanation(ALL, "https://service.example/incident"))
    assert notice.explanation == {Language.FI: "a", Language.SV: "b", Language.EN: "c"}
