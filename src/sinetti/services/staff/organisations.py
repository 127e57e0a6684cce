"""Organisations for clerks: one at a time, or by an import file with a preview.

docs/e-service/clerks.md describes them.
"""

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from io import StringIO

from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.operations import csv_imports
from sinetti.database.operations.csv_imports import ImportJob, LoadListItem
from sinetti.database.organisations import administration
from sinetti.database.organisations.administration import EndReach, OrganisationListItem
from sinetti.database.organisations.organisations import NewOrganisation, OrganisationInfo
from sinetti.domain.access.access_purpose import SearchScope
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.business_days import FINNISH_TIME
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.organisations.csv_import import (
    COLUMNS,
    ChangeKind,
    ImportChange,
    ImportDiff,
    compare,
    digest,
    named_ids,
    read_lines,
)
from sinetti.domain.organisations.import_confirmation import (
    LoadReason,
    LoadRefused,
    LoadState,
    find_two_person_act,
)
from sinetti.domain.values import Serial, normalise
from sinetti.services.organisations.registration import register_organisation
from sinetti.services.revocation.bulk_revoke import BulkRevocationRequest, BulkRevocationResult, propose
from sinetti.services.staff.session import StaffSession, log_access, log_search

__all__ = ["EndReach", "ImportJob", "LoadListItem", "NewOrganisation", "OrganisationListItem"]

AT_ONCE = 500
"""Changes per transaction."""
_SHOWN = 20
_WAITING_SHOWN = 100
PARTS_AT_ONCE = 10
"""Most transactions per request of a page."""
WAITED_FOR = timedelta(seconds=8)
"""Time that a clerk waits for a page, by the machine's clock.

The last transaction may exceed it.
"""
REASONS = {
    ChangeKind.MERGE: RevocationReason.AFFILIATION_CHANGED,
    ChangeKind.END: RevocationReason.CESSATION_OF_OPERATION,
}
"""Revocation reasons for organisations that were merged into others, or ended."""


class AlterResult(StrEnum):
    """Result of a change to one organisation."""

    DONE = "done"
    MOVED = "moved"
    SECOND_CLERK = "second-clerk"


class OrganisationNotFound(LookupError):
    """Raised if no organisation or file has this id."""


@dataclass(frozen=True)
class OrphanedCertificates:
    """Certificates in force of organisations that a file closed, and the reason."""

    kind: ChangeKind
    reason: RevocationReason
    serials: tuple[Serial, ...]


def search(text: str, start: int, most: int, clerk: StaffSession) -> tuple[OrganisationListItem, ...]:
    """Search organisations by the beginning of their id or a part of their name.

    Logs the access.
    """
    log_search(SearchScope.ORGANISATIONS, text, clerk)
    return administration.search(clerk.ctx.db, text, start, most)


def organisation(organisation_id: str, clerk: StaffSession) -> OrganisationListItem:
    """Return an organisation; logs the access. Raises OrganisationNotFound."""
    found = _found(organisation_id, clerk)
    log_access(f"organisation:{organisation_id}", clerk)
    return found


def add(new: NewOrganisation, clerk: StaffSession) -> OrganisationInfo | None:
    """Register an organisation; return None if its id is taken.

    Raises CustomerIdError and ChannelError.
    """
    return register_organisation(new, clerk.guarded, clerk.actor.name, clerk.request_id)


def alter(organisation_id: str, change: ImportChange, clerk: StaffSession) -> AlterResult:
    """Set the language of one organisation; rename or end it where one clerk may.

    Otherwise the change needs a second clerk (`propose_change`). Changes nothing if the organisation has changed in
    the meantime. Raises OrganisationNotFound, and NotStaff if the account no longer belongs to a clerk.
    """
    organisation = _found(organisation_id, clerk)
    change = replace(change, customer_id=organisation.customer_id)
    if find_two_person_act([change], clerk.ctx.approvals) is not None:
        return AlterResult.SECOND_CLERK
    with clerk.act({organisation_id}) as audit:
        return AlterResult.DONE if administration.alter(clerk.ctx.db, change, audit) else AlterResult.MOVED


def count_reach(organisation_id: str, clerk: StaffSession) -> EndReach:
    """Return the reach of the end of an organisation, for its check page."""
    return administration.count_reach(clerk.ctx.db, organisation_id, clerk.ctx.now())


def needs_second(act: TwoPersonAct, clerk: StaffSession) -> bool:
    """Return True if an act of a clerk needs a second one."""
    return clerk.ctx.approvals.people_for(act) > 1


