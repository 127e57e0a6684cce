"""`sinetti demo-fleet`: show organisations whose agents renew all certificates."""

import argparse
import json
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

from sinetti.cli.client import common
from sinetti.cli.core import argparse_i18n, invocation, output, progress
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Paragraph
from sinetti.cli.core.console import LANGUAGE_HELP
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
example:
  sinetti demo-fleet --organisations 20

exit codes: 0 all certificates renewed in time · 1 a certificate expired, or the demonstration failed · 2 usage error"""

_SEEDS = 1_000_000


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "demo-fleet",
        help="watch agents renew the certificates of many organisations",
        description="Starts a test bench, simulates years of certificates for many organisations, and stops the "
        "bench. The last line is the summary. Exit code 0 means that every certificate was renewed in "
        "time.",
        epilog=EXAMPLE,
    )
    parser.add_argument(
        "--organisations", metavar="N", type=_count, default=200, help="number of organisations (default: 200)"
    )
    parser.add_argument(
        "--seed", metavar="N", type=int, help="seed that decides which responses are lost or wrong (default: random)"
    )
    parser.add_argument("--keep", metavar="DIR", type=Path, help="run in this folder, and keep it")
    parser.add_argument("--json", action="store_true", help="print only the summary, as JSON")
    parser.add_argument("--lang", choices=common.choices(Language), help=LANGUAGE_HELP)
    parser.add_argument("--debug", action="store_true", help="show the stack trace of an internal error")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Run the demo."""
    language = common.console_of(parsed).language
    bar = progress.bar(0, language=language)

    def put(line: str) -> None:
        """Print a line in place of the bar."""
        bar.clear()
        if not parsed.json:
            output.show((Paragraph(line),))

    reporter = BarReporter(language, put, bar)
    if parsed.keep is not None and _holds_something(parsed.keep):
        invocation.print_failure(translate(report.NOT_EMPTY, language, folder=parsed.keep), ExitCode.USAGE)
        return ExitCode.USAGE
    seed = secrets.randbelow(_SEEDS) if parsed.seed is None else parsed.seed
    try:
        with bar, _stoppable(), _folder(parsed.keep) as folder:
            end = run_simulation(FleetOptions(parsed.organisations, seed, folder), reporter)
    except StoryBroken as broken:
        invocation.print_failure(translate(report.BROKEN_OFF, language, why=broken), ExitCode.FAULT)
        return ExitCode.FAULT
    if parsed.json:
        invocation.CURRENT.has_json = True
        common.print_line(json.dumps(end.as_json()))
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


def _count(given: str) -> int:
    if not (given.isascii() and given.isdigit()) or not 1 <= int(given) <= MOST:
        raise argparse.ArgumentTypeError(argparse_i18n.translated(report.BAD_COUNT, text=given, most=MOST))
    return int(given)
