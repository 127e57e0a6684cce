"""`sinetti authority reconcile`: add what a restored database lacks."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from sinetti.cli.authority.common import AuthorityRun, OptionError, operator_commands
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.core.commands import Output, flag, option
from sinetti.cli.core.invocation import print_note
from sinetti.client.results import ExitCode
from sinetti.domain.validation import pluralise
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


commands = operator_commands()
register = commands.register


@commands.command(also=[PASSPHRASE_FILE], name="reconcile")
def complete(
    run: AuthorityRun,
    *,
    without_journal: bool = flag("start a new journal from the register, because all journals are lost"),
    full: bool = flag("also read the closed journals, if the others agree"),
    settle: list[str] = option("HOLDING", "this holding has no people to name: report it no longer (repeatable)"),
) -> Output:
    """Add to a restored register what the journals recorded later."""
    journal, folder = run.authority.journal, run.parsed.dir
    if without_journal:
        if not journal.is_missing():
            raise OptionError(
                f"--without-journal: this authority has journals in {journal.folder}, so leave out the option"
            )
        journal.start_new()
        print_note(_ANEW.format(folder=journal.folder))
    settle_people(settle, *run.by)
    report = reconcile(run.ctx, journal, run.request, run.actor, is_full=full)
    if report.failed:
        note = "Put the journals of all nodes into one folder, then run the command again (docs/operators/journal.md)."
        return Output(asdict(report), _lines(report, folder), ExitCode.STORE, error=note)
    return Output(asdict(report), _lines(report, folder), note=f"Next: sinetti authority serve --dir {folder}")


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
    for person in done.without_people:
        yield f"holding {person.holding_id} of {person.customer_id} ({person.channel})"
        if not person.has_contact:
            yield f"  sinetti authority change-contact {person.serial} --dir {folder} --name NAME --email ADDRESS"
        if not person.has_roles:
            yield (
                f"  sinetti authority organisation signatory add --dir {folder} --customer-id {person.customer_id} "
                "--name NAME --email ADDRESS"
            )
