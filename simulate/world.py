"""The simulated world, from a seed.

It has organisations, people, certificates, and the actions of their holders.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from simulate.days import universal

BEGINS = datetime(2027, 1, 11, 5, tzinfo=UTC)
"""Begin of the simulation: a Monday, before office hours."""
LASTS = timedelta(days=730)
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_WINDOW = 60 * _DAY
BEYOND = timedelta(days=1300)
"""Longest time from the beginning to an end.

Some certificates are not due while the simulation lasts.
"""
_WAVES = (date(2027, 5, 12), date(2028, 9, 7))
"""Days on which thousands of certificates end together."""


class Habit(StrEnum):
    """Habit of a holder at a certificate's end."""

    AUTOMATIC = "renews by itself, within minutes of the opening"
    PROMPT = "renews in the first two weeks"
    LATE = "renews in the last month"
    LAST = "renews within the last day"
    NEVER = "never renews"
    UNFETCHED = "renews, but fetches weeks later or never"
    ORDERS = "orders a replacement"
    LEAVES = "renews, and goes on with the old one"
    LETS_END = "lets it end"
    REVOKED = "is revoked"
    REPLACED = "was replaced long ago"


BUSY = {
    Habit.AUTOMATIC: 20, Habit.PROMPT: 14, Habit.LATE: 12, Habit.LAST: 5, Habit.NEVER: 7, Habit.UNFETCHED: 6,
    Habit.ORDERS: 7, Habit.LEAVES: 6, Habit.LETS_END: 6, Habit.REVOKED: 5, Habit.REPLACED: 12,
}  # fmt: skip
"""Shares of the habits in percent, for small worlds where each habit must occur."""
QUIET = {
    Habit.AUTOMATIC: 2.5, Habit.PROMPT: 2, Habit.LATE: 1, Habit.LAST: 0.5, Habit.NEVER: 0.5, Habit.UNFETCHED: 0.4,
    Habit.ORDERS: 0.7, Habit.LEAVES: 0.4, Habit.LETS_END: 10, Habit.REVOKED: 0.4, Habit.REPLACED: 81.6,
}  # fmt: skip
"""Shares of the habits in percent, for a hundred thousand certificates.

Most were taken care of, so that no message may leave, and ten minutes suffice.
"""


class Act(StrEnum):
    """Action of a person, in the order for one and the same instant."""

    RENEW = "renew"
    ORDER = "order"
    FETCH = "fetch"
    SEE = "see"
    CHANGE_CONTACT = "change-contact"
    LET_END = "let-end"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class Person:
    """A person with an address and perhaps a phone.

    Mail to some addresses bounces.
    """

    person_id: str
    email: str
    phone: str
    language: str

    @property
    def bounces(self) -> bool:
        """True if mail to the address bounces."""
        return self.email.startswith("gone")


@dataclass(slots=True)
class Organisation:
    """An organisation, the people who act for it, and the firm that looks after it."""

    number: int
    organisation_id: str
    signatories: tuple[Person, ...]
    contact: Person | None
    firm: "Organisation | None" = None


@dataclass(frozen=True, slots=True)
class Deed:
    """An action and its instant. `to` is the new contact."""

    at: datetime
    act: Act
    to: Person | None = None


@dataclass(slots=True)
class Life:
    """A certificate from before the beginning to its end.

    `deeds` are in the order of time.
    """

    number: int
    serial: str
    lineage_id: str
    organisation: Organisation
    ends: datetime
    habit: Habit
    contact: Person
    deputy: Person | None
    deeds: list[Deed] = field(default_factory=list)

    def first(self, act: Act) -> datetime | None:
        """Return the first instant of this action, or None."""
        return next((deed.at for deed in self.deeds if deed.act is act), None)


def successor(life: Life) -> Life | None:
    """Return the certificate's successor from the time of the simulation, or None.

    The successor is not renewed again.
    """
    made = life.first(Act.RENEW) or life.first(Act.ORDER)
    if made is None:
        return None
    deeds = [deed for deed in life.deeds if deed.act is Act.CHANGE_CONTACT]
    return replace(life, serial=f"60{life.serial[2:]}", ends=made + LASTS, habit=Habit.NEVER, deeds=deeds)


