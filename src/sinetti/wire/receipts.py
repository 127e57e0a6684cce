"""Receipts for deliveries, signed by the receiver (docs/holders/deliveries.md).

A receipt states the document that was received, the time and the sender.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from lxml import etree

from sinetti.domain.values import Serial, Sha256
from sinetti.wire.xmldsig import parser, signature
from sinetti.wire.xmldsig.signature import SignatureProfile
from sinetti.wire.xmldsig.signers import DocumentSigner

NAMESPACE = "urn:sinetti:receipt:1"

HEADER = "Delivery-Id"
"""HTTP header that names a delivery; the sender chooses its value."""

_ROOT = f"{{{NAMESPACE}}}receipt"
_PARTS = ("deliveryId", "sha256", "received", "customerId", "name", "serial")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SERIAL = re.compile(r"(?:[0-9a-f]{2}){1,32}")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class InvalidReceipt(ValueError):
    """Signed document that is no receipt.

    The text gives the reason and contains nothing of the document.
    """


@dataclass(frozen=True, slots=True)
class Receipt:
    """Content of a receipt.

    `sha256` is that of the octets as they were sent. `received` is UTC and whole seconds. `customer_id`, `name` and
    `serial` are those of the certificate that signed the document.
    """

    delivery_id: str
    sha256: Sha256
    received: datetime
    customer_id: str
    name: str
    serial: Serial


def is_delivery_id(text: str) -> bool:
    """Return whether a text is a delivery ID: 1 to 64 of A-Z, a-z, 0-9 and hyphen."""
    return _ID.fullmatch(text) is not None


def render_receipt(receipt: Receipt, seal: DocumentSigner) -> bytes:
    """Write a receipt and sign it. Raises ValueError for a value that XML cannot hold."""
    root = etree.fromstring(f'<receipt xmlns="{NAMESPACE}"/>')
    values = (
        receipt.delivery_id,
        receipt.sha256,
        _written(receipt.received),
        receipt.customer_id,
        receipt.name,
        receipt.serial,
    )
    for name, value in zip(_PARTS, values, strict=True):
        etree.SubElement(root, f"{{{NAMESPACE}}}{name}").text = value
    document = etree.tostring(root, encoding="utf-8")
    return signature.sign_document(document, seal, SignatureProfile.EXCLUSIVE)


def read_receipt(octets: bytes, accept_key: Callable[[x509.Certificate], bool]) -> Receipt:
    """Read a receipt; `accept_key` judges its signer before anything else.

    Raises as `verify_document` does, and InvalidReceipt; all are ValueErrors.
    """
    root = parser.parse(signature.verify_document(octets, accept_key).octets)
    elements = parser.children(root)
    tags = [f"{{{NAMESPACE}}}{name}" for name in _PARTS]
    if root.tag != _ROOT or [element.tag for element in elements] != tags or parser.has_loose_text(root):
        raise InvalidReceipt("it is not a receipt")
    values = [text for element in elements if (text := parser.value(element)) is not None]
    if len(values) != len(elements):  # an element inside a value: it has no whole string value
        raise InvalidReceipt("it is not a receipt")
    delivery_id, sha256, received, customer_id, name, serial = values
    if not (is_delivery_id(delivery_id) and _SHA256.fullmatch(sha256) and _SERIAL.fullmatch(serial)):
        raise InvalidReceipt("it is not a receipt")
    return Receipt(delivery_id, Sha256(sha256), _instant(received), customer_id, name, Serial(serial))


def _written(at: datetime) -> str:
    # Not by strftime, which writes years before 1000 without leading zeros.
    return at.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def _instant(text: str) -> datetime:
    try:
        at = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        at = None
    # strptime accepts "2026-3-2", and digits of any script.
    if at is None or _written(at) != text:
        raise InvalidReceipt("it is not a receipt")
    return at
