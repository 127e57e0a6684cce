"""`sinetti authority journal …`: verify, close and ship the journals.

`close` is for those that have ended. `verify` checks that no line was changed, removed or moved, and that the CRLs
were signed by our CAs.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import sleep

from sinetti.authority.bootstrap import journal_mark, read_certificate
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, journal_folder
from sinetti.cli.authority.common import (
    OptionError,
    add_dir,
    command,
    group,
    machine_user,
    opened_authority,
    print_result,
)
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.output import print_error, print_line
from sinetti.client.results import ExitCode
from sinetti.domain.validation import pluralise
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.journal import month_files, reader
from sinetti.journal.crl_archive import list_name, load_full
from sinetti.journal.reader import JournalDamaged
from sinetti.journal.shipment import FolderTarget, ShipmentDiffers, ShipmentError, ShipmentReport, Shipper, target_of
from sinetti.journal.writer import JournalMissing, check_owner, missing_sentence
from sinetti.server.process_exit import request_id
from sinetti.services.issuance.close_journals import ClosingReport, close_journals
from sinetti.services.issuance.closed_journals import closed_facts, proof_of
from sinetti.services.status.crl_archive import verify_archived
from sinetti.settings import authority

LOG_WITHIN = 60.0
"""Seconds that `close` waits for the log to have the entries.

