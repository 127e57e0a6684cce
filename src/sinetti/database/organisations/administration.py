"""Organisations on the clerks' pages: search, rename, merge, close, bulk changes.

See docs/e-service/clerks.md. Renames and closures by one clerk alone are counted for a day, so that many of them need
two clerks.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, QuerySet, Sum

from sinetti.database import models
from sinetti.database.common import audit_log, mappers
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.common.text_search import collated
from sinetti.database.connection import Database
from sinetti.database.notifications.recipients import active_assignments
from sinetti.database.organisations.search import matches
from sinetti.database.sql import json_values
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.organisations.applications import ApplicationState
from sinetti.domain.organisations.csv_import import ChangeKind, ImportChange, StoredOrganisation
from sinetti.domain.values import Channel, IdentifierType, Language, Serial, normalise


@dataclass(frozen=True)
class OrganisationListItem:
    """An organisation in a list. `merged_into` is a customer id, or empty."""

    organisation_id: str
    customer_id: str
    kind: IdentifierType
    country: str
    name: str
    language: Language
    created: datetime
    closed_at: datetime | None
    merged_into: str = ""
    channels: frozenset[Channel] = frozenset()


def search(db: Database, text: str, start: int, most: int) -> tuple[OrganisationListItem, ...]:
    """Return organisations by name whose id or name has a text.

    An empty text finds all. The page has `most` rows from `start` on.
    """
    rows = _rows(db).filter(matches(db, text)).order_by(collated(db, "name"), "pk")
    return tuple(_listed(row) for row in rows[start : start + most])


def find(db: Database, organisation_id: str) -> OrganisationListItem | None:
    """Return one organisation with its approved channels, or None."""
    row = _rows(db).filter(pk=organisation_id).first()
    if row is None:
        return None
    approved = row.approvals.using(db.alias).filter(withdrawn_at__isnull=True)
    return _listed(row, frozenset(Channel(channel) for channel in approved.values_list("type__channel", flat=True)))


def that_may_apply(db: Database, organisation_ids: Collection[str]) -> tuple[OrganisationListItem, ...]:
    """Return those of these organisations without an open application, by name."""
    rows = _rows(db).filter(pk__in=json_values(db, organisation_ids))
    rows = rows.exclude(applications__state=ApplicationState.OPEN)
    return tuple(_listed(row) for row in rows.order_by("name", "pk"))


def stored_organisations(db: Database, ids: Collection[str]) -> dict[str, StoredOrganisation]:
    """Return the stored organisations by normalised customer id, in one statement.

    Unknown ids are omitted.
    """
    rows = _rows(db).filter(normalised_id__in=json_values(db, ids))
    return {
        row.normalised_id: StoredOrganisation(
            row.customer_id,
            IdentifierType(row.kind),
            row.country,
            row.name,
            Language(row.language),
            row.closed_at is None,
            row.merged_into.customer_id if row.merged_into else "",
        )
        for row in rows
    }


def apply(db: Database, changes: Sequence[ImportChange], audit: AuditContext) -> int:
    """Apply changes to organisations; return the number of those that did not apply.

    A change applies only if the database is in the state that the change expects. Call it inside a transaction, with a
    few hundred changes.
    """
    added = [change for change in changes if change.kind is ChangeKind.ADD]
    _hold(db, [change for change in changes if change.kind is not ChangeKind.ADD])
    passed_over = len(added) - _add(db, added, audit)
    return passed_over + sum(not _alter(db, change, audit) for change in changes if change.kind is not ChangeKind.ADD)


def alter(db: Database, change: ImportChange, audit: AuditContext) -> bool:
    """Apply one change to an organisation; return True if it was applied.

    It does not apply if the organisation has changed meanwhile.
    """
    with transaction.atomic(using=db.alias):
        return _alter(db, change, audit)


def in_force(db: Database, customer_ids: Collection[str], now: datetime) -> tuple[Serial, ...]:
    """Return the serials of these organisations' certificates in force.

    They are issued, not revoked and not expired. A closed organisation may still have some.
    """
    names = {normalise(customer_id) for customer_id in customer_ids}
    rows = db.rows(models.Certificate).filter(
        lineage__organisation__normalised_id__in=json_values(db, names),
        state__in=(CertificateState.ISSUED, CertificateState.RETRIEVED),
        revoked_at__isnull=True,
        not_after__gte=now,
    )
    return tuple(Serial(text) for text in rows.order_by("reserved_at", "pk").values_list("serial", flat=True))


@dataclass(frozen=True)
class EndReach:
    """Reach of the end of an organisation.

    `served` is the number of other organisations whose reports its certificates send. `people` and `firms` act for it,
    `clients` are organisations for which it acts.
    """

    certificates: int
    served: int
    orders: int
    people: int
    firms: int
    clients: int


def count_reach(db: Database, organisation_id: str, now: datetime) -> EndReach:
    """Count the reach of the end of an organisation, in five statements."""
    issued = (CertificateState.ISSUED, CertificateState.RETRIEVED)
    certificates = db.rows(models.Certificate).filter(
        lineage__organisation=organisation_id, state__in=issued, revoked_at__isnull=True, not_after__gte=now
    )
    lineages = db.rows(models.Lineage).filter(pk__in=certificates.values("lineage"))
    orders = db.rows(models.Order).filter(lineage__organisation=organisation_id, state=OrderState.OPEN)
    roles = db.rows(models.RoleAssignment).filter(active_assignments(now))
    own = roles.filter(organisation=organisation_id).aggregate(
        people=Count("user", distinct=True), firms=Count("agent", distinct=True)
    )
    return EndReach(
        certificates.count(),
        lineages.aggregate(served=Sum("serves"))["served"] or 0,
        orders.count(),
        own["people"],
        own["firms"],
        roles.filter(agent=organisation_id).count(),
    )


def _add(db: Database, changes: Sequence[ImportChange], audit: AuditContext) -> int:
    """Add organisations without channels, which need an application.

    Ids that were taken meanwhile are skipped. Returns the number of new organisations.
    """
    by_folded = {normalise(change.customer_id): change for change in changes}
    rows = db.rows(models.Organisation)
    taken = set(rows.filter(normalised_id__in=json_values(db, by_folded)).values_list("normalised_id", flat=True))
    made = [
        models.Organisation(
            customer_id=import_change.customer_id,
            normalised_id=key,
            kind=import_change.id_kind,
            country=import_change.country,
            name=import_change.name,
            language=import_change.language,
            created=audit.at,
        )
        for key, import_change in by_folded.items()
        if key not in taken
    ]
    rows.bulk_create(made)
    for kind in sorted({one.kind for one in made}):
        subjects = [
            f"organisation:{organisation.organisation_id}" for organisation in made if organisation.kind == kind
        ]
        audit_log.write_each(db, audit, "organisation-added", subjects, kind=str(kind))
    return len(made)


def _hold(db: Database, changes: Sequence[ImportChange]) -> None:
    """Lock all organisations concerned, then the lineages of those that change.

    Each kind is locked in the order of the ids, as in common/locks.py and bulk revocation. Locking in the order of the
    file could cause a deadlock.
    """
    concerned = {
        normalise(customer_id) for change in changes for customer_id in (change.customer_id, change.into) if customer_id
    }
    rows = db.rows(models.Organisation).filter(normalised_id__in=json_values(db, concerned))
    list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    changing = json_values(db, {normalise(change.customer_id) for change in changes})
    lines = db.rows(models.Lineage).filter(organisation__normalised_id__in=changing)
    list(lines.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk"))


def _alter(db: Database, change: ImportChange, audit: AuditContext) -> bool:
    rows = db.rows(models.Organisation)
    before = rows.filter(normalised_id=normalise(change.customer_id), name=change.name_before, closed_at__isnull=True)
    row = before.filter(language=change.language_before).first()
    if row is None:
        return False
    values: dict[str, object] = {"name": change.name, "language": change.language}
    into = None
    if change.kind is ChangeKind.MERGE:
        # The target is locked too. Otherwise two concurrent merges into each other would close both.
        open_ones = rows.filter(normalised_id=normalise(change.into), closed_at__isnull=True).exclude(pk=row.pk)
        into = open_ones.values_list("pk", flat=True).first()
        if into is None or not open_ones.filter(pk=into).update(organisation_id=into):
            return False
    if change.kind is not ChangeKind.CHANGE:
        values |= {"closed_at": audit.at, "merged_into": into}
    if not before.filter(pk=row.pk).update(**values):
        return False
    # Concurrent decisions on its lineages fail and start again, because certificates contain the name.
    mappers.move_versions(db.rows(models.Lineage).filter(organisation_id=row.pk))
    subject = f"organisation:{row.pk}"
    if change.name != change.name_before:
        audit_log.write(db, audit, "organisation-renamed", subject)
    if change.language != change.language_before:
        audit_log.write(db, audit, "organisation-language-set", subject, language=change.language)
    if change.kind is ChangeKind.MERGE:
        audit_log.write(db, audit, "organisation-merged", subject, into=into)
    if change.kind is not ChangeKind.CHANGE:
        audit_log.write(db, audit, "organisation-closed", subject)
    return True


def _rows(db: Database) -> "QuerySet[models.Organisation]":
    return db.rows(models.Organisation).select_related("merged_into")


def _listed(row: models.Organisation, channels: frozenset[Channel] = frozenset()) -> OrganisationListItem:
    return OrganisationListItem(
        row.organisation_id,
        row.customer_id,
        IdentifierType(row.kind),
        row.country,
        row.name,
        Language(row.language),
        row.created,
        row.closed_at,
        row.merged_into.customer_id if row.merged_into else "",
        channels,
    )
