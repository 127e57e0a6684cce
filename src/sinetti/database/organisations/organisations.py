"""Organisations, the people who act for them, and their orders."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max, Min, Q

from sinetti.database import ids as database_ids
from sinetti.database import models
from sinetti.database.common import audit_log, mappers
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance.transactions import ConcurrentUpdate
from sinetti.database.notifications.addresses import people_at
from sinetti.domain.certificates.lifecycle import OrderState
from sinetti.domain.identifiers import normalise
from sinetti.domain.values import Channel, IdentifierType, Language, Serial

PURPOSE = "data-provider"


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """A natural person and how to reach them. `phone` may be empty."""

    name: str
    email: str
    phone: str
    language: Language


@dataclass(frozen=True, slots=True)
class NewOrganisation:
    """An organisation to be registered, and the channels that its interface application was approved for."""

    customer_id: str
    kind: IdentifierType
    country: str
    name: str
    language: Language
    channels: frozenset[Channel]


@dataclass(frozen=True, slots=True)
class OrganisationInfo:
    """What the register holds of an organisation."""

    organisation_id: str
    customer_id: str
    kind: IdentifierType
    name: str
    open: bool
    channels: frozenset[Channel]


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A certificate is ordered: for whom and which channel, who looks after it, what it takes the place of.

    `serves` is for how many other organisations reports are sent with it, about: None is not told. With an `order_id`
    it is ordered once, however often it is asked for; so is the replacement of one certificate, while it is open.
    `firm` is the organisation that its orderer acts by, for counting; empty where an operator orders.
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
    """What is to be ordered once was ordered before. Nothing was written."""

    def __init__(self, order_id: str) -> None:
        """Say by which order."""
        super().__init__(order_id)
        self.order_id = order_id


@dataclass(frozen=True, slots=True)
class NewTransferIds:
    """What is stored of a pair of transfer ids: never the password."""

    transfer_id: str
    created: datetime
    expires: datetime
    password_mac: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that nobody has used yet, and until when its transfer ids are valid (None where they were ended)."""

    order_id: str
    customer_id: str
    channel: Channel
    description: str
    replaces: Serial | None
    created: datetime
    expires: datetime | None


def find_organisation(register: Database, customer_id: str) -> OrganisationInfo | None:
    """The organisation with this id, compared as domain/identifiers.py says."""
    row = models.Organisation.objects.using(register.alias).filter(folded=normalise(customer_id)).first()
    if row is None:
        return None
    standing = row.approvals.using(register.alias).filter(withdrawn_at__isnull=True)
    channels = frozenset(Channel(channel) for channel in standing.values_list("type__channel", flat=True))
    return OrganisationInfo(
        row.organisation_id,
        row.customer_id,
        IdentifierType(row.kind),
        row.name,
        row.closed_at is None,
        channels,
    )


def add_organisation(register: Database, new: NewOrganisation, deed: AuditContext) -> OrganisationInfo | None:
    """Register an organisation; None where its id is taken."""
    try:
        with transaction.atomic(using=register.alias):
            row = models.Organisation.objects.using(register.alias).create(
                customer_id=new.customer_id,
                folded=normalise(new.customer_id),
                kind=new.kind,
                country=new.country,
                name=new.name,
                language=new.language,
                created=deed.at,
            )
            _approve(register, row.organisation_id, new.channels, deed)
            audit_log.write(register, deed, "organisation-added", f"organisation:{row.organisation_id}", kind=new.kind)
    except IntegrityError:
        return None
    return find_organisation(register, new.customer_id)


def approve_channels(
    register: Database, organisation_id: str, channels: frozenset[Channel], deed: AuditContext
) -> None:
    """Approve an organisation for these channels; what is approved already stays as it is."""
    with transaction.atomic(using=register.alias):
        _approve(register, organisation_id, channels, deed)


