"""`sinetti authority import-signed`: take in the result of a ceremony."""

from pathlib import Path
from typing import Any

from sinetti.authority.ceremony_requests import ImportOptions, import_founding, import_signed, waiting_request
from sinetti.ca.ceremony.sets import CeremonyKind, RequestSet
from sinetti.ca.ceremony.words import CeremonyError, check_digest_words, digest_words
from sinetti.cli.authority.common import AuthorityRun, OptionError, octets_of, operator_commands
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE, passphrase_of
from sinetti.cli.authority.proposals import print_signer_work
from sinetti.cli.ceremony.desk import TerminalDesk
from sinetti.cli.core.commands import argument, option
from sinetti.cli.core.invocation import print_note
from sinetti.infra.atomic_files import write_atomic
from sinetti.infra.clock import utc_now

commands = operator_commands()
register = commands.register

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


def request_set_option(purpose: str, name: str = "--request-set") -> Any:  # noqa: ANN401 - stands for the value
    """Return the option that writes a request set."""
    return option("FILE", f"write a request set to FILE, {purpose}", name=name, type=Path)


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


@commands.command(
    "sinetti authority import-signed /media/carried/result-set.json --dir /srv/sinetti",
    name="import-signed",
    also=[PASSPHRASE_FILE],
)
def take_in(run: AuthorityRun, *, file: Path = argument("FILE", "result set that the offline machine wrote")) -> str:
    """Take in the result set of a ceremony, after its words were typed."""
    octets, folder = octets_of("FILE", file), run.folder
    request = waiting_request(folder)
    try:
        typed = TerminalDesk().ask("Type the words of the result set from the paper: ")
    except EOFError:
        raise CeremonyError(
            "the words of the result set were not typed: run the command again, and type them from the paper"
        ) from None
    check_digest_words(typed, octets)
    options = ImportOptions(utc_now(), run.actor, run.request, passphrase_of(run.parsed))
    if folder.awaits_certificates():
        import_founding(folder.root, octets, options)
        return _FOUNDED.format(dir=run.parsed.dir)
    import_signed(run.authority, octets, options)
    if request.kind is CeremonyKind.OFFICERS:
        print_signer_work(run.authority)
    return _TAKEN_IN.format(what=_WHAT[request.kind])
