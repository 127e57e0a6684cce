"""The model: messages about a certificate, with recipients and time limits.

It is written from issue 6, section 3, in its own arithmetic, and uses no rules of the service. The set of required
messages is strict: no other event happened around that time. The set of allowed messages is wide: a person may act
between two rounds. So both missing and wrong messages are found.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from simulate.days import CLOSES, OPENS, finnish, in_hours, last_working, leaves_at, next_working, universal
from simulate.world import BEGINS, Act, Habit, Life, Person, Round, World

LADDER = (60, 30, 14, 7, 3, 1, 0)
"""Steps in days before the end."""
OTHERS_TOO, SMS_TOO = 14, 7
"""Days before the end from which further recipients and channels are used.

The first is for signatories and the organisation's contact person, the second for SMS.
"""
WAVE_DAYS = 5
_LONG = timedelta(days=10_000)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that left, or was refused for good.

    It has the content of its row, and the instant and recipient of its delivery. `tries` is the number of failed tries
    before. A message that never `left` was last tried at `at`.
    """

    kind: str
    step: str
    channel: str
    to: str
    at: datetime
    tries: int
    left: bool = True


@dataclass(frozen=True, slots=True)
class Reader:
    """Recipient of messages about a certificate by one channel.

    It has the first step, and the period of the recipient's role.
    """

    to: str
    channel: str
    steps_from: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one certificate.

    It has the earliest instant, and the latest one where thousands of certificates end together.
    """

    days: int
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class Course:
    """Period in which messages of a kind are right, from a step on.

    It begins at `since` and ends at `until`.
    """

    kind: str
    since: datetime
    until: datetime
    steps_from: int


@dataclass(slots=True)
class Verdict:
    """Faults by name, each with an example; and counts of messages."""

    wrong: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)

    def is_wrong(self, what: str, example: object) -> None:
        """Record a fault."""
        self.wrong[what] += 1
        self.examples.setdefault(what, str(example))

    def count(self, what: str, part: str) -> None:
        """Count one message of the kind `what` in a part, such as `sent` or `had to`."""
        self.counted[what, part] += 1


class Played:
    """Rounds of a play, with look-up by time."""

    def __init__(self, rounds: Iterable[Round]) -> None:
        """Take the rounds in which any node was up, in the order of time."""
        every = list(rounds)
        self._rounds = {False: every, True: [one for one in every if in_hours(one.at)]}
        self._at = {office_hours: [one.at for one in some] for office_hours, some in self._rounds.items()}

    def first(self, at: datetime, *, office_hours: bool) -> datetime | None:
        """Return the first round from this instant on; `office`: in office hours."""
        return next((one.at for one in self._from(at, office_hours=office_hours)), None)

    def sure(self, at: datetime, *, office_hours: bool, more: int = 0) -> datetime | None:
        """Return the round by which a message due at `at` has surely left, or None.

        It is a round without a kill, after `more` other rounds without one.
        """
        for one in self._from(at, office_hours=office_hours):
            if one.sound:
                if not more:
                    return one.at
                more -= 1
        return None

    def _from(self, at: datetime, *, office_hours: bool) -> Iterator[Round]:
        rounds = self._rounds[office_hours]
        for number in range(bisect_left(self._at[office_hours], at), len(rounds)):
            yield rounds[number]


@dataclass(slots=True)
class Model:
    """Judges one certificate after the other.

    `gone` maps an address to the instant from which it is known not to work.
    """

    world: World
    played: Played
    gone: Mapping[str, datetime]
    verdict: Verdict = field(default_factory=Verdict)
    _ends_on: Counter[date] = field(init=False)

    def __post_init__(self) -> None:
        """Count the certificates that end on each day."""
        self._ends_on = Counter(finnish(life.ends).date() for life in self.world.lives)

    def judge(self, life: Life, sent: list[Sent]) -> None:
        """Compare the messages about this certificate's end with those that were due."""
        steps, readers = [self._step(life, days) for days in LADDER], list(self._readers(life))
        for course in _courses(life):
            ones = [one for one in sent if one.kind == course.kind]
            for one in ones:
                if one.left:
                    self._may(life, one, readers, course)
            for to, channel in dict.fromkeys((reader.to, reader.channel) for reader in readers):
                theirs = [one for one in ones if (one.to, one.channel) == (to, channel)]
                self._in_order(life, theirs)
                here = [one for one in readers if (one.to, one.channel) == (to, channel)]
                self._musts(life, course, steps, here, theirs)

    def _step(self, life: Life, days: int) -> Step:
        first = days == LADDER[0]
        earliest = leaves_at(life.ends, days, first=first)
        if first and self._ends_on[finnish(life.ends).date()] >= self.world.wave_from:
            return Step(days, earliest, universal(next_working(finnish(earliest).date(), WAVE_DAYS - 1), CLOSES))
        return Step(days, earliest, earliest)

    def _readers(self, life: Life) -> Iterator[Reader]:
        """Yield all recipients, each address once.

        The role nearest the certificate counts.
        """
        for person, steps_from, since, until in people(life):
            yield Reader(person.email, "email", steps_from, since, min(until, self.gone.get(person.email, until)))
            if person.phone:
                yield Reader(person.phone, "sms", min(steps_from, SMS_TOO), since, until)

    def _may(self, life: Life, one: Sent, readers: list[Reader], course: Course) -> None:
        """Check that a sent message was allowed."""
        days = int(one.step)
        what = f"{life.serial} {life.habit.name} ends {life.ends}: {one.kind} {days} d to {one.to} at {one.at}"
        self.verdict.count(f"{one.kind} by {one.channel}, {days:2} days", "sent")
        if not in_hours(one.at):
            self.verdict.is_wrong(f"{one.kind}: left outside office hours", what)
        if not course.since <= one.at <= course.until:
            self.verdict.is_wrong(f"{one.kind}: sent although it was not due", f"{what}, {course}")
        if one.at < leaves_at(life.ends, days, first=days == LADDER[0]):
            self.verdict.is_wrong(f"{one.kind}: left too early", what)
        fits = [reader for reader in readers if (reader.to, reader.channel) == (one.to, one.channel)]
        steps_from = min(days, course.steps_from)
        if not any(reader.since <= one.at <= reader.until and steps_from <= reader.steps_from for reader in fits):
            self.verdict.is_wrong(f"{one.kind}: left to a person whom it does not concern", what)

    def _in_order(self, life: Life, theirs: list[Sent]) -> None:
        days = [int(one.step) for one in sorted(theirs, key=lambda one: (one.at, -int(one.step))) if one.left]
        if len(set(days)) < len(days):
            self.verdict.is_wrong("left twice", f"{life.serial}: {theirs}")
        elif days != sorted(days, reverse=True):
            self.verdict.is_wrong("an earlier step left after a later one", f"{life.serial}: {theirs}")

    def _musts(self, life: Life, course: Course, steps: list[Step], here: list[Reader], theirs: list[Sent]) -> None:
        """Check that the due messages to one address left in time."""
        for step in steps:
            at = self.played.first(_decided(step), office_hours=False)
            got = next((one for one in theirs if int(one.step) == step.days), None)
            by = self.played.sure(step.latest, office_hours=True, more=2 * (got.tries if got else 0))
            fit = [one for one in here if at and by and step.days <= one.steps_from and one.since <= at]
            if at is None or by is None or not fit or course.since > at or step.days > course.steps_from:
                continue
            later = any(other.days < step.days and other.earliest <= by for other in steps)
            what = (
                f"{life.serial} {life.habit.name} ends {life.ends}: {step.days} d to {fit[0].to}, {at} to {by}, {fit}"
            )
            if got is not None and got.left and got.at > by:
                self.verdict.is_wrong(f"{course.kind}: left late", f"{what}, {got}")
            if later or course.until <= by or not any(by < one.until for one in fit):
                continue
            self.verdict.count(f"{course.kind} by {fit[0].channel}, {step.days:2} days", "had to")
            if got is None or not got.left:
                self.verdict.is_wrong(f"{course.kind}: never left", what)


