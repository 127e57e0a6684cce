"""`python -m simulate.lives`: a year of certificates that live for seven days.

A test bench with the preset short-7d, and the agent in a process of its own. The bench's clock goes on in steps of
some hours, and the agent makes a pass at each. Before and after each pass, every name must have a valid certificate
whose key and chain belong to it. At the end, the rows of the bench must be those of the store. The last line has the
figures.

Without `--hints`, the agent takes the bench for a service without renewal information. A year of 1,000 certificates
would otherwise ask for more than a million hints.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sinetti.client.agent import renewal_info_poll
from sinetti.client.requests import renewal_info
from sinetti.client.service_address import origin
from sinetti.infra.clock import format_instant, monotonic_seconds
from sinetti.testbench.fleet import enrolment
from sinetti.testbench.fleet.agent_processes import Agents
from sinetti.testbench.fleet.invariants import InvariantChecker
from sinetti.testbench.fleet.scenario import CONFIG, START
from sinetti.testbench.fleet.story_runner import StoryBroken, StoryRunner

MEMORY = Path("/dev/shm")  # noqa: S108 - this program makes its own folder there, 0700
"""Folder of bench and store if there is one.

Both write durably, and memory makes that cheap.
"""

LIFE = timedelta(days=7)
REMINDED = LIFE / 4
"""Time before the end from which reminders leave: half of the time for renewing."""

_PROGRESS_STEPS, _TRIES = 28, 10


@dataclass(slots=True)
class Year:
    """Simulated certificates: the bench, the store, and what was seen so far."""

    stage: StoryRunner
    ledger: InvariantChecker
    step: timedelta
    has_hints: bool
    now: datetime = START
    renewals: int = 0
    clock_seconds: float = 0.0
    codes: Counter[str] = field(default_factory=Counter)
    closest: timedelta = LIFE
    """Least time that a certificate had left when its successor was in use."""
    late: int = 0
    """Renewals between two passes of which a reminder could leave."""

    def enrol(self) -> None:
        """Enrol a certificate for each name."""
        fleet, desk = self.ledger.fleet, enrolment.desk_of(self.stage, self.ledger.store)
        ids = enrolment.order(self.stage, fleet, {})
        enrolment.enrol(desk, fleet, ids, self.now)
        self.ledger.look(self.now)

    def run(self, days: int) -> Iterator[None]:
        """Go on for so many days, and yield after each pass."""
        end = self.now + timedelta(days=days)
        with Agents(self._config(), 1) as agents:
            while self.now < end:
                self.now += self.step
                self._set_clock()
                self.ledger.look(self.now)
                if not self.has_hints:
                    self._expect_no_hints()
                (ended,) = agents.pass_at(self.now)
                self.codes[ended.exit_code.name] += 1
                self._count(self.ledger.look(self.now))
                yield
        for name, installed in self.ledger.taken.items():
            self.ledger.expect([name] * len(installed))
        self.ledger.compare(self.stage.quietly_called("GET", "/certificates"), self.now)

    def _set_clock(self) -> None:
        """Set the bench's clock.

        On a busy machine, repeat the call after the answer that it took too long.
        """
        begun = monotonic_seconds()
        for left in reversed(range(_TRIES)):
            try:
                self.stage.quietly_called("PUT", "/clock", {"now": format_instant(self.now)})
                break
            except StoryBroken:
                if not left:
                    raise
        self.clock_seconds += monotonic_seconds() - begun

    def _count(self, changed: tuple[str, ...]) -> None:
        self.renewals += len(changed)
        for name in changed:
            left = self.ledger.taken[name][-2].span.not_after - self.now
            self.closest = min(self.closest, left)
            self.late += left < REMINDED

    def _config(self) -> Path:
        trust, config = self.stage.ready["trust"], self.stage.folder / "sinetti.toml"
        text = CONFIG.replace('tls_ca = "{server}"\n', "").format(address=self.stage.ready["soap_url"], **trust)
        config.write_text(text, encoding="utf-8")
        return config

    def _expect_no_hints(self) -> None:
        service = origin(self.stage.ready["soap_url"])
        until = format_instant(self.now + renewal_info.LONGEST)
        (self.ledger.store / renewal_info_poll.FILE).write_text(json.dumps({service: until}), encoding="utf-8")

    def summary(self, seconds: float) -> dict[str, object]:
        """Return the figures."""
        unsent = [one for one in self.stage.quietly_called("GET", "/messages?kind=reminder") if one["sent"]]
        return {
            "certificates": len(self.ledger.fleet),
            "from": format_instant(START),
            "to": format_instant(self.now),
            "renewals": self.renewals,
            "violations": len(self.ledger.breaches),
            "closest_to_end_hours": round(self.closest / timedelta(hours=1), 1),
            "passes": dict(self.codes),
            "reminders": len(unsent),
            "seconds": round(seconds),
            "clock_seconds": round(self.clock_seconds),
        }


def simulate(folder: Path, certificates: int, step: timedelta, *, has_hints: bool) -> Year:
    """Start a bench in a folder and enrol so many certificates."""
    stage = StoryRunner(format_instant(START), folder=folder, options=("--preset", "short-7d", "--http"))
    year = Year(stage, InvariantChecker(folder / "store", enrolment.organisations(certificates)), step, has_hints)
    year.enrol()
    return year


def main() -> int:
    """Play, and print progress and figures.

    Returns 1 if a certificate lapsed or was damaged.
    """
    options = _parser().parse_args()
    begun = monotonic_seconds()
    folder = Path(tempfile.mkdtemp(prefix="sinetti-lives-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        year = simulate(folder, options.certificates, timedelta(hours=options.step), has_hints=options.hints)
        try:
            for number, _ in enumerate(year.run(options.days)):
                if number % _PROGRESS_STEPS == 0:
                    seconds = monotonic_seconds() - begun
                    done = f"{year.renewals:,} renewals, {year.clock_seconds:.0f} s for the clock"
                    print(f"{seconds:6.0f} s  {format_instant(year.now)}  {done}", flush=True)
            summary = year.summary(monotonic_seconds() - begun)
        finally:
            year.stage.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for one in year.ledger.breaches[:20]:
        print(f"{one.at:%Y-%m-%dT%H:%M:%SZ} {one.name} {one.wrong}: {one.seen}")
    print(json.dumps(summary))
    return 1 if year.ledger.breaches else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulate.lives", description=__doc__)
    parser.add_argument("--certificates", type=int, default=1000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--step", type=int, default=12, help="hours between two passes (default: 12)")
    parser.add_argument("--hints", action="store_true", help="ask for hints")
    return parser


if __name__ == "__main__":
    sys.exit(main())