def propose_change(organisation_id: str, change: ImportChange, clerk: StaffSession) -> str | None:
    """Propose a rename or an end to a second clerk; return the id of the file.

    The file has one line. Returns None if the organisation has changed in the meantime. A pending proposal is not
    repeated. Raises OrganisationNotFound, LoadRefused and NotStaff.
    """
    now, db = clerk.ctx.now(), clerk.ctx.db
    octets = _one_line(replace(change, customer_id=_found(organisation_id, clerk).customer_id), clerk)
    difference, text = _compared(octets, clerk)
    if [replace(change, line=0, customer_id="") for change in difference.changes] != [
        replace(change, line=0, customer_id="")
    ]:
        return None
    same = csv_imports.find_proposed(db, clerk.actor.user_id, text, now)
    if same is not None:
        return same
    with clerk.act() as audit:
        load_id = csv_imports.add(db, octets, (difference, text), clerk.actor.user_id, audit)
        csv_imports.propose(db, load_id, text, clerk.actor.user_id, audit)
    return load_id


def preview(octets: bytes, clerk: StaffSession) -> str:
    """Compare a file with the database, store the changes and return their id.

    Raises LoadRefused.
    """
    found = _compared(octets, clerk)
    with clerk.act() as audit:
        return csv_imports.add(clerk.ctx.db, octets, found, clerk.actor.user_id, audit)


def load(load_id: str, clerk: StaffSession) -> ImportJob:
    """Return a compared file and the progress of its import; logs the access.

    Raises OrganisationNotFound.
    """
    found = _load(load_id, clerk)
    log_access(f"load:{load_id}", clerk)
    return found


def list_newest(clerk: StaffSession) -> tuple[LoadListItem, ...]:
    """Return the files that were uploaded last."""
    return csv_imports.list_newest(clerk.ctx.db, _SHOWN)


def list_proposed(clerk: StaffSession) -> tuple[LoadListItem, ...]:
    """Return the files that wait for a second clerk, oldest first."""
    return csv_imports.list_proposed(clerk.ctx.db, _WAITING_SHOWN, clerk.ctx.now())


def accept(load_id: str, shown_digest: str, clerk: StaffSession) -> bool:
    """Accept the changes as shown, by their digest.

    Returns False if they must be shown again because the database has changed. A repeated call changes nothing. Raises
    OrganisationNotFound, NotStaff, and LoadRefused if they need a second clerk.
    """
    import_job = _load(load_id, clerk)
    if import_job.accepted_at is not None:
        return import_job.digest == shown_digest
    _check_state(import_job, LoadState.COMPARED, clerk)
    if find_two_person_act(import_job.difference.changes, clerk.ctx.approvals) is not None:
        raise LoadRefused(LoadReason.SECOND_CLERK)
    if not _stands(import_job, shown_digest, clerk):
        return False
    with clerk.act() as audit:
        return csv_imports.accept(clerk.ctx.db, load_id, shown_digest, clerk.actor.user_id, audit)


def propose_load(load_id: str, shown_digest: str, clerk: StaffSession) -> bool:
    """Propose the changes shown, by their digest, to a second clerk.

    Returns False if they have to be shown again. Raises OrganisationNotFound, LoadRefused and NotStaff.
    """
    import_job = _load(load_id, clerk)
    _check_state(import_job, LoadState.COMPARED, clerk)
    if not _stands(import_job, shown_digest, clerk):
        return False
    with clerk.act() as audit:
        return csv_imports.propose(clerk.ctx.db, load_id, shown_digest, clerk.actor.user_id, audit)


def confirm_load(load_id: str, shown_digest: str, clerk: StaffSession) -> bool:
    """Confirm another clerk's proposal as shown, by its digest.

    `carry_on` then makes the changes. Returns False if the database has changed. The proposal is then void, the file
    is compared again, and its sender proposes it again. Raises OrganisationNotFound, LoadRefused and NotStaff.
    """
    import_job = _load(load_id, clerk)
    _check_state(import_job, LoadState.PROPOSED, clerk)
    if not _stands(import_job, shown_digest, clerk):
        return False
    clerk.ctx.step("load-compared")
    with clerk.act(beside=import_job.confirmation.proposed_by) as audit:
        return csv_imports.confirm(clerk.ctx.db, load_id, shown_digest, clerk.actor.user_id, audit)


def end_load(load_id: str, clerk: StaffSession) -> None:
    """Withdraw this clerk's proposal, or reject another clerk's.

    Raises OrganisationNotFound, LoadRefused and NotStaff.
    """
    _load(load_id, clerk)
    with clerk.act() as audit:
        csv_imports.end(clerk.ctx.db, load_id, clerk.actor.user_id, audit)


