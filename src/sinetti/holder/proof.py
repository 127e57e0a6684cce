"""Whether a receipt proves a delivery: for anybody who has both, with no store and no key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from sinetti.holder import generations, messages, reasons, service
from sinetti.holder.messages import Message, say
from sinetti.pki.formats import sha256_hex
from sinetti.wire import receipts
from sinetti.wire.flaws import SignatureInvalid, SignatureMissing


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found."""

    good: bool
    message: Message


def check(receipt: bytes, sent: bytes, path: str, anchors: Sequence[x509.Certificate], now: datetime) -> Proof:
    """Check a receipt against the octets that were sent (`path` names them); `anchors` are the services' CAs.

    Its signer is judged by `service.objection` at the instant that the receipt says: it may have ended since, and what
    it signed then stays so. Revocation is not looked at. Raises ValueError for what is no XML.
    """
    signers: list[x509.Certificate] = []

    def remembers(signer: x509.Certificate) -> bool:
        signers.append(signer)
        return True

    try:
        found = receipts.read_receipt(receipt, remembers)
    except (SignatureInvalid, SignatureMissing) as bad:
        return Proof(good=False, message=say(messages.RECEIPT_NOT_TRUSTED, why=reasons.of(bad)))
    if objections := service.objection(signers[0], anchors, found.received):
        told = objections[0]
        if told.text == messages.ANSWER_NOT_TRUSTED:
            return Proof(good=False, message=Message(messages.RECEIPT_NOT_TRUSTED, told.values))
        return Proof(good=False, message=say(messages.RECEIPT_SIGNER_NOT_THEN, at=found.received))
    if found.received > now + generations.CLOCK_SKEW:
        return Proof(good=False, message=say(messages.RECEIPT_OF_THE_FUTURE, at=found.received, now=now))
    if found.sha256 != sha256_hex(sent):
        return Proof(good=False, message=say(messages.RECEIPT_NOT_FOR_THIS, path=path))
    told = say(
        messages.RECEIPT_GOOD,
        path=path,
        at=found.received,
        delivery_id=found.delivery_id,
        name=messages.plain(found.name),
        customer_id=messages.plain(found.customer_id),
        serial=found.serial,
    )
    return Proof(good=True, message=told)
