"""`sinetti authority reconcile`: add what a restored database lacks."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from sinetti.cli.authority.common import OptionError, add_dir, command, machine_user, opened_authority, print_result
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.cli.core.output import print_error
from sinetti.client.results import ExitCode
from sinetti.domain.validation import pluralise
from sinetti.journal.writer import Journal
from sinetti.server.process_exit import request_id
from sinetti.services.issuance.reconcile import ReconciliationReport, reconcile
from sinetti.services.organisations.people import settle_people

_WITHOUT_PEOPLE = """\
{holdings} restored without people, who are in no journal. Name each contact and signatory again; deputies, descriptions
and service providers are lost, too. A holding that has no such people: sinetti authority reconcile --settle HOLDING
--dir {folder}"""

_FORMER = """\
Contacts, deputies and roles that changed after the backup have their former values. Compare them with your mail since
then."""

_ANEW = """\
A new journal was started in {folder} from the register. If the register comes from a backup, later changes are lost:
used transfer IDs and keys are accepted again, and certificates that were revoked later are valid.
Compare the register with published revocation lists and your records, and revoke again before you serve."""


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = "sinetti authority reconcile --dir /srv/sinetti"
    summary = "add to a restored register what the journals recorded later"
    parser = command(commands, "reconcile", summary, _run, example)
    add_dir(parser)
    add_passphrase_file(parser)
    parser.add_argument(
        "--without-journal",
        action="store_true",
        help="start a new journal from the register, because all journals are lost",
    )
    parser.add_argument("--full", action="store_true", help="also read the closed journals, if the others agree")
    parser.add_argument(
        "--settle",
        metavar="HOLDING",
        action="append",
        default=[],
        help="this holding has no people to name: report it no longer (repeatable)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        if parsed.without_journal:
            _begin_anew(authority.journal)
        settle_people(parsed.settle, authority.ctx, machine_user(), request_id())
        done = reconcile(authority.ctx, authority.journal, request_id(), machine_user(), is_full=parsed.full)
    print_result(asdict(done), as_json=parsed.json, table=lambda: _lines(done, parsed.dir))
    if done.failed:
        print_error(
            "Put the journals of all nodes into one folder, then run the command again (docs/operators/journal.md)."
        )
        return ExitCode.STORE
    print_note(f"Next: sinetti authority serve --dir {parsed.dir}")
    return 0


def _begin_anew(journal: Journal) -> None:
    if not journal.is_missing():
        raise OptionError(
            f"--without-journal: this authority has journals in {journal.folder}, so leave out the option"
        )
    journal.start_new()
    print_note(_ANEW.format(folder=journal.folder))


def _lines(done: ReconciliationReport, folder: Path) -> str:
    lines = [f"restored  {serial}" for serial in done.restored]
    lines += [f"not restored  {serial}" for serial in done.failed]
    lines += [f"content lost  entry {index} of the log ({name})" for index, name in sorted(done.lost_entries.items())]
    counted = f"{pluralise(len(done.restored), 'certificate')} restored, {len(done.failed)} not;"
    reservations = f"{pluralise(done.finished, 'reservation')} finished, {done.given_up} given up"
    return "\n".join([*lines, f"{counted} {reservations}", *_people_lines(done, folder)])


def _people_lines(done: ReconciliationReport, folder: Path) -> Iterator[str]:
    """Yield the holdings without people, each with the commands that name them."""
    if done.restored:
        yield ""
        yield _FORMER
    if done.without_people:
        yield ""
        yield _WITHOUT_PEOPLE.format(holdings=pluralise(len(done.without_people), "holding"), folder=folder)
    for one in done.without_people:
        yield f"holding {one.holding_id} of {one.customer_id} ({one.channel})"
        if not one.has_contact:
            yield f"  sinetti authority change-contact {one.serial} --dir {folder} --name NAME --email ADDRESS"
        if not one.has_roles:
            yield (
                f"  sinetti authority organisation signatory add --dir {folder} --customer-id {one.customer_id} "
                "--name NAME --email ADDRESS"
            )
