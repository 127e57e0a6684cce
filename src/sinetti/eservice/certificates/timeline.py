"""Timeline of a certificate, as a picture and as a list of its events.

The picture is in proportion to time. It has the certificates before and after it, too. Screen readers read the list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse

from sinetti.domain.certificates.listing import LineageMember
from sinetti.domain.usage import UsageState
from sinetti.domain.values import ValidityPeriod
from sinetti.eservice.ui.components import Component, DescriptionItem, DescriptionList, Disclosure
from sinetti.eservice.ui.lifeline import Lane, Lifeline, Mark, Stretch
from sinetti.i18n.translate import _, finnish_day, format_date, format_date_range, format_datetime, gettext_noop
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

_THIS, _EARLIER, _LATER, _VALID_FROM = (
    gettext_noop("This certificate"),
    gettext_noop("Previous certificate"),
    gettext_noop("Next certificate"),
    gettext_noop("Valid from"),
)
_KEY = (
    ("elapsed", gettext_noop("Elapsed")),
    ("window", gettext_noop("Can be renewed")),
    ("now", gettext_noop("Today")),
)

_MOST_OTHERS = 2
"""Certificates before and after this one that are in the picture."""
_NARROW, _LETTER, _ROW, _FIRST_ROW = 340, 9, 38, 42
"""Pixels: width for which labels are placed, and sizes of a label.

They are the width of a letter, the height of a row of labels, and the place of the first row.
"""
_HUNDRED, _EDGE = 100, 25


@dataclass(frozen=True)
class TimelineEvent:
    """Past or future event of a certificate."""

    at: datetime
    what: str
    kind: str = "event"


def events(certificate: OneCertificate, now: datetime) -> list[TimelineEvent]:
    """Return all events, earliest first, with `now` among them."""
    seen, facts = certificate.seen, certificate.seen.facts
    over = facts.revoked_at
    candidates = [
        (seen.ordered_at, _ORDERED, "event"),
        (seen.opened_at, _OPENED, "event"),
        (seen.issued_at, _ISSUED, "event"),
        (facts.fetched_at, _FETCHED, "event"),
        (certificate.use.since if certificate.use.use is UsageState.SEEN else None, _SEEN, "event"),
        (facts.renewal_opt_out_at, _LET_END, "event"),
        (facts.taken_at, _TAKEN, "event"),
        (over, _REVOKED, "end"),
        (facts.span.not_after, _ENDED if now > facts.span.not_after else _ENDS, "end"),
    ]
    if over is None or facts.renewable_from <= over:
        opened = _OPENED_RENEWAL if now >= facts.renewable_from else _OPENS
        candidates.append((facts.renewable_from, opened, "event"))
    timeline_events = [TimelineEvent(at, what, kind) for at, what, kind in candidates if at is not None]
    timeline_events.append(TimelineEvent(now, _NOW, "now"))
    # Within one second, past events come before now, and the last second of validity after it.
    return sorted(timeline_events, key=lambda event: (event.at, event.kind == "now", event.kind == "end"))


def blocks(certificate: OneCertificate, now: datetime) -> Sequence[Component]:
    """Return the picture and the list of all events."""
    values = [DescriptionItem(_(event.what), format_datetime(event.at)) for event in events(certificate, now)]
    return [lifeline(certificate, now), Disclosure(_(_IN_WORDS), [DescriptionList(values)])]


def lifeline(certificate: OneCertificate, now: datetime) -> Lifeline:
    """Return the lives of the certificate and of its neighbours on one scale."""
    seen = certificate.seen
    earlier, later = seen.earlier[:_MOST_OTHERS][::-1], seen.later[-_MOST_OTHERS:][::-1]
    spans = [seen.facts.span, *(other.facts.span for other in (*earlier, *later))]
    scale = _Scale(min(span.not_before for span in spans), max(now, *(span.not_after for span in spans)))
    lanes = [
        *(_other(other, _EARLIER, scale, now) for other in earlier),
        _own(certificate, scale, now),
        *(_other(other, _LATER, scale, now) for other in later),
    ]
    return Lifeline(lanes, scale.at(now), [(kind, _(name)) for kind, name in _KEY])


@dataclass(frozen=True)
class _Scale:
    """Time of the picture from its left to its right edge."""

    begin: datetime
    end: datetime

    def per_cent(self, at: datetime) -> float:
        """Return the place of an instant in per cent of the width."""
        part = (at - self.begin) / max(self.end - self.begin, timedelta(seconds=1))
        return min(max(part, 0), 1) * _HUNDRED

    def at(self, at: datetime) -> str:
        """Return the place of an instant as SVG writes it."""
        return f"{self.per_cent(at):.2f}%"

    def stretch(self, kind: str, begin: datetime, end: datetime) -> Stretch:
        """Return the part of a bar between two instants."""
        return Stretch(kind, self.at(begin), f"{max(self.per_cent(end) - self.per_cent(begin), 0):.2f}%")


def _other(other: LineageMember, name: str, scale: _Scale, now: datetime) -> Lane:
    span, end = other.facts.span, other.facts.revoked_at or other.facts.span.not_after
    stretches = [scale.stretch("life", span.not_before, span.not_after), _elapsed(span, end, scale, now)]
    return Lane(_(name), _days(span), stretches, reverse("certificate", args=[other.serial]))


def _own(certificate: OneCertificate, scale: _Scale, now: datetime) -> Lane:
    facts = certificate.seen.facts
    span, over = facts.span, facts.revoked_at
    stretches = [scale.stretch("life", span.not_before, span.not_after)]
    labels = [(span.not_before, _VALID_FROM, "event")]
    if over is None or facts.renewable_from <= over:
        stretches.append(scale.stretch("window", facts.renewable_from, span.not_after))
        labels.append((facts.renewable_from, _OPENED_RENEWAL if now >= facts.renewable_from else _OPENS, "event"))
    if over is not None:
        labels.append((over, _REVOKED, "end"))
    labels.append((span.not_after, _ENDED if now > span.not_after else _ENDS, "end"))
    stretches.append(_elapsed(span, over or span.not_after, scale, now))
    marks, height = _marks(labels, scale)
    return Lane(_(_THIS), _days(span), stretches, marks=marks, height=height)


def _elapsed(span: ValidityPeriod, end: datetime, scale: _Scale, now: datetime) -> Stretch:
    return scale.stretch("elapsed", span.not_before, min(now, end))


def _days(span: ValidityPeriod) -> str:
    return format_date_range(finnish_day(span.not_before), finnish_day(span.not_after))


def _marks(labels: Sequence[tuple[datetime, str, str]], scale: _Scale) -> tuple[list[Mark], int]:
    """Place labels in rows in which none touches another on a narrow screen.

    Returns them and the height of the picture.
    """
    rows: list[list[tuple[float, float]]] = []
    marks = []
    for at, text, kind in labels:
        what, when, place = _(text), format_date(finnish_day(at)), scale.per_cent(at)
        anchor = "start" if place < _EDGE else "end" if place > _HUNDRED - _EDGE else "middle"
        width = max(len(what), len(when)) * _LETTER
        left = place * _NARROW / _HUNDRED - {"start": 0, "middle": width / 2, "end": width}[anchor]
        free = (row for row in rows if all(left > end or left + width < begin for begin, end in row))
        row = next(free, None)
        if row is None:
            rows.append(row := [])
        row.append((left, left + width))
        marks.append(Mark(f"{place:.2f}%", _FIRST_ROW + _ROW * rows.index(row), anchor, what, when, kind))
    return marks, _FIRST_ROW + _ROW * len(rows) - 14