@dataclass(slots=True)
class World:
    """The whole world.

    If `wave_from` or more certificates end on one Finnish day, that is a wave.
    """

    count: int
    seed: int
    organisations: list[Organisation]
    lives: list[Life]
    wave_from: int


def hex_id(chance: random.Random, digits: int = 32) -> str:
    """Return a random id, the same for the same seed."""
    return f"{chance.getrandbits(4 * digits):0{digits}x}"


def make(count: int, seed: int, beyond: timedelta = BEYOND, shares: Mapping[Habit, float] = QUIET) -> World:
    """Make a world of `count` certificates.

    They end until `beyond` after the beginning.
    """
    maker = _Maker(random.Random(seed), count, beyond, shares)
    organisations = [maker.organisation(number) for number in range(max(count // 4, 3))]
    firms = organisations[: max(len(organisations) // 1000, 1)]
    for one in organisations[len(firms) :]:
        if maker.chance.random() < 0.1:  # noqa: PLR2004 - a tenth
            one.firm = maker.chance.choice(firms)
    lives = [maker.life(number, maker.chance.choice(organisations)) for number in range(count)]
    return World(count, seed, organisations, lives, maker.wave_from)


@dataclass(slots=True)
class _Maker:
    chance: random.Random
    count: int
    beyond: timedelta
    shares: Mapping[Habit, float]
    people: int = 0

    @property
    def wave_from(self) -> int:
        """Number of certificates that makes a wave when they end on one day.

        It is far more than end on other days.
        """
        return max(self.count // 50, 5)

    def person(self, role: str, *, reachable: bool = False) -> Person:
        self.people += 1
        chance = self.chance
        gone = role == "contact" and not reachable and chance.random() < 0.02  # noqa: PLR2004 - one of fifty
        phone = f"+35840{self.people:07}" if chance.random() < 0.5 else ""  # noqa: PLR2004 - every other one
        name = f"{'gone' if gone else role}{self.people}@customer.example"
        return Person(hex_id(chance), name, phone, chance.choice(("fi", "sv", "en")))

    def organisation(self, number: int) -> Organisation:
        signatories = tuple(self.person("signatory") for _ in range(self.chance.choice((0, 0, 1, 1, 1, 2))))
        contact = self.person("organisation") if self.chance.random() < 0.4 else None  # noqa: PLR2004 - two of five
        return Organisation(number, hex_id(self.chance), signatories, contact)

    def life(self, number: int, organisation: Organisation) -> Life:
        chance = self.chance
        habit = chance.choices(list(self.shares), list(self.shares.values()))[0]
        deputy = self.person("deputy") if chance.random() < 0.15 else None  # noqa: PLR2004 - about one of seven
        # A holder who orders names an existing person.
        contact = self.person("contact", reachable=habit is Habit.ORDERS)
        serial = "40" + hex_id(chance, 36)
        life = Life(number, serial, hex_id(chance), organisation, self._end(), habit, contact, deputy)
        life.deeds = sorted(self._deeds(life), key=lambda deed: deed.at)
        return life

    def _end(self) -> datetime:
        chance = self.chance
        if chance.random() < 0.06:  # noqa: PLR2004 - two waves of three of a hundred each
            day = chance.choice(
                [day for day in _WAVES if universal(day, time(9)) < BEGINS + self.beyond] or [_WAVES[0]]
            )
            return universal(day, time(9)) + timedelta(seconds=chance.randrange(6 * 3600))
        return BEGINS + timedelta(seconds=chance.randrange(int(_DAY.total_seconds()), int(self.beyond.total_seconds())))

    def _deeds(self, life: Life) -> Iterator[Deed]:
        """Yield the actions on a certificate, by its holder's habit.

        For one of ten the contact changes.
        """
        chance, opens, ends = self.chance, max(life.ends - _WINDOW, BEGINS), life.ends
        first: Mapping[Habit, tuple[Act, datetime, datetime]] = {
            Habit.AUTOMATIC: (Act.RENEW, opens, opens + 40 * _MINUTE),
            Habit.PROMPT: (Act.RENEW, opens, opens + 14 * _DAY),
            Habit.LEAVES: (Act.RENEW, opens, opens + 14 * _DAY),
            Habit.LATE: (Act.RENEW, ends - 30 * _DAY, ends),
            Habit.LAST: (Act.RENEW, ends - _DAY, ends),
            Habit.UNFETCHED: (Act.RENEW, opens, opens + 20 * _DAY),
            Habit.ORDERS: (Act.ORDER, opens, ends),
            Habit.LETS_END: (Act.LET_END, ends - 80 * _DAY, ends - 5 * _DAY),
            Habit.REVOKED: (Act.REVOKE, opens, ends),
        }
        if life.habit in first:
            act, earliest, latest = first[life.habit]
            done = Deed(self._between(earliest, latest, ends), act)
            yield done
            yield from self._afterwards(life, done)
        if life.habit is not Habit.REPLACED and chance.random() < 0.1:  # noqa: PLR2004 - one of ten
            yield Deed(
                self._between(ends - 70 * _DAY, ends, ends), Act.CHANGE_CONTACT, self.person("contact", reachable=True)
            )

    def _afterwards(self, life: Life, done: Deed) -> Iterator[Deed]:
        """Yield the actions that follow.

        Most holders retrieve at once, some keep using the old one, and some retrieve late or never.
        """
        if life.habit is Habit.UNFETCHED:
            if self.chance.random() < 0.5:  # noqa: PLR2004 - every other one
                yield Deed(self._between(done.at + _DAY, life.ends, life.ends), Act.FETCH)
        elif done.act in {Act.RENEW, Act.ORDER}:
            yield Deed(done.at + timedelta(seconds=20), Act.FETCH)
        if life.habit is Habit.LEAVES:
            yield Deed(self._between(done.at + _DAY, done.at + 9 * _DAY, life.ends), Act.SEE)

    def _between(self, earliest: datetime, latest: datetime, ends: datetime) -> datetime:
        """Return a random instant between two.

        If possible, it is after the beginning and before the end.
        """
        earliest = max(earliest, BEGINS)
        seconds = max(int((min(latest, ends) - earliest).total_seconds()), 2)
        return earliest + timedelta(seconds=self.chance.randrange(1, seconds))


@dataclass(slots=True)
class Round:
    """One time at which the nodes do the due work.

    `nodes` are the nodes that are up. `kills` has the number of steps after which each node is killed, or None.
    `sound` is True if a node finished and none was killed.
    """

    at: datetime
    nodes: tuple[int, ...]
    kills: tuple[int | None, int | None] = (None, None)
    sound: bool = False


_ROUNDS = (time(8), time(12), time(16), time(21))


def rounds(
    seed: int, until: datetime, troubles: float = 0.05, *, steps: int = 60, at_times: Sequence[time] = _ROUNDS
) -> list[Round]:
    """Return all rounds: four a day, with faults.

    Faults are missed nights, restarts of one node, kills, and days without any node. A kill happens within `steps`
    steps.
    """
    chance = random.Random(f"rounds {seed}")
    found, day, away = [], BEGINS.date(), BEGINS.date()
    while universal(day, at_times[0]) < until:
        if chance.random() < troubles / 3:
            away = day + _DAY * chance.randrange(1, 5)
        only = chance.choice((0, 1)) if chance.random() < 2 * troubles else None
        for number, at in enumerate(at_times):
            if day < away or (at == at_times[-1] and chance.random() < troubles):
                continue
            kills = (_kill(chance, steps, troubles), _kill(chance, steps, troubles))
            # Every other round has both nodes, the rounds in between only one.
            alone = chance.choice((0, 1)) if only is None and number % 2 else only
            found.append(Round(universal(day, at), (0, 1) if alone is None else (alone,), kills))
        day += _DAY
    return found


def _kill(chance: random.Random, steps: int, troubles: float) -> int | None:
    return chance.randrange(1, steps) if chance.random() < troubles else None
