"""Secure messages and their PIN codes: offered, opened, tried and shown, each in one transaction.

Whoever takes several rows takes them in this order: lineage, secure message, PIN code; so nobody waits in a circle.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from sinetti.database import models
from sinetti.database.common import audit_log, daily_counts
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import Pin, SecureMessage
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.organisations import orders as organisations_orders
from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import DuplicateOrder, NewOrder, NewTransferIds
from sinetti.domain.certificates.lifecycle import OrderState
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, message_id
from sinetti.domain.orders.secure_messages import (
    CODE_TRIES,
    NO_PINS,
    PIN_TRIES,
    PINS_A_DAY,
    IssuedPin,
    PinHistory,
    SecureLink,
    SmsDelivery,
)
from sinetti.domain.values import Channel

_ONCE = "once"


class NoRecipient(Exception):
    """Nobody is the order's contact any more: there is no one to write to.

    Nothing was written.
    """


class OrganisationCannotIssue(Exception):
    """The organisation is closed for good: its transfer ids would open nothing.

    Nothing was written.
    """


class NewerLinkExists(Exception):
    """There is a newer link than the one that the asker looked at.

    Nothing was written.
    """


class _Undone(Exception):
    """What was begun is taken back."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that is to be mailed: the id of its secure message, the hash of its token, and until when it lasts.

    `seen` is the one that its asker looked at, empty for none; with None it is made whatever there is.
    """

    secure_id: str
    token_sha256: str
    expires: datetime
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class NewPin:
    """A PIN code that is to be sent.

    It is made only where `after` were made so far, and fewer than allowed `since`.
    """

    pin_id: str
    expires: datetime
    after: int
    since: datetime


def send_link(db: Database, order_id: str, link: NewLink, ids: NewTransferIds, audit: AuditContext) -> bool:
    """Owe an open order's contact a new link; former links and transfer ids end.

    Tells whether they have a phone.

    `ids` are known to nobody. Raises Moved where the order is not open (any more), NoRecipient, NothingIssued, Newer,
    and LimitReached.
    """
    with transaction.atomic(using=db.alias):
        organisations.replace_ids(db, order_id, ids, audit)
        # Looked at again here, where the lineage is held: of two buttons pressed at once one makes a link.
        if link.seen is not None and organisations_orders.newest_link(db, order_id) != link.seen:
            raise NewerLinkExists
        return _offer(db, order_id, link, audit)


def order_and_offer(
    db: Database, new: NewOrder, link: NewLink, ids: NewTransferIds, audit: AuditContext
) -> tuple[str, bool]:
    """Store an order and owe its contact a link: both or neither.

    The order's id, and whether they have a phone.

    Raises DuplicateOrder, and LimitReached.
    """
    try:
        with transaction.atomic(using=db.alias):
            order_id = organisations.add_order(db, new, ids, audit)
            daily_counts.count_order(db, audit, new.firm)
            return order_id, _offer(db, order_id, link, audit)
    except IntegrityError:
        # Sent twice at once: the other call was faster.
        if new.order_id is None or not organisations.order_exists(db, new.order_id):
            raise
        raise DuplicateOrder(new.order_id) from None


def find_link(db: Database, token_sha256: str) -> SecureLink | None:
    """What is kept under the hash of a token: one statement, whether there is anything or not."""
    rows = SecureMessage.objects.using(db.alias).select_related(
        "order__lineage__organisation", "order__lineage__type", "recipient"
    )
    row = rows.filter(token_sha256=token_sha256).first()
    if row is None:
        return None
    lineage, reader = row.order.lineage, row.recipient
    return SecureLink(
        row.secure_id,
        row.order_id,
        OrderState(row.order.state),
        row.expires,
        row.ended_at is not None or lineage.organisation.closed_at is not None,
        row.wrong,
        reader.phone if reader is not None and reader.erased_at is None else None,
        lineage.organisation.customer_id,
        lineage.organisation.name,
        Channel(lineage.type.channel),
        row.order.description or lineage.description,
    )


def find_pins(db: Database, secure_id: str, since: datetime) -> PinHistory:
    """The PIN codes of a secure message, of which those made `since` are today's."""
    rows = list(_pins(db, secure_id).select_related("message"))
    if not rows:
        return NO_PINS
    # Each new one ends those before, so that one is left.
    last = next(row for row in rows if row.ended_at is None)
    sent = models.OutboxMessage.objects.using(db.alias).filter(pk=_sms(last.pin_id, last.message.recipient_id))
    got_away, failed_at, cancelled_at = sent.values_list("sent", "failed_at", "cancelled_at").first() or (
        None,
        None,
        None,
    )
    delivery = (
        SmsDelivery.SENT if got_away else SmsDelivery.FAILED if failed_at or cancelled_at else SmsDelivery.WAITING
    )
    return PinHistory(
        len(rows),
        sum(row.created >= since for row in rows),
        IssuedPin(last.pin_id, last.expires, last.wrong, last.used_at is not None, delivery),
    )


