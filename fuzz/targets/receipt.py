"""Parsing of a receipt: its values are the signed ones, and can be written again."""

from datetime import UTC, datetime

from fuzz import messages
from fuzz.opinions import parsers_agree
from fuzz.target import Target, must
from fuzz.targets.document import accept
from fuzz.xml_changing import change
from fuzz.xml_reading import read
from sinetti.domain.values import Serial, Sha256
from sinetti.wire.receipts import InvalidReceipt, Receipt, read_receipt, render_receipt
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig.parser import XmlRejected

_AT = datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
_ONE = Receipt("delivery-1", Sha256("0a" * 32), _AT, messages.WHO, messages.NAME, Serial("0123abcd"))


def check(octets: bytes) -> None:
    """Read a receipt, and write it again."""
    with parsers_agree():
        try:
            receipt = read_receipt(octets, accept)
        except (XmlRejected, SignatureMissing, SignatureInvalid, InvalidReceipt):
            return
        texts = {one.name.local: one.text for one in read(octets).root.elements[:-1]}
        values = (receipt.delivery_id, receipt.sha256, receipt.customer_id, receipt.name, receipt.serial)
        named = ("deliveryId", "sha256", "customerId", "name", "serial")
        must(values == tuple(texts[name] for name in named), "its values are read whole")
        must(read_receipt(render_receipt(receipt, messages.seal("p256")), accept) == receipt, "it can be written again")


def _seeds() -> dict[str, bytes]:
    return {kind: render_receipt(_ONE, messages.seal(kind)) for kind in ("p256", "rsa-2048")}


TARGET = Target("receipt", check, _seeds, change)
