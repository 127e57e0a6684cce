"""`sinetti authority import-signed`: take in the result of a ceremony."""

import argparse
from pathlib import Path
from typing import Any

from sinetti.authority.ceremony_requests import ImportOptions, import_founding, import_signed, waiting_request
from sinetti.authority.data_directory import DataDirectory
from sinetti.ca.ceremony.sets import CeremonyKind, RequestSet
from sinetti.ca.ceremony.words import CeremonyError, check_digest_words, digest_words
from sinetti.cli.authority.common import OptionError, add_dir, command, machine_user, octets_of, opened_authority
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.proposals import print_signer_work
from sinetti.cli.ceremony.desk import TerminalDesk
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.commands import option
from sinetti.cli.core.invocation import print_note
from sinetti.infra.atomic_files import write_atomic
from sinetti.infra.clock import utc_now
from sinetti.server.process_exit import request_id

EXAMPLE = "sinetti authority import-signed /media/carried/result-set.json --dir /srv/sinetti"

_WRITTEN = """\
Request set written to {path}. Write these words on paper, and type them at the offline machine:
  {words}
Carry the file there, and bring back the result set: sinetti authority import-signed FILE --dir {dir}
docs/operators/ceremony.md describes the ceremony."""

_FOUNDED = """\
Authority created in {dir}. Trust files for relying services: {dir}/trust/
Keep a copy of {dir} and, in another place, of its pass-phrase. Next: sinetti authority serve --dir {dir}"""
_TAKEN_IN = "Taken in: {what}. A running service has them at once."
_WHAT = {
    CeremonyKind.LISTS: "the revocation lists of root and intermediate CAs",
    CeremonyKind.CERTIFY: "the new CAs, which are standby, and the list of anchors",
    CeremonyKind.REVOKE: "the revocation lists with the revoked CAs",
    CeremonyKind.OFFICERS: "the new officers; all former ones are removed",
}


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "take in the result set of a ceremony, after its words were typed"
    parser = command(commands, "import-signed", summary, _run, EXAMPLE)
    add_dir(parser)
    parser.add_argument("file", metavar="FILE", type=Path, help="result set that the offline machine wrote")
    add_passphrase_file(parser)


def add_request_set(
    parser: argparse.ArgumentParser, purpose: str, option: str = "--request-set", *, required: bool = False
) -> None:
    """Add the option that writes a request set."""
    what = f"write a request set to FILE, {purpose}"
    parser.add_argument(option, metavar="FILE", dest="request_set", type=Path, required=required, help=what)


def request_set_option(purpose: str, name: str = "--request-set") -> Any:  # noqa: ANN401 - stands for the value
    """Return the option that writes a request set."""
    return option("FILE", f"write a request set to FILE, {purpose}", name=name)


def write_request(path: Path, request: RequestSet, folder: Path) -> None:
    """Write a request set to its file, and print its words. Raises OptionError."""
    try:
        write_atomic(path, request.octets)
    except OSError as failed:
        raise OptionError(
            f"the request set cannot be written to {path} ({failed.strerror}): name another file"
        ) from failed
    words = " ".join(digest_words(request.octets))
    print_note(_WRITTEN.format(path=path, words=words, dir=folder))


def _run(parsed: argparse.Namespace) -> int:
    octets = octets_of("FILE", parsed.file)
    folder = DataDirectory(parsed.dir.absolute())
    request = waiting_request(folder)
    try:
        typed = TerminalDesk().ask("Type the words of the result set from the paper: ")
    except EOFError:
        raise CeremonyError(
            "the words of the result set were not typed: run the command again, and type them from the paper"
        ) from None
    check_digest_words(typed, octets)
    options = ImportOptions(utc_now(), machine_user(), request_id(), passphrase_of(parsed))
    if folder.awaits_certificates():
        import_founding(folder.root, octets, options)
        print_note(_FOUNDED.format(dir=parsed.dir))
        return 0
    with opened_authority(parsed.dir, options.passphrase) as authority:
        import_signed(authority, octets, options)
        if request.kind is CeremonyKind.OFFICERS:
            print_signer_work(authority)
    print_note(_TAKEN_IN.format(what=_WHAT[request.kind]))
    return 0
