"""Delivery of a signed document, exactly once.

The same name, document and address are one delivery until there is a receipt. Steps, as the kill points name them:
`delivery-prepared`, `delivery-answered`, `receipt-kept`.

The store keeps the octets before they leave, and the receipt after (docs/holders/deliveries.md).
`DIR/NAME/deliveries/KEY/NUMBER/` holds `delivery.json` and `sealed.xml`, and then `receipt.xml` or `refused.json`. KEY
is derived from the address and the document, so that a repeated command finds the earlier result.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

from cryptography import x509

from sinetti.client import service_address
from sinetti.client.messages import document_messages, error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.requests import soap_client, transport
from sinetti.client.requests.exchange import ClientContext
from sinetti.client.requests.transport import ServiceError, ServiceErrorKind, ServiceRequest, ServiceResponse
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.service_address import InvalidServiceUrl, ServiceUrl
from sinetti.client.store import document_signature, files, generations
from sinetti.client.store import settings as store_settings
from sinetti.client.store.settings import NameSettings
from sinetti.domain.values import Serial, Sha256
from sinetti.infra import records
from sinetti.pki import chain
from sinetti.pki.encoding import sha256_hex
from sinetti.wire import receipts
from sinetti.wire.receipts import Receipt, is_delivery_id
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig.signature import SignatureProfile

FOLDER = "deliveries"
INTENT, SEALED, RECEIPT, REFUSED = "delivery.json", "sealed.xml", "receipt.xml", "refused.json"

_KEY_DIGITS = 32


@dataclass(frozen=True)
class Delivery:
    """One delivery as it lies in the store.

    `sealed_by` is the serial of the own certificate that signed it; None for a document that came signed.
    """

    folder: Path
    delivery_id: str
    sha256: Sha256
    sealed_by: Serial | None

    @property
    def has_receipt(self) -> bool:
        """True if it was delivered."""
        return files.exists(self.folder / RECEIPT)

    @property
    def receipt(self) -> bytes | None:
        """The receipt, None as long as there is none. Raises StoreDamaged."""
        return files.read(self.folder / RECEIPT) if self.has_receipt else None

    @property
    def refused(self) -> bool:
        """True if the receiver has refused it."""
        return files.exists(self.folder / REFUSED)

    def octets(self) -> bytes:
        """Return the octets to send. Raises StoreDamaged if they differ from the intent."""
        octets = files.read(self.folder / SEALED)
        if sha256_hex(octets) != self.sha256:
            raise files.corruption_error(self.folder / SEALED, "it does not have the expected content")
        return octets


@dataclass(frozen=True)
class SignedDocument:
    """Document to deliver: its octets and the serial of its signer.

    `sealed_by` is None if the document came signed.
    """

    octets: bytes = field(repr=False)
    sealed_by: Serial | None


def delivery_dir(name_folder: Path, to: str, document: Sha256) -> Path:
    """Return the folder for the deliveries of a document to an address.

    `document`: digest of the file as given.
    """
    key = hashlib.sha256(f"{document} {to}".encode()).hexdigest()
    return name_folder / FOLDER / key[:_KEY_DIGITS]


def list_recent(place: Path) -> list[Delivery]:
    """Return the deliveries that are under way or have a receipt, newest first.

    Raises StoreDamaged.
    """
    deliveries = (_load(place / str(number)) for number in reversed(_numbers(place)))
    return [one for one in deliveries if one.has_receipt or not one.refused]


def create(place: Path, delivery_id: str, sealed: SignedDocument, to: str) -> Delivery:
    """Store a new delivery before anything of it leaves. Raises OSError."""
    folder = place / str(max(_numbers(place), default=0) + 1)
    sha256 = sha256_hex(sealed.octets)
    intent = {"delivery_id": delivery_id, "sha256": sha256, "sealed_by": sealed.sealed_by, "to": to}
    files.write_folder(folder, {INTENT: records.dump(intent), SEALED: sealed.octets})
    return Delivery(folder, delivery_id, sha256, sealed.sealed_by)


def keep_receipt(delivery: Delivery, octets: bytes) -> None:
    """Store a receipt that was verified."""
    files.write_atomic(delivery.folder / RECEIPT, octets)


def keep_refusal(delivery: Delivery, reason: str) -> None:
    """Record that the receiver refused: the next one is a new delivery."""
    files.write_atomic(delivery.folder / REFUSED, records.dump({"reason": reason}))


def _numbers(place: Path) -> list[int]:
    return sorted(int(path.name) for path in place.iterdir() if path.name.isascii() and path.name.isdigit())


def _load(folder: Path) -> Delivery:
    path = folder / INTENT
    try:
        raw = records.json_of(files.read(path))
        delivery_id, sha256, sealed_by = raw["delivery_id"], raw["sha256"], raw["sealed_by"]
        if is_delivery_id(delivery_id) and isinstance(sha256, str) and isinstance(sealed_by, str | None):
            return Delivery(folder, delivery_id, Sha256(sha256), None if sealed_by is None else Serial(sealed_by))
    except (ValueError, KeyError, TypeError) as bad:
        raise files.corruption_error(path, "it is not a valid request journal") from bad
    raise files.corruption_error(path, "it is not a valid request journal")


_REFUSING = range(400, 500)
_ID_USED, _REVOKED = "delivery-id-used", "revoked"
"""Reasons of receivers about which the sender can add information."""

_LONGEST_DETAIL = 1000
_RETOLD = {
    messages.NOT_REACHED: document_messages.RECEIVER_NOT_REACHED,
    messages.TLS_NOT_TRUSTED: document_messages.RECEIVER_TLS_NOT_TRUSTED,
    messages.REDIRECTED: document_messages.RECEIVER_REDIRECTS,
    messages.HTTP_STATUS: document_messages.RECEIVER_STATUS,
    messages.ANSWER_TOO_LONG: document_messages.RECEIPT_TOO_LONG,
}
"""Messages about the service, and the messages about a receiver in their place."""


class DeliveryResult(StrEnum):
    """Result of a delivery; the values stand in JSON."""

    DELIVERED = "delivered"
    DELIVERED_BEFORE = "delivered-before"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class DeliveryRequest:
    """Request to deliver a document.

    `delivery_id`: None generates one. `another`: deliver again although there is a receipt. `tls_ca` (PEM): the
    receiver's only anchors; None: those kept with the name, else the system's.
    """

    name: str
    file: Path
    document: bytes = field(repr=False)
    to: str
    delivery_id: str | None = None
    force_new: bool = False
    tls_ca: str | None = None


@dataclass(frozen=True)
class DeliveryOutcome:
    """Outcome of a delivery.

    `receipt` and `octets` (the receipt as received) are set if the document was delivered, now or before.
    """

    result: DeliveryResult
    exit_code: ExitCode
    delivery: Delivery
    messages: tuple[Message, ...] = ()
    reason: str | None = None
    receipt: Receipt | None = None
    octets: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class _DeliveryTask:
    run: ClientContext
    ask: DeliveryRequest
    settings: NameSettings
    address: ServiceUrl


def deliver(ctx: ClientContext, ask: DeliveryRequest) -> DeliveryOutcome:
    """Sign a document unless it is signed, send it and verify the receipt.

    Resume where an earlier run stopped. Raises UsageError, StoreError, OSError.
    """
    errand = _errand(ctx, ask)
    place = delivery_dir(ctx.store / ask.name, ask.to, sha256_hex(ask.document))
    files.make_folder(place)
    with _alone(ask.name, place):
        kept = list_recent(place)
        delivery = _this_one(kept, ask)
        if delivery is not None:
            if (octets := delivery.receipt) is not None:
                receipt = _kept_receipt(delivery, octets)
                return DeliveryOutcome(
                    DeliveryResult.DELIVERED_BEFORE, ExitCode.DONE, delivery, receipt=receipt, octets=octets
                )
            ctx.tell(make_message(document_messages.DELIVERY_RESUMED, delivery_id=delivery.delivery_id))
        else:
            delivery = create(place, ask.delivery_id or str(uuid4()), _sealed(ctx, ask), ask.to)
            ctx.step("delivery-prepared")
        done = _sent(errand, delivery)
        return replace(done, messages=(*done.messages, *_what_else(ask, done, kept)))


@contextlib.contextmanager
def _alone(name: str, place: Path) -> Iterator[None]:
    """Lock these deliveries against other runs. Raises StoreLocked.

    Deliveries of other documents, and renewals, are not affected.
    """
    try:
        with files.locked(place):
            yield
    except files.StoreLocked as busy:
        raise files.StoreLocked(messages.STORE_LOCKED, name=name) from busy


def _errand(ctx: ClientContext, ask: DeliveryRequest) -> _DeliveryTask:
    folder = ctx.store / ask.name
    if not files.is_name(ask.name) or not files.is_kept(folder):
        raise UsageError(messages.UNKNOWN_NAME, name=ask.name, store=str(ctx.store))
    if ask.delivery_id is not None and not receipts.is_delivery_id(ask.delivery_id):
        raise UsageError(document_messages.BAD_DELIVERY_ID, delivery_id=messages.strip_control_chars(ask.delivery_id))
    try:
        address = service_address.parse_service_url(ask.to)
    except InvalidServiceUrl as bad:
        raise UsageError(document_messages.BAD_RECEIVER, why=error_reasons.translate_reason(bad)) from bad
    return _DeliveryTask(ctx, ask, store_settings.load(folder), address)


def _this_one(kept: Sequence[Delivery], ask: DeliveryRequest) -> Delivery | None:
    """Return the stored delivery that matches the request, or None.

    With an ID it is the delivery with that ID. Otherwise it is one that has its receipt, unless `another` is set, or
    one under way. A refused delivery is over and hides no earlier one.
    """
    if ask.delivery_id is not None:
        kept = [delivery for delivery in kept if delivery.delivery_id == ask.delivery_id]
    elif ask.force_new:
        kept = [delivery for delivery in kept[:1] if not delivery.has_receipt]
    return next((delivery for delivery in kept if delivery.has_receipt), next(iter(kept), None))


def _sealed(ctx: ClientContext, ask: DeliveryRequest) -> SignedDocument:
    """Sign the document with the certificate in use.

    A document that is signed already is sent unchanged and needs no certificate.
    """
    try:
        if document_signature.is_signed(ask.document):
            return SignedDocument(ask.document, None)
        held = document_signature.signing_certificate(ctx.store, ask.name, ctx.now)
        return SignedDocument(
            document_signature.sign_document(ask.document, held, SignatureProfile.EXCLUSIVE), held.serial
        )
    except ValueError as bad:
        raise UsageError(
            document_messages.NOT_FOR_THIS, path=str(ask.file), why=error_reasons.translate_reason(bad)
        ) from bad


def _sent(errand: _DeliveryTask, delivery: Delivery) -> DeliveryOutcome:
    headers = {
        "Content-Type": "application/xml",
        "Accept": "application/xml, application/problem+json",
        receipts.HEADER: delivery.delivery_id,
    }
    tls_ca = errand.ask.tls_ca or errand.settings.tls_ca
    try:
        answer = transport.send_request(
            ServiceRequest(errand.address, headers, delivery.octets(), errand.run.language, tls_ca)
        )
        errand.run.step("delivery-answered")
        body = transport.whole_body(answer)
        if answer.status == 200:  # noqa: PLR2004 - OK (RFC 9110, 15.3.1)
            receipt = _trusted(errand, delivery, body)
            keep_receipt(delivery, body)
            errand.run.step("receipt-kept")
            return DeliveryOutcome(DeliveryResult.DELIVERED, ExitCode.DONE, delivery, receipt=receipt, octets=body)
        return _not_taken(delivery, answer)
    except ServiceError as trouble:
        message = trouble.message
        message = Message(_RETOLD.get(message.text, message.text), message.values)
        in_vain = trouble.is_permanent or message.text == document_messages.RECEIVER_WRONG_ADDRESS
        again = make_message(document_messages.DELIVERY_CORRECT if in_vain else document_messages.DELIVERY_AGAIN)
        return DeliveryOutcome(DeliveryResult.FAILED, ExitCode.AGAIN, delivery, (message, again))


def _trusted(errand: _DeliveryTask, delivery: Delivery, body: bytes) -> Receipt:
    """Return a verified receipt: its signer, the delivery it is for, and its date.

    Raises ServiceError.
    """
    kept, now = errand.settings, errand.run.now
    anchors, holders = (chain.load_bundle(bundle.encode()) for bundle in (kept.trust_services, kept.trust_holders))
    objections: list[Message] = []

    def accepts(signer: x509.Certificate) -> bool:
        objections.extend(found := soap_client.distrust_reason(signer, anchors, now, holders))
        return not found

    try:
        receipt = receipts.read_receipt(body, accepts)
    except (SignatureInvalid, SignatureMissing) as bad:
        message = make_message(document_messages.RECEIPT_INVALID, why=error_reasons.translate_reason(bad))
        if objections:
            of_issuer = objections[0].text == messages.ANSWER_NOT_TRUSTED
            message = make_message(document_messages.RECEIPT_NOT_TRUSTED) if of_issuer else objections[0]
        raise ServiceError(ServiceErrorKind.NOT_TRUSTED, message) from bad
    except ValueError as bad:
        raise ServiceError(
            ServiceErrorKind.NOT_TRUSTED,
            make_message(document_messages.RECEIPT_UNREADABLE, why=error_reasons.translate_reason(bad)),
        ) from bad
    sealed_by = delivery.sealed_by or receipt.serial
    expected = (delivery.delivery_id, delivery.sha256, sealed_by)
    if (receipt.delivery_id, receipt.sha256, receipt.serial) != expected:
        raise ServiceError(ServiceErrorKind.NOT_TRUSTED, make_message(document_messages.RECEIPT_OF_ANOTHER))
    if receipt.received > now + generations.CLOCK_SKEW:
        raise ServiceError(
            ServiceErrorKind.NOT_TRUSTED,
            make_message(document_messages.RECEIPT_OF_THE_FUTURE, at=receipt.received, now=now),
        )
    return receipt


def _kept_receipt(delivery: Delivery, octets: bytes) -> Receipt:
    """Read a stored receipt.

    It was verified before it was stored. It is not verified again, since its signer may have expired.
    """
    try:
        return receipts.read_receipt(octets, lambda _signer: True)
    except ValueError as bad:
        raise files.corruption_error(delivery.folder / RECEIPT, bad) from bad


def _not_taken(delivery: Delivery, answer: ServiceResponse) -> DeliveryOutcome:
    """Report a refusal: a problem document that names its reason.

    Raises ServiceError for any other answer.
    """
    problem = _problem(answer)
    if problem is None:
        word = (
            document_messages.RECEIVER_WRONG_ADDRESS
            if answer.status in _REFUSING
            else document_messages.RECEIVER_STATUS
        )
        raise ServiceError(ServiceErrorKind.NOT_TRUSTED, make_message(word, status=answer.status))
    reason, detail = problem["reason"], problem["detail"]
    keep_refusal(delivery, reason)
    message = make_message(document_messages.DELIVERY_REFUSED, reason=reason, detail=detail)
    return DeliveryOutcome(DeliveryResult.REFUSED, ExitCode.REFUSED, delivery, (message,), reason)


def _what_else(ask: DeliveryRequest, done: DeliveryOutcome, kept: Sequence[Delivery]) -> tuple[Message, ...]:
    """Add to a refusal what only the sender's store knows. Raises StoreDamaged."""
    if (
        done.reason == _ID_USED
        and (before := next((delivery for delivery in kept if delivery.has_receipt), None)) is not None
    ):
        receipt = _kept_receipt(before, before.receipt or b"")
        text = document_messages.DELIVERED_ALREADY
        return (make_message(text, path=str(ask.file), at=receipt.received, delivery_id=receipt.delivery_id),)
    if done.reason == _REVOKED and done.delivery.sealed_by is not None:
        return (make_message(document_messages.ASK_WHETHER_REVOKED, name=ask.name),)
    return ()


def _problem(answer: ServiceResponse) -> Mapping[str, str] | None:
    """Read the problem document (RFC 9457) of a refusal; None for anything else."""
    if answer.status not in _REFUSING or answer.content_type != "application/problem+json":
        return None
    try:
        raw = records.json_of(answer.body)
        found = {name: messages.strip_control_chars(raw[name])[:_LONGEST_DETAIL] for name in ("reason", "detail")}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if all(found.values()) else None