def open_message(db: Database, link: SecureLink, new: NewPin, audit: AuditContext) -> str | None:
    """Make a PIN code and owe its SMS; the one before ends.

    The id of the message that is owed.

    None, and nothing written, where the link has ended, the order is spent, or `new` says that none is to be made.
    """
    with transaction.atomic(using=db.alias):
        # Its row is taken first: two who ask at once are answered one after the other.
        if not _alive(db, link.secure_id, audit.at).update(wrong=F("wrong")):
            return None
        pins = _pins(db, link.secure_id)
        if pins.count() != new.after or pins.filter(created__gte=new.since).count() >= PINS_A_DAY:
            return None
        pins.filter(ended_at__isnull=True).update(ended_at=audit.at)
        _drop(db, link.order_id, [MessageKind.PIN], audit)
        Pin.objects.using(db.alias).create(
            pin_id=new.pin_id, message_id=link.secure_id, created=audit.at, expires=new.expires
        )
        row = SecureMessage.objects.using(db.alias).select_related("order").get(pk=link.secure_id)
        sms = NewMessage(
            MessageKind.PIN,
            MessageChannel.SMS,
            new.pin_id,
            _ONCE,
            audit.at,
            recipient=row.recipient_id,
            lineage=row.order.lineage_id,
            order=row.order_id,
            facts={"pin": new.pin_id},
        )
        outbox.enqueue(db, [sms], audit.at)
        audit_log.write(db, audit, "secure-message-opened", f"order:{row.order_id}", secure=row.pk, pin=new.pin_id)
    return sms.message_id


def reveal_with_pin(db: Database, link: SecureLink, pin_id: str, ids: NewTransferIds, audit: AuditContext) -> bool:
    """Use up a PIN code and store the transfer ids that are shown for it: both or neither.

    Of two at once one gets True. Raises Moved where the order is not open (any more).
    """
    with suppress(_Undone), transaction.atomic(using=db.alias):
        _show(db, link, ids, audit)
        # Looked at again here, in one statement with the change: guesses beside this one may have ended it meanwhile.
        _one(_waiting(db, pin_id, audit.at).update(used_at=audit.at))
        return True
    return False


def show_for_code(db: Database, link: SecureLink, ids: NewTransferIds, audit: AuditContext) -> bool:
    """Store the transfer ids that are shown for a signatory's code.

    Raises Moved where the order is not open.
    """
    with suppress(_Undone), transaction.atomic(using=db.alias):
        _show(db, link, ids, audit)
        return True
    return False


def count_wrong_pin(db: Database, link: SecureLink, pin_id: str, audit: AuditContext) -> None:
    """Count a wrong entry, in a commit of its own."""
    with transaction.atomic(using=db.alias):
        counted = _waiting(db, pin_id, audit.at).update(wrong=F("wrong") + 1)
        if counted and Pin.objects.using(db.alias).filter(pk=pin_id, wrong=PIN_TRIES).exists():
            audit_log.write(db, audit, "pin-locked", f"order:{link.order_id}", secure=link.secure_id, pin=pin_id)


