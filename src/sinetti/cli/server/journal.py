"""`sinetti authority journal verify`: check that no line of a journal was changed, taken out or moved."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.cli.output import put_line, tell
from sinetti.cli.server.common import OptionError, command, group
from sinetti.holder.outcome import ExitCode
from sinetti.registry import chain
from sinetti.registry.chain import JournalDamaged
from sinetti.settings import authority as authority_settings
from sinetti.settings.folder import Folder, FolderKind
from sinetti.settings.journal_place import journal_folder

if TYPE_CHECKING:
    from sinetti.cli.common import Commands


def register(commands: "Commands") -> None:
    """Add the commands to the parser."""
    example = "sinetti authority journal verify --dir /srv/sinetti"
    below = group(commands, "journal", "check journals", example)
    summary = "check every line of the journals and name one that was changed, moved or taken out"
    verify = command(below, "verify", summary, _run, example)
    which = verify.add_mutually_exclusive_group(required=True)
    which.add_argument("--dir", metavar="DIR", type=Path, help="the authority's folder: all its journals here")
    which.add_argument("--file", metavar="FILE", type=Path, help="one journal, or a copy of one")


def _run(parsed: argparse.Namespace) -> int:
    code = 0
    for path in _files(parsed):
        try:
            put_line(f"{path.name}: {chain.verify(path)} lines, all as they were written")
        except JournalDamaged as bad:
            tell(f"sinetti: {bad}.")
            code = ExitCode.STORE
    return code


def _files(parsed: argparse.Namespace) -> list[Path]:
    if parsed.file is not None:
        if not parsed.file.is_file():
            sentence = f"--file: {parsed.file} is not there, or no file"
            raise OptionError(sentence)
        return [parsed.file]
    folder = Folder(parsed.dir.absolute())
    folder.check(FolderKind.AUTHORITY)
    place = journal_folder(folder, FolderKind.AUTHORITY, authority_settings.read(folder.settings))
    found = chain.files(place)
    if not found:
        sentence = f"there is no journal in {place} yet"
        raise OptionError(sentence)
    return found
