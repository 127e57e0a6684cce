"""Organisations, the people who act for them, and their orders."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max, Min, Q

from sinetti.database import models, sql
from sinetti.database.common import audit_log, mappers
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance.transactions import ConcurrentUpdate
from sinetti.database.notifications.recipients import people_at
from sinetti.domain.certificates.lifecycle import OrderState
from sinetti.domain.values import Channel, IdentifierType, Language, Serial, normalise

PURPOSE = "data-provider"


@dataclass(frozen=True)
class ContactDetails:
    """Name and contact details of a natural person. `phone` may be empty."""

    name: str
    email: str
    phone: str
    language: Language


@dataclass(frozen=True)
class NewOrganisation:
    """An organisation to register, with the channels of its approved application."""

    customer_id: str
    kind: IdentifierType
    country: str
    name: str
    language: Language
    channels: frozenset[Channel]


@dataclass(frozen=True)
class OrganisationInfo:
    """Stored data of an organisation."""

    organisation_id: str
    customer_id: str
    kind: IdentifierType
    name: str
    open: bool
    channels: frozenset[Channel]


@dataclass(frozen=True)
class NewOrder:
    """A new order: organisation, channel, contact, deputy and replaced certificate.

    `serves` is the approximate number of other organisations whose reports it is for; None means unknown. An order
    with an `order_id` is stored once, however often it is requested. So is an open replacement of one certificate.
    `firm` is the organisation through which the user acts, for the daily limit; empty for an operator.
    """

    customer_id: str
    channel: Channel
    description: str
    contact: ContactDetails
    deputy: ContactDetails | None = None
    replaces: Serial | None = None
    serves: int | None = None
    order_id: str | None = None
    firm: str = ""


class DuplicateOrder(Exception):
    """The same order exists already. Nothing was written."""

    def __init__(self, order_id: str) -> None:
        """Store the id of the existing order."""
        super().__init__(order_id)
        self.order_id = order_id


@dataclass(frozen=True)
class NewTransferIds:
    """Stored form of a pair of transfer ids, without the password."""

    transfer_id: str
    created: datetime
    expires: datetime
    password_mac: bytes = field(repr=False)


@dataclass(frozen=True)
class OpenOrder:
    """An unused order, and the expiry of its transfer ids (None if they were ended)."""

    order_id: str
    customer_id: str
    channel: Channel
    description: str
    replaces: Serial | None
    created: datetime
    expires: datetime | None


def find_organisation(db: Database, customer_id: str) -> OrganisationInfo | None:
    """Return the organisation with this id, compared as in domain/values.py."""
    row = db.rows(models.Organisation).filter(normalised_id=normalise(customer_id)).first()
    if row is None:
        return None
    approvals = row.approvals.using(db.alias).filter(withdrawn_at__isnull=True)
    channels = frozenset(Channel(channel) for channel in approvals.values_list("type__channel", flat=True))
    return OrganisationInfo(
        row.organisation_id,
        row.customer_id,
        IdentifierType(row.kind),
        row.name,
        row.closed_at is None,
        channels,
    )


def add_organisation(db: Database, new: NewOrganisation, audit: AuditContext) -> OrganisationInfo | None:
    """Register an organisation; return None if its id is taken."""
    try:
        with transaction.atomic(using=db.alias):
            row = db.rows(models.Organisation).create(
                customer_id=new.customer_id,
                normalised_id=normalise(new.customer_id),
                kind=new.kind,
                country=new.country,
                name=new.name,
                language=new.language,
                created=audit.at,
            )
            _approve(db, row.organisation_id, new.channels, audit)
            audit_log.write(db, audit, "organisation-added", f"organisation:{row.organisation_id}", kind=new.kind)
    except IntegrityError:
        return None
    return find_organisation(db, new.customer_id)


def approve_channels(db: Database, organisation_id: str, channels: frozenset[Channel], audit: AuditContext) -> None:
    """Approve an organisation for these channels; approved channels stay unchanged."""
    with transaction.atomic(using=db.alias):
        _approve(db, organisation_id, channels, audit)


def withdraw_channel(db: Database, organisation_id: str, channel: Channel, audit: AuditContext) -> None:
    """Withdraw a channel from an organisation.

    Certificates stay as they are. No certificate is issued or renewed for the channel any more.
    """
    with transaction.atomic(using=db.alias):
        rows = db.rows(models.ApprovedChannel).filter(
            organisation_id=organisation_id,
            type__channel=channel,
            withdrawn_at__isnull=True,
        )
        if rows.update(withdrawn_at=audit.at):
            _move_lineages(db, organisation_id)
            audit_log.write(db, audit, "channel-withdrawn", f"organisation:{organisation_id}", channel=channel)


def close_organisation(db: Database, organisation_id: str, audit: AuditContext) -> None:
    """Close an organisation, so that no certificate is issued to it any more."""
    with transaction.atomic(using=db.alias):
        rows = db.rows(models.Organisation).filter(pk=organisation_id, closed_at__isnull=True)
        if rows.update(closed_at=audit.at):
            _move_lineages(db, organisation_id)
            audit_log.write(db, audit, "organisation-closed", f"organisation:{organisation_id}")


def add_order(db: Database, new: NewOrder, pair: NewTransferIds, audit: AuditContext) -> str:
    """Store an order with its transfer ids and return its id.

    A replacing order joins the lineage of the replaced certificate. Raises DuplicateOrder. Raises IntegrityError if
    another call stores the same order at this moment.
    """
    using = db.alias
    with transaction.atomic(using=using):
        replaced = models.Certificate.objects.using(using).filter(serial=new.replaces).first() if new.replaces else None
        _expect_new(db, new, replaced)
        contact, deputy = (
            insert_person(db, new.contact),
            insert_person(db, new.deputy) if new.deputy else None,
        )
        if replaced is not None:
            lineage_id = replaced.lineage_id
            rows = models.Lineage.objects.using(using).filter(pk=lineage_id)
            mark_replaced(db, rows.values_list("contact", "deputy").get(), audit.at)
            # Ordering a replacement cancels the opt-out from renewal.
            rows.update(contact=contact, deputy=deputy, renewal_opt_out_at=None)
            if new.description:
                rows.update(description=new.description)
            if new.serves is not None:
                rows.update(serves=new.serves)
        else:
            lineage_id = _add_lineage(db, new, contact, deputy, audit)
        order = models.Order.objects.using(using).create(
            order_id=new.order_id or sql.random_id(),
            lineage_id=lineage_id,
            description=new.description,
            contact=contact,
            deputy=deputy,
            replaces=replaced,
            state=OrderState.OPEN,
            created=audit.at,
        )
        _add_ids(db, order.order_id, pair)
        audit_log.write(
            db,
            audit,
            "ordered",
            f"order:{order.order_id}",
            holding=lineage_id,
            replaces=new.replaces,
        )
    return order.order_id


def replace_ids(db: Database, order_id: str, ids: NewTransferIds, audit: AuditContext) -> None:
    """End an open order's transfer ids and store new ones.

    Raises ConcurrentUpdate if the order is not open.
    """
    with transaction.atomic(using=db.alias):
        # A concurrent request with the old ids fails and starts again. The lineage is locked first, as in
        # `reserve_certificate`.
        mappers.move_versions(db.rows(models.Lineage).filter(orders__pk=order_id))
        if not db.rows(models.Order).filter(pk=order_id, state=OrderState.OPEN).exists():
            raise ConcurrentUpdate
        old = db.rows(models.TransferIds).filter(order_id=order_id, ended_at__isnull=True)
        old.update(ended_at=audit.at)
        _add_ids(db, order_id, ids)
        audit_log.write(db, audit, "transfer-ids-made-anew", f"order:{order_id}")


def count_offered(db: Database, lineage_ids: Iterable[str]) -> int:
    """Count the open orders of these lineages whose transfer ids were offered."""
    rows = db.rows(models.Order).filter(lineage__in=list(lineage_ids), state=OrderState.OPEN)
    return rows.filter(secure_messages__isnull=False).distinct().count()


def list_open_orders(db: Database, customer_id: str | None = None) -> tuple[OpenOrder, ...]:
    """Return open orders, newest first, of one organisation or of all."""
    valid = Max("transfer_ids__expires", filter=Q(transfer_ids__ended_at__isnull=True))
    rows = db.rows(models.Order).filter(state=OrderState.OPEN).annotate(valid=valid)
    if customer_id is not None:
        rows = rows.filter(lineage__organisation__normalised_id=normalise(customer_id))
    rows = rows.select_related("lineage__organisation", "lineage__type", "replaces").order_by("-created", "pk")
    return tuple(
        OpenOrder(
            row.order_id,
            row.lineage.organisation.customer_id,
            Channel(row.lineage.type.channel),
            row.description,
            Serial(row.replaces.serial) if row.replaces else None,
            row.created,
            row.valid,
        )
        for row in rows
    )


def order_exists(db: Database, order_id: str) -> bool:
    """Return True if an order with this id exists."""
    return db.rows(models.Order).filter(pk=order_id).exists()


def insert_person(db: Database, person: ContactDetails) -> models.Person:
    """Insert a row for a named person.

    The row has no marks, except the time of the first message to this address. Call it inside the transaction that
    names the person.
    """
    known = people_at(db, person.email)
    return db.rows(models.Person).create(
        name=person.name,
        email=person.email,
        phone=person.phone,
        language=person.language,
        first_written_at=known.aggregate(first=Min("first_written_at"))["first"],
    )


def mark_replaced(db: Database, people: Iterable[str | None], at: datetime) -> None:
    """Record the time at which these people were replaced.

    Their rows stay until retention erases them.
    """
    ids = [person for person in people if person is not None]
    db.rows(models.Person).filter(pk__in=ids).update(named_until=at)


def _expect_new(db: Database, new: NewOrder, replaced: models.Certificate | None) -> None:
    """Raise DuplicateOrder if an order to be stored once exists already."""
    if new.order_id is None:
        return
    if order_exists(db, new.order_id):
        raise DuplicateOrder(new.order_id)
    if replaced is None:
        return
    # Concurrent orders that replace the same certificate wait here.
    mappers.move_versions(db.rows(models.Lineage).filter(pk=replaced.lineage_id))
    rows = db.rows(models.Order).filter(replaces=replaced, state=OrderState.OPEN)
    if (there := rows.values_list("pk", flat=True).first()) is not None:
        raise DuplicateOrder(there)


def _approve(db: Database, organisation_id: str, channels: frozenset[Channel], audit: AuditContext) -> None:
    for channel in sorted(channels):
        kind = db.rows(models.CertificateType).get(purpose=PURPOSE, channel=channel)
        _, made = db.rows(models.ApprovedChannel).get_or_create(
            organisation_id=organisation_id,
            type=kind,
            withdrawn_at=None,
            defaults={"approved_at": audit.at},
        )
        if made:
            audit_log.write(db, audit, "channel-approved", f"organisation:{organisation_id}", channel=channel)


def _move_lineages(db: Database, organisation_id: str) -> None:
    """Increment the versions of an organisation's lineages.

    Concurrent decisions on these lineages then fail and start again.
    """
    mappers.move_versions(db.rows(models.Lineage).filter(organisation_id=organisation_id))


def _add_lineage(
    db: Database,
    new: NewOrder,
    contact: models.Person,
    deputy: models.Person | None,
    audit: AuditContext,
) -> str:
    organisation = db.rows(models.Organisation).get(normalised_id=normalise(new.customer_id))
    kind = db.rows(models.CertificateType).get(purpose=PURPOSE, channel=new.channel)
    row = db.rows(models.Lineage).create(
        organisation=organisation,
        type=kind,
        subject_serial=sql.random_id().upper(),
        description=new.description,
        contact=contact,
        deputy=deputy,
        created=audit.at,
        serves=new.serves,
    )
    return row.lineage_id


def _add_ids(db: Database, order_id: str, ids: NewTransferIds) -> None:
    db.rows(models.TransferIds).create(
        transfer_id=ids.transfer_id,
        order_id=order_id,
        password_mac=ids.password_mac,
        created=ids.created,
        expires=ids.expires,
    )
