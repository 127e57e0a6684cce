"""Clerks' files of organisations: stored differences, applied in batches."""

from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet

from sinetti.database.access import accounts
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import OrganisationImport
from sinetti.database.organisations import administration
from sinetti.domain.organisations.csv_import import (
    ChangeKind,
    ImportChange,
    ImportDiff,
    RowError,
    RowErrorKind,
    to_dict,
)
from sinetti.domain.organisations.import_confirmation import (
    PROPOSAL_LIVES,
    LoadConfirmation,
    LoadReason,
    check_may_confirm,
    check_may_end,
    check_may_propose,
)
from sinetti.domain.values import IdentifierType


@dataclass(frozen=True)
class ImportJob:
    """A file compared with the database, and the progress of its changes."""

    load_id: str
    created: datetime
    content: bytes = field(repr=False)
    difference: ImportDiff = field(repr=False)
    digest: str
    accepted_at: datetime | None
    position: int
    passed_over: int
    done_at: datetime | None
    confirmation: LoadConfirmation


@dataclass(frozen=True)
class LoadListItem:
    """A file in a list; `position` is the number of changes done."""

    load_id: str
    created: datetime
    position: int
    done_at: datetime | None
    confirmation: LoadConfirmation


def add(db: Database, content: bytes, found: tuple[ImportDiff, str], user_id: str, audit: AuditContext) -> str:
    """Store a file, its changes and their digest; return its id."""
    difference, digest = found
    with transaction.atomic(using=db.alias):
        row = _all(db).create(
            user_id=user_id, created=audit.at, content=content, digest=digest, **_diff_columns(difference)
        )
        audit_log.write(db, audit, "load-compared", f"load:{row.load_id}", changes=len(difference.changes))
    return row.load_id


def refresh_diff(db: Database, load_id: str, found: tuple[ImportDiff, str], audit: AuditContext) -> None:
    """Store the changes that the file would make now, if it is undecided.

    A proposal of the former changes becomes void.
    """
    difference, digest = found
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(pk=load_id, accepted_at__isnull=True, ended_at__isnull=True)
        if rows.update(digest=digest, proposed_by="", proposed_at=None, expires=None, **_diff_columns(difference)):
            audit_log.write(db, audit, "load-compared", f"load:{load_id}", changes=len(difference.changes))


def accept(db: Database, load_id: str, digest: str, clerk: str, audit: AuditContext) -> bool:
    """Accept exactly the changes of this digest, once; return True if it did.

    The file's content is deleted. It is for changes that need no second clerk; `confirm` accepts the others.
    """
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(pk=load_id, digest=digest, accepted_at__isnull=True, proposed_at__isnull=True)
        if not rows.update(accepted_at=audit.at, accepted_by=clerk, content=b""):
            return False
        audit_log.write(db, audit, "load-accepted", f"load:{load_id}", digest=digest)
    return True


def propose(db: Database, load_id: str, digest: str, clerk: str, audit: AuditContext) -> bool:
    """Store a proposal of the changes of this digest; return True if it did.

    Raises LoadRefused.
    """
    with transaction.atomic(using=db.alias):
        row = _locked(db, load_id)
        check_may_propose(_confirmation(row), clerk, audit.at)
        if row.digest != digest:
            return False
        values = {"proposed_by": clerk, "proposed_at": audit.at, "expires": audit.at + PROPOSAL_LIVES}
        _all(db).filter(pk=load_id).update(**values)
        audit_log.write(db, audit, "load-proposed", f"load:{load_id}", digest=digest, changes=len(row.changes))
    return True


def confirm(db: Database, load_id: str, digest: str, clerk: str, audit: AuditContext) -> bool:
    """Accept another clerk's proposal of this digest; return True if it did.

    The row is locked before all checks, so only one of two concurrent calls succeeds. Raises LoadRefused.
    """
    with transaction.atomic(using=db.alias):
        row = _locked(db, load_id)
        # The act has locked both accounts (database/common/locks.py), unless the proposal was replaced meanwhile.
        clerks = accounts.lock_clerks(db, {row.proposed_by})
        check_may_confirm(
            _confirmation(row),
            clerk,
            audit.at,
            refused=_refused(db, clerk, row.proposed_by),
            proposer_stands=row.proposed_by in clerks,
        )
        if row.digest != digest:
            return False
        _all(db).filter(pk=load_id).update(accepted_by=clerk, accepted_at=audit.at, content=b"")
        by = f"user:{row.proposed_by}"
        audit_log.write(db, audit, "load-accepted", f"load:{load_id}", digest=digest, proposed_by=by)
    return True


def _refused(db: Database, clerk: str, proposer: str) -> LoadReason | None:
    """Return why these two accounts are not two people, or None."""
    if accounts.are_same_person(db, clerk, proposer):
        return LoadReason.SAME_PERSON
    return LoadReason.NO_PERSON if accounts.lacks_person(db, (clerk, proposer)) else None


