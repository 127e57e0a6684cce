"""Progress and end of a fleet simulation.

People get lines of text while it runs, and its end as text. Programs get the end as JSON. This module has all message
ids of these texts (docs/holders/fleet.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sinetti.domain.values import Language
from sinetti.i18n.translate import format_time, gettext_noop, ngettext_noop, number, translate, translate_plural
from sinetti.infra.clock import format_instant
from sinetti.testbench.fleet.fault_proxy import LOST, WRONG, InjectedFault
from sinetti.testbench.fleet.invariants import Violation, ViolationKind

BAD_COUNT = gettext_noop("“{text}” is not valid; give a number of organisations from 1 to {most}")
BEGINS = ngettext_noop(
    "{count} organisation and an agent, on their own test bench. Seed {seed}.",
    "{count} organisations and an agent, on their own test bench. Seed {seed}.",
)
CALM = gettext_noop("1. Two years without faults. Each organisation orders a certificate and retrieves it.")
ROUGH = gettext_noop(
    "2. Two years with faults: one answer in ten is lost, one in twenty is wrong, and two agents use the "
    "same store at once. Each organisation orders a replacement for its certificate."
)
INCIDENT = gettext_noop("3. An incident: the service asks for early replacement of every other certificate.")
IN_USE = ngettext_noop("{when}  {count} certificate is in use.", "{when}  {count} certificates are in use.")
RENEWED = gettext_noop("{when}  renewed: {count}, total {done} of {all}: {names}")
NOTHING_DUE = gettext_noop("{when}  nothing due")
CALLED = ngettext_noop(
    "{when}  {count} certificate is to be replaced; renewals are spread over ten minutes.",
    "{when}  {count} certificates are to be replaced; renewals are spread over ten minutes.",
)
SPREAD = ngettext_noop(
    "Renewals took place on {count} day, at most {most} a day. Each previous certificate stayed valid "
    "until it expired.",
    "Renewals took place on {count} days, at most {most} a day. Each previous certificate stayed valid "
    "until it expired.",
)
FAULTS = gettext_noop("Lost answers: {lost}. Wrong answers: {wrong}. Runs that found another agent at work: {out}.")
REPLACED = ngettext_noop(
    "All were replaced within {count} minute of the request.",
    "All were replaced within {count} minutes of the request.",
)
WELL = gettext_noop(
    "Organisations: {organisations}, certificates: {certificates}, {years} years in {seconds} s, renewals "
    "on {days} days, at most {most} a day. Nothing lapsed, no key was lost, nothing was issued twice."
)
NOT_WELL = gettext_noop(
    "Organisations: {organisations}, certificates: {certificates}, {years} years in {seconds} s. Failed "
    "checks: {breaches}. To run it again, use --seed {seed} --keep DIR."
)
BROKEN_OFF = gettext_noop("The demonstration stopped: {why}")
NOT_EMPTY = gettext_noop("The folder {folder} is not empty. Name an empty folder or one that does not exist yet.")

WRONGS = {
    ViolationKind.LAPSED: gettext_noop("no valid certificate was in use"),
    ViolationKind.KEY_LOST: gettext_noop("the key of a certificate is not in the store"),
    ViolationKind.ISSUED_TWICE: gettext_noop("more certificates were issued than were ordered and renewed"),
    ViolationKind.CUT_SHORT: gettext_noop("a certificate did not stay valid until it expired"),
    ViolationKind.NOT_RENEWED: gettext_noop("a certificate is missing"),
    ViolationKind.DAMAGED: gettext_noop("the files in use do not belong together"),
}
"""Texts of the violations, by kind."""


_NAMED = 3
"""Number of names that a line shows."""

_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class PhaseReport:
    """Result of an act.

    `renewed` counts the renewed certificates; `days` is the number of days on which they were renewed, and `most` the
    highest number on one day.

    `out` counts the passes that found another agent at work. `replaced` is the time from an operator's call for early
    replacement until all were replaced. It is None where there was no call, or some were not replaced.
    """

    act: str
    begins: datetime
    ends: datetime
    enrolled: int
    renewed: int
    days: int
    most: int
    passes: int
    out: int = 0
    faults: tuple[tuple[InjectedFault, int], ...] = ()
    replaced: timedelta | None = None

    @property
    def lost(self) -> int:
        """Number of lost answers."""
        return sum(count for fault, count in self.faults if fault in LOST)

    @property
    def wrong(self) -> int:
        """Number of wrong answers."""
        return sum(count for fault, count in self.faults if fault in WRONG)

    def as_json(self) -> dict[str, object]:
        """Return the result as JSON."""
        return {
            "act": self.act,
            "begins": format_instant(self.begins),
            "ends": format_instant(self.ends),
            "enrolled": self.enrolled,
            "renewed": self.renewed,
            "days": self.days,
            "most_on_a_day": self.most,
            "passes": self.passes,
            "found_locked": self.out,
            "faults": {fault.value: count for fault, count in self.faults},
            "answers_lost": self.lost,
            "answers_wrong": self.wrong,
            "replaced_within_seconds": None if self.replaced is None else int(self.replaced.total_seconds()),
        }


@dataclass(frozen=True)
class FinalReport:
    """Result of the simulation. `seconds` are of the machine's clock."""

    organisations: int
    seed: int
    acts: tuple[PhaseReport, ...]
    breaches: tuple[Violation, ...]
    seconds: float

    @property
    def certificates(self) -> int:
        """Number of issued certificates."""
        return sum(act.enrolled + act.renewed for act in self.acts)

    def count(self, wrong: ViolationKind) -> int:
        """Return the number of violations of a kind."""
        return sum(breach.wrong is wrong for breach in self.breaches)

    def as_json(self) -> dict[str, object]:
        """Return the result as JSON."""
        return {
            "organisations": self.organisations,
            "seed": self.seed,
            "certificates": self.certificates,
            "well": not self.breaches,
            **{wrong.value.replace("-", "_"): self.count(wrong) for wrong in ViolationKind},
            "seconds": round(self.seconds, 1),
            "acts": [act.as_json() for act in self.acts],
        }


