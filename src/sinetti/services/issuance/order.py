"""Orders and transfer ids: creation, reissue and password comparison.

An organisation orders a certificate; a contact gets transfer ids for it. The one-time password is stored as a MAC.
"""

import hashlib
import hmac
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sinetti.database.issuance import transactions
from sinetti.database.issuance.transactions import ConcurrentUpdate
from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import ContactDetails, NewOrder, NewTransferIds
from sinetti.domain.orders.ordering_rules import OrderErrorReason
from sinetti.domain.secret_keys import FIRST, Keyring, SecretPurpose, UnknownKeyError
from sinetti.domain.validation import LONGEST_DESCRIPTION, LONGEST_PERSON, check_unlinked, check_unlinked_or_none
from sinetti.domain.values import TRANSFER_IDS_LIVE
from sinetti.services.context import ServiceContext

_LETTERS = string.ascii_letters + string.digits
_ID_DIGITS = 32
_PASSWORD_LENGTH = 16
_MAC_OCTETS = 32


@dataclass(frozen=True)
class GeneratedTransferIds:
    """Transfer ids as shown once to the user who passes them on."""

    order_id: str
    transfer_id: str
    transfer_password: str = field(repr=False)
    expires: datetime


def mac(key: bytes, transfer_id: str, password: str) -> bytes:
    """Return the HMAC-SHA-256 of id and password.

    The password has 95 random bits, so no slow hash is needed.
    """
    return hmac.digest(key, f"{transfer_id}\0{password}".encode(), hashlib.sha256)


def verify_password(ring: Keyring, transfer_id: str, password: str, stored: bytes | None) -> bool:
    """Compare a password in constant time.

    An unknown id (`stored` is None) is compared with a dummy and takes as long, as does a MAC of a removed key.
    """
    try:
        key = ring.get(SecretPurpose.TRANSFER_PASSWORDS, FIRST if stored is None else mac_made_by(stored))
    except UnknownKeyError:
        key, stored = ring.current(SecretPurpose.TRANSFER_PASSWORDS), None
    expected = mac(key.octets, transfer_id, password)
    kept = stored[-len(expected) :] if stored is not None else bytes(len(expected))
    return hmac.compare_digest(expected, kept) and stored is not None


def mac_made_by(stored: bytes) -> str:
    """Return the id of the key of a stored MAC, which is before the MAC itself."""
    return stored[:-_MAC_OCTETS].decode("ascii", "replace") or FIRST


def generate_transfer_ids(ring: Keyring, now: datetime) -> tuple[NewTransferIds, str]:
    """Return new transfer ids to store, and the password, which is shown once.

    Formats: docs/integrators/interface.md, section 1.
    """
    transfer_id = "".join(secrets.choice(string.digits) for _ in range(_ID_DIGITS))
    password = "".join(secrets.choice(_LETTERS) for _ in range(_PASSWORD_LENGTH))
    key = ring.current(SecretPurpose.TRANSFER_PASSWORDS)
    made_by = b"" if key.key_id == FIRST else key.key_id.encode()
    stored = made_by + mac(key.octets, transfer_id, password)
    return NewTransferIds(transfer_id, now, now + TRANSFER_IDS_LIVE, stored), password


class OrderError(ValueError):
    """An order that cannot be accepted.

    `why` is the reason for all endpoints; the message tells operators what to do.
    """

    def __init__(self, why: OrderErrorReason, sentence: str) -> None:
        super().__init__(sentence)
        self.why = why


class OrderUnknown(OrderError):
    """No order has this id."""


class OrderAlreadyUsed(OrderError):
    """The order's transfer ids were used already."""


def order(new: NewOrder, ctx: ServiceContext, actor: str, request_id: str) -> GeneratedTransferIds:
    """Store an order and return its transfer ids with the password, shown once.

    Raises OrderError.
    """
    check_order(new, ctx)
    audit = ctx.audit_entry(actor, request_id)
    ids, password = generate_transfer_ids(ctx.keyring, audit.at)
    order_id = organisations.add_order(ctx.db, new, ids, audit)
    return GeneratedTransferIds(order_id, ids.transfer_id, password, ids.expires)


def check_order(new: NewOrder, ctx: ServiceContext) -> None:
    """Raise OrderError if this order cannot be accepted."""
    organisation = organisations.find_organisation(ctx.db, new.customer_id)
    if organisation is None:
        raise OrderError(
            OrderErrorReason.NO_ORGANISATION,
            "no organisation has this ID: add it first (sinetti authority organisation add)",
        )
    if not organisation.open:
        raise OrderError(OrderErrorReason.CLOSED, "the organisation has ended: no certificates are issued to it")
    if new.channel not in organisation.channels:
        what = f"the organisation is not approved for channel {new.channel}: approve it first"
        raise OrderError(
            OrderErrorReason.NOT_APPROVED,
            f"{what} (sinetti authority organisation approve), or order for another channel",
        )
    if new.replaces is not None:
        _check_replaced(new, ctx)


def check_words(description: str, people: Iterable[ContactDetails | None]) -> None:
    """Raise LinkError if a description or a name would put a link into messages.

    Raises ValidationError for other faults.
    """
    check_unlinked_or_none("description", description, LONGEST_DESCRIPTION)
    for person in people:
        if person is not None:
            check_unlinked("name", person.name, LONGEST_PERSON)


def reissue_transfer_ids(order_id: str, ctx: ServiceContext, actor: str, request_id: str) -> GeneratedTransferIds:
    """Make new transfer ids for an open order; the old ones and their lock end.

    Raises OrderUnknown and OrderAlreadyUsed.
    """
    audit = ctx.audit_entry(actor, request_id)
    ids, password = generate_transfer_ids(ctx.keyring, audit.at)
    try:
        organisations.replace_ids(ctx.db, order_id, ids, audit)
    except ConcurrentUpdate:
        raise order_closed_error(order_id, ctx) from None
    return GeneratedTransferIds(order_id, ids.transfer_id, password, ids.expires)


def order_closed_error(order_id: str, ctx: ServiceContext) -> OrderError:
    """Return the error for an order without transfer ids: already used, or unknown."""
    if organisations.order_exists(ctx.db, order_id):
        sentence = (
            "its transfer IDs have already been used: order a replacement (sinetti authority order … --replaces SERIAL)"
        )
        return OrderAlreadyUsed(OrderErrorReason.SPENT, sentence)
    sentence = "no order has this ID"
    return OrderUnknown(OrderErrorReason.UNKNOWN, sentence)


def _check_replaced(new: NewOrder, ctx: ServiceContext) -> None:
    replaced = transactions.find_certificate(ctx.db, new.replaces) if new.replaces else None
    organisation = organisations.find_organisation(ctx.db, new.customer_id)
    ours = replaced is not None and organisation is not None
    if not ours or replaced.lineage.customer.customer_id != organisation.customer_id:  # type: ignore[union-attr]
        what = "the certificate to be replaced does not belong to this organisation"
        raise OrderError(
            OrderErrorReason.NOT_OURS,
            f"{what}: find its serial number (sinetti authority status --customer-id {new.customer_id})",
        )
    if replaced.lineage.channel is not new.channel:  # type: ignore[union-attr]
        raise OrderError(
            OrderErrorReason.OTHER_CHANNEL,
            "a replacement must have the same channel: place a separate order for another channel",
        )