def end(db: Database, load_id: str, clerk: str, audit: AuditContext) -> None:
    """Store the withdrawal or rejection of a proposal. Raises LoadRefused.

    The proposer withdraws, another clerk rejects.
    """
    with transaction.atomic(using=db.alias):
        row = _locked(db, load_id)
        check_may_end(_confirmation(row), audit.at)
        _all(db).filter(pk=load_id).update(ended_by=clerk, ended_at=audit.at, content=b"")
        action = "load-withdrawn" if row.proposed_by == clerk else "load-rejected"
        audit_log.write(db, audit, action, f"load:{load_id}", digest=row.digest, proposed_by=f"user:{row.proposed_by}")


def apply_batch(db: Database, load_id: str, most: int, audit: AuditContext) -> bool:
    """Apply the next changes of an accepted file; return True if more are left.

    Changes and progress are stored in one transaction.
    """
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(pk=load_id, accepted_at__isnull=False, done_at__isnull=True)
        # Locked first, so that concurrent requests apply each change once.
        if not rows.update(position=F("position")):
            return False
        row = rows.get()
        part = [_change(change) for change in row.changes[row.position : row.position + most]]
        passed_over = administration.apply(db, part, audit)
        position = row.position + len(part)
        done = position >= len(row.changes)
        rows.update(position=position, passed_over=row.passed_over + passed_over, done_at=audit.at if done else None)
        if done:
            audit_log.write(db, audit, "load-done", f"load:{load_id}", changes=position)
    return not done


def find(db: Database, load_id: str) -> ImportJob | None:
    """Return the file with this id, or None."""
    row = _all(db).filter(pk=load_id).first()
    return None if row is None else _load(row)


def list_newest(db: Database, most: int) -> tuple[LoadListItem, ...]:
    """Return the newest files, at most `most`."""
    return tuple(_item(row) for row in _all(db).defer("content", "changes", "wrong").order_by("-created", "pk")[:most])


def list_proposed(db: Database, most: int, now: datetime) -> tuple[LoadListItem, ...]:
    """Return the files that wait for a second clerk, oldest first."""
    return tuple(
        _item(row)
        for row in proposed(db, now).defer("content", "changes", "wrong").order_by("proposed_at", "pk")[:most]
    )


def find_proposed(db: Database, clerk: str, digest: str, now: datetime) -> str | None:
    """Return the id of the same proposal by this clerk that still waits, or None.

    The digest identifies it.
    """
    rows = proposed(db, now).filter(proposed_by=clerk, digest=digest)
    return rows.values_list("load_id", flat=True).first()


def _locked(db: Database, load_id: str) -> OrganisationImport:
    """Return the row, locked until the transaction ends."""
    rows = _all(db).filter(pk=load_id)
    # Updated first: select_for_update does nothing on SQLite.
    rows.update(position=F("position"))
    return rows.get()


def proposed(db: Database, now: datetime) -> "QuerySet[OrganisationImport]":
    """Return the rows of files that wait for a second clerk."""
    rows = _all(db).filter(proposed_at__isnull=False, accepted_at__isnull=True)
    return rows.filter(ended_at__isnull=True, expires__gte=now)


def _item(row: OrganisationImport) -> LoadListItem:
    return LoadListItem(row.load_id, row.created, row.position, row.done_at, _confirmation(row))


def _confirmation(row: OrganisationImport) -> LoadConfirmation:
    return LoadConfirmation(
        row.user_id or "",
        row.proposed_by,
        row.proposed_at,
        row.expires,
        row.accepted_by,
        row.accepted_at,
        row.ended_by,
        row.ended_at,
    )


def _diff_columns(difference: ImportDiff) -> dict[str, object]:
    return {
        "changes": [to_dict(change) for change in difference.changes],
        "wrong": [asdict(row_error) for row_error in difference.wrong],
        "unchanged": difference.unchanged,
    }


def _change(record: dict[str, object]) -> ImportChange:
    values = {**record, "kind": ChangeKind(str(record["kind"])), "id_kind": IdentifierType(str(record["id_kind"]))}
    return ImportChange(**values)  # type: ignore[arg-type] # as it was written


def _load(row: OrganisationImport) -> ImportJob:
    wrong = tuple(
        RowError(one["line"], one["column"], RowErrorKind(one["slip"]), one.get("known", "")) for one in row.wrong
    )
    return ImportJob(
        row.load_id,
        row.created,
        bytes(row.content),
        ImportDiff(tuple(_change(change) for change in row.changes), wrong, row.unchanged),
        row.digest,
        row.accepted_at,
        row.position,
        row.passed_over,
        row.done_at,
        _confirmation(row),
    )


def _all(db: Database) -> "QuerySet[OrganisationImport]":
    return db.rows(OrganisationImport)
