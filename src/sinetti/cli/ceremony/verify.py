"""`sinetti ceremony shares verify` and `verify`: check sheets and transcripts."""

import argparse
import hashlib
from pathlib import Path

from sinetti.authority.ceremony import CeremonyInterrupted
from sinetti.ca.ceremony.shares import parse_share
from sinetti.ca.ceremony.transcript import check_signature, parse_transcript, printed
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.cli.ceremony.desk import TerminalDesk, command
from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.console import LANGUAGE_HELP, language_of_locale
from sinetti.cli.core.invocation import print_note
from sinetti.domain.values import Language

_SHARES, _VERIFY = "sinetti ceremony shares verify", "sinetti ceremony verify /media/carried/transcript.json"


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    shares = commands.add_parser(
        "shares",
        help="check a custodian's sheet",
        description="Checks a custodian's sheet, without the medium.",
        epilog=f"example:\n  {_SHARES}",
    )
    below = shares.add_subparsers(title="commands", metavar="COMMAND", required=True)
    parser = command(below, "verify", "check the words and the checksum of one sheet", _verify_share, _SHARES)
    parser.add_argument("--debug", action="store_true", help="show the stack trace of an internal error")
    summary = "check the signatures of a transcript, and print it as a protocol"
    parser = command(commands, "verify", summary, _verify, _VERIFY)
    parser.add_argument("file", metavar="FILE", type=Path, help="transcript; NAME.sig of each person is beside it")
    parser.add_argument("--lang", choices=common.choices(Language), help=LANGUAGE_HELP)
    parser.add_argument("--debug", action="store_true", help="show the stack trace of an internal error")


def _verify_share(_parsed: argparse.Namespace) -> int:
    try:
        share = parse_share(TerminalDesk().ask("Type the sheet in one line: ", is_secret=True))
    except EOFError:
        raise CeremonyInterrupted("no sheet was typed: run the command again, and type the sheet in one line") from None
    print_note(f"The sheet {share.pair} {share.holder} of the medium {share.medium} is as it was written.")
    return 0


def _verify(parsed: argparse.Namespace) -> int:
    transcript = parse_transcript(common.read_file(parsed.file))
    for person in transcript.present:
        path = parsed.file.with_name(f"{person.name}.sig")
        if not path.is_file():
            raise CeremonyError(f"{path} is missing: it is the signature of {person.name}")
        check_signature(transcript, person, path.read_bytes())
    language = Language(parsed.lang) if parsed.lang else language_of_locale()
    sha256 = hashlib.sha256(transcript.octets).hexdigest()
    output.print_line(printed(transcript, sha256, language).rstrip("\n"))
    return 0
