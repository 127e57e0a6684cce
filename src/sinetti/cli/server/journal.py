"""`sinetti authority journal verify`: that no line was changed, taken out or moved, and that lists are our CAs'."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.actions.lists import checked_list
from sinetti.cli.output import put_line, tell
from sinetti.cli.server.common import OptionError, command, group
from sinetti.holder.outcome import ExitCode
from sinetti.registry import chain
from sinetti.registry.chain import JournalDamaged
from sinetti.registry.journal import JournalMissing, check_owner, missing_sentence
from sinetti.registry.kept import list_name, whole
from sinetti.settings import authority as authority_settings
from sinetti.settings.folder import Folder, FolderKind
from sinetti.settings.journal_place import journal_folder
from sinetti.wiring import journal_mark, read_certificate

if TYPE_CHECKING:
    from sinetti.cli.common import Commands


def register(commands: "Commands") -> None:
    """Add the commands to the parser."""
    example = "sinetti authority journal verify --dir /srv/sinetti"
    below = group(commands, "journal", "check journals", example)
    summary = "check every line of the journals, and the lists beside them, and name what was changed or taken out"
    verify = command(below, "verify", summary, _run, example)
    which = verify.add_mutually_exclusive_group(required=True)
    which.add_argument("--dir", metavar="DIR", type=Path, help="the authority's folder: all its journals here")
    which.add_argument("--file", metavar="FILE", type=Path, help="one journal, or a copy of one")


def _run(parsed: argparse.Namespace) -> int:
    return max(_told(check) for check in _checks(parsed))


def _told(check: Callable[[], str]) -> int:
    """Print what came of a check; the exit code."""
    try:
        put_line(check())
    except JournalDamaged as bad:
        tell(f"sinetti: {bad}.")
        return ExitCode.STORE
    return 0


def _checks(parsed: argparse.Namespace) -> list[Callable[[], str]]:
    if parsed.file is not None:
        if not parsed.file.is_file():
            sentence = f"--file: {parsed.file} is not there, or no file"
            raise OptionError(sentence)
        return [partial(_journal, parsed.file)]
    folder = Folder(parsed.dir.absolute())
    folder.check(FolderKind.AUTHORITY)
    place = journal_folder(folder, FolderKind.AUTHORITY, authority_settings.read(folder.settings))
    journals = sorted([*chain.files(place), *chain.gone(place)])
    mark = journal_mark(folder, FolderKind.AUTHORITY)
    if not journals and (why := mark.expected()) is not None:
        raise JournalMissing(missing_sentence(place, why, mark))
    if not journals:
        sentence = f"there is no journal in {place} yet"
        raise OptionError(sentence)
    lists = sorted(place.glob("*.crl"))
    instance = folder.instance_id()
    return [
        *(partial(_ours, path, instance) for path in journals),
        *(partial(_list, folder, path) for path in lists),
    ]


def _ours(path: Path, instance_id: str) -> str:
    told = _journal(path)
    check_owner(path, instance_id)
    return told


def _journal(path: Path) -> str:
    chain.check_there(path)
    return f"{path.name}: {chain.verify(path)} lines, all as they were written"


def _list(folder: Folder, path: Path) -> str:
    """Check a list beside the journals with the certificate of its CA; what has no list's name nobody looks at."""
    name = list_name(path)
    if name is None or not (folder.certificates / f"{name.authority}.cer").is_file():
        return f"{path.name}: by its name no list of this authority; it is passed over"
    signed = checked_list(path, whole(path), read_certificate(folder, name.authority))
    return f"{path.name}: signed by its CA, {len(signed.entries)} revoked"