def count_wrong_code(db: Database, link: SecureLink, audit: AuditContext) -> None:
    """Count a wrong code, in a commit of its own; the last that is allowed ends the link."""
    with transaction.atomic(using=db.alias):
        _alive(db, link.secure_id, audit.at).filter(wrong__lt=CODE_TRIES).update(wrong=F("wrong") + 1)
        if _alive(db, link.secure_id, audit.at).filter(wrong=CODE_TRIES).update(ended_at=audit.at):
            audit_log.write(db, audit, "secure-message-locked", f"order:{link.order_id}", secure=link.secure_id)


def _offer(db: Database, order_id: str, link: NewLink, audit: AuditContext) -> bool:
    using = db.alias
    orders = models.Order.objects.using(using).select_related("lineage__contact", "lineage__organisation")
    order = orders.get(pk=order_id)
    if order.lineage.organisation.closed_at is not None:
        raise OrganisationCannotIssue
    contact = order.lineage.contact
    if contact is None or contact.erased_at is not None:
        raise NoRecipient
    daily_counts.count_letters(db, audit, contact.email)
    SecureMessage.objects.using(using).filter(order=order, ended_at__isnull=True).update(ended_at=audit.at)
    _drop(db, order_id, [MessageKind.TRANSFER_IDS, MessageKind.PIN], audit)
    SecureMessage.objects.using(using).create(
        secure_id=link.secure_id,
        order=order,
        recipient=contact,
        token_sha256=link.token_sha256,
        created=audit.at,
        expires=link.expires,
    )
    mail = NewMessage(
        MessageKind.TRANSFER_IDS,
        MessageChannel.EMAIL,
        link.secure_id,
        _ONCE,
        audit.at,
        recipient=contact.person_id,
        lineage=order.lineage_id,
        order=order_id,
        facts={"secure": link.secure_id},
    )
    outbox.enqueue(db, [mail], audit.at)
    audit_log.write(db, audit, "secure-message-offered", f"order:{order_id}", secure=link.secure_id)
    return bool(contact.phone)


def _show(db: Database, link: SecureLink, ids: NewTransferIds, audit: AuditContext) -> None:
    organisations.replace_ids(db, link.order_id, ids, audit)
    _one(_alive(db, link.secure_id, audit.at).update(shown_at=audit.at))
    audit_log.write(db, audit, "transfer-ids-shown", f"order:{link.order_id}", secure=link.secure_id)


def _one(changed: int) -> None:
    if not changed:
        raise _Undone


def _drop(db: Database, order_id: str, kinds: list[MessageKind], audit: AuditContext) -> None:
    """Owe no more what waits or was given up: it would bring a link or a PIN code that has ended."""
    rows = models.OutboxMessage.objects.using(db.alias).filter(order_id=order_id, kind__in=kinds)
    rows.filter(sent__isnull=True, cancelled_at__isnull=True).update(failed_at=None, cancelled_at=audit.at)


def _pins(db: Database, secure_id: str) -> "QuerySet[Pin]":
    return Pin.objects.using(db.alias).filter(message_id=secure_id)


def _waiting(db: Database, pin_id: str, now: datetime) -> "QuerySet[Pin]":
    """The PIN code, where it may still be used."""
    rows = Pin.objects.using(db.alias).filter(pk=pin_id, wrong__lt=PIN_TRIES, expires__gte=now)
    return rows.filter(used_at__isnull=True, ended_at__isnull=True)


def _alive(db: Database, secure_id: str, now: datetime) -> "QuerySet[SecureMessage]":
    """The secure message, where its link may still be used."""
    orders = models.Order.objects.using(db.alias).filter(state=OrderState.OPEN)
    open_orders = orders.filter(lineage__organisation__closed_at__isnull=True).values("pk")
    rows = SecureMessage.objects.using(db.alias).filter(pk=secure_id, expires__gte=now, ended_at__isnull=True)
    return rows.filter(order_id__in=open_orders)


def _sms(pin_id: str, recipient: str | None) -> str:
    return message_id(MessageKind.PIN, pin_id, _ONCE, recipient or "", MessageChannel.SMS)
