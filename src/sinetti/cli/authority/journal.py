"""`sinetti authority journal …`: verify, close and ship the journals.

`close` is for those that have ended. `verify` checks that no line was changed, removed or moved, and that the CRLs
were signed by our CAs.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import sleep

from sinetti.authority.bootstrap import journal_mark, read_certificate
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, journal_folder
from sinetti.cli.authority.common import AuthorityRun, OptionError, operator_commands
from sinetti.cli.core.commands import JSON, Output, flag, option, print_output
from sinetti.cli.core.output import print_error, print_line
from sinetti.client.results import ExitCode
from sinetti.domain.validation import pluralise
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.journal import month_files, reader
from sinetti.journal.crl_archive import list_name, load_full
from sinetti.journal.reader import JournalDamaged
from sinetti.journal.shipment import FolderTarget, ShipmentDiffers, ShipmentError, Shipper, target_of
from sinetti.journal.writer import JournalMissing, check_owner, missing_sentence
from sinetti.services.issuance.close_journals import ClosingReport, close_journals
from sinetti.services.issuance.closed_journals import closed_facts, proof_of
from sinetti.services.status.crl_archive import verify_archived
from sinetti.settings import authority

LOG_WITHIN = 60.0
"""Seconds that `close` waits for the log to have the entries.

A serving node adds them every 10 s.
"""

_POLLED_EVERY = 2.0


verbs = operator_commands(
    "journal", "check, close and ship the journals", "sinetti authority journal verify --dir /srv/sinetti"
)
register = verbs.register


@verbs.command()
def verify(
    *,
    dir_: Path | None = option(
        "DIR", "folder of the authority, to check all its journals", name="--dir", either="which"
    ),
    file: Path | None = option("FILE", "file of one journal", either="which"),
) -> int:
    """Check that the journals and their revocation lists are complete and unchanged."""
    if dir_ is not None:
        checks = _checks(dir_)
    elif file is not None and file.is_file():
        checks = [partial(_journal, file)]
    else:
        raise OptionError(f"--file: {file} is not a file")
    code = 0
    for check in checks:
        try:
            print_line(check())
        except JournalDamaged as bad:
            print_error(f"sinetti: {bad}.")
            code = ExitCode.STORE
    return code


def _checks(root: Path) -> list[Callable[[], str]]:
    folder, place = _folders(root)
    journals = sorted([*reader.files(place), *reader.missing_journals(place)])
    mark = journal_mark(folder, DirectoryKind.AUTHORITY)
    if not journals and (why := mark.expected()) is not None:
        raise JournalMissing(missing_sentence(place, why, mark))
    if not journals:
        raise OptionError(f"there is no journal in {place}")
    instance = folder.instance_id()
    return [
        *(partial(_ours, path, instance) for path in journals),
        *(partial(_list, folder, path) for path in sorted(place.glob("*.crl"))),
    ]


def _folders(root: Path) -> tuple[DataDirectory, Path]:
    """Return the folder of an authority, and that of its journals."""
    folder = DataDirectory(root.absolute())
    folder.check(DirectoryKind.AUTHORITY)
    return folder, journal_folder(folder, DirectoryKind.AUTHORITY, authority.read(folder.settings))


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


@verbs.command()
def close(run: AuthorityRun) -> Output:
    """Compress the journals that have ended, and bind them in the log."""
    closed: tuple[str, ...] = ()
    ends = monotonic_seconds() + LOG_WITHIN
    while True:
        report = close_journals(run.ctx, run.authority.journal, run.request, run.actor)
        closed += report.closed
        if not report.waiting or monotonic_seconds() >= ends:
            break
        sleep(_POLLED_EVERY)
    lines = [f"closed  {name}" for name in closed] + [f"waits for the log  {name}" for name in report.waiting]
    if report.waiting:
        print_error("sinetti: the log does not have the entries yet: run sinetti authority serve, then this again.")
    return Output(
        asdict(ClosingReport(closed, report.waiting)),
        "\n".join(lines) or "There is no journal to close.",
        ExitCode.AGAIN if report.waiting else ExitCode.DONE,
    )


@verbs.command("sinetti authority journal ship --dir /srv/sinetti --to sftp://sinetti@copies.example/journals")
def ship(
    *,
    dir_: Path = option("DIR", "folder of the authority", name="--dir"),
    to: str = option("PLACE", "folder, or sftp://USER@HOST:PORT/PATH; the journals there only grow"),
    every: float | None = option("SECONDS", "go on until a signal, with this pause"),
    full: bool = flag("compare the copies from their beginnings first"),
    json: bool = JSON,
) -> int:
    """Append missing lines to copies of the journals elsewhere."""
    if every is not None and every <= 0:
        raise OptionError("--every: give a number of seconds above 0")
    folder, place = _folders(dir_)
    try:
        target = target_of(to)
    except ValueError as bad:
        raise OptionError(f"--to: {bad}") from bad
    except OSError as bad:
        raise OptionError(f"--to: {to}: {bad.strerror}") from bad
    if isinstance(target, FolderTarget) and any(
        Path(to).resolve().is_relative_to(own.resolve()) for own in (place, folder.root)
    ):
        # Copies there would be lost with the originals, and each command would read them as journals.
        raise OptionError(f"--to: {to} belongs to this authority: name a folder on another disk, or an sftp address")
    shipper = Shipper(place, folder.instance_id(), folder.journal_shipped, to, target)
    while True:
        code = _ship_once(shipper, as_json=json, is_full=full, is_quiet=every is not None)
        if every is None:
            return code
        sleep(every)
        full = False


def _ship_once(shipper: Shipper, *, as_json: bool, is_full: bool, is_quiet: bool) -> int:
    """Append what is missing; `is_quiet` prints nothing if nothing is."""
    try:
        report = shipper.ship(utc_now(), is_full=is_full)
    except ShipmentError as failed:
        print_error(f"sinetti: {failed}.")
        return ExitCode.AGAIN
    except ShipmentDiffers as differs:
        print_error(f"sinetti: {differs}.")
        return ExitCode.REFUSED
    if not is_quiet or report.lines or report.lists:
        added = f"{pluralise(report.lines, 'line')} and {pluralise(report.lists, 'list')} added"
        text = f"{pluralise(report.journals, 'journal')} there; {added}."
        print_output(Output(asdict(report), text), as_json=as_json)
    return 0
