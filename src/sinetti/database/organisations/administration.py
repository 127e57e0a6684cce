"""Organisations as clerks look after them: found, renamed, merged, ended, many at a time (docs/clerks.md)."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connections, transaction
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from sinetti.database import models
from sinetti.database.common import audit_log, mappers
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.identifiers import normalise
from sinetti.domain.organisations.applications import ApplicationState
from sinetti.domain.organisations.csv_import import ChangeKind, ImportChange, StoredOrganisation
from sinetti.domain.values import Channel, IdentifierType, Language, Serial

_LISTS = {
    "postgresql": "SELECT jsonb_array_elements_text(%s::jsonb)",
    "sqlite": "SELECT value FROM json_each(%s)",
}
"""A list of any length as one value: SQLite takes 999 of them in one statement."""


@dataclass(frozen=True, slots=True)
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


def search(register: Database, text: str, start: int, most: int) -> tuple[OrganisationListItem, ...]:
    """Organisations whose id begins with this text, or whose name has it; all for an empty one. By name."""
    rows = _rows(register)
    if text:
        rows = rows.filter(Q(folded__startswith=normalise(text)) | Q(name__icontains=text))
    return tuple(_listed(row) for row in rows.order_by("name", "pk")[start : start + most])


def find(register: Database, organisation_id: str) -> OrganisationListItem | None:
    """One organisation, with the channels that it is approved for."""
    row = _rows(register).filter(pk=organisation_id).first()
    if row is None:
        return None
    approved = row.approvals.using(register.alias).filter(withdrawn_at__isnull=True)
    return _listed(row, frozenset(Channel(one) for one in approved.values_list("type__channel", flat=True)))


def that_may_apply(register: Database, organisation_ids: Collection[str]) -> tuple[OrganisationListItem, ...]:
    """Those of these, by name, that have no application which waits for its decision."""
    rows = _rows(register).filter(pk__in=json_values(register, organisation_ids))
    rows = rows.exclude(applications__state=ApplicationState.OPEN)
    return tuple(_listed(row) for row in rows.order_by("name", "pk"))


def stored_organisations(register: Database, ids: Collection[str]) -> dict[str, StoredOrganisation]:
    """What the register has of organisations, by folded customer id, in one statement; unknown ones are left out."""
    rows = _rows(register).filter(folded__in=json_values(register, ids))
    return {
        row.folded: StoredOrganisation(
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


def apply(register: Database, changes: Sequence[ImportChange], deed: AuditContext) -> int:
    """Make these changes; each only where the register stands as the change says. Returns how many did not.

    Call it inside a transaction, with a few hundred.
    """
    added = [one for one in changes if one.kind is ChangeKind.ADD]
    _hold(register, [one for one in changes if one.kind is not ChangeKind.ADD])
    passed_over = len(added) - _add(register, added, deed)
    return passed_over + sum(not _alter(register, one, deed) for one in changes if one.kind is not ChangeKind.ADD)


def alter(register: Database, change: ImportChange, deed: AuditContext) -> bool:
    """Make one change to an organisation; whether it was made, which it is not where the register moved meanwhile."""
    with transaction.atomic(using=register.alias):
        return _alter(register, change, deed)


def in_force(register: Database, customer_ids: Collection[str], now: datetime) -> tuple[Serial, ...]:
    """The serials of what these hold that is issued, not revoked and not at its end: what an ended one has left."""
    names = {normalise(one) for one in customer_ids}
    rows = models.Certificate.objects.using(register.alias).filter(
        holding__organisation__folded__in=json_values(register, names),
        state__in=(CertificateState.ISSUED, CertificateState.FETCHED),
        revoked_at__isnull=True,
        not_after__gte=now,
    )
    return tuple(Serial(one) for one in rows.order_by("reserved_at", "pk").values_list("serial", flat=True))


def _add(register: Database, changes: Sequence[ImportChange], deed: AuditContext) -> int:
    """Add organisations, without channels: those are applied for. An id that was taken meanwhile stays as it is."""
    by_folded = {normalise(one.customer_id): one for one in changes}
    rows = models.Organisation.objects.using(register.alias)
    taken = set(rows.filter(folded__in=json_values(register, by_folded)).values_list("folded", flat=True))
    made = [
        models.Organisation(
            customer_id=one.customer_id,
            folded=key,
            kind=one.id_kind,
            country=one.country,
            name=one.name,
            language=one.language,
            created=deed.at,
        )
        for key, one in by_folded.items()
        if key not in taken
    ]
    rows.bulk_create(made)
    for kind in sorted({one.kind for one in made}):
        subjects = [f"organisation:{one.organisation_id}" for one in made if one.kind == kind]
        audit_log.write_each(register, deed, "organisation-added", subjects, kind=str(kind))
    return len(made)


def _hold(register: Database, changes: Sequence[ImportChange]) -> None:
    """Lock every organisation that these concern, then the lines of those that change, each in the order of their ids.

    So do acts of people (locking.py) and revocations of many. In the order of the file, two at once could wait for
    each other.
    """
    concerned = {normalise(one) for change in changes for one in (change.customer_id, change.into) if one}
    rows = models.Organisation.objects.using(register.alias).filter(folded__in=json_values(register, concerned))
    list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    changing = json_values(register, {normalise(one.customer_id) for one in changes})
    lines = models.Lineage.objects.using(register.alias).filter(organisation__folded__in=changing)
    list(lines.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk"))


def _alter(register: Database, change: ImportChange, deed: AuditContext) -> bool:
    rows = models.Organisation.objects.using(register.alias)
    before = rows.filter(folded=normalise(change.customer_id), name=change.name_before, closed_at__isnull=True)
    row = before.filter(language=change.language_before).first()
    if row is None:
        return False
    values: dict[str, object] = {"name": change.name, "language": change.language}
    into = None
    if change.kind is ChangeKind.MERGE:
        # Held as well: two that are merged into each other at the same moment would both be gone.
        open_ones = rows.filter(folded=normalise(change.into), closed_at__isnull=True).exclude(pk=row.pk)
        into = open_ones.values_list("pk", flat=True).first()
        if into is None or not open_ones.filter(pk=into).update(organisation_id=into):
            return False
    if change.kind is not ChangeKind.CHANGE:
        values |= {"closed_at": deed.at, "merged_into": into}
    if not before.filter(pk=row.pk).update(**values):
        return False
    # Whoever is deciding on one of its holdings has to look again: the name stands in what is issued.
    mappers.move_versions(models.Lineage.objects.using(register.alias).filter(organisation_id=row.pk))
    subject = f"organisation:{row.pk}"
    if change.name != change.name_before:
        audit_log.write(register, deed, "organisation-renamed", subject)
    if change.language != change.language_before:
        audit_log.write(register, deed, "organisation-language-set", subject, language=change.language)
    if change.kind is ChangeKind.MERGE:
        audit_log.write(register, deed, "organisation-merged", subject, into=into)
    if change.kind is not ChangeKind.CHANGE:
        audit_log.write(register, deed, "organisation-closed", subject)
    return True


def json_values(register: Database, values: Collection[str]) -> RawSQL:
    """These values as a statement takes any number of them: one value, JSON."""
    return RawSQL(_LISTS[connections[register.alias].vendor], [json.dumps(sorted(values))])  # noqa: S611 - one value


def _rows(register: Database) -> "QuerySet[models.Organisation]":
    return models.Organisation.objects.using(register.alias).select_related("merged_into")


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
