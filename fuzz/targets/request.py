"""Parsing of a request of each operation.

Values are complete, and those of a renewal are the signed ones.
"""

import base64

from lxml import etree

from fuzz import material, messages
from fuzz.opinions import is_borne_out, parsers_agree
from fuzz.target import Target, must
from fuzz.targets.document import accept
from fuzz.targets.envelope import payload_of
from fuzz.xml_changing import change
from fuzz.xml_reading import Element
from sinetti.domain.requests import EnrolRequest, RenewRequest, RetrieveRequest
from sinetti.domain.values import KeyPolicy
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import NotSoapError, ParsedRequest, RequestSignatureError, SchemaError
from sinetti.wire.xmldsig import signature
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig.parser import XmlRejected

_POLICY = KeyPolicy()
_HEADERS = {"text/xml; charset=utf-8": None, "application/soap+xml": '"getCertificate"'}


def check(octets: bytes) -> None:
    """Open it under each set of headers, and act as the endpoint does."""
    with parsers_agree():
        for content_type, action in _HEADERS.items():
            try:
                opened = operations.parse_request(octets, content_type, action)
            except (NotSoapError, SchemaError):
                continue
            _judge(octets, opened)


def _judge(octets: bytes, opened: ParsedRequest) -> None:
    payload = payload_of(octets)
    _compare(opened.customer_id, payload, "CustomerId")
    try:
        ask = operations.verified_request(opened, _POLICY)
    except RequestSignatureError:
        return
    must(operations.verified_request(opened, _POLICY) == ask, "the same request asks for the same again")
    _whole(ask, payload)
    match ask:
        case EnrolRequest():
            again = operations.render_new(ask)
        case RetrieveRequest():
            again = operations.render_get(ask)
        case RenewRequest():
            _signed(opened)
            kind = next((one for one in material.KINDS if material.der(one) == ask.signer), None)
            if kind is None:
                return
            again = operations.render_renew(ask, messages.seal(kind))
    must(
        operations.verified_request(operations.parse_request(again, None, None), _POLICY) == ask,
        "what was read can be written and read",
    )


def _whole(ask: EnrolRequest | RenewRequest | RetrieveRequest, payload: Element) -> None:
    """Check that each value is the whole string value of its element in expat."""
    _compare(ask.environment.value, payload, "Environment")
    _compare(ask.customer_id, payload, "CustomerId")
    _compare(ask.customer_name, payload, "CustomerName")
    if isinstance(ask, RetrieveRequest):
        _compare(ask.retrieval_id, payload, "RetrievalId")
        return
    if isinstance(ask, EnrolRequest):
        _compare(ask.transfer_id, payload, "TransferId")
        _compare(ask.transfer_password, payload, "TransferPassword")
    text = "".join((_text(payload, "CertificateRequest") or "").split(" "))
    octets = base64.b64decode("".join(text.split()), validate=True)
    must(octets == ask.request, "the signing request is the whole of its element")


def _compare(value: str | None, payload: Element, name: str) -> None:
    text = _text(payload, name)
    blank = text.replace("\t", " ").replace("\r", " ").replace("\n", " ").strip(" ") if text is not None else None
    must(value == blank, f"{name} is read whole")


def _text(payload: Element, name: str) -> str | None:
    found = [one for one in payload.elements if (one.name.uri, one.name.local) == ("", name)]
    must(len(found) <= 1, f"there is one {name}")
    return found[0].text if found else None


def _signed(opened: ParsedRequest) -> None:
    """Check the accepted candidate with the second opinion."""
    for root in opened.envelope.candidates():
        octets = etree.tostring(root.getroottree(), encoding="utf-8")
        try:
            verified = signature.verify_document([root], accept)
        except (XmlRejected, SignatureMissing, SignatureInvalid):
            continue
        is_borne_out(octets, verified)
        return
    must(condition=False, sentence="what is asked stands in a document that verifies")


TARGET = Target("request", check, lambda: dict(messages.requests()), change)
