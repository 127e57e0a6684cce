"""Secure messages and their PIN codes: offer, opening, attempts and disclosure.

Each step is one transaction. Transactions lock rows in the order lineage, secure message, PIN code, so that they
cannot deadlock.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from sinetti.database import models
from sinetti.database.common import audit_log, daily_counts, mappers
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import Pin, SecureMessage
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.organisations import orders as organisations_orders
from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import DuplicateOrder, NewOrder, NewTransferIds
from sinetti.domain.certificates.lifecycle import OrderState, order_predecessors
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
    """The order has no contact any more, so no link can be sent. Nothing was written."""


class OrganisationCannotIssue(Exception):
    """The organisation has ended, so its transfer ids would have no effect.

    Nothing was written.
    """


class NewerLinkExists(Exception):
    """A newer link exists than the one that the requester saw.

    Nothing was written.
    """


class _Undone(Exception):
    """Signal to roll back the transaction."""


@dataclass(frozen=True)
class NewLink:
    """A link to send by mail: id of its secure message, hash of its token, and expiry.

    `seen` is the id of the link that the requester saw, empty for none. With None the link is created in any case.
    """

    secure_id: str
    token_sha256: str
    expires: datetime
    seen: str | None = None


@dataclass(frozen=True)
class NewPin:
    """A PIN code to send.

    It is created only if `after` PIN codes exist so far, and fewer than allowed `since`.
    """

    pin_id: str
    expires: datetime
    after: int
    since: datetime


CANCELLED_STEP = "cancelled"
"""Step of the message about transfer IDs whose order was cancelled."""


def cancel(db: Database, order_id: str, audit: AuditContext) -> bool:
    """Cancel an order, its transfer IDs and link; return False if it is not open.

    A recipient whose link still worked gets a message.
    """
    with transaction.atomic(using=db.alias):
        _lock_lineage(db, order_id)
        return _close(db, order_id, "order-cancelled", audit)


def lapse(db: Database, before: datetime, count: int, audit: AuditContext) -> int:
    """Cancel open orders whose last transfer IDs and link ended before an instant.

    At most `count`, oldest first, each in a transaction of its own. Returns their number.
    """
    done = 0
    for order_id in list(_lapsed(db, before).order_by("created", "pk").values_list("pk", flat=True)[:count]):
        with transaction.atomic(using=db.alias):
            _lock_lineage(db, order_id)
            # A new link may have been sent meanwhile.
            done += _lapsed(db, before).filter(pk=order_id).exists() and _close(db, order_id, "order-lapsed", audit)
    return done


def _lapsed(db: Database, before: datetime) -> "QuerySet[models.Order]":
    ids = models.TransferIds.objects.filter(order=OuterRef("pk"), expires__gte=before)
    links = SecureMessage.objects.filter(order=OuterRef("pk"), expires__gte=before)
    rows = db.rows(models.Order).filter(state=OrderState.OPEN, created__lt=before)
    return rows.exclude(Exists(ids)).exclude(Exists(links))


def _lock_lineage(db: Database, order_id: str) -> None:
    """Lock the lineage first, as `replace_ids` does."""
    mappers.move_versions(db.rows(models.Lineage).filter(orders__pk=order_id))


def _close(db: Database, order_id: str, action: str, audit: AuditContext) -> bool:
    orders = db.rows(models.Order).filter(pk=order_id)
    if not orders.filter(state__in=order_predecessors(OrderState.CANCELLED)).update(state=OrderState.CANCELLED):
        return False
    links = db.rows(SecureMessage).filter(order=order_id, ended_at__isnull=True)
    live = links.filter(expires__gte=audit.at, recipient__isnull=False)
    to = live.values_list("recipient", "order__lineage").first()
    links.update(ended_at=audit.at)
    ids = db.rows(models.TransferIds).filter(order=order_id, ended_at__isnull=True)
    ids.update(ended_at=audit.at)
    _drop(db, order_id, [MessageKind.TRANSFER_IDS, MessageKind.PIN], audit)
    if to is not None:
        outbox.enqueue(
            db,
            [
                NewMessage(
                    MessageKind.TRANSFER_IDS,
                    MessageChannel.EMAIL,
                    order_id,
                    CANCELLED_STEP,
                    audit.at,
                    recipient=str(to[0]),
                    lineage=to[1],
                    order=order_id,
                )
            ],
            audit.at,
        )
    audit_log.write(db, audit, action, f"order:{order_id}")
    return True


def send_link(db: Database, order_id: str, link: NewLink, ids: NewTransferIds, audit: AuditContext) -> bool:
    """Queue a new link for an open order's contact; end earlier links and ids.

    Returns True if the contact has a phone number. No person knows `ids`. Raises ConcurrentUpdate if the order is not
    open. Raises NoRecipient, OrganisationCannotIssue, NewerLinkExists or LimitReached.
    """
    with transaction.atomic(using=db.alias):
        organisations.replace_ids(db, order_id, ids, audit)
        # Checked again under the lineage's lock, so that two concurrent requests create one link.
        if link.seen is not None and organisations_orders.newest_link(db, order_id) != link.seen:
            raise NewerLinkExists
        return _offer(db, order_id, link, audit)


def order_and_offer(
    db: Database, new: NewOrder, link: NewLink, ids: NewTransferIds, audit: AuditContext
) -> tuple[str, bool]:
    """Store an order and queue a link for its contact: both or neither.

    Returns the order's id, and True if the contact has a phone number. Raises DuplicateOrder or LimitReached.
    """
    try:
        with transaction.atomic(using=db.alias):
            order_id = organisations.add_order(db, new, ids, audit)
            daily_counts.count_order(db, audit, new.firm)
            return order_id, _offer(db, order_id, link, audit)
    except IntegrityError:
        # A concurrent call stored the same order first.
        if new.order_id is None or not organisations.order_exists(db, new.order_id):
            raise
        raise DuplicateOrder(new.order_id) from None


def find_link(db: Database, token_sha256: str) -> SecureLink | None:
    """Return the link stored under the hash of a token, or None.

    It is one statement in both cases.
    """
    rows = db.rows(SecureMessage).select_related("order__lineage__organisation", "order__lineage__type", "recipient")
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
    """Return the PIN codes of a secure message.

    Those made at `since` or later count as today's.
    """
    rows = list(_pins(db, secure_id).select_related("message"))
    if not rows:
        return NO_PINS
    # Each new one ends the earlier ones, so one is left.
    last = next(row for row in rows if row.ended_at is None)
    sent = db.rows(models.OutboxMessage).filter(
        pk=message_id(MessageKind.PIN, last.pin_id, _ONCE, last.message.recipient_id or "", MessageChannel.SMS)
    )
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
    """Create a PIN code and queue its SMS; return the id of that message.

    Earlier PIN codes end. Returns None without changes if the link has ended, the order is spent, or the conditions of
    `new` fail.
    """
    with transaction.atomic(using=db.alias):
        # Its row is locked first, so that concurrent requests are handled one after the other.
        if not _alive(db, link.secure_id, audit.at).update(wrong=F("wrong")):
            return None
        pins = _pins(db, link.secure_id)
        if pins.count() != new.after or pins.filter(created__gte=new.since).count() >= PINS_A_DAY:
            return None
        pins.filter(ended_at__isnull=True).update(ended_at=audit.at)
        _drop(db, link.order_id, [MessageKind.PIN], audit)
        db.rows(Pin).create(pin_id=new.pin_id, message_id=link.secure_id, created=audit.at, expires=new.expires)
        row = db.rows(SecureMessage).select_related("order").get(pk=link.secure_id)
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
    """Use up a PIN code and store the transfer ids to show: both or neither.

    Only one of two concurrent calls returns True. Raises ConcurrentUpdate if the order is not open.
    """
    with suppress(_Undone), transaction.atomic(using=db.alias):
        _show(db, link, ids, audit)
        # Checked and changed in one statement, because concurrent guesses may have ended the PIN code meanwhile.
        _one(_waiting(db, pin_id, audit.at).update(used_at=audit.at))
        return True
    return False


def show_for_code(db: Database, link: SecureLink, ids: NewTransferIds, audit: AuditContext) -> bool:
    """Store the transfer ids to show for a signatory's code.

    Returns False if the link has ended. Raises ConcurrentUpdate if the order is not open.
    """
    with suppress(_Undone), transaction.atomic(using=db.alias):
        _show(db, link, ids, audit)
        return True
    return False


def count_wrong_pin(db: Database, link: SecureLink, pin_id: str, audit: AuditContext) -> None:
    """Count a wrong PIN, in a commit of its own."""
    with transaction.atomic(using=db.alias):
        counted = _waiting(db, pin_id, audit.at).update(wrong=F("wrong") + 1)
        if counted and db.rows(Pin).filter(pk=pin_id, wrong=PIN_TRIES).exists():
            audit_log.write(db, audit, "pin-locked", f"order:{link.order_id}", secure=link.secure_id, pin=pin_id)


def count_wrong_code(db: Database, link: SecureLink, audit: AuditContext) -> None:
    """Count a wrong code, in a commit of its own; the last allowed one ends the link."""
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
    """Cancel queued and failed messages whose link or PIN code has ended."""
    rows = db.rows(models.OutboxMessage).filter(order_id=order_id, kind__in=kinds)
    rows.filter(sent__isnull=True, cancelled_at__isnull=True).update(failed_at=None, cancelled_at=audit.at)


def _pins(db: Database, secure_id: str) -> "QuerySet[Pin]":
    return db.rows(Pin).filter(message_id=secure_id)


def _waiting(db: Database, pin_id: str, now: datetime) -> "QuerySet[Pin]":
    """Return the PIN code's row if it is still usable."""
    rows = db.rows(Pin).filter(pk=pin_id, wrong__lt=PIN_TRIES, expires__gte=now)
    return rows.filter(used_at__isnull=True, ended_at__isnull=True)


def _alive(db: Database, secure_id: str, now: datetime) -> "QuerySet[SecureMessage]":
    """Return the secure message's row if its link is still usable."""
    orders = db.rows(models.Order).filter(state=OrderState.OPEN)
    open_orders = orders.filter(lineage__organisation__closed_at__isnull=True).values("pk")
    rows = db.rows(SecureMessage).filter(pk=secure_id, expires__gte=now, ended_at__isnull=True)
    return rows.filter(order_id__in=open_orders)
