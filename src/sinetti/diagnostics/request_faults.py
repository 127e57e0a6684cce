"""Faults of a request beside its signature.

They are in its name, its elements or its certificate signing request.
"""

import re

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from sinetti.diagnostics import values
from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.signed_message import SignedElement, read_signature
from sinetti.diagnostics.values import Finding
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import Environment, KeyPolicy
from sinetti.pki import csr
from sinetti.wire.soap.schema_types import REQUESTS, ElementName, Operation, SchemaViolation, read_sequence
from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig.parser import children
from sinetti.wire.xmldsig.signature import SIGNATURE

_ASCII, _ID = re.compile(r"[!-~]+"), re.compile(r"[A-Za-z0-9-]+")
_FORMS = {
    ElementName.CUSTOMER_ID: _ASCII,
    ElementName.TRANSFER_PASSWORD: _ASCII,
    ElementName.TRANSFER_ID: _ID,
    ElementName.RETRIEVAL_ID: _ID,
}
"""Characters of the ids that the service issues.

Other ones come from word processors and spreadsheets.
"""

_PASSWORD, _TRANSFER_ID = re.compile(r"[A-Za-z0-9]{16}"), re.compile(r"[0-9]{32}")


def find_in_request(taken: SignedElement, policy: KeyPolicy, environment: Environment | None = None) -> Finding | None:
    """Return the first fault of a request beside its signature, or None.

    `environment` is that of the service, if it is known.
    """
    operation = taken.operation
    if operation is None:
        meant = operation_meant(taken.root)
        return None if meant is None else Finding(Cause.OTHER_OPERATION, {"element": meant.request})
    fields = [one for one in children(taken.root) if one.tag != SIGNATURE]
    if any(etree.QName(one).namespace for one in fields):
        return Finding(Cause.QUALIFIED, {})
    texts = {str(one.tag): (parser.value(one) or "").strip() for one in fields}
    fault = _certificate_request(taken, texts, policy) or _form(texts) or _schema(fields, operation)
    if fault is None and operation is not Operation.RENEW and taken.root.find(SIGNATURE) is not None:
        return Finding(Cause.UNEXPECTED, {"element": "ds:Signature"})
    return fault or _for_another(texts, _signer(taken), environment)


def operation_meant(root: etree._Element) -> Operation | None:
    """Return the operation of a request whose element has another name or namespace."""
    name = etree.QName(root).localname.casefold().removesuffix("request")
    return next((one for one in Operation if one.value.casefold() == name), None)


def _form(texts: dict[str, str]) -> Finding | None:
    password, transfer = texts.get(ElementName.TRANSFER_PASSWORD, ""), texts.get(ElementName.TRANSFER_ID, "")
    if _PASSWORD.fullmatch(transfer) and _TRANSFER_ID.fullmatch(password):
        return Finding(Cause.IDS_SWAPPED, {})
    for name, form in _FORMS.items():
        if texts.get(name) and not form.fullmatch(texts[name]):
            return Finding(Cause.FOREIGN_CHARACTERS, {"element": name})
    return None


def _schema(fields: list[etree._Element], operation: Operation) -> Finding | None:
    try:
        read_sequence(fields, REQUESTS[operation], operation.request)
    except SchemaViolation as bad:
        names = [str(one.tag) for one in fields]
        order = [field.name.value for field in REQUESTS[operation]]
        known = [name for name in names if name in order]
        extra = [name for name in names if name in set(ElementName) and (name not in order or names.count(name) > 1)]
        if extra:
            return Finding(Cause.UNEXPECTED, {"element": extra[0]})
        if known != sorted(known, key=order.index):
            cause = Cause.SCHEMA_ORDER
        else:
            cause = Cause.SCHEMA if bad.element in {*names, operation.request} else Cause.ELEMENT_MISSING
        return Finding(cause, {"element": bad.element})
    return None


def _certificate_request(taken: SignedElement, texts: dict[str, str], policy: KeyPolicy) -> Finding | None:
    """Return the fault of the certificate signing request, or None."""
    name = ElementName.CERTIFICATE_REQUEST
    text = texts.get(name, "")
    if not text:
        return None
    fault = values.find_in_der(name, text, x509.load_der_x509_csr)
    if fault is not None:
        return fault
    octets = parser.decode_base64(text) or b""
    read = csr.read_request(octets, policy)
    if not isinstance(read, Rejection):
        return Finding(Cause.KEY_REUSED, {}) if _is_key_of_signer(octets, taken) else None
    try:
        request = x509.load_der_x509_csr(octets)
    except (ValueError, x509.InvalidVersion):
        return Finding(Cause.CSR_UNREADABLE, {"element": name})
    if read.reason is RejectionReason.KEY_NOT_ACCEPTED:
        return Finding(Cause.KEY_NOT_ACCEPTED, {"element": name, "content": values.name_of_key(request)})
    return Finding(Cause.CSR_SIGNATURE, {"element": name})


def _for_another(
    texts: dict[str, str], signer: x509.Certificate | None, environment: Environment | None
) -> Finding | None:
    """Return the fault of a request that another service or another certificate takes."""
    asked = texts[ElementName.ENVIRONMENT]
    if environment not in {None, asked}:
        return Finding(Cause.OTHER_ENVIRONMENT, {"content": asked})
    try:
        names = [] if signer is None else signer.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except ValueError:
        return None
    if len(names) == 1 and names[0].value != texts[ElementName.CUSTOMER_ID]:
        return Finding(Cause.OTHER_CUSTOMER, {"content": str(names[0].value)})
    return None


def _is_key_of_signer(octets: bytes, taken: SignedElement) -> bool:
    if (signer := _signer(taken)) is None:
        return False
    try:
        keys = [x509.load_der_x509_csr(octets).public_key(), signer.public_key()]
    except (ValueError, UnsupportedAlgorithm):
        return False
    first, second = (key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in keys)
    return first == second


def _signer(taken: SignedElement) -> x509.Certificate | None:
    signature = read_signature(taken.root)
    try:
        return x509.load_der_x509_certificate(signature.certificates[0]) if signature is not None else None
    except (ValueError, IndexError, x509.InvalidVersion):
        return None