def _decided(step: Step) -> datetime:
    """Return the instant from which the recipients of a step may be decided.

    For a step that leaves in the morning, it is the night before.
    """
    shown = finnish(step.earliest)
    return universal(last_working(shown.date()), CLOSES) if shown.time() == OPENS else step.earliest


def stopped(life: Life) -> datetime:
    """Return the instant at which a certificate's end was taken care of.

    Then the new one was retrieved, or the certificate was revoked or let end. It may be never.
    """
    if life.habit is Habit.REPLACED:
        return BEGINS
    stops = (Act.FETCH, Act.LET_END, Act.REVOKE)
    return min((deed.at for deed in life.deeds if deed.act in stops), default=life.ends + _LONG)


def people(life: Life) -> Iterator[tuple[Person, int, datetime, datetime]]:
    """Yield the people to be informed of a certificate, nearest first.

    Each comes with the first step, and the begin and end of their role.
    """
    begin, end = life.ends - _LONG, life.ends + _LONG
    contact, since = life.contact, begin
    for deed in life.deeds:
        if deed.to is not None:
            yield contact, LADDER[0], since, deed.at
            contact, since = deed.to, deed.at
    yield contact, LADDER[0], since, end
    if life.deputy is not None:
        yield life.deputy, LADDER[0], begin, end
    organisation = life.organisation
    for person in (*organisation.signatories, *((organisation.contact,) if organisation.contact else ())):
        yield person, OTHERS_TOO, begin, end


def _courses(life: Life) -> Iterator[Course]:
    """Yield the periods in which each kind of message is right.

    Reminders are right until the end is taken care of. The other kind follows if the old certificate is still seen.
    """
    yield Course("reminder", life.ends - _LONG, stopped(life), LADDER[0])
    seen = life.first(Act.SEE)
    yield Course("take-into-use", seen or life.ends + _LONG, life.ends + _LONG, OTHERS_TOO)
