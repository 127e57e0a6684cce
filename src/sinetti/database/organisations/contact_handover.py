"""Contacts of many certificates: summaries, and handover to another person.

A handover of all certificates of one person is one transaction.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, IntegerField, Max, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Lower

from sinetti.database import models
from sinetti.database.common import audit_log, daily_counts
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.notifications import outbox, reminders
from sinetti.database.notifications.outbox import DomainEvent
from sinetti.database.notifications.recipients import people_at
from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import ContactDetails, mark_replaced
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.values import Channel


@dataclass(frozen=True)
class ContactSummary:
    """A technical contact person with the number of their certificates.

    `email` is case folded.
    """

    email: str = field(repr=False)
    name: str = field(repr=False)
    count: int


@dataclass(frozen=True)
class AssignedLineage:
    """A lineage whose contact or deputy, or both, is a given person.

    `email` is the address of its contact.
    """

    lineage_id: str
    organisation_id: str
    customer_id: str
    organisation: str
    channel: Channel
    description: str
    not_after: datetime | None
    contact: bool
    deputy: bool
    email: str = field(default="", repr=False)


@dataclass(frozen=True)
class LineageSummary:
    """A lineage as a message lists it.

    `contact` and `deputy` are folded addresses, empty if there is none. `not_after` is the expiry of the certificate
    in force, or None.
    """

    organisation: str
    customer_id: str
    channel: Channel
    description: str
    not_after: datetime | None
    contact: str = field(repr=False)
    deputy: str = field(repr=False)


def contacts(db: Database, organisation_ids: Collection[str], now: datetime, count: int) -> tuple[ContactSummary, ...]:
    """Return the technical contact persons of these organisations.

    Those with most certificates come first, at most `count`.
    """
    rows = _in_use(db, organisation_ids, now).filter(contact__erased_at__isnull=True)
    grouped = rows.values(address=Lower("contact__email")).annotate(named=Max("contact__name"), many=Count("pk"))
    queryset = grouped.order_by("-many", "address")[:count]
    return tuple(ContactSummary(one["address"], one["named"], one["many"]) for one in queryset if one["address"])


def looked_after(
    db: Database, organisation_ids: Collection[str], email: str, now: datetime, count: int
) -> tuple[AssignedLineage, ...]:
    """Return the lineages of a contact or deputy in these organisations.

    They are sorted by organisation and description, at most `count`.
    """
    theirs = people_at(db, email).values("pk")
    rows = _in_use(db, organisation_ids, now).annotate(
        as_contact=Q(contact__in=theirs), as_deputy=Q(deputy__in=theirs), ends=Subquery(_in_force(now)[:1])
    )
    return _assigned(rows.filter(Q(as_contact=True) | Q(as_deputy=True)), count)


def picked(
    db: Database, organisation_ids: Collection[str], ids: Collection[str], now: datetime
) -> tuple[AssignedLineage, ...]:
    """Return lineages of these organisations by ids, or by serials."""
    named = models.Certificate.objects.filter(serial__in=list(ids)).values("lineage")
    rows = _in_use(db, organisation_ids, now).filter(Q(pk__in=list(ids)) | Q(pk__in=named))
    yes, no = Value(1, IntegerField()), Value(0, IntegerField())
    shown = rows.annotate(as_contact=yes, as_deputy=no, ends=Subquery(_in_force(now)[:1]))
    return _assigned(shown, len(ids))


def _assigned(rows: "QuerySet[models.Lineage]", count: int) -> tuple[AssignedLineage, ...]:
    related = rows.select_related("organisation", "type", "contact")
    found: Any = related.order_by("organisation__name", "description", "pk")
    return tuple(
        AssignedLineage(
            row.lineage_id,
            row.organisation_id,
            row.organisation.customer_id,
            row.organisation.name,
            Channel(row.type.channel),
            row.description,
            row.ends,
            bool(row.as_contact),
            bool(row.as_deputy),
            row.contact.email if row.contact else "",
        )
        for row in found[:count]
    )


def lines(db: Database, lineage_ids: Collection[str], now: datetime) -> tuple[LineageSummary, ...]:
    """Return these lineages, by organisation and description."""
    rows = db.rows(models.Lineage).filter(pk__in=list(lineage_ids))
    rows = rows.select_related("organisation", "type", "contact", "deputy")
    listed = rows.annotate(ends=Subquery(_in_force(now)[:1])).order_by("organisation__name", "description", "pk")
    return tuple(
        LineageSummary(
            row.organisation.name,
            row.organisation.customer_id,
            Channel(row.type.channel),
            row.description,
            row.ends,
            row.contact.email.casefold() if row.contact else "",
            row.deputy.email.casefold() if row.deputy else "",
        )
        for row in listed
    )


def reassign_contact(
    db: Database, lineage_ids: Collection[str], email: str, new: ContactDetails, audit: AuditContext
) -> int:
    """Replace the person with this address in all these lineages; return the number.

    It is one transaction. One message about all lineages is queued for the old and the new person. A person is never
    their own deputy, so a new contact is removed as deputy. Raises LimitReached.
    """
    with transaction.atomic(using=db.alias):
        lineages = db.rows(models.Lineage).filter(pk__in=list(lineage_ids))
        # Locked in one order, so that concurrent handovers cannot deadlock.
        list(lineages.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        theirs = set(people_at(db, email).values_list("pk", flat=True))
        moved: dict[str, list[models.Lineage]] = {
            place: [row for row in lineages.order_by("pk") if getattr(row, f"{place}_id") in theirs]
            for place in ("contact", "deputy")
        }
        theirs |= set(people_at(db, new.email).values_list("pk", flat=True))
        vacant = [row for row in moved["contact"] if row.deputy_id in theirs]
        moved["deputy"] = [row for row in moved["deputy"] if row not in vacant]
        _vacate(db, vacant, audit)
        for place, rows in moved.items():
            _name(db, place, rows, new, audit)
        touched = {row.lineage_id for rows in moved.values() for row in rows}
        reminders.look_again_each(db, touched)
    return len(touched)


def orders_offered_to_others(
    db: Database, organisation_ids: Collection[str], email: str
) -> tuple[tuple[str, str], ...]:
    """Return this contact's open orders whose transfer ids went to another person.

    Each pair is the id of the organisation and the id of the order.
    """
    rows = db.rows(models.Order).filter(
        state=OrderState.OPEN,
        lineage__organisation__in=list(organisation_ids),
        lineage__organisation__closed_at__isnull=True,
        lineage__contact__in=people_at(db, email).values("pk"),
    )
    offers = db.rows(models.SecureMessage).filter(order=OuterRef("pk"))
    last = offers.order_by(F("ended_at").desc(nulls_first=True), "-created").values("recipient")[:1]
    offered = rows.filter(Exists(offers)).alias(last=Subquery(last))
    queryset = offered.exclude(last=F("lineage__contact"), last__isnull=False)
    return tuple(queryset.order_by("created", "pk").values_list("lineage__organisation", "pk"))


def _name(db: Database, place: str, rows: list[models.Lineage], new: ContactDetails, audit: AuditContext) -> None:
    """Set the same person as contact or deputy, with a new row for each lineage."""
    if not rows:
        return
    # One message about the change, and one link for each order whose transfer ids wait for the contact.
    offered = organisations.count_offered(db, [row.pk for row in rows]) if place == "contact" else 0
    daily_counts.count_letters(db, audit, new.email, 1 + offered)
    first_written = people_at(db, new.email).aggregate(first=Min("first_written_at"))["first"]
    people = db.rows(models.Person).bulk_create(
        models.Person(
            name=new.name, email=new.email, phone=new.phone, language=new.language, first_written_at=first_written
        )
        for _ in rows
    )
    before = [getattr(row, f"{place}_id") for row in rows]
    for row, person in zip(rows, people, strict=True):
        setattr(row, place, person)
    db.rows(models.Lineage).bulk_update(rows, [place])
    mark_replaced(db, before, audit.at)
    facts = {"old": before[0], "new": people[0].person_id, "place": place, "holdings": [row.lineage_id for row in rows]}
    about = DomainEvent(MessageKind.CONTACT_CHANGED, "once", people[0].person_id, rows[0].lineage_id, facts=facts)
    outbox.record_event(db, about, audit.at)
    for row, old, person in zip(rows, before, people, strict=True):
        audit_log.write(db, audit, f"{place}-changed", f"holding:{row.lineage_id}", before=old, person=person.person_id)


def _vacate(db: Database, rows: list[models.Lineage], audit: AuditContext) -> None:
    """Remove the deputies of these lineages.

    They are notified as the new contact or as the person who leaves.
    """
    before = [row.deputy_id for row in rows]
    ours = db.rows(models.Lineage).filter(pk__in=[row.pk for row in rows])
    ours.update(deputy=None)
    mark_replaced(db, before, audit.at)
    for row, old in zip(rows, before, strict=True):
        audit_log.write(db, audit, "deputy-removed", f"holding:{row.lineage_id}", before=old)


def _in_use(db: Database, organisation_ids: Iterable[str], now: datetime) -> "QuerySet[models.Lineage]":
    """Return lineages with a certificate in force or an open order.

    Other lineages need no contact any more.
    """
    waiting = models.Order.objects.filter(lineage=OuterRef("pk"), state=OrderState.OPEN)
    rows = db.rows(models.Lineage).filter(organisation__in=list(organisation_ids))
    return rows.filter(Exists(_in_force(now)) | Exists(waiting))


def _in_force(now: datetime) -> "QuerySet[models.Certificate, dict[str, Any]]":
    rows = models.Certificate.objects.filter(
        lineage=OuterRef("pk"),
        state__in=(CertificateState.ISSUED, CertificateState.RETRIEVED),
        revoked_at__isnull=True,
        not_after__gte=now,
    )
    return rows.order_by("-not_after").values("not_after")  # type: ignore[return-value] # a TypedDict of it
