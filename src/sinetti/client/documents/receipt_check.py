"""Check of a receipt as proof of a delivery, without store or key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509

from sinetti.client.messages import document_messages, error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.requests import soap_client
from sinetti.client.store import generations
from sinetti.infra.clock import instant_or_none
from sinetti.pki.encoding import sha256_hex
from sinetti.wire import receipts
from sinetti.wire.receipts import Receipt
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing


class ReceiptError(StrEnum):
    """Reasons for which a receipt proves nothing."""

    NOT_TRUSTED = "not-trusted"
    SIGNER_NOT_THEN = "signer-not-valid-then"
    IN_THE_FUTURE = "in-the-future"
    OTHER_OCTETS = "other-octets"


@dataclass(frozen=True)
class ReceiptCheck:
    """Result of a check.

    `receipt` is the content, once its signer is trusted, for these octets or for others.
    """

    fault: ReceiptError | None
    message: Message
    receipt: Receipt | None = None

    @property
    def good(self) -> bool:
        """True if the delivery is proven."""
        return self.fault is None

    def as_json(self) -> dict[str, object]:
        """Return the result as JSON for programs.

        Values of an untrusted receipt are null.
        """
        receipt = self.receipt
        return {
            "verdict": "accepted" if self.good else "refused",
            "reason": None if self.fault is None else self.fault.value,
            "delivery_id": None if receipt is None else receipt.delivery_id,
            "sha256": None if receipt is None else receipt.sha256,
            "received": None if receipt is None else instant_or_none(receipt.received),
            "customer_id": None if receipt is None else receipt.customer_id,
            "name": None if receipt is None else receipt.name,
            "serial": None if receipt is None else receipt.serial,
        }


def check(receipt: bytes, sent: bytes, path: str, anchors: Sequence[x509.Certificate], now: datetime) -> ReceiptCheck:
    """Check a receipt against the octets that were sent.

    `path` names those octets; `anchors` are the services' CAs. `soap_client.distrust_reason` judges the signer at the
    instant in the receipt: the signer may have expired since, and its earlier signatures stay valid. Revocation is not
    checked. Raises ValueError for malformed XML.
    """
    signers: list[x509.Certificate] = []

    def remembers(signer: x509.Certificate) -> bool:
        signers.append(signer)
        return True

    try:
        found = receipts.read_receipt(receipt, remembers)
    except (SignatureInvalid, SignatureMissing) as bad:
        return ReceiptCheck(
            ReceiptError.NOT_TRUSTED,
            make_message(document_messages.RECEIPT_INVALID, why=error_reasons.translate_reason(bad)),
        )
    if objections := soap_client.distrust_reason(signers[0], anchors, found.received):
        message = objections[0]
        if message.text == messages.ANSWER_NOT_TRUSTED:
            return ReceiptCheck(ReceiptError.NOT_TRUSTED, make_message(document_messages.RECEIPT_NOT_TRUSTED))
        return ReceiptCheck(
            ReceiptError.SIGNER_NOT_THEN, make_message(document_messages.RECEIPT_SIGNER_NOT_THEN, at=found.received)
        )
    if found.received > now + generations.CLOCK_SKEW:
        message = make_message(document_messages.RECEIPT_OF_THE_FUTURE, at=found.received, now=now)
        return ReceiptCheck(ReceiptError.IN_THE_FUTURE, message, found)
    if found.sha256 != sha256_hex(sent):
        return ReceiptCheck(
            ReceiptError.OTHER_OCTETS, make_message(document_messages.RECEIPT_NOT_FOR_THIS, path=path), found
        )
    message = make_message(
        document_messages.RECEIPT_GOOD,
        path=path,
        at=found.received,
        delivery_id=found.delivery_id,
        name=messages.strip_control_chars(found.name),
        customer_id=messages.strip_control_chars(found.customer_id),
        serial=found.serial,
    )
    return ReceiptCheck(None, message, found)
