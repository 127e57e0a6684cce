"""Helpers of commands on many certificates: serials, time of issue, and progress.

Commands that may take long report progress on standard error: after two seconds, then now and then.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from sinetti.cli.authority.common import OptionError, octets_of, zoned_instant
from sinetti.cli.core.commands import Spec
from sinetti.cli.core.invocation import print_note
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.domain.values import Channel, Serial
from sinetti.infra.clock import monotonic_seconds

QUIET_FOR, REPORTED_EVERY = 2.0, 1.0
"""Seconds before the first line of progress, and between two such lines."""

_LONGEST_SERIAL = 40


@dataclass(frozen=True, slots=True)
class SelectionSpec(Spec):
    """Options that select certificates, which together are the value of a parameter.

    `help` is what happens to them, such as "revoked". With `is_full`, there are also the options of calls.
    """

    is_full: bool = False

    def add_to(self, parser: argparse.ArgumentParser, name: str, kind: object) -> None:  # noqa: ARG002 - as Spec
        """Add the options to a parser."""
        which = parser.add_argument_group("certificates (all conditions must apply)")
        serials = which.add_mutually_exclusive_group()
        if self.is_full:
            serials.add_argument(
                "--serial", metavar="SERIAL", help="serial number in hex, from `status --customer-id ID`"
            )
        serials.add_argument(
            "--serials", metavar="FILE", help="file with serial numbers in hex, one per line, - for standard input"
        )
        which.add_argument("--customer-id", metavar="ID", help="certificates of this organisation")
        which.add_argument(
            "--authority", metavar="NAME", help="certificates of this issuing CA, by its name in `status`"
        )
        if self.is_full:
            which.add_argument(
                "--channel", choices=[channel.value for channel in Channel], help="certificates of this type"
            )
            which.add_argument(
                "--software", metavar="NAME", help="certificates whose program asked for hints as NAME or NAME/VERSION"
            )
        which.add_argument(
            "--issued-between",
            nargs=2,
            metavar=("FROM", "UNTIL"),
            help="issued from the first time until before the second",
        )
        if self.is_full:
            which.add_argument("--every-certificate", action="store_true", help="all certificates of the authority")

    def value(self, parsed: argparse.Namespace, name: str, kind: object) -> CertificateSelection:  # noqa: ARG002
        """Return the selection. Raises OptionError."""
        given = vars(parsed)
        serials: tuple[Serial, ...] | None = None
        if given.get("serial") is not None:
            serial = parsed.serial.strip().casefold()
            if not _is_serial(serial):
                raise OptionError("--serial: this is not a serial number in hex, as `status --customer-id` prints it")
            serials = (Serial(serial),)
        elif parsed.serials is not None:
            serials = _serials_of(parsed.serials, self.help)
        return CertificateSelection(
            serials,
            parsed.customer_id,
            parsed.authority,
            _issue_interval(parsed.issued_between),
            Channel(parsed.channel) if given.get("channel") is not None else None,
            given.get("software"),
            is_every=given.get("every_certificate", False),
        )


def selection(verb: str, *, is_full: bool = False) -> Any:  # noqa: ANN401 - stands for the value
    """Return the default of a parameter that is a selection of certificates."""
    return SelectionSpec(verb, {}, is_full=is_full)


def _serials_of(name: str, verb: str) -> tuple[Serial, ...]:
    """Read the serial numbers of a file, one a line.

    Empty lines and lines that begin with # are left out. Raises OptionError for another text, or if there are none.
    """
    text = octets_of("--serials", Path(name)).decode("utf-8", "replace")
    serials: list[Serial] = []
    for number, line in enumerate(text.splitlines(), 1):
        serial = line.strip().casefold()
        if not serial or serial.startswith("#"):
            continue
        if not _is_serial(serial):
            raise OptionError(
                f"--serials: line {number} is not a serial number in hex, as `status --customer-id` prints it"
            )
        serials.append(Serial(serial))
    if not serials:
        raise OptionError(f"--serials: the file has no serial number, so nothing would be {verb}")
    return tuple(dict.fromkeys(serials))


def _issue_interval(given: Sequence[str] | None) -> tuple[datetime, datetime] | None:
    """Return the times of `--issued-between`, or None. Raises OptionError."""
    if given is None:
        return None
    first, last = (zoned_instant("--issued-between", text) for text in given)
    if first >= last:
        raise OptionError("--issued-between: the first time must be before the second")
    return first, last


def _is_serial(text: str) -> bool:
    """Return True if a text looks like a serial number in hex."""
    return 0 < len(text) <= _LONGEST_SERIAL and set(text) <= set("0123456789abcdef")


class Progress:
    """Reports progress on standard error once the work takes longer than a moment."""

    def __init__(self, verb: str) -> None:
        self._next, self._verb = monotonic_seconds() + QUIET_FOR, verb

    def __call__(self, done: int, of: int) -> None:
        """Print the progress, unless it was printed less than a second ago."""
        if monotonic_seconds() >= self._next:
            print_note(f"{done} of {of} {self._verb} …")
            self._next = monotonic_seconds() + REPORTED_EVERY


FIRST_AFTER: Final = 2.0
"""Seconds of work before the first report."""

AT_A_TERMINAL, IN_A_LOG = 1.0, 10.0
"""Seconds between two lines of progress at a terminal and in a log.

A log is read later and should not be full of them.
"""


@contextmanager
def telling(what: Callable[[], str]) -> Iterator[None]:
    """Report progress while the block runs.

    `what` returns the progress in a few words.
    """
    stop = Event()
    thread = Thread(target=_report_progress, args=(what, stop), name="telling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _report_progress(what: Callable[[], str], stop: Event) -> None:
    begun = monotonic_seconds()
    pause = FIRST_AFTER
    while not stop.wait(pause):
        print_note(f"{what()} ({monotonic_seconds() - begun:.0f} s)")
        pause = AT_A_TERMINAL if sys.stderr is not None and sys.stderr.isatty() else IN_A_LOG
