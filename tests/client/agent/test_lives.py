"""Lives from 24 hours to three years: one renewal in each, and none lapses.

The simulation plays hourly passes with the agent's own decisions and delays, and the service's own window and hints. It
leaves out passes that have nothing to do.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sinetti.client.agent import decisions, schedule, worker
from sinetti.client.agent.decisions import Renew, Wait
from sinetti.client.model import AgentSettings, MaintenanceWindow, RenewalInfoState
from sinetti.client.results import CommandResult, ExitCode, Result
from sinetti.client.store.agent_state import AgentState
from sinetti.client.store.snapshot import InstalledCertificate, NameSnapshot
from sinetti.domain.certificates.renewal_info import (
    EarlyReplacementNotice,
    Explanation,
    RenewalInfoInput,
    default_renewal_start,
    in_proportion,
    renewal_window,
    suggested_window,
)
from sinetti.domain.values import ValidityPeriod

BEGAN = datetime(2027, 1, 4, 8, tzinfo=UTC)
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
LIVES_PLAYED = 3
AGAIN, REFUSED = (CommandResult("n", Result.FAILED, code, ()) for code in (ExitCode.AGAIN, ExitCode.REFUSED))
NIGHTS = (MaintenanceWindow(frozenset({5, 6}), datetime(1, 1, 1, 1).time(), datetime(1, 1, 1, 5).time()),)
HINTS = ("absent", "present", "called", "stale", "before all time", "after all time", "in the past", "now", "late")
CALLING, CALLING_ONCE = {"in the past", "now"}, {"called", "stale"}
"""Hints that ask for a renewal of each certificate, however new it is, and those that do so once.

