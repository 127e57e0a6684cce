"""The world that is simulated: organisations, people, certificates, and what their holders do with them. From a seed."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from simulate.days import universal

BEGINS = datetime(2027, 1, 11, 5, tzinfo=UTC)
"""A Monday, before the office opens."""
LASTS = timedelta(days=730)
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_WINDOW = 60 * _DAY
BEYOND = timedelta(days=900)
"""Ends lie up to so much after the beginning: some are not due while the simulation lasts."""
_WAVES = (date(2027, 5, 12), date(2028, 9, 7))
"""Days on which thousands end together."""


class Habit(StrEnum):
    """How a holder goes about a certificate's end."""

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
"""How many of a hundred have which habit, where every habit is to be seen among a few."""
QUIET = {
    Habit.AUTOMATIC: 6, Habit.PROMPT: 5, Habit.LATE: 3, Habit.LAST: 1, Habit.NEVER: 1, Habit.UNFETCHED: 1,
    Habit.ORDERS: 2, Habit.LEAVES: 1, Habit.LETS_END: 12, Habit.REVOKED: 1, Habit.REPLACED: 67,
}  # fmt: skip
"""The same of a hundred thousand: most were taken care of, so that nothing may leave, and ten minutes suffice."""


class Act(StrEnum):
    """What somebody does, in the order of one and the same instant."""

    RENEW = "renew"
    ORDER = "order"
    FETCH = "fetch"
    SEE = "see"
    CHANGE_CONTACT = "change-contact"
    LET_END = "let-end"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an address and perhaps a phone. Mail to some addresses comes back."""

    person_id: str
    email: str
    phone: str
    language: str

    @property
    def bounces(self) -> bool:
        """Whether nobody is at the address."""
        return self.email.startswith("gone")


@dataclass(slots=True)
class Organisation:
    """An organisation, who acts for it, and the firm that looks after it."""

    number: int
    organisation_id: str
    signatories: tuple[Person, ...]
    contact: Person | None
    firm: "Organisation | None" = None


@dataclass(frozen=True, slots=True)
class Deed:
    """What is done, when. `to` is the new contact."""

    at: datetime
    act: Act
    to: Person | None = None


@dataclass(slots=True)
class Life:
    """A certificate from before the beginning to its end; `deeds` are in the order of time."""

    number: int
    serial: str
    holding_id: str
    organisation: Organisation
    ends: datetime
    habit: Habit
    contact: Person
    deputy: Person | None
    deeds: list[Deed] = field(default_factory=list)

    def first(self, act: Act) -> datetime | None:
        """Give when this was done, if it ever was."""
        return next((deed.at for deed in self.deeds if deed.act is act), None)


@dataclass(slots=True)
class World:
    """All there is. From `wave_from` certificates on that end on one Finnish day it is a wave."""

    count: int
    seed: int
    organisations: list[Organisation]
    lives: list[Life]
    wave_from: int


def hex_id(chance: random.Random, digits: int = 32) -> str:
    """Give an id that tells nothing, the same for the same seed."""
    return f"{chance.getrandbits(4 * digits):0{digits}x}"


def make(count: int, seed: int, beyond: timedelta = BEYOND, shares: Mapping[Habit, int] = QUIET) -> World:
    """Make a world of so many certificates, which end until `beyond` after the beginning."""
    maker = _Maker(random.Random(seed), count, beyond, shares)  # noqa: S311 - chance that can be repeated, on purpose
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
    shares: Mapping[Habit, int]
    people: int = 0

    @property
    def wave_from(self) -> int:
        """From how many certificates on that end on one day there is a wave: far more than end on other days."""
        return max(self.count // 50, 5)

    def person(self, role: str) -> Person:
        self.people += 1
        chance = self.chance
        gone = role == "contact" and chance.random() < 0.02  # noqa: PLR2004 - one of fifty
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
        contact, serial = self.person("contact"), "40" + hex_id(chance, 36)
        life = Life(number, serial, hex_id(chance), organisation, self._end(), habit, contact, deputy)
        life.deeds = sorted(self._deeds(life), key=lambda deed: deed.at)
        return life

    def _end(self) -> datetime:
        chance = self.chance
        if chance.random() < 0.06:  # noqa: PLR2004 - two waves of three of a hundred each
            day = chance.choice([day for day in _WAVES if universal(day, time(9)) < BEGINS + self.beyond] or [_WAVES[0]])
            return universal(day, time(9)) + timedelta(seconds=chance.randrange(6 * 3600))
        return BEGINS + timedelta(seconds=chance.randrange(int(_DAY.total_seconds()), int(self.beyond.total_seconds())))

    def _deeds(self, life: Life) -> Iterator[Deed]:
        chance, opens = self.chance, max(life.ends - _WINDOW, BEGINS)

        def between(earliest: datetime, latest: datetime) -> datetime:
            earliest = max(earliest, BEGINS)
            seconds = max(int((min(latest, life.ends) - earliest).total_seconds()), 2)
            return earliest + timedelta(seconds=chance.randrange(1, seconds))

        match life.habit:
            case Habit.AUTOMATIC:
                at = between(opens, opens + 40 * _MINUTE)
                yield from (Deed(at, Act.RENEW), Deed(at + timedelta(seconds=20), Act.FETCH))
            case Habit.PROMPT | Habit.LEAVES:
                at = between(opens, opens + 14 * _DAY)
                yield from (Deed(at, Act.RENEW), Deed(at + _MINUTE, Act.FETCH))
                if life.habit is Habit.LEAVES:
                    yield Deed(between(at + _DAY, at + 9 * _DAY), Act.SEE)
            case Habit.LATE:
                at = between(life.ends - 30 * _DAY, life.ends)
                yield from (Deed(at, Act.RENEW), Deed(at + _MINUTE, Act.FETCH))
            case Habit.LAST:
                at = between(life.ends - _DAY, life.ends)
                yield from (Deed(at, Act.RENEW), Deed(at + _MINUTE, Act.FETCH))
            case Habit.UNFETCHED:
                at = between(opens, opens + 20 * _DAY)
                yield Deed(at, Act.RENEW)
                if chance.random() < 0.5:  # noqa: PLR2004 - every other one
                    yield Deed(between(at + _DAY, life.ends), Act.FETCH)
            case Habit.ORDERS:
                at = between(opens, life.ends)
                yield from (Deed(at, Act.ORDER), Deed(at + 2 * _MINUTE, Act.FETCH))
            case Habit.LETS_END:
                yield Deed(between(life.ends - 80 * _DAY, life.ends - 5 * _DAY), Act.LET_END)
            case Habit.REVOKED:
                yield Deed(between(opens, life.ends), Act.REVOKE)
            case Habit.NEVER | Habit.REPLACED:
                pass
        if life.habit is not Habit.REPLACED and chance.random() < 0.1:  # noqa: PLR2004 - one of ten
            yield Deed(between(life.ends - 70 * _DAY, life.ends), Act.CHANGE_CONTACT, self.person("contact"))


@dataclass(slots=True)
class Round:
    """One time at which the nodes look what is due. `nodes` are those that are up.

    `kills` says after how many of its steps a node is killed, None where it lives. What became of it: `sound` where
    somebody finished and nobody was killed.
    """

    at: datetime
    nodes: tuple[int, ...]
    kills: tuple[int | None, int | None] = (None, None)
    sound: bool = False


_ROUNDS = (time(8), time(10, 30), time(13), time(16), time(21))
_KILLED_WITHIN = 60
"""Steps."""


def rounds(seed: int, until: datetime, *, troubles: float = 0.05, at_times: Sequence[time] = _ROUNDS) -> list[Round]:
    """Give all rounds: five a day, with missed nights, restarts of one node, kills, and days on which nobody served."""
    chance = random.Random(f"rounds {seed}")  # noqa: S311 - as above
    found, day, away = [], BEGINS.date(), BEGINS.date()
    while universal(day, at_times[0]) < until:
        if chance.random() < troubles / 3:
            away = day + _DAY * chance.randrange(1, 5)
        only = chance.choice((0, 1)) if chance.random() < 2 * troubles else None
        for at in at_times:
            if day < away or (at == at_times[-1] and chance.random() < troubles):
                continue
            kills = tuple(chance.randrange(1, _KILLED_WITHIN) if chance.random() < troubles else None for _ in range(2))
            found.append(Round(universal(day, at), (0, 1) if only is None else (only,), kills))  # type: ignore[arg-type]
        day += _DAY
    return found
