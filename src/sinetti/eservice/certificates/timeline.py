"""Timeline of a certificate as a picture, and as a list with the same content.

The list is for readers who do not see the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sinetti.domain.certificates.display_status import percent_left
from sinetti.domain.usage import UsageState
from sinetti.eservice.ui.components import (
    Component,
    DescriptionItem,
    DescriptionList,
    Disclosure,
    Timeline,
    TimelinePoint,
)
from sinetti.i18n.translate import _, format_datetime, format_time, gettext_noop
from sinetti.services.self_service.certificates import OneCertificate

_NOW, _IN_WORDS = gettext_noop("Now"), gettext_noop("Timeline as text")
_ORDERED, _OPENED, _ISSUED, _FETCHED = (
    gettext_noop("Ordered"),
    gettext_noop("Transfer IDs opened"),
    gettext_noop("Issued"),
    gettext_noop("Retrieved"),
)
_SEEN, _TAKEN, _OPENS, _OPENED_RENEWAL = (
    gettext_noop("Last seen in use"),
    gettext_noop("New certificate retrieved"),
    gettext_noop("Renewal opens"),
    gettext_noop("Renewal opened"),
)
_LET_END, _REVOKED, _ENDS, _ENDED = (
    gettext_noop("Reminders turned off"),
    gettext_noop("Revoked"),
    gettext_noop("Expires"),
    gettext_noop("Expired"),
)

# Outlines around (0, 0): a disc for past events, a ring for future ones, a pointer for now, a square for the end.
_ROUND = "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0Z"
_SQUARE = "M-6 -6H6V6H-6Z"
_CROSS = "M-6 -6L6 6M6 -6L-6 6"
_POINTER = "M-10 -7L4 0L-10 7Z"
_TOP, _STEP, _WIDTH, _HUNDRED = 44, 46, 312, 100


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """Past or future event of a certificate."""

    at: datetime
    what: str
    mark: str = _ROUND
    kind: str = "event"


def events(one: OneCertificate, now: datetime) -> list[TimelineEvent]:
    """Return all events, earliest first, with `now` among them."""
    seen, facts = one.seen, one.seen.facts
    over = facts.revoked_at
    candidates = [
        (seen.ordered_at, _ORDERED, _ROUND, "event"),
        (seen.opened_at, _OPENED, _ROUND, "event"),
        (seen.issued_at, _ISSUED, _ROUND, "event"),
        (facts.fetched_at, _FETCHED, _ROUND, "event"),
        (one.use.since if one.use.use is UsageState.SEEN else None, _SEEN, _ROUND, "event"),
        (facts.renewal_opt_out_at, _LET_END, _ROUND, "event"),
        (facts.taken_at, _TAKEN, _ROUND, "event"),
        (over, _REVOKED, _CROSS, "end"),
        (facts.span.not_after, _ENDED if now > facts.span.not_after else _ENDS, _SQUARE, "end"),
    ]
    if over is None or facts.renewable_from <= over:
        opened = _OPENED_RENEWAL if now >= facts.renewable_from else _OPENS
        candidates.append((facts.renewable_from, opened, _ROUND, "event"))
    found = [TimelineEvent(at, what, outline, kind) for at, what, outline, kind in candidates if at is not None]
    found.append(TimelineEvent(now, _NOW, _POINTER, "now"))
    # Within one second, past events come before now, and the last second of validity after it.
    return sorted(found, key=lambda event: (event.at, event.kind == "now", event.kind == "end"))


def blocks(one: OneCertificate, now: datetime) -> Sequence[Component]:
    """Return the picture and the list of its texts."""
    timeline_events = events(one, now)
    place = next(number for number, event in enumerate(timeline_events) if event.kind == "now")
    points = [_point(event, number, number <= place) for number, event in enumerate(timeline_events)]
    values = [DescriptionItem(_(event.what), format_datetime(event.at)) for event in timeline_events]
    picture = Timeline(
        points,
        height=_TOP + _STEP * len(points),
        now_y=_TOP + _STEP * place,
        top=_TOP,
        bottom=_TOP + _STEP * (len(points) - 1),
        share=_WIDTH * (_HUNDRED - percent_left(one.seen.facts.span, now)) // _HUNDRED,
        width=_WIDTH,
    )
    return [picture, Disclosure(_(_IN_WORDS), [DescriptionList(values)])]


def _point(event: TimelineEvent, number: int, past: bool) -> TimelinePoint:  # noqa: FBT001 - one caller
    y = _TOP + _STEP * number
    what = _(event.what)
    # Without the zone, which the list below names: English dates with the zone would not fit.
    return TimelinePoint(event.mark, past, event.kind, what, format_time(event.at), y, y - 2, y + 15)