def withdraw_channel(register: Database, organisation_id: str, channel: Channel, deed: AuditContext) -> None:
    """Withdraw a channel. Certificates stay as they are; none is issued or renewed for it any more."""
    with transaction.atomic(using=register.alias):
        rows = models.ApprovedChannel.objects.using(register.alias).filter(
            organisation_id=organisation_id,
            type__channel=channel,
            withdrawn_at__isnull=True,
        )
        if rows.update(withdrawn_at=deed.at):
            _move_holdings(register, organisation_id)
            audit_log.write(register, deed, "channel-withdrawn", f"organisation:{organisation_id}", channel=channel)


def close_organisation(register: Database, organisation_id: str, deed: AuditContext) -> None:
    """Close an organisation: nothing is issued to it any more."""
    with transaction.atomic(using=register.alias):
        rows = models.Organisation.objects.using(register.alias).filter(pk=organisation_id, closed_at__isnull=True)
        if rows.update(closed_at=deed.at):
            _move_holdings(register, organisation_id)
            audit_log.write(register, deed, "organisation-closed", f"organisation:{organisation_id}")


def add_order(register: Database, new: NewOrder, pair: NewTransferIds, deed: AuditContext) -> str:
    """Store an order with its transfer ids; returns its id. A replacing order joins the replaced one's holding.

    Raises DuplicateOrder; IntegrityError where another call stores the same order at this moment.
    """
    using = register.alias
    with transaction.atomic(using=using):
        replaced = models.Certificate.objects.using(using).filter(serial=new.replaces).first() if new.replaces else None
        _expect_new(register, new, replaced)
        contact, deputy = (
            insert_person(register, new.contact),
            insert_person(register, new.deputy) if new.deputy else None,
        )
        if replaced is not None:
            holding_id = replaced.holding_id
            rows = models.Lineage.objects.using(using).filter(pk=holding_id)
            mark_replaced(register, rows.values_list("contact", "deputy").get(), deed.at)
            # Whoever orders a replacement does not let it end any more.
            rows.update(contact=contact, deputy=deputy, let_end_at=None)
            if new.description:
                rows.update(description=new.description)
            if new.serves is not None:
                rows.update(serves=new.serves)
        else:
            holding_id = _add_holding(register, new, contact, deputy, deed)
        order = models.Order.objects.using(using).create(
            order_id=new.order_id or database_ids.random_id(),
            holding_id=holding_id,
            description=new.description,
            contact=contact,
            deputy=deputy,
            replaces=replaced,
            state=OrderState.OPEN,
            created=deed.at,
        )
        _add_ids(register, order.order_id, pair)
        audit_log.write(
            register,
            deed,
            "ordered",
            f"order:{order.order_id}",
            holding=holding_id,
            replaces=new.replaces,
        )
    return order.order_id


def replace_ids(register: Database, order_id: str, ids: NewTransferIds, deed: AuditContext) -> None:
    """End an open order's transfer ids and store new ones.

    Raises ConcurrentUpdate where the order is not open (any more).
    """
    with transaction.atomic(using=register.alias):
        # Whoever is spending the old ids right now has to look again; the holding comes first, as in store.reserve.
        mappers.move_versions(models.Lineage.objects.using(register.alias).filter(orders__pk=order_id))
        if not models.Order.objects.using(register.alias).filter(pk=order_id, state=OrderState.OPEN).exists():
            raise ConcurrentUpdate
        old = models.TransferIds.objects.using(register.alias).filter(order_id=order_id, ended_at__isnull=True)
        old.update(ended_at=deed.at)
        _add_ids(register, order_id, ids)
        audit_log.write(register, deed, "transfer-ids-made-anew", f"order:{order_id}")


def count_offered(register: Database, holding_ids: Iterable[str]) -> int:
    """Return how many open orders of these holdings were offered transfer IDs."""
    rows = models.Order.objects.using(register.alias).filter(holding__in=list(holding_ids), state=OrderState.OPEN)
    return rows.filter(secure_messages__isnull=False).distinct().count()


