"""Acts of a fleet, and the pace of the bench's clock (docs/holders/fleet.md).

Nothing goes wrong in the first two years, much does in the next two, and then there is an incident.

The clock makes long steps where nothing is due, and steps of a day where something is. The choice of a step is pure.
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sinetti.authority.data_directory import DataDirectory
from sinetti.client.requests.renewal_info import AS_A_RULE
from sinetti.client.results import ExitCode
from sinetti.infra.clock import format_instant, monotonic_seconds
from sinetti.testbench.core.layout import server_files
from sinetti.testbench.fleet import enrolment, report
from sinetti.testbench.fleet.agent_processes import Agents
from sinetti.testbench.fleet.enrolment import EnrolmentClient, FleetOrganisation, organisations
from sinetti.testbench.fleet.fault_proxy import NONE, ROUGH, FaultInjectingProxy, ProxyTls
from sinetti.testbench.fleet.invariants import InvariantChecker
from sinetti.testbench.fleet.report import FinalReport, PhaseReport, ProgressReporter
from sinetti.testbench.fleet.story_runner import StoryRunner

STRIDE = timedelta(days=1)
"""Shortest step, as of a timer that fires once a day.

An action that falls due in between is a day late, as with such a timer.
"""

LEAP = timedelta(days=180)
"""Longest step: an audience sees the years go by."""


@dataclass(frozen=True)
class ClockPace:
    """Pace of the clock: each step is at least `stride` and at most `leap`."""

    stride: timedelta = STRIDE
    leap: timedelta = LEAP


DAILY = ClockPace()
BRIEF = ClockPace(timedelta(days=9), timedelta(days=700))
"""Pace for a few organisations before an audience in a hurry.

An action is up to nine days late.
"""
WATCHFUL = ClockPace(timedelta(minutes=1), timedelta(hours=1))
"""Pace of a timer that fires once an hour and also when something is due."""


def next_step(now: datetime, due: Iterable[datetime | None], goal: datetime, pace: ClockPace = DAILY) -> datetime:
    """Return the next instant of the clock: when something is due, or the goal.

    The step is at least a stride and at most a leap. `due` has an instant of each agent, or None if it plans nothing.
    """
    planned = min((instant for instant in due if instant is not None), default=now + pace.leap)
    return min(max(planned, now + pace.stride), now + pace.leap, goal)


START = datetime.fromisoformat("2027-01-13T08:00:00Z")
TWO_YEARS = timedelta(days=731)
"""A day longer than a certificate: without renewal it has lapsed by then."""

_OVER = timedelta(minutes=10)
_MINUTE = timedelta(minutes=1)
_LONGEST_INCIDENT = timedelta(days=1)
_REST = timedelta(days=14)
"""Extra time for an act where work is still in progress.

It is the sum of the delays, doubled.
"""

CONFIG = """\
store = "store"

[services.bench]
address = "{address}"
environment = "TEST"
trust_services = "{services}"
trust_holders = "{holders}"
tls_ca = "{server}"

[agent]
at_once = 8

