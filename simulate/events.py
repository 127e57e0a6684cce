"""Model of messages about single events, and of digests.

It knows who must be informed, once, and until when.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from simulate.days import OPENS, finnish, in_hours, last_working, next_working, universal, works
from simulate.model import Model, Sent, people, stopped
from simulate.nodes import OPERATOR
from simulate.world import Act, Deed, Life, Organisation, Person

_DAY = timedelta(days=1)
_NEAR, _CLOSE, _STAYS = 60 * _DAY, 7 * _DAY, 14 * _DAY
_NOTIFIED_WITHIN = 7 * _DAY
"""Age from which an event causes no more messages, after a pause of everything."""


@dataclass(slots=True)
class Events:
    """Judges the messages about each event."""

    model: Model

    def judge(self, life: Life, sent: list[Sent]) -> None:
        """Compare the messages about a certificate's events with those that were due."""
        notified = {
            Act.FETCH: ("fetched", ("contact",)),
            Act.RENEW: ("renewed", ("contact", "deputy", "signatory")),
            Act.REVOKE: ("revoked", ("contact", "deputy", "signatory", "organisation")),
            Act.CHANGE_CONTACT: ("contact-changed", ("contact",)),
        }
        for act, (kind, roles) in notified.items():
            ones = [one for one in sent if one.kind == kind]
            deeds = [deed for deed in life.deeds if deed.act is act]
            may = {person.email for person in _concerned(life, roles)}
            for one in [one for one in ones if one.left]:
                self.model.verdict.count(f"{kind} by email", "sent")
                if one.to not in may or not any(deed.at <= one.at for deed in deeds):
                    self.model.verdict.is_wrong(f"{kind}: sent although it was not due", f"{life.serial}: {one}")
            again = [to for to, count in Counter(one.to for one in ones if one.left).items() if count > 1]
            if again:
                self.model.verdict.is_wrong(f"{kind}: left twice", f"{life.serial}: {again}")
            for deed in deeds:
                self._must(life, deed, kind, [one for one in _concerned(life, roles) if _is_now(life, deed, one)], ones)

    def _must(self, life: Life, deed: Deed, kind: str, to: list[Person], ones: list[Sent]) -> None:
        for person in to:
            got = next((one for one in ones if one.to == person.email), None)
            by = self.model.played.sure(deed.at, office_hours=False, more=2 * (got.tries if got else 0))
            # Another person may have been named meanwhile, and an address may have been found not to work.
            moved = by and any(other.to and deed.at <= other.at <= by and other is not deed for other in life.deeds)
            if (
                by is None
                or by > deed.at + _NOTIFIED_WITHIN
                or moved
                or self.model.gone.get(person.email, by + _DAY) <= by
            ):
                continue
            self.model.verdict.count(f"{kind} by email", "had to")
            if got is None or not got.left:
                self.model.verdict.is_wrong(f"{kind}: never left", f"{life.serial} {person.email}, {deed} by {by}")
            elif got.at > by:
                self.model.verdict.is_wrong(f"{kind}: left late", f"{life.serial} {got}, {deed} by {by}")


def judge_bounces(model: Model, lives: Iterable[Life], sent: dict[str, list[Sent]]) -> None:
    """Check that each address that does not work was reported.

    The recipient must be a person who can name another contact.
    """
    of = {person.email: (life, since, until) for life in lives for person, _, since, until in people(life)}
    for ones in sent.values():
        for one in ones:
            model.verdict.count("bounced by email", "sent" if one.left else "tried")
    for address, since in model.gone.items():
        life, _, until = of[address]
        organisation = life.organisation
        notified = organisation.signatories or ((organisation.contact,) if organisation.contact else ())
        by = model.played.sure(since, office_hours=False, more=2)
        if by is None or until <= by:
            continue
        for to in [person.email for person in notified] or [OPERATOR]:
            model.verdict.count("bounced by email", "had to")
            if not any(since <= one.at <= by for one in sent.get(to, []) if one.left):
                model.verdict.is_wrong("bounced: never left", f"{address} since {since} to {to} by {by}")


