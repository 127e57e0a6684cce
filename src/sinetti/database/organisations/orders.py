"""Orders and the state of their transfer ids for pages; read only."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, Count, F, IntegerField, Max, Min, OuterRef, Q, QuerySet, Subquery, When

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import SecureMessage
from sinetti.database.notifications.recipients import Recipient, reader
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, message_id
from sinetti.domain.values import Channel, Serial


@dataclass(frozen=True)
class LinkInfo:
    """The newest link to an order's transfer ids, and its state.

    `sent` is the time when its mail was sent, `given_up` is True if that failed. `opened` is the time of the first PIN
    code.
    """

    secure_id: str
    created: datetime
    expires: datetime
    recipient: str | None
    ended: bool
    shown_at: datetime | None
    opened: datetime | None
    sent: datetime | None = None
    given_up: bool = False


@dataclass(frozen=True)
class OrderDetails:
    """An order with its people and newest link.

    `certificate` is the serial of the certificate for which its ids were used. `usable_until` is the end of its last
    transfer ids or link.
    """

    order_id: str
    organisation_id: str
    customer_id: str
    organisation: str
    organisation_open: bool
    channel: Channel
    description: str
    state: OrderState
    created: datetime
    usable_until: datetime
    contact: Recipient | None = field(repr=False)
    deputy: Recipient | None = field(repr=False)
    serves: int | None = None
    replaces: Serial | None = None
    certificate: Serial | None = None
    link: LinkInfo | None = None


@dataclass(frozen=True)
class OrderRow:
    """An open order in a list; `expires` is the expiry of its newest link, or None."""

    order_id: str
    organisation: str
    customer_id: str
    channel: Channel
    description: str
    contact: str = field(repr=False)
    created: datetime
    expires: datetime | None
    shown_at: datetime | None


def find_order(db: Database, order_id: str) -> OrderDetails | None:
    """Return one order, in three statements, or None."""
    live = models.Certificate.objects.filter(order=OuterRef("pk")).exclude(state=CertificateState.SUPERSEDED)
    rows = db.rows(models.Order).select_related(
        "lineage__organisation", "lineage__type", "lineage__contact", "lineage__deputy", "replaces"
    )
    ids = models.TransferIds.objects.filter(order=OuterRef("pk")).order_by("-expires").values("expires")
    rows = rows.annotate(serial=Subquery(live.values("serial")[:1]), ids_expire=Subquery(ids[:1]))
    row = rows.filter(pk=order_id).first()
    if row is None:
        return None
    lineage, link = row.lineage, _link(db, order_id)
    contact, deputy = (None if person is None else reader(person) for person in (lineage.contact, lineage.deputy))
    return OrderDetails(
        row.order_id,
        lineage.organisation_id,
        lineage.organisation.customer_id,
        lineage.organisation.name,
        lineage.organisation.closed_at is None,
        Channel(lineage.type.channel),
        row.description or lineage.description,
        OrderState(row.state),
        row.created,
        max(
            row.created, *(at for at in (row.ids_expire, link.expires if link is not None else None) if at is not None)
        ),
        contact,
        deputy,
        lineage.serves,
        Serial(row.replaces.serial) if row.replaces else None,
        Serial(row.serial) if row.serial else None,
        link,
    )


class OrderSort(StrEnum):
    """Order of the list of open orders."""

    NEWEST = "newest"
    ORGANISATION = "organisation"
    DESCRIPTION = "description"
    EXPIRES = "expires"


@dataclass(frozen=True)
class OrderSearch:
    """Part of the list of open orders: `count` rows from `start` on.

    `text` is a part of an organisation's name or id, of a description or of the contact's name or address.
    """

    start: int = 0
    count: int = 50
    text: str = ""
    sort: OrderSort = OrderSort.NEWEST


_SORTS: Mapping[OrderSort, tuple[Any, ...]] = {
    OrderSort.NEWEST: ("is_over", F("created").desc(), "pk"),
    OrderSort.ORGANISATION: ("lineage__organisation__name", F("created").desc(), "pk"),
    OrderSort.DESCRIPTION: ("lineage__description", F("created").desc(), "pk"),
    OrderSort.EXPIRES: (F("link_expires").asc(nulls_last=True), "pk"),
}


def open_orders(
    db: Database, organisation_ids: Collection[str], search: OrderSearch, now: datetime
) -> tuple[tuple[OrderRow, ...], int]:
    """Return a page of open orders, and the number of all that match.

    By default orders whose link has ended stand below the others.
    """
    rows = db.rows(models.Order).filter(state=OrderState.OPEN, lineage__organisation__in=list(organisation_ids))
    if search.text:
        within = ("organisation__name", "organisation__customer_id", "description", "contact__name", "contact__email")
        found = [Q(**{f"lineage__{field}__icontains": search.text}) for field in within]
        rows = rows.filter(reduce(or_, [*found, Q(description__icontains=search.text)]))
    newest = _newest(SecureMessage.objects.filter(order=OuterRef("pk")))
    listed = rows.annotate(
        link_expires=Subquery(newest.values("expires")[:1]), link_shown=Subquery(newest.values("shown_at")[:1])
    )
    over = Case(When(link_expires__lt=now, then=1), default=0, output_field=IntegerField())
    listed = listed.annotate(is_over=over).select_related("lineage__organisation", "lineage__type", "lineage__contact")
    shown = tuple(
        OrderRow(
            row.order_id,
            row.lineage.organisation.name,
            row.lineage.organisation.customer_id,
            Channel(row.lineage.type.channel),
            row.description or row.lineage.description,
            row.lineage.contact.name if row.lineage.contact else "",
            row.created,
            row.link_expires,
            row.link_shown,
        )
        for row in listed.order_by(*_SORTS[search.sort])[search.start : search.start + search.count]
    )
    return shown, rows.aggregate(count=Count("pk"))["count"]


def newest_link(db: Database, order_id: str) -> str:
    """Return the id of the newest link to an order's transfer ids, or ""."""
    rows = db.rows(SecureMessage).filter(order=order_id)
    return str(_newest(rows).values_list("secure_id", flat=True).first() or "")


def _link(db: Database, order_id: str) -> LinkInfo | None:
    rows = db.rows(SecureMessage).filter(order=order_id)
    row = _newest(rows.annotate(opened=Min("pins__created"))).first()
    if row is None:
        return None
    opened: datetime | None = row.opened  # type: ignore[attr-defined] # annotated
    mail = message_id(MessageKind.TRANSFER_IDS, row.secure_id, "once", row.recipient_id or "", MessageChannel.EMAIL)
    sent = db.rows(models.OutboxMessage).filter(pk=mail).aggregate(at=Max("sent"), failed_at=Max("failed_at"))
    return LinkInfo(
        row.secure_id,
        row.created,
        row.expires,
        row.recipient_id,
        row.ended_at is not None,
        row.shown_at,
        opened,
        sent["at"],
        sent["at"] is None and sent["failed_at"] is not None,
    )


def _newest(rows: "QuerySet[SecureMessage]") -> "QuerySet[SecureMessage]":
    """Sort the current link first, then ended ones, newest first.

    Two links may have the same second.
    """
    return rows.order_by(F("ended_at").desc(nulls_first=True), "-created")