[defaults]
service = "bench"
key = "ec-p256"
"""


@dataclass(frozen=True)
class FleetOptions:
    """Options of the simulation: number of organisations, seed and folder.

    `brief` plays the first two acts at a quicker pace.
    """

    organisations: int
    seed: int
    folder: Path
    brief: bool = False


@dataclass
class FleetSimulation:
    """State of the simulation of one fleet."""

    stage: StoryRunner
    reporter: ProgressReporter
    desk: EnrolmentClient
    ledger: InvariantChecker
    meddler: FaultInjectingProxy
    pace: ClockPace
    now: datetime = START
    passes: int = field(default=0, init=False)
    out: int = field(default=0, init=False)

    @property
    def fleet(self) -> tuple[FleetOrganisation, ...]:
        """Organisations of the fleet."""
        return self.ledger.fleet

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the organisations in the store."""
        return tuple(organisation.name for organisation in self.fleet)

    def two_years(self, act: str, address: str, agents: int) -> PhaseReport:
        """Enrol all organisations at that address, and simulate two years.

        `agents` is the number of agents that renew the certificates.
        """
        begins = self.now
        # Agents start while certificates are ordered and issued, so that the audience does not wait for them.
        with Agents(self._configured(address), agents) as those:
            ids = enrolment.order(self.stage, self.fleet, self.ledger.in_use())
            self.ledger.expect(self.names)
            enrolment.enrol(enrolment.at(self.desk, address), self.fleet, ids, self.now)
            self.reporter.counted(report.IN_USE, len(self.ledger.look(self.now)), self.now)
            self.ledger.expect(self.names)
            self._walk(those, self.now + TWO_YEARS)
        self._compare()
        return self._ended(act, begins, len(self.fleet))

    def incident(self, act: str) -> PhaseReport:
        """Call for early replacement of every other certificate.

        The call is made a minute before an agent asks for renewal information again.
        """
        with Agents(self._configured(self.desk.address), 1) as agents:
            self._pass(agents, self.now, first=True)
            self._move(self.now + AS_A_RULE - _MINUTE)
            begins, called = self.now, self.names[::2]
            self._call(called)
            due: list[datetime | None] = [begins + _MINUTE]
            while self.ledger.waiting() and self.now < begins + _LONGEST_INCIDENT:
                self._move(next_step(self.now, due, begins + _LONGEST_INCIDENT, WATCHFUL))
                due = self._pass(agents, self.now)
        self._compare()
        replaced = None if self.ledger.waiting() else self.now - begins
        return self._ended(act, begins, 0, replaced)

    def _call(self, names: Sequence[str]) -> None:
        in_use = self.ledger.in_use()
        asked = {"serials": [in_use[name] for name in names], "until": format_instant(self.now + _OVER)}
        self.stage.quietly_called("POST", "/early", asked)
        self.reporter.counted(report.CALLED, len(names), self.now)
        self.ledger.expect(names)

    def _walk(self, agents: Agents, goal: datetime) -> None:
        """Advance the clock to the goal, and further while work is in progress."""
        due = self._pass(agents, self.now, first=True)
        while self.now < goal:
            self._move(next_step(self.now, due, goal, self.pace))
            due = self._pass(agents, self.now)
        while bool(self.ledger.waiting() or self.ledger.under_way()) and self.now < goal + _REST:
            self._move(next_step(self.now, due, goal + _REST, self.pace))
            due = self._pass(agents, self.now)

    def _pass(self, agents: Agents, now: datetime, *, first: bool = False) -> list[datetime | None]:
        """Let the agents make a pass, and check the fleet before and after it.

        Returns when the next action of each agent is due. The `first` pass only looks ahead and is not reported.
        """
        self.ledger.look(now)
        ended = agents.pass_at(now)
        self.passes += len(ended)
        self.out += sum(agent_run_end.exit_code is ExitCode.STORE for agent_run_end in ended)
        renewed = self.ledger.look(now)
        if renewed or not first:
            done = len(self.fleet) - len(self.ledger.waiting())
            self.reporter.step(now, renewed, done, len(self.fleet))
        return [agent_run_end.due for agent_run_end in ended]

    def _move(self, to: datetime) -> None:
        self.stage.quietly_called("PUT", "/clock", {"now": format_instant(to)})
        self.now = to

    def _compare(self) -> None:
        self.ledger.compare(self.stage.quietly_called("GET", "/certificates"), self.now)

    def _configured(self, address: str) -> Path:
        trust, config = self.stage.ready["trust"], self.stage.folder / "sinetti.toml"
        config.write_text(CONFIG.format(address=address, **trust), encoding="utf-8")
        return config

    def _ended(self, act: str, begins: datetime, enrolled: int, replaced: timedelta | None = None) -> PhaseReport:
        days = self.ledger.days(begins)
        end = PhaseReport(
            act=act,
            begins=begins,
            ends=self.now,
            enrolled=enrolled,
            renewed=sum(days.values()),
            days=len(days),
            most=max(days.values(), default=0),
            passes=self.passes,
            out=self.out,
            faults=tuple(sorted(self.meddler.met.items())),
            replaced=replaced,
        )
        self.passes = self.out = 0
        self.meddler.met.clear()
        self.reporter.ended(end)
        return end


def run_simulation(wanted: FleetOptions, reporter: ProgressReporter) -> FinalReport:
    """Play all acts; started processes end with them.

    The caller removes the folder. Raises StoryBroken if a step fails.
    """
    begun = monotonic_seconds()
    reporter.begin(wanted.organisations, wanted.seed)
    with ExitStack() as ends:
        story = _begun(wanted, reporter, ends)
        acts = tuple(_acts(story, brief=wanted.brief))
    return FinalReport(
        wanted.organisations, wanted.seed, acts, tuple(story.ledger.breaches), monotonic_seconds() - begun
    )


def _acts(story: FleetSimulation, *, brief: bool) -> Iterable[PhaseReport]:
    story.reporter.chapter(report.CALM)
    yield story.two_years("calm", story.desk.address, agents=1)
    story.reporter.chapter(report.ROUGH)
    story.meddler.rates = ROUGH
    yield story.two_years("rough", story.meddler.address, agents=2)
    if brief:
        return
    story.meddler.rates = NONE
    story.reporter.chapter(report.INCIDENT)
    yield story.incident("incident")


def _begun(wanted: FleetOptions, reporter: ProgressReporter, ends: ExitStack) -> FleetSimulation:
    stage = StoryRunner(format_instant(START), folder=wanted.folder)
    ends.callback(stage.stop)
    store = wanted.folder / "store"
    files = server_files(DataDirectory(wanted.folder / "bench"))
    tls = ProxyTls(files.certificate, files.key, Path(stage.ready["trust"]["server"]))
    meddler = ends.enter_context(FaultInjectingProxy(stage.ready["soap_url"], wanted.seed, tls))
    ledger = InvariantChecker(store, organisations(wanted.organisations))
    return FleetSimulation(
        stage, reporter, enrolment.desk_of(stage, store), ledger, meddler, BRIEF if wanted.brief else DAILY
    )
