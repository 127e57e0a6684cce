"""`sinetti authority reconcile`: add what a restored database lacks."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from sinetti.cli.authority.common import OptionError, add_dir, command, opened_authority, print_result
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.core.invocation import print_note
from sinetti.cli.core.output import print_error
from sinetti.client.results import ExitCode
from sinetti.domain.validation import pluralise
from sinetti.journal.writer import Journal
from sinetti.server.process_exit import request_id
from sinetti.services.issuance.reconcile import ReconciliationReport, reconcile

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands


_ANEW = """\
A new journal is begun in {folder}, from the register alone. If the register is an older one, what was done since
is not known any more: ids that were spent and keys that were used are taken again, and what was revoked is valid.
Compare with what lies elsewhere (published lists, notes of revocations, the holders) and revoke again before you
serve."""


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    example = "sinetti authority reconcile --dir /srv/sinetti"
    summary = "put back into the register what the journals know: after a backup was restored"
    parser = command(commands, "reconcile", summary, _run, example)
    add_dir(parser)
    add_passphrase_file(parser)
    parser.add_argument(
        "--without-journal",
        action="store_true",
        help="all journals are lost for good: begin a new one from the register",
    )
    parser.add_argument("--json", action="store_true", help="print what was done for programs")


def _run(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        if parsed.without_journal:
            _begin_anew(authority.journal)
        done = reconcile(authority.ctx, authority.journal, request_id())
    print_result(asdict(done), as_json=parsed.json, table=lambda: _lines(done))
    if done.failed:
        print_error("Put all nodes' journals into one folder and run this again (docs/journal.md).")
        return ExitCode.STORE
    print_note(f"Next: sinetti authority serve --dir {parsed.dir}")
    return 0


def _begin_anew(journal: Journal) -> None:
    if not journal.is_missing():
        sentence = f"--without-journal: journals of this authority are in {journal.folder}; leave the option out"
        raise OptionError(sentence)
    journal.start_new()
    print_note(_ANEW.format(folder=journal.folder))


def _lines(done: ReconciliationReport) -> str:
    lines = [f"restored  {serial}" for serial in done.restored]
    lines += [f"not restored  {serial}" for serial in done.failed]
    counted = f"{pluralise(len(done.restored), 'certificate')} restored, {len(done.failed)} not;"
    reservations = f"{pluralise(done.finished, 'reservation')} finished, {done.given_up} given up"
    return "\n".join([*lines, f"{counted} {reservations}"])