def list_open_orders(register: Database, customer_id: str | None = None) -> tuple[OpenOrder, ...]:
    """Open orders, newest first, of one organisation or of all."""
    valid = Max("transfer_ids__expires", filter=Q(transfer_ids__ended_at__isnull=True))
    rows = models.Order.objects.using(register.alias).filter(state=OrderState.OPEN).annotate(valid=valid)
    if customer_id is not None:
        rows = rows.filter(holding__organisation__folded=normalise(customer_id))
    rows = rows.select_related("holding__organisation", "holding__type", "replaces").order_by("-created", "pk")
    return tuple(
        OpenOrder(
            row.order_id,
            row.holding.organisation.customer_id,
            Channel(row.holding.type.channel),
            row.description,
            Serial(row.replaces.serial) if row.replaces else None,
            row.created,
            row.valid,
        )
        for row in rows
    )


def order_exists(register: Database, order_id: str) -> bool:
    """Whether there is an order with this id."""
    return models.Order.objects.using(register.alias).filter(pk=order_id).exists()


def insert_person(register: Database, person: ContactDetails) -> models.Person:
    """Store somebody who is named anew: a row without marks, but that mail went to this address before (the first).

    Call it inside the transaction of the naming.
    """
    known = people_at(register, person.email)
    return models.Person.objects.using(register.alias).create(
        name=person.name,
        email=person.email,
        phone=person.phone,
        language=person.language,
        first_written_at=known.aggregate(first=Min("first_written_at"))["first"],
    )


def mark_replaced(register: Database, people: Iterable[str | None], at: datetime) -> None:
    """Note until when these were named: others take their place. Their rows stay until retention erases them."""
    ids = [one for one in people if one is not None]
    models.Person.objects.using(register.alias).filter(pk__in=ids).update(named_until=at)


def _expect_new(register: Database, new: NewOrder, replaced: models.Certificate | None) -> None:
    """Raise OrderedAlready where this is to be ordered once, and was."""
    if new.order_id is None:
        return
    if order_exists(register, new.order_id):
        raise DuplicateOrder(new.order_id)
    if replaced is None:
        return
    # Whoever orders in the same place at this moment waits here.
    mappers.move_versions(models.Lineage.objects.using(register.alias).filter(pk=replaced.holding_id))
    rows = models.Order.objects.using(register.alias).filter(replaces=replaced, state=OrderState.OPEN)
    if (there := rows.values_list("pk", flat=True).first()) is not None:
        raise DuplicateOrder(there)


def _approve(register: Database, organisation_id: str, channels: frozenset[Channel], deed: AuditContext) -> None:
    for channel in sorted(channels):
        kind = models.CertificateType.objects.using(register.alias).get(purpose=PURPOSE, channel=channel)
        _, made = models.ApprovedChannel.objects.using(register.alias).get_or_create(
            organisation_id=organisation_id,
            type=kind,
            withdrawn_at=None,
            defaults={"approved_at": deed.at},
        )
        if made:
            audit_log.write(register, deed, "channel-approved", f"organisation:{organisation_id}", channel=channel)


def _move_holdings(register: Database, organisation_id: str) -> None:
    """Whoever is deciding on one of its holdings right now has to look again."""
    mappers.move_versions(models.Lineage.objects.using(register.alias).filter(organisation_id=organisation_id))


def _add_holding(
    register: Database,
    new: NewOrder,
    contact: models.Person,
    deputy: models.Person | None,
    deed: AuditContext,
) -> str:
    organisation = models.Organisation.objects.using(register.alias).get(folded=normalise(new.customer_id))
    kind = models.CertificateType.objects.using(register.alias).get(purpose=PURPOSE, channel=new.channel)
    row = models.Lineage.objects.using(register.alias).create(
        organisation=organisation,
        type=kind,
        subject_serial=database_ids.random_id().upper(),
        description=new.description,
        contact=contact,
        deputy=deputy,
        created=deed.at,
        serves=new.serves,
    )
    return row.holding_id


def _add_ids(register: Database, order_id: str, ids: NewTransferIds) -> None:
    models.TransferIds.objects.using(register.alias).create(
        transfer_id=ids.transfer_id,
        order_id=order_id,
        password_mac=ids.password_mac,
        created=ids.created,
        expires=ids.expires,
    )
