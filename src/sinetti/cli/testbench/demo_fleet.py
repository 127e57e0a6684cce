"""`sinetti demo-fleet`: show organisations whose agents renew all certificates."""

import argparse
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Never

from sinetti.cli.core import argparse_i18n, invocation, output, progress
from sinetti.cli.core.blocks import Paragraph
from sinetti.cli.core.commands import DEBUG, CommandGroup, Output, flag, option, print_output
from sinetti.cli.core.console import LANGUAGE_HELP, language_of_locale
from sinetti.cli.core.progress import ProgressBar
from sinetti.client.messages import error_reasons, messages
from sinetti.client.results import ExitCode, UsageError
from sinetti.domain.values import Language
from sinetti.i18n.translate import translate
from sinetti.testbench.fleet import report
from sinetti.testbench.fleet.enrolment import MOST
from sinetti.testbench.fleet.report import ProgressReporter
from sinetti.testbench.fleet.scenario import FleetOptions, run_simulation
from sinetti.testbench.fleet.story_runner import StoryBroken

EXAMPLE = """\
sinetti demo-fleet --organisations 20

exit codes: 0 all certificates renewed in time · 1 a certificate expired, or the demonstration failed · 2 usage error"""

_SEEDS = 1_000_000

commands = CommandGroup("sinetti", guard=lambda run, parsed: run(parsed))
register = commands.register


def _count(given: str) -> int:
    if not (given.isascii() and given.isdigit()) or not 1 <= int(given) <= MOST:
        raise argparse.ArgumentTypeError(argparse_i18n.translated(report.BAD_COUNT, text=given, most=MOST))
    return int(given)


@commands.command(
    EXAMPLE,
    description="Starts a test bench, simulates years of certificates for many organisations, and stops the bench. The "
    "last line is the summary. Exit code 0 means that every certificate was renewed in time.",
    also=[DEBUG],
)
def demo_fleet(
    *,
    organisations: int = option("N", "number of organisations (default: 200)", type=_count, default=200),
    seed: int | None = option("N", "seed that decides which responses are lost or wrong (default: random)"),
    keep: Path | None = option("DIR", "run in this folder, and keep it"),
    json: bool = flag("print only the summary, as JSON"),
    lang: Language | None = option(None, LANGUAGE_HELP),
) -> ExitCode:
    """Watch agents renew the certificates of many organisations."""
    language = lang or language_of_locale()
    bar = progress.bar(0, language=language)

    def put(line: str) -> None:
        """Print a line in place of the bar."""
        bar.clear()
        if not json:
            output.show((Paragraph(line),))

    reporter = BarReporter(language, put, bar)
    if keep is not None and _holds_something(keep):
        invocation.print_failure(translate(report.NOT_EMPTY, language, folder=keep), ExitCode.USAGE)
        return ExitCode.USAGE
    seed = secrets.randbelow(_SEEDS) if seed is None else seed
    try:
        with bar, _stoppable(), _folder(keep) as folder:
            end = run_simulation(FleetOptions(organisations, seed, folder), reporter)
    except StoryBroken as broken:
        invocation.print_failure(translate(report.BROKEN_OFF, language, why=broken), ExitCode.FAULT)
        return ExitCode.FAULT
    if json:
        print_output(Output(end.as_json(), ()), as_json=True)
    reporter.end(end)
    return ExitCode.FAULT if end.breaches else ExitCode.DONE


@dataclass(frozen=True)
class BarReporter(ProgressReporter):
    """Reporter with a bar of the renewed certificates below its lines."""

    bar: ProgressBar

    def step(self, now: datetime, renewed: Sequence[str], done: int, among: int) -> None:
        """Report the renewals of a pass, and draw the bar again."""
        ProgressReporter.step(self, now, renewed, done, among)
        self.bar.reach(done, among, renewed[-1] if renewed else "–")


def _holds_something(folder: Path) -> bool:
    """Make a folder that a person named; return True if it has content.

    Raises UsageError if the folder cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return any(folder.iterdir())
    except OSError as bad:
        raise UsageError(messages.UNWRITABLE_FILE, path=str(folder), why=error_reasons.translate_reason(bad)) from bad


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    """Yield the folder of the demo.

    A temporary folder, made where the user names none, is removed however the demo ends.
    """
    if kept is not None:
        yield kept.resolve()
        return
    made = Path(tempfile.mkdtemp(prefix="sinetti-fleet-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that all processes are stopped."""
    before = signal.signal(signal.SIGTERM, _interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupted(_number: int, _frame: FrameType | None) -> Never:
    raise KeyboardInterrupt