def _concerned(life: Life, roles: tuple[str, ...]) -> list[Person]:
    """Return every person who had one of these roles at any time."""
    organisation, found = life.organisation, [life.contact, *(deed.to for deed in life.deeds if deed.to)]
    if "deputy" in roles and life.deputy:
        found.append(life.deputy)
    if "signatory" in roles:
        found += organisation.signatories
    if "organisation" in roles and organisation.contact:
        found.append(organisation.contact)
    return found


def _is_now(life: Life, deed: Deed, person: Person) -> bool:
    """Return True if a person had their role at the instant of an action.

    After a change of contact, both contacts are informed.
    """
    spans = [(since, until) for one, _, since, until in people(life) if one is person]
    return any(since <= deed.at <= until for since, until in spans)


@dataclass(slots=True)
class Digests:
    """Judges digests.

    There is one each week, on its first working day, and one each day while an end is close.
    """

    model: Model
    clients: dict[int, list[Life]] = field(default_factory=lambda: defaultdict(list))

    def judge(self, lives: Iterable[Life], sent: dict[str, list[Sent]], days: list[date]) -> None:
        """Compare the digests sent to each firm with those that were due.

        `sent` is by address. `days` are all days of the play.
        """
        firms: dict[int, Organisation] = {}
        for life in lives:
            if (firm := life.organisation.firm) is not None:
                firms[firm.number] = firm
                self.clients[firm.number].append(life)
        for number, firm in firms.items():
            for reader in [firm.contact] if firm.contact else firm.signatories:
                self._reader(number, reader.email, sent.get(reader.email, []), days)
        readers = {one.email for firm in firms.values() for one in (*firm.signatories, firm.contact) if one}
        for stranger in set(sent) - readers:
            self.model.verdict.is_wrong("digest: left to a person whom it does not concern", stranger)

    def _reader(self, firm: int, to: str, sent: list[Sent], days: list[date]) -> None:
        by_day: dict[date, list[Sent]] = defaultdict(list)
        for one in [one for one in sent if one.left]:
            by_day[finnish(one.at).date()].append(one)
            self.model.verdict.count("digest by email", "sent")
            if not in_hours(one.at):
                self.model.verdict.is_wrong("digest: left outside office hours", f"{to}: {one}")
        week_done = None
        for day in days:
            first = _first_of_week(day)
            ones = by_day.get(day, [])
            if len(ones) > 1:
                self.model.verdict.is_wrong("digest: left twice", f"{to}: {ones}")
            of_week = week_done != first
            if ones and not self._may(firm, day, ones[0].at, first if of_week else None):
                self.model.verdict.is_wrong("digest: sent although it was not due", f"{to}: {ones}")
            late = any(one.tries for one in sent if abs(one.at.date() - day) < 3 * _DAY)
            due = not late and self._must(firm, day, weekly=of_week and day == first)
            if due and not ones:
                self.model.verdict.is_wrong("digest: never left", f"{to} on {day}, firm {firm}")
            if ones:
                week_done = first

    def _may(self, firm: int, day: date, at: datetime, first: date | None) -> bool:
        opens, before = universal(day, OPENS), universal(last_working(day), OPENS)
        open_ones = [life for life in self.clients[firm] if stopped(life) > opens - _DAY]
        if first is not None and any(at - _STAYS <= life.ends <= universal(first, OPENS) + _NEAR for life in open_ones):
            return True
        return any(before <= life.ends <= opens + _CLOSE for life in open_ones)

    def _must(self, firm: int, day: date, *, weekly: bool) -> bool:
        """Return True if a digest had to leave on this day.

        That needs a round in the day's hours, and no action in the meantime.
        """
        opens = universal(day, OPENS)
        by = self.model.played.sure(opens, office_hours=True)
        if by is None or finnish(by).date() != day:
            return False
        open_ones = [life for life in self.clients[firm] if stopped(life) > by]
        near = _NEAR if weekly else _CLOSE
        due = any(by < life.ends <= opens + near for life in open_ones)
        if due:
            self.model.verdict.count("digest by email", "had to")
        return due


def _first_of_week(day: date) -> date:
    return next_working(day - _DAY * (day.weekday() + 1))


def working_days(first: date, last: date) -> Iterator[date]:
    """Yield all working days from one to another."""
    day = first
    while day <= last:
        if works(day):
            yield day
        day += _DAY