A serving node adds them every 10 s.
"""

_POLLED_EVERY = 2.0


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    example = "sinetti authority journal verify --dir /srv/sinetti"
    below = group(commands, "journal", "check, close and ship the journals", example)
    summary = "check that the journals and their revocation lists are complete and unchanged"
    verify = command(below, "verify", summary, _run, example)
    which = verify.add_mutually_exclusive_group(required=True)
    which.add_argument("--dir", metavar="DIR", type=Path, help="folder of the authority, to check all its journals")
    which.add_argument("--file", metavar="FILE", type=Path, help="file of one journal")
    example = "sinetti authority journal close --dir /srv/sinetti"
    close = command(below, "close", "compress the journals that have ended, and bind them in the log", _close, example)
    add_dir(close)
    close.add_argument("--json", action="store_true", help="print the result as JSON")
    example = "sinetti authority journal ship --dir /srv/sinetti --to sftp://sinetti@copies.example/journals"
    ship = command(below, "ship", "append missing lines to copies of the journals elsewhere", _ship, example)
    add_dir(ship)
    where = "folder, or sftp://USER@HOST:PORT/PATH; the journals there only grow"
    ship.add_argument("--to", metavar="PLACE", required=True, help=where)
    ship.add_argument("--every", metavar="SECONDS", type=float, help="go on until a signal, with this pause")
    ship.add_argument("--full", action="store_true", help="compare the copies from their beginnings first")
    ship.add_argument("--json", action="store_true", help="print the result as JSON")


def _close(parsed: argparse.Namespace) -> int:
    """Close the journals, and wait until the log has their entries."""
    closed: tuple[str, ...] = ()
    ends = monotonic_seconds() + LOG_WITHIN
    with opened_authority(parsed.dir) as authority:
        while True:
            report = close_journals(authority.ctx, authority.journal, request_id(), machine_user())
            closed += report.closed
            if not report.waiting or monotonic_seconds() >= ends:
                break
            sleep(_POLLED_EVERY)
    report = ClosingReport(closed, report.waiting)
    print_result(asdict(report), as_json=parsed.json, table=lambda: _closed_lines(report))
    if report.waiting:
        print_error("sinetti: the log does not have the entries yet: run sinetti authority serve, then this again.")
        return ExitCode.AGAIN
    return 0


def _closed_lines(report: ClosingReport) -> str:
    lines = [f"closed  {name}" for name in report.closed]
    lines += [f"waits for the log  {name}" for name in report.waiting]
    return "\n".join(lines) or "There is no journal to close."


def _ship(parsed: argparse.Namespace) -> int:
    if parsed.every is not None and parsed.every <= 0:
        raise OptionError("--every: give a number of seconds above 0")
    folder = DataDirectory(parsed.dir.absolute())
    folder.check(DirectoryKind.AUTHORITY)
    place = journal_folder(folder, DirectoryKind.AUTHORITY, authority.read(folder.settings))
    try:
        target = target_of(parsed.to)
    except ValueError as bad:
        raise OptionError(f"--to: {bad}") from bad
    except OSError as bad:
        raise OptionError(f"--to: {parsed.to}: {bad.strerror}") from bad
    own = next((one for one in (place, folder.root) if Path(parsed.to).resolve().is_relative_to(one.resolve())), None)
    if isinstance(target, FolderTarget) and own is not None:
        # Copies there would be lost with the originals, and each command would read them as journals.
        raise OptionError(
            f"--to: {parsed.to} belongs to this authority: name a folder on another disk, or an sftp address"
        )
    shipper = Shipper(place, folder.instance_id(), folder.journal_shipped, parsed.to, target)
    code = _ship_once(shipper, parsed, is_full=parsed.full)
    while parsed.every is not None:
        sleep(parsed.every)
        code = _ship_once(shipper, parsed, is_full=False)
    return code


def _ship_once(shipper: Shipper, parsed: argparse.Namespace, *, is_full: bool) -> int:
    try:
        done = shipper.ship(utc_now(), is_full=is_full)
    except ShipmentError as failed:
        print_error(f"sinetti: {failed}.")
        return ExitCode.AGAIN
    except ShipmentDiffers as differs:
        print_error(f"sinetti: {differs}.")
        return ExitCode.REFUSED
    if parsed.every is None or done.lines or done.lists:
        print_result(asdict(done), as_json=parsed.json, table=lambda: _shipped_line(done))
    return 0


def _shipped_line(done: ShipmentReport) -> str:
    added = f"{pluralise(done.lines, 'line')} and {pluralise(done.lists, 'list')} added"
    return f"{pluralise(done.journals, 'journal')} there; {added}."


def _run(parsed: argparse.Namespace) -> int:
    return max(_print_result(check) for check in _checks(parsed))


def _print_result(check: Callable[[], str]) -> int:
    """Print the result of a check and return the exit code."""
    try:
        print_line(check())
    except JournalDamaged as bad:
        print_error(f"sinetti: {bad}.")
        return ExitCode.STORE
    return 0


def _checks(parsed: argparse.Namespace) -> list[Callable[[], str]]:
    if parsed.file is not None:
        if not parsed.file.is_file():
            raise OptionError(f"--file: {parsed.file} is not a file")
        return [partial(_journal, parsed.file)]
    folder = DataDirectory(parsed.dir.absolute())
    folder.check(DirectoryKind.AUTHORITY)
    place = journal_folder(folder, DirectoryKind.AUTHORITY, authority.read(folder.settings))
    journals = sorted([*reader.files(place), *reader.missing_journals(place)])
    mark = journal_mark(folder, DirectoryKind.AUTHORITY)
    if not journals and (why := mark.expected()) is not None:
        raise JournalMissing(missing_sentence(place, why, mark))
    if not journals:
        raise OptionError(f"there is no journal in {place}")
    lists = sorted(place.glob("*.crl"))
    instance = folder.instance_id()
    return [
        *(partial(_ours, path, instance) for path in journals),
        *(partial(_list, folder, path) for path in lists),
    ]


def _ours(path: Path, instance_id: str) -> str:
    text = _journal(path)
    check_owner(path, instance_id)
    return text


def _journal(path: Path) -> str:
    reader.check_present(path)
    lines = reader.verify(path)
    if path.suffix != reader.COMPRESSED or not proof_of(path).exists():
        return f"{path.name}: {lines} lines, complete and unchanged"
    known = closed_facts(path)
    if known is None or (known[1]["lines"], known[1]["sha256"]) != (lines, month_files.sha256_of(path)):
        raise JournalDamaged(
            f"{path.name}: it is not the file that {proof_of(path).name} closes: restore both from a copy"
        )
    return f"{path.name}: {lines} lines, complete and unchanged, closed"


def _list(folder: DataDirectory, path: Path) -> str:
    """Check a CRL beside the journals with the certificate of its CA.

    A file whose name is not that of a CRL is skipped.
    """
    name = list_name(path)
    if name is None or not (folder.certificates / f"{name.authority}.cer").is_file():
        return f"{path.name}: skipped, its name is not that of a revocation list"
    signed = verify_archived(path, load_full(path), read_certificate(folder, name.authority))
    return f"{path.name}: signed by its CA, {len(signed.entries)} revoked"