A stale hint does so if the first certificate was renewed before the window of its hint.
"""


@dataclass(slots=True)
class World:
    """A service and a name of its holder.

    `ahead`: the holder's clock minus the service's. `errors`: tries in a row that fail. `open_always`: the service
    renews before the window too. `poll`: Retry-After of hints. `call`: part of the first life after which the service
    calls it for early replacement.
    """

    life: timedelta
    hints: str = "absent"
    care: AgentSettings = field(default_factory=AgentSettings)
    ahead: timedelta = timedelta()
    errors: int = 0
    open_always: bool = False
    poll: timedelta = 6 * HOUR
    call: float = 0.5
    spans: list[ValidityPeriod] = field(default_factory=list)
    renewed: list[datetime] = field(default_factory=list)
    requests: list[datetime] = field(default_factory=list)
    hinted: list[bool] = field(default_factory=list)
    left: int = 0

    def input(self, number: int) -> RenewalInfoInput:
        span = self.spans[number]
        facts = RenewalInfoInput(f"{number:038x}", span, default_renewal_start(span))
        begins = span.not_before + timedelta(seconds=int(self.life.total_seconds() * self.call))
        if self.hints != "called" or number > 0:
            return facts
        notice = EarlyReplacementNotice(begins, begins + self.life / 20, Explanation())
        return replace(facts, renewable_from=min(begins, facts.renewable_from), called=notice)

    def opens(self, true: datetime) -> datetime:
        facts = self.input(len(self.spans) - 1)
        is_called = facts.called is not None and true >= facts.called.begins
        return facts.renewable_from if is_called else default_renewal_start(facts.span)

    def hint(self, true: datetime) -> RenewalInfoState | None:
        number, span = len(self.spans) - 1, self.spans[-1]
        facts = self.input(0 if self.hints == "stale" else number)
        if facts.called is not None and true < facts.called.begins:
            facts = replace(facts, called=None, renewable_from=default_renewal_start(span))
        window = suggested_window(facts)
        return {
            "absent": None,
            "before all time": RenewalInfoState(datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC)),
            "after all time": RenewalInfoState(*(datetime(9999, 12, day, tzinfo=UTC) for day in (30, 31))),
            "in the past": RenewalInfoState(true - 2 * HOUR, true - HOUR),
            "now": RenewalInfoState(true, true + HOUR),
            "late": RenewalInfoState(span.not_after - SECOND, span.not_after + DAY),
        }.get(self.hints, RenewalInfoState(window.start, window.end))

    def issue(self, true: datetime) -> None:
        self.spans.append(ValidityPeriod(true, true + self.life))
        self.left = self.errors

    def answer(self, true: datetime) -> CommandResult | None:
        """Return the failure of a request at `true`, or None after a renewal."""
        self.requests.append(true)
        if self.left:
            self.left -= 1
            return AGAIN
        if not self.open_always and true < self.opens(true):
            return REFUSED
        self.issue(true)
        self.renewed.append(true)
        return None


def play(world: World) -> World:
    """Play some lives; stop at a lapse."""
    world.issue(BEGAN)
    memory, true = AgentState("0"), BEGAN + 17 * timedelta(minutes=1)
    while true < BEGAN + LIVES_PLAYED * world.life and true <= world.spans[-1].not_after:
        now, held = true + world.ahead, InstalledCertificate(f"{len(world.spans):x}", world.spans[-1], b"0" * 32)
        if memory.ask_again is None or now >= memory.ask_again:
            rest = min(world.poll, schedule.longest_delay(held.span))
            memory = replace(memory, hint=world.hint(true), ask_again=now + rest)
        seen = NameSnapshot("n", Path("n"), in_use=held, memory=memory)
        decision = decisions.decide(seen, world.care, now)
        assert isinstance(decision, Renew | Wait), decision
        if isinstance(decision, Renew):
            failure = world.answer(true)
            if failure is not None:
                memory = worker.failed(memory, failure, held.span, now)
            else:
                world.hinted.append(decision.early)
                memory = AgentState(f"{len(world.spans):x}", received=now, by_hint=decision.early)
            true += HOUR
        else:
            until = min(decision.until, memory.ask_again)
            true += max(-(-(until - now) // HOUR), 1) * HOUR
    return world


@some.composite
def worlds(draw):
    """Draw a life and what may go wrong in it, within what an hourly agent can bear."""
    life = timedelta(seconds=draw(some.integers(86_400, 3 * 365 * 86_400) | some.integers(86_400, 20 * 86_400)))
    span, days = ValidityPeriod(BEGAN, BEGAN + life), some.timedeltas(timedelta(), 60 * DAY)
    care = AgentSettings(
        spread=draw(days), urgent=draw(days), maintenance=draw(some.sampled_from([(), NIGHTS])), zone=ZoneInfo("UTC")
    )
    # The last tries: urgent time, less an hour for each error, each a pass.
    retry_span = max(in_proportion(care.urgent, span), schedule.longest_delay(span)) - HOUR
    errors = min(draw(some.integers(0, 3)), retry_span // HOUR)
    behind = max(retry_span - errors * HOUR, timedelta()) * draw(some.floats(0, 1))
    ahead = draw(some.sampled_from([timedelta(), -behind, renewal_window(span) * draw(some.floats(0, 1))]))
    return World(
        life,
        draw(some.sampled_from(HINTS)),
        care,
        timedelta(seconds=int(ahead.total_seconds())),
        errors,
        draw(some.booleans()),
        draw(some.sampled_from([HOUR, 6 * HOUR, DAY])),
        draw(some.floats(0, 0.9)),
    )


def check(world):
    """Check that there was no lapse, and no renewal but one in each life."""
    play(world)
    assert len(world.spans) >= LIVES_PLAYED, "no life lapsed"
    for (older, newer), early in zip(pairwise(world.spans), world.hinted, strict=True):
        assert newer.not_before <= older.not_after
        opens = default_renewal_start(older) - max(world.ahead, timedelta())
        assert newer.not_before >= opens or early, "only a hint renews before the window"
    # A clock that is ahead takes any window for a call, and a service that is always open obeys it.
    is_fooled = world.ahead > timedelta() and world.open_always
    assert is_fooled or world.hints in CALLING or sum(world.hinted) <= (world.hints in CALLING_ONCE)
    usual = world.life - renewal_window(world.spans[0]) - max(world.ahead, timedelta())
    gaps = [later - earlier for earlier, later in pairwise(world.renewed)]
    for gap, early in zip(gaps, world.hinted[1:], strict=True):
        assert gap >= usual or early
    if world.hints in CALLING:
        assert all(one + other >= min(usual, DAY) for one, other in pairwise(gaps)), "a call, and then a rest"
    refused = len(world.requests) - len(world.renewed) - world.errors * len(world.spans)
    assert refused <= 0 or world.ahead > timedelta() or world.hints in CALLING | CALLING_ONCE, "none comes too early"


@given(worlds())
@settings(max_examples=10)
def test_one_renewal_in_each_life_and_no_lapse(world):
    check(world)


@pytest.mark.long
@given(worlds())
@settings(max_examples=100)
def test_one_renewal_in_each_of_many_more_lives(world):
    check(world)


@pytest.mark.parametrize("hints", HINTS)
@pytest.mark.parametrize("life", [DAY, 7 * DAY, 47 * DAY], ids=lambda life: f"{life / DAY:g} days")
def test_a_life_with_the_usual_settings(life, hints):
    check(World(life, hints))
