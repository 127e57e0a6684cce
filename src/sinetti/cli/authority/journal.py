"""`sinetti authority journal verify`: check the journals and the archived CRLs.

It checks that no line was changed, removed or moved, and that the CRLs were signed by our CAs.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.authority.bootstrap import journal_mark, read_certificate
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, journal_folder
from sinetti.cli.authority.common import OptionError, command, group
from sinetti.cli.core.output import print_error, print_line
from sinetti.client.results import ExitCode
from sinetti.journal import reader
from sinetti.journal.crl_archive import list_name, load_full
from sinetti.journal.reader import JournalDamaged
from sinetti.journal.writer import JournalMissing, check_owner, missing_sentence
from sinetti.services.status.crl_archive import verify_archived
from sinetti.settings import authority

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands


def register(commands: "Commands") -> None:
    """Add the commands to the parser."""
    example = "sinetti authority journal verify --dir /srv/sinetti"
    below = group(commands, "journal", "check the journals", example)
    summary = "check that the journals and their revocation lists are complete and unchanged"
    verify = command(below, "verify", summary, _run, example)
    which = verify.add_mutually_exclusive_group(required=True)
    which.add_argument("--dir", metavar="DIR", type=Path, help="folder of the authority, to check all its journals")
    which.add_argument("--file", metavar="FILE", type=Path, help="file of one journal")


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
            sentence = f"--file: {parsed.file} is not a file"
            raise OptionError(sentence)
        return [partial(_journal, parsed.file)]
    folder = DataDirectory(parsed.dir.absolute())
    folder.check(DirectoryKind.AUTHORITY)
    place = journal_folder(folder, DirectoryKind.AUTHORITY, authority.read(folder.settings))
    journals = sorted([*reader.files(place), *reader.missing_journals(place)])
    mark = journal_mark(folder, DirectoryKind.AUTHORITY)
    if not journals and (why := mark.expected()) is not None:
        raise JournalMissing(missing_sentence(place, why, mark))
    if not journals:
        sentence = f"there is no journal in {place}"
        raise OptionError(sentence)
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
    return f"{path.name}: {reader.verify(path)} lines, complete and unchanged"


def _list(folder: DataDirectory, path: Path) -> str:
    """Check a CRL beside the journals with the certificate of its CA.

    A file whose name is not that of a CRL is skipped.
    """
    name = list_name(path)
    if name is None or not (folder.certificates / f"{name.authority}.cer").is_file():
        return f"{path.name}: skipped, its name is not that of a revocation list"
    signed = verify_archived(path, load_full(path), read_certificate(folder, name.authority))
    return f"{path.name}: signed by its CA, {len(signed.entries)} revoked"