@dataclass(frozen=True)
class ProgressReporter:
    """Reports to people in their language; `put` prints one line."""

    language: Language
    put: Callable[[str], None]

    def begin(self, count: int, seed: int) -> None:
        """Report the start."""
        self.put(translate_plural(*BEGINS, count, self.language, seed=seed))

    def chapter(self, title: str) -> None:
        """Report the next act."""
        self.put(f"\n{translate(title, self.language)}")

    def counted(self, forms: tuple[str, str], count: int, now: datetime) -> None:
        """Report a count of names."""
        self.put(translate_plural(*forms, count, self.language, when=self._when(now)))

    def step(self, now: datetime, renewed: Sequence[str], done: int, among: int) -> None:
        """Report the renewals of a pass, if there are any."""
        if not renewed:
            self.put(translate(NOTHING_DUE, self.language, when=self._when(now)))
            return
        names = ", ".join(renewed[:_NAMED]) + (" …" if len(renewed) > _NAMED else "")
        counts = {"count": len(renewed), "done": done, "all": among}
        numbers = {name: number(count, self.language) for name, count in counts.items()}
        self.put(translate(RENEWED, self.language, when=self._when(now), names=names, **numbers))

    def ended(self, act: PhaseReport) -> None:
        """Report the end of an act."""
        if act.replaced is not None:
            minutes = -(-int(act.replaced.total_seconds()) // 60)
            self.put(translate_plural(*REPLACED, minutes, self.language))
        elif act.enrolled:
            self.put(translate_plural(*SPREAD, act.days, self.language, most=number(act.most, self.language)))
        if act.faults:
            fault_counts = {"lost": act.lost, "wrong": act.wrong, "out": act.out}
            counts = {name: number(count, self.language) for name, count in fault_counts.items()}
            self.put(translate(FAULTS, self.language, **counts))

    def end(self, end: FinalReport) -> None:
        """Report the end: the violations, and the summary as the last line."""
        for breach in end.breaches:
            wrong = translate(WRONGS[breach.wrong], self.language)
            self.put(f"{self._when(breach.at)}  {breach.name}: {wrong} ({breach.seen})")
        span = end.acts[-1].ends - end.acts[0].begins
        planned = [act for act in end.acts if act.enrolled]
        self.put("")
        self.put(
            translate(
                NOT_WELL if end.breaches else WELL,
                self.language,
                organisations=number(end.organisations, self.language),
                certificates=number(end.certificates, self.language),
                years=round(span / _YEAR),
                seconds=round(end.seconds),
                days=sum(phase.days for phase in planned),
                most=max(phase.most for phase in planned),
                breaches=number(len(end.breaches), self.language),
                seed=end.seed,
            )
        )

    def _when(self, at: datetime) -> str:
        return f"{format_time(at, self.language):<28}"
