"""Checks of the database and the clock.

They include the database's content: lists, messages, and facts of the journals.
"""

import os
from collections.abc import Iterator

from sinetti.authority.alerts import operator_findings
from sinetti.authority.bootstrap import Authority, check_identity, open_authority, open_register
from sinetti.authority.checks.state import CheckState, CheckStep
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.exchange import recovery_fault
from sinetti.authority.key_relocation import check_key_separation
from sinetti.authority.processes import PEOPLE_THREADS, PEOPLE_WORKERS, database_connections
from sinetti.authority.secret_files import SecretsClosed
from sinetti.authority.signer_separation import SIGNER_FIX, compare_officers
from sinetti.database.approvals.officers import list_officers
from sinetti.database.connection import Database, can_migrate, check_durability, find_connection_limit, is_migrated
from sinetti.database.privileges import can_change_log
from sinetti.domain.approvals.acts import KeyRequirement
from sinetti.domain.operations.check_findings import CheckFinding, Impact, finding_of
from sinetti.domain.operations.monitoring import FindingKind
from sinetti.domain.values import Environment
from sinetti.infra.clock import boottime_seconds, utc_now_precise
from sinetti.services.issuance.clock_guard import ClockGuard, describe_problem
from sinetti.services.issuance.reconcile import preview

_REGISTER = "database"
_IMPACTS = {
    "messages": Impact.MESSAGES,
    "unreachable-recipients": Impact.MESSAGES,
    FindingKind.CHANNEL_STOPPED: Impact.SOAP,
}
_RESERVED_CONNECTIONS = 10
"""Connections of PostgreSQL for its superuser, backups and commands."""


def inspect_register(state: CheckState) -> Iterator[CheckFinding]:
    """Check that the database is this authority's and keeps what it confirms."""
    if state.settings is None:
        return
    db = open_register(state.folder, DirectoryKind.AUTHORITY, state.settings)
    try:
        if state.is_complete:
            check_identity(state.folder, db, state.settings, state.certificates)
        sentences = check_durability(db)
        is_current = is_migrated(db)
    except BaseException:
        db.close()
        raise
    state.db, state.is_migrated = db, is_current
    for sentence in sentences:
        yield finding_of(Impact.UPKEEP, _REGISTER, sentence)
    yield from _tables(db, state)
    needed, most = _connections(), find_connection_limit(db)
    if most is not None and most < needed + _RESERVED_CONNECTIONS:
        why = f"it allows {most} connections, and this node may need {needed}"
        yield CheckFinding(
            Impact.UPKEEP, _REGISTER, why, f"set max_connections to {needed + _RESERVED_CONNECTIONS} or more"
        )


def _tables(db: Database, state: CheckState) -> Iterator[CheckFinding]:
    if not state.is_migrated:
        is_owner = can_migrate(db)
        why = "its tables are those of an earlier version"
        fix = f"run sinetti authority migrate --dir {state.folder.root}"
        if is_owner:
            fix = f"{fix}, or start the service, which does the same"
        yield CheckFinding(Impact.UPKEEP if is_owner else Impact.START, _REGISTER, why, fix)
    elif can_change_log(db):
        why = "the service's role can change the audit trail"
        yield CheckFinding(Impact.SAFETY, _REGISTER, why, "let another role own the tables (deploy/postgresql.md)")


def _connections() -> int:
    """Return the greatest number of connections of a node.

    It has a worker for each processor.
    """
    return database_connections(len(os.sched_getaffinity(0))) + PEOPLE_WORKERS * PEOPLE_THREADS


def inspect_clock(state: CheckState) -> Iterator[CheckFinding]:
    """Compare the machine's clock with the database's and with stored instants.

    With a wrong clock a server still starts, and issues nothing.
    """
    if state.db is not None and state.is_migrated and not state.options.is_start:
        problem = describe_problem(ClockGuard(state.db, utc_now_precise, boottime_seconds).look())
        if problem is not None:
            yield finding_of(Impact.SOAP, "clock", problem)


def inspect_contents(state: CheckState) -> Iterator[CheckFinding]:
    """Open the authority, and ask what the watchdog and the start ask.

    An error that was found before prevents that.
    """
    if state.db is None or state.has_errors or not state.is_complete or not state.is_migrated:
        return
    authority = open_authority(state.folder.root, DirectoryKind.AUTHORITY, passphrase=state.passphrase)
    try:
        yield from _contents(authority, state)
    finally:
        authority.journal.close()
        authority.ctx.db.close()
        authority.keys.close()


def _contents(authority: Authority, state: CheckState) -> Iterator[CheckFinding]:
    if state.passphrase is not None:
        try:
            authority.ctx.keys()
        except SecretsClosed as bad:
            yield finding_of(Impact.START, str(state.folder.secret_keys), str(bad))
        # Reads all files of the folder for a copy of the pass-phrase, which is unknown otherwise.
        check_key_separation(authority, state.tls[1] if state.tls else None)
    if state.options.is_start:
        return  # the start compares journals and database itself, and then logs the alerts
    if not (comparison := preview(authority.ctx, authority.journal)).agrees:
        fix = f"run sinetti authority reconcile --dir {state.folder.root}"
        yield CheckFinding(Impact.START, "journals", comparison.ahead, fix)
    authority.ctx.facts.follow(authority.ctx.db, authority.ctx.now())
    yield from _officers(authority)
    for name, sentence in operator_findings(authority).items():
        if sentence is not None:
            impact = _IMPACTS.get(name, Impact.UPKEEP)
            yield finding_of(impact, name, sentence)


def _officers(authority: Authority) -> Iterator[CheckFinding]:
    """Check the officers' keys, the way back if lost, and the signer's officers."""
    for one in list_officers(authority.ctx.db):
        if authority.ctx.approvals.keys is not KeyRequirement.ANY and not one.key.startswith("sk-"):
            why = "the key is no FIDO2 key, which officer_keys demands, and still counts"
            yield CheckFinding(Impact.SAFETY, f"officer {one.name}", why, "replace it: officer remove, officer add")
    is_real = authority.settings.environment is Environment.PRODUCTION
    if is_real and (fault := recovery_fault(authority)):
        yield finding_of(Impact.SAFETY, "officers", fault)
    for difference in compare_officers(authority):
        yield CheckFinding(Impact.SAFETY, "separate signer", difference, SIGNER_FIX)


STEPS = (
    CheckStep(_REGISTER, Impact.START, inspect_register),
    CheckStep("clock", Impact.SOAP, inspect_clock),
    CheckStep("folder and database", Impact.START, inspect_contents),
)
"""Steps in the order in which later ones need the results of earlier ones."""
