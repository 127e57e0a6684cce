"""Reminders: the step that is due, its instant, and the end of reminders.

The ladder has 60, 30, 14, 7, 3 and 1 days and the end.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.domain.business_days import end_of_business, finnish_date, is_business_hours, is_workday, start_of_business
from sinetti.domain.certificates.display_status import CertificateProgress
from sinetti.domain.certificates.renewal_info import default_renewal_start, renewal_window
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.notifications.reminders import (
    ReminderCheck,
    ReminderSchedule,
    SuppressionReason,
    due_step,
    is_texted,
    is_wider,
    jitter_days,
    kind_for_step,
    latest_due_index,
    send_time,
    send_times,
    step_name,
    step_of,
)
from sinetti.domain.values import ValidityPeriod

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
STEPS = tuple(days * DAY for days in (60, 30, 14, 7, 3, 1, 0))
OFF = frozenset(
    {date(2027, 1, 1), date(2027, 1, 6), date(2027, 3, 26), date(2027, 3, 29), date(2027, 5, 6), date(2027, 6, 25)}
    | {date(2027, 12, 6), date(2027, 12, 24)}
)


def off(day):
    return day in OFF


LADDER = ReminderSchedule(STEPS, off)


def utc(month, day, hour=0, minute=0, second=0):
    return datetime(2027, month, day, hour, minute, second, tzinfo=UTC)


def ending(at):
    return ValidityPeriod(at - 730 * DAY, at)


LEAVES = {
    # of a certificate that ends …                           … this many days before, the first step and a later one
    "Wednesday at noon: at its instant": (utc(6, 16, 9), 30, utc(5, 17, 9), utc(5, 17, 9)),
    "at eight to the second": (utc(6, 16, 5), 30, utc(5, 17, 5), utc(5, 17, 5)),
    "at 16:00 to the second": (utc(6, 16, 13), 30, utc(5, 17, 13), utc(5, 17, 13)),
    "early in the morning: at eight": (utc(6, 16, 1), 30, utc(5, 17, 5), utc(5, 17, 5)),
    "evening: the first next day, later ones at 16:00": (utc(6, 16, 13, 0, 1), 30, utc(5, 18, 5), utc(5, 17, 13)),
    "Friday evening: the first on Monday": (utc(6, 13, 15), 30, utc(5, 17, 5), utc(5, 14, 13)),
    "Saturday: the first on Monday, a later one on Friday": (utc(6, 14, 9), 30, utc(5, 17, 5), utc(5, 14, 5)),
    "Sunday, early: alike": (utc(6, 15, 1), 30, utc(5, 17, 5), utc(5, 14, 5)),
    "Easter, and clocks move in between": (utc(4, 27, 9), 30, utc(3, 30, 5), utc(3, 25, 6)),
    "at 13:03 in winter for an end at 14:03 in summer": (utc(5, 3, 11, 3), 60, utc(3, 4, 11, 3), utc(3, 4, 11, 3)),
    "the end on a Sunday: told on Friday": (utc(5, 2, 11, 3), 0, utc(5, 3, 5), utc(4, 30, 5)),
}  # fmt: skip


@pytest.mark.parametrize(("ends", "days", "first", "later"), LEAVES.values(), ids=LEAVES)
def test_when_a_step_leaves(ends, days, first, later):
    assert send_time(ends, days * DAY, first=True, day_off=off) == first
    assert send_time(ends, days * DAY, first=False, day_off=off) == later


ENDS = utc(5, 2, 11, 3)
"""A Sunday, 14:03 in Finland."""
SPAN = ending(ENDS)
WHOLE = {
    60: utc(3, 3, 11, 3),
    30: utc(4, 2, 11, 3),
    14: utc(4, 16, 5),  # the day is a Sunday
    7: utc(4, 23, 5),
    3: utc(4, 29, 11, 3),
    1: utc(4, 30, 5),  # the day is a Saturday …
    0: utc(4, 30, 5),  # … and the end a Sunday: a reminder of the end leaves at the same hour
}


def test_a_whole_ladder():
    assert send_times(LADDER, SPAN) == tuple((days * DAY, at) for days, at in WHOLE.items())


SHORT = {
    "a year": (365, STEPS),
    "180 days": (180, STEPS),
    "a second less than 180 days": (180 - 1 / 86400, STEPS[2:]),
    "90 days": (90, STEPS[2:]),
    "47 days": (47, STEPS[3:]),
    "30 days": (30, STEPS[4:]),
    "10 days": (10, STEPS[5:]),
    "7 days": (7, STEPS[5:]),
    "4 days": (4, STEPS[5:]),
    "a second less than 4 days": (4 - 1 / 86400, STEPS[6:]),
    "a day": (1, STEPS[6:]),
}


@pytest.mark.parametrize(("days", "steps"), SHORT.values(), ids=SHORT)
def test_steps_in_the_first_half_of_the_window_are_left_out_of_short_lives(days, steps):
    wednesday = utc(6, 16, 9)
    assert tuple(step for step, _ in send_times(LADDER, ValidityPeriod(wednesday - days * DAY, wednesday))) == steps


def test_a_step_before_a_certificate_began_is_left_out():
    assert [
        step for step, _ in send_times(ReminderSchedule((365 * DAY, DAY), off), ValidityPeriod(ENDS - 365 * DAY, ENDS))
    ] == [DAY]


def test_of_47_days_nothing_is_sent_on_the_first_day_and_nothing_before_renewal_opens():
    span = ValidityPeriod(ENDS - 47 * DAY, ENDS)
    times = send_times(LADDER, span)
    assert due_step(LADDER, span, span.not_before, None) == ReminderCheck(again=times[0][1])
    assert all(at >= default_renewal_start(span) for _, at in times)


MOVED = {
    "Monday at noon: the end alone, in the morning": (utc(5, 3, 9), 7, 0, utc(5, 3, 5)),
    "a second after eight on Monday: at eight": (utc(5, 3, 5, 0, 1), 4, 0, utc(5, 3, 5)),
    "a Sunday, and Friday is in the first half": (utc(4, 25, 6), 47, 7, utc(4, 19, 5)),
    "a Sunday, and Friday is in the second half": (utc(4, 25, 6), 90, 7, utc(4, 16, 5)),
    "7 days, until Sunday: on Monday": (utc(4, 25, 9), 7, 0, utc(4, 26, 5)),
    "3 days, until Saturday: on Monday": (utc(4, 24, 9), 3, 0, utc(4, 26, 5)),
    "a day, until late in the evening: in the morning after": (utc(4, 21, 20, 30), 1, 0, utc(4, 22, 5)),
    "Monday of Easter, and renewal opened on Saturday": (utc(3, 29, 6), 4, 0, utc(3, 30, 5)),
    "the same in a life of ten days, open since Friday": (utc(3, 29, 6), 10, 0, utc(3, 30, 5)),
    "the same in a life of 21 days, whose second half began on Thursday at nine": (utc(3, 29, 6), 21, 0, utc(3, 30, 5)),
    "the same in a life of 30 days, whose second half began on Wednesday": (utc(3, 29, 6), 30, 0, utc(3, 25, 6)),
    "a day: at its end": (utc(4, 21, 9), 1, 0, utc(4, 21, 9)),
    "a day, until the evening: at 16:00": (utc(4, 21, 18), 1, 0, utc(4, 21, 13)),
    "a day, until the night: in the morning after": (utc(4, 21, 1), 1, 0, utc(4, 21, 5)),
    "a day, until Saturday: on Monday": (utc(4, 24, 6), 1, 0, utc(4, 26, 5)),
    "7 days, until Saturday: on Friday": (utc(4, 24, 6), 7, 0, utc(4, 23, 5)),
}


@pytest.mark.parametrize(("ends", "life", "days", "at"), MOVED.values(), ids=MOVED)
def test_where_the_working_day_before_is_too_early_a_step_leaves_on_the_next(ends, life, days, at):
    assert dict(send_times(LADDER, ValidityPeriod(ends - life * DAY, ends)))[days * DAY] == at


def test_a_life_shorter_than_every_step():
    ladder = ReminderSchedule((30 * DAY,), off)
    assert due_step(ladder, ValidityPeriod(ENDS - 20 * DAY, ENDS), ENDS - 10 * DAY, None) == ReminderCheck()


RECIPIENTS = {
    # life: the first step with the wider audience, and the first by SMS
    "two years": (730, 14, 7),
    "90 days": (90, 7, 3),
    "47 days": (47, 3, 1),
    "7 days": (7, 0, 0),
    "a day": (1, 0, 0),
}


@pytest.mark.parametrize(("life", "wider", "texted"), RECIPIENTS.values(), ids=RECIPIENTS)
def test_the_audience_grows_in_proportion_to_the_life(life, wider, texted):
    span = ValidityPeriod(ENDS - life * DAY, ENDS)
    assert max(step for step in STEPS if is_wider(step, span)) == wider * DAY
    assert max(step for step in STEPS if is_texted(step, span)) == texted * DAY


@given(st.integers(86_400, 180 * 86_400 - 1), st.datetimes(datetime(2027, 1, 2), datetime(2027, 12, 1)))
def test_a_short_life_has_no_two_reminders_in_a_day_and_none_in_the_first_half(life, ends):
    ends = ends.replace(microsecond=0, tzinfo=UTC)
    span = ValidityPeriod(ends - life * SECOND, ends)
    times = send_times(LADDER, span)
    assert times
    assert all(at >= ends - renewal_window(span) / 2 for _, at in times)
    sent = planned(span, sorted({at for _, at in times} | {span.not_before}))
    days = [finnish_date(at) for _, _, at in sent]
    assert len(days) == len(set(days))


SPREAD = {
    "not at all": (0, utc(3, 3, 11, 3)),
    "by two working days": (2, utc(3, 5, 11, 3)),
    "over a weekend": (4, utc(3, 9, 11, 3)),
    "over Easter, when clocks move": (18, utc(3, 31, 10, 3)),
    "by more than there are before the second step": (40, utc(4, 1, 10, 3)),
}


@pytest.mark.parametrize(("days", "first"), SPREAD.values(), ids=SPREAD)
def test_a_wave_moves_the_first_step_alone(days, first):
    times = send_times(LADDER, SPAN, days)
    assert times[0] == (60 * DAY, first)
    assert times[1:] == send_times(LADDER, SPAN)[1:]


def test_a_wave_never_comes_past_the_next_step():
    close = ReminderSchedule((60 * DAY, 60 * DAY - timedelta(hours=2)), off)
    assert send_times(close, SPAN, 3) == send_times(close, SPAN)
    alone = ReminderSchedule((2 * DAY,), off)
    assert send_times(alone, ending(utc(5, 20, 9)), 9) == ((2 * DAY, utc(5, 19, 9)),), "nor past the end"


def test_a_wave_does_not_move_what_has_no_first_step():
    short = ValidityPeriod(ENDS - 40 * DAY, ENDS)
    assert send_times(LADDER, short, 4) == send_times(LADDER, short)


def test_the_spread_of_a_lineage_is_always_the_same_and_about_even():
    spreads = [jitter_days(f"holding-{number}", 5) for number in range(1000)]
    assert spreads[:3] == [jitter_days(f"holding-{number}", 5) for number in range(3)]
    assert set(spreads) == {0, 1, 2, 3, 4}
    assert all(150 < spreads.count(days) < 250 for days in range(5))
    assert jitter_days("holding", 0) == jitter_days("holding", 1) == 0


FRIDAY = utc(4, 30, 5)
MONDAY = utc(5, 3, 5)
DUE = {
    # now                                          since                     step, due, again
    "before the first step": (utc(3, 3, 11, 2), None, ReminderCheck(again=WHOLE[60])),
    "the second of the first step": (WHOLE[60], WHOLE[60], ReminderCheck(60 * DAY, WHOLE[60], WHOLE[30])),
    "some minutes late": (
        WHOLE[60] + 300 * SECOND,
        WHOLE[60],
        ReminderCheck(60 * DAY, WHOLE[60] + 300 * SECOND, WHOLE[30]),
    ),
    "in the evening after missed hours": (utc(3, 3, 16), WHOLE[60], ReminderCheck(60 * DAY, utc(3, 4, 6), WHOLE[30])),
    "three steps missed: the latest alone": (
        utc(4, 29, 12),
        WHOLE[30],
        ReminderCheck(3 * DAY, utc(4, 29, 12), WHOLE[1]),
    ),
    "never looked at, twenty days before": (utc(4, 12, 9), None, ReminderCheck(30 * DAY, utc(4, 12, 9), WHOLE[14])),
    "the night before a step: that step, in the morning": (utc(4, 30, 1), WHOLE[3], ReminderCheck(timedelta(), FRIDAY)),
    "the last working day": (FRIDAY, FRIDAY, ReminderCheck(timedelta(), FRIDAY)),
    "the end itself was missed": (utc(5, 2, 12), FRIDAY, ReminderCheck(timedelta(), MONDAY)),
    "never looked at, ended within a day": (ENDS + DAY, None, ReminderCheck(timedelta(), ENDS + DAY)),
    "never looked at, ended a day ago and more": (ENDS + DAY + SECOND, None, ReminderCheck()),
    "looked at before, ended a week ago": (ENDS + 7 * DAY, FRIDAY, ReminderCheck(timedelta(), utc(5, 10, 5))),
    "looked at before, ended longer ago": (ENDS + 7 * DAY + SECOND, FRIDAY, ReminderCheck()),
}


@pytest.mark.parametrize(("now", "since", "expected"), DUE.values(), ids=DUE)
def test_what_is_due(now, since, expected):
    assert due_step(LADDER, SPAN, now, since) == expected


def test_a_step_that_leaves_before_the_one_before_it():
    """The certificate ends on Monday at noon.

    The step of one day leaves on Friday at eight; that of three days was due at noon.
    """
    span = ending(utc(5, 10, 9))
    look = due_step(LADDER, span, utc(5, 7, 5), utc(5, 7, 5))
    assert look == ReminderCheck(DAY, utc(5, 7, 5), utc(5, 10, 9)), "nothing is told at noon any more"


def test_latest_passed():
    times = send_times(LADDER, SPAN)
    assert latest_due_index(times, WHOLE[60] - SECOND) == -1
    assert latest_due_index(times, WHOLE[60]) == 0
    assert latest_due_index(times, ENDS) == 6


NO_LADDERS = {
    "none": (),
    "the shorter one first": (DAY, 2 * DAY),
    "one twice": (DAY, DAY),
    "after the end": (DAY, -DAY),
}


@pytest.mark.parametrize("steps", NO_LADDERS.values(), ids=NO_LADDERS)
def test_what_is_no_ladder(steps):
    with pytest.raises(ValueError, match="each shorter"):
        ReminderSchedule(steps, off)


@pytest.mark.parametrize("step", [*STEPS, timedelta(hours=12)])
def test_names_of_steps(step):
    assert step_of(step_name(step)) == step
    assert step_name(60 * DAY) == "60"


FETCHED = utc(3, 20)
NEW = CertificateProgress(SPAN, fetched=FETCHED)
NOW = utc(4, 18)
KINDS = {
    "nothing became of it": (CertificateProgress(SPAN), 60, MessageKind.REMINDER),
    "at the end": (CertificateProgress(SPAN), 0, MessageKind.REMINDER),
    "revoked": (CertificateProgress(SPAN, revoked=True), 30, SuppressionReason.REVOKED),
    "let end": (CertificateProgress(SPAN, let_end=True), 30, SuppressionReason.LET_END),
    "its organisation is closed": (CertificateProgress(SPAN, closed=True), 30, SuppressionReason.CLOSED),
    "the new one was fetched": (NEW, 30, SuppressionReason.FETCHED),
    "seen only before the new one was fetched": (replace(NEW, seen=FETCHED), 14, SuppressionReason.FETCHED),
    "seen a second after": (replace(NEW, seen=FETCHED + SECOND), 14, MessageKind.TAKE_INTO_USE),
    "seen after, but a month is left": (replace(NEW, seen=FETCHED + SECOND), 30, SuppressionReason.FETCHED),
    "the new one was seen before it": (
        replace(NEW, seen=utc(3, 21), new_seen=utc(3, 20, 12)), 14, MessageKind.TAKE_INTO_USE),
    "the new one was seen later, and the old one not for long": (
        replace(NEW, seen=utc(3, 21), new_seen=utc(3, 22)), 14, SuppressionReason.FETCHED),
    "both are used, the old one lately": (
        replace(NEW, seen=NOW - 7 * DAY, new_seen=NOW), 14, MessageKind.TAKE_INTO_USE),
    "revoked, and used": (replace(NEW, seen=NOW, revoked=True), 7, SuppressionReason.REVOKED),
    "let end, and used": (replace(NEW, seen=NOW, let_end=True), 7, SuppressionReason.LET_END),
}  # fmt: skip


@pytest.mark.parametrize(("course", "days", "expected"), KINDS.values(), ids=KINDS)
def test_what_a_step_tells(course, days, expected):
    assert kind_for_step(course, days * DAY, NOW) is expected


# Events of planning: missed nights, restarts, two nodes. A schedule has the instants of the planning runs.

ANY_END = st.datetimes(datetime(2027, 3, 1), datetime(2028, 2, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)
PAUSES = st.lists(
    st.one_of(
        st.integers(1, 86_400), st.integers(86_400, 10 * 86_400), st.sampled_from([300, 3600, 86_400, 20 * 86_400])
    ),
    max_size=60,
).map(lambda seconds: [timedelta(seconds=one) for one in seconds])


def planned(span, instants, spread=0):
    """Plan at these instants, and return the planned steps.

    Each has its step, the instant of planning and the instant at which it is due.
    """
    since, sent, over = None, [], False
    for now in instants:
        waits = span.not_after - STEPS[0] > now if since is None else since > now
        if over or waits:
            continue
        look = due_step(LADDER, span, now, since, spread)
        since, over = look.again, look.again is None
        if look.step is not None:
            sent.append((look.step, now, look.due))
    return sent


@given(ANY_END, st.integers(-5, 65), PAUSES, st.integers(0, 4))
def test_each_step_once_whoever_plans_when(ends, begins, pauses, spread):
    span, now = ending(ends), ends - begins * DAY
    instants = [now := now + pause for pause in pauses]
    sent = planned(span, instants, spread)
    steps = [step for step, _, _ in sent]
    assert steps == sorted(set(steps), reverse=True), "each once, and none after a later one"
    dues = [at for _, _, at in sent]
    assert dues == sorted(set(dues)), "never two at once"
    for step, looked, at in sent:
        assert is_business_hours(at, off)
        assert at == looked or not is_business_hours(looked, off)
        assert step != STEPS[0] or at >= ends - step, "renewal is open"
    # A second run, or a parallel one, finds the instant of the next look moved on and plans nothing.
    assert planned(span, [instant for instant in instants for _ in range(2)], spread) == sent


@given(ANY_END, st.integers(0, 4))
def test_planned_at_each_instant_nothing_is_late(ends, spread):
    span = ending(ends)
    instants = sorted({at for _, at in send_times(LADDER, span, spread)} | {ends - STEPS[0]})
    sent = planned(span, instants, spread)
    assert [step for step, _, _ in sent][:3] == list(STEPS[:3]), (
        "of the others two may fall on one morning before days off"
    )
    assert sent[-1][0] == STEPS[-1]
    for step, _, at in sent[1:]:
        instant = ends - step
        morning = start_of_business(finnish_date(instant))
        assert at <= max(instant, morning)
        assert at <= end_of_business(finnish_date(instant))
        if is_workday(finnish_date(instant), off):
            assert finnish_date(at) == finnish_date(instant), "on the very day"
    assert (sent[0][2] - (ends - STEPS[0])) <= timedelta(days=6 + (12 if spread else 0))


@given(ANY_END, PAUSES)
def test_a_pause_of_any_length_loses_nothing_but_what_a_later_step_tells(ends, pauses):
    """The last planning run sends the latest step, if the end is not long ago."""
    span, now = ending(ends), ends - 61 * DAY
    instants = [now := now + pause for pause in pauses]
    sent = planned(span, instants)
    passed = [step for step, at in send_times(LADDER, span) if at <= now]
    if passed and now <= ends + DAY:
        assert sent[-1][0] <= passed[-1]