def carry_on(load_id: str, clerk: StaffSession) -> None:
    """Make the next changes of an accepted file. Raises NotStaff.

    A call after an interruption continues.
    """
    begun = clerk.ctx.machine_now()
    for _ in range(PARTS_AT_ONCE):
        with clerk.act() as audit:
            left = csv_imports.apply_batch(clerk.ctx.db, load_id, AT_ONCE, audit)
        if not left or clerk.ctx.machine_now() - begun > WAITED_FOR:
            return
        clerk.ctx.step("load-part")


def find_orphaned(import_job: ImportJob, clerk: StaffSession) -> tuple[OrphanedCertificates, ...]:
    """Return the certificates to revoke of the organisations that this file closed."""
    if import_job.done_at is None:
        return ()
    gone = tuple(
        OrphanedCertificates(kind, REASONS[kind], _left(import_job.difference.changes, kind, clerk)) for kind in REASONS
    )
    return tuple(one for one in gone if one.serials)


def propose_revocation(load_id: str, kind: ChangeKind, clerk: StaffSession) -> BulkRevocationResult | None:
    """Propose the revocation of these certificates, or return None if none is left.

    Up to ten are revoked at once, as for any officer. Raises OrganisationNotFound and BulkRevocationError.
    """
    found = _load(load_id, clerk)
    certificates = next(
        (certificates for certificates in find_orphaned(found, clerk) if certificates.kind is kind), None
    )
    if certificates is None:
        return None
    return propose(
        BulkRevocationRequest(CertificateSelection(serials=certificates.serials), certificates.reason, clerk.officer),
        clerk.guarded,
        clerk.request_id,
    )


def _left(changes: Iterable[ImportChange], kind: ChangeKind, clerk: StaffSession) -> tuple[Serial, ...]:
    closed = [change.customer_id for change in changes if change.kind is kind]
    if not closed:
        return ()
    # Only of organisations that are closed now; skipped ones are open.
    stored = administration.stored_organisations(clerk.ctx.db, {normalise(customer_id) for customer_id in closed})
    gone = [organisation.customer_id for organisation in stored.values() if not organisation.open]
    return administration.in_force(clerk.ctx.db, gone, clerk.ctx.now())


def _compared(octets: bytes, clerk: StaffSession) -> tuple[ImportDiff, str]:
    lines = read_lines(octets)
    stored = administration.stored_organisations(clerk.ctx.db, named_ids(lines))
    today = clerk.ctx.now().astimezone(FINNISH_TIME).date()
    import_diff = compare(lines, stored, clerk.ctx.environment, today)
    return import_diff, digest(hashlib.sha256(octets).hexdigest(), import_diff.changes)


def _found(organisation_id: str, clerk: StaffSession) -> OrganisationListItem:
    organisation = administration.find(clerk.ctx.db, organisation_id)
    if organisation is None:
        raise OrganisationNotFound
    return organisation


def _load(load_id: str, clerk: StaffSession) -> ImportJob:
    import_job = csv_imports.find(clerk.ctx.db, load_id)
    if import_job is None:
        raise OrganisationNotFound
    return import_job


def _check_state(import_job: ImportJob, wanted: LoadState, clerk: StaffSession) -> None:
    """Reject early, before the comparison, a state that the locked row would reject."""
    if (reason := import_job.confirmation.reason_unless(wanted, clerk.ctx.now())) is not None:
        raise LoadRefused(reason)


def _stands(import_job: ImportJob, shown_digest: str, clerk: StaffSession) -> bool:
    """Compare the file again; return True if its changes are those shown.

    Stores the changes if they differ.
    """
    difference, now = _compared(import_job.content, clerk)
    if now != import_job.digest:
        with clerk.act() as audit:
            csv_imports.refresh_diff(clerk.ctx.db, import_job.load_id, (difference, now), audit)
    return now == shown_digest == import_job.digest


def _one_line(change: ImportChange, clerk: StaffSession) -> bytes:
    """Return a file with one change."""
    today = clerk.ctx.now().astimezone(FINNISH_TIME).date().isoformat()
    ended = today if change.kind is ChangeKind.END else ""
    cells = (change.customer_id, change.id_kind, change.country, change.name, change.language, change.into, ended)
    written = StringIO()
    csv.writer(written, delimiter=";", lineterminator="\n").writerows([COLUMNS, cells])
    return written.getvalue().encode()
