"""Replacement candidates, and organisations with the channels they may order."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from sinetti.database import models
from sinetti.database.certificates.lineage_view import person
from sinetti.database.connection import Database
from sinetti.database.organisations.organisations import ContactDetails, OrganisationInfo
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState, opt_out_applies
from sinetti.domain.orders.ordering_rules import Replaceable
from sinetti.domain.values import Channel, IdentifierType, Serial


@dataclass(frozen=True, slots=True)
class ReplacementCandidate:
    """A certificate that a user wants to replace.

    `serves` is as in Lineage. Contact and deputy are the present ones.
    """

    serial: Serial
    organisation_id: str
    customer_id: str
    organisation: str
    channel: Channel
    description: str
    not_after: datetime
    serves: int | None
    known: Replaceable
    contact: ContactDetails | None = field(repr=False)
    deputy: ContactDetails | None = field(repr=False)


def organisations(db: Database, organisation_ids: Collection[str]) -> tuple[OrganisationInfo, ...]:
    """Return the open ones of these organisations, by name, with approved channels.

    It takes two statements.
    """
    rows = db.rows(models.Organisation).filter(pk__in=list(organisation_ids), closed_at__isnull=True)
    approved: dict[str, set[Channel]] = {}
    approvals = db.rows(models.ApprovedChannel).filter(
        organisation__in=list(organisation_ids), withdrawn_at__isnull=True
    )
    for organisation_id, channel in approvals.values_list("organisation", "type__channel"):
        approved.setdefault(organisation_id, set()).add(Channel(channel))
    return tuple(
        OrganisationInfo(
            row.organisation_id,
            row.customer_id,
            IdentifierType(row.kind),
            row.name,
            open=True,
            channels=frozenset(approved.get(row.organisation_id, ())),
        )
        for row in rows.order_by("name", "pk")
    )


def by_serial(db: Database, serials: Collection[Serial]) -> tuple[ReplacementCandidate, ...]:
    """Return these certificates, earliest expiry first; unknown serials are omitted."""
    return _candidates(_rows(db).filter(serial__in=list(serials)))


def ending(
    db: Database, organisation_ids: Collection[str], now: datetime, until: datetime, count: int
) -> tuple[ReplacementCandidate, ...]:
    """Return certificates in force that expire until `until`, earliest first.

    They are of these organisations, at most `count`.
    """
    rows = _rows(db).filter(lineage__organisation__in=list(organisation_ids), revoked_at__isnull=True)
    return _candidates(rows.filter(not_after__gte=now, not_after__lte=until)[:count])


def _rows(db: Database) -> "QuerySet[models.Certificate]":
    issued = (CertificateState.ISSUED, CertificateState.RETRIEVED)
    rows = db.rows(models.Certificate).filter(state__in=issued)
    orders = models.Order.objects.filter(replaces=OuterRef("pk"), state=OrderState.OPEN)
    approved = models.ApprovedChannel.objects.filter(
        organisation=OuterRef("lineage__organisation"), type=OuterRef("lineage__type"), withdrawn_at__isnull=True
    )
    rows = rows.annotate(
        ordered=Exists(orders), approved=Exists(approved), renewed=_stands("predecessor"), replaced=_stands("replaces")
    )
    paths = ("lineage__organisation", "lineage__type", "lineage__contact", "lineage__deputy")
    return rows.select_related(*paths).order_by("not_after", "pk")


def _stands(by: str) -> Exists:
    rows = models.Certificate.objects.filter(**{by: OuterRef("pk")}, revoked_at__isnull=True)
    return Exists(rows.exclude(state=CertificateState.SUPERSEDED))


def _candidates(rows: "QuerySet[models.Certificate]") -> tuple[ReplacementCandidate, ...]:
    return tuple(_candidate(row) for row in rows)


def _candidate(row: Any) -> ReplacementCandidate:  # noqa: ANN401 - a row with annotations
    lineage, organisation = row.lineage, row.lineage.organisation
    contact = person(lineage.contact)
    known = Replaceable(
        open=organisation.closed_at is None,
        approved=row.approved,
        ordered=row.ordered,
        succeeded=row.renewed or row.replaced,
        let_end=opt_out_applies(lineage.renewal_opt_out_at, row.not_before),
        contact=contact is not None,
    )
    return ReplacementCandidate(
        Serial(row.serial),
        organisation.organisation_id,
        organisation.customer_id,
        organisation.name,
        Channel(lineage.type.channel),
        lineage.description,
        row.not_after,
        lineage.serves,
        known,
        contact,
        person(lineage.deputy),
    )
