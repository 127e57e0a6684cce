"""Vectors of answers, deliveries, receipts, CRLs and OCSP responses.

Some are valid, and some must be rejected by every recipient.
"""

from datetime import timedelta
from typing import Any, assert_never

from lxml import etree

from sinetti.api.errors import rejection_response
from sinetti.ca.issuance_request import RevokedEntry
from sinetti.domain.certificates.ocsp_status import GOOD, CertificateStatusInfo, CertStatus, SingleResponse
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import AcceptedResponse, CertificateResponse
from sinetti.domain.values import RENEWAL_WINDOW, VALIDITY, KeyType
from sinetti.pki.encoding import serial_hex, sha256_hex
from sinetti.wire.receipts import Receipt, render_receipt
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Failure, Operation
from sinetti.wire.xmldsig import signature as xmldsig_signature
from sinetti.wire.xmldsig.signature import SignatureProfile
from vector_maker import xml as by
from vector_maker.authority import Authority, seal
from vector_maker.book import (
    CUSTOMER,
    MADE,
    RENEWING,
    REVOKED_AT,
    Book,
    Party,
    certificate_vector,
    new_key,
    retrieval_id,
)

_DELIVERY_ID = "3c8f0f5e-0d5c-4c1e-9a64-0d0b3f6f2f10"
_REPORT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<report xmlns="urn:example:payroll">\n'
    "  <period>2028-01</period>\n  <paid>1234.50</paid>\n</report>\n"
)


def services(book: Book, authority: Authority, people: dict[str, Party]) -> Party:
    """Make the two keys that sign answers.

    Returns the first, which stands for both where a holder is required and there is none.
    """
    made = []
    for name, kind in {"p256": KeyType.EC_P256, "rsa-2048": KeyType.RSA_2048}.items():
        key = book.key(f"response-signer-{name}", new_key(kind))
        certificate = authority.response_signer(f"response-signer-{name}", key)
        certificate_vector(book, f"response-signer-{name}", f"keys/response-signer-{name}.pem", certificate)
        made.append(Party(f"response-signer-{name}", key, certificate, people["p256"].csr, f"response-signer-{name}"))
    book.signers.extend(made)
    return made[0]


def answers(book: Book, people: dict[str, Party]) -> None:
    """Add answers of the service, as a client reads them."""
    accepted, collected = AcceptedResponse(retrieval_id("answer")), CertificateResponse(people["p256"].der)
    opens = MADE + VALIDITY - RENEWAL_WINDOW
    early = Rejection(RejectionReason.TOO_EARLY, opens=opens, ended=MADE + VALIDITY)
    rejections = {language: rejection_response(early, language) for language in ("en", "fi", "sv")}
    waiting = rejection_response(Rejection(RejectionReason.NOT_READY), "en")
    first, second = book.signers
    cases: dict[
        str, tuple[str, Operation, AcceptedResponse | CertificateResponse | Failure, Party, SignatureProfile]
    ] = {
        "new": ("Accepted: here is the retrieval id", Operation.NEW, accepted, first, SignatureProfile.EXCLUSIVE),
        "new-rsa": ("The same, signed with RSA", Operation.NEW, accepted, second, SignatureProfile.EXCLUSIVE),
        "renew": ("A renewal was accepted", Operation.RENEW, accepted, first, SignatureProfile.EXCLUSIVE),
        "renew-inclusive": (
            "The same by the inclusive recipe",
            Operation.RENEW,
            accepted,
            first,
            SignatureProfile.ENVELOPED,
        ),
        "get": ("The certificate", Operation.GET, collected, first, SignatureProfile.EXCLUSIVE),
        "get-rsa-inclusive": (
            "The same, RSA, inclusive recipe",
            Operation.GET,
            collected,
            second,
            SignatureProfile.ENVELOPED,
        ),
        "not-ready": ("Not ready: ask again", Operation.GET, waiting, first, SignatureProfile.EXCLUSIVE),
        "too-early-en": ("Refused, in English", Operation.RENEW, rejections["en"], first, SignatureProfile.EXCLUSIVE),
        "too-early-fi": (
            "Refused, in Finnish: letters beyond ASCII",
            Operation.RENEW,
            rejections["fi"],
            first,
            SignatureProfile.EXCLUSIVE,
        ),
        "too-early-sv": ("Refused, in Swedish", Operation.RENEW, rejections["sv"], first, SignatureProfile.EXCLUSIVE),
    }
    for name, (shows, operation, answer, signer, recipe) in cases.items():
        octets = operations.render_response(operation, answer, seal(signer.key, signer.certificate), recipe)
        files = _signed_parts(book, f"answer-{name}", octets) | {"signer": f"certificates/{signer.name}.pem"}
        more = {"shows": shows, "files": files, "expected": _expected(answer), "outcome": {"believed": True}}
        _answer(book, f"answer-{name}", octets, operation, **more)


def disbelieved(book: Book, people: dict[str, Party]) -> None:
    """Add answers that a client must not act on."""
    first, holder = book.signers[0], people["p256"]
    accepted = AcceptedResponse(retrieval_id("answer"))
    good = operations.render_response(Operation.NEW, accepted, seal(first.key, first.certificate)).decode()
    foreign = operations.render_response(Operation.NEW, accepted, seal(holder.key, holder.certificate)).decode()
    start, end = good.index("<ds:Signature"), good.index("</ds:Signature>") + len("</ds:Signature>")
    body = good[good.index("<cer:") : good.index("</SOAP-ENV:Body>")]
    no = operations.render_response(
        Operation.NEW, rejection_response(Rejection(RejectionReason.INTERNAL), "en"), seal(first.key, first.certificate)
    )
    cases = {
        "changed": ("One character was changed", good.replace("<RetrievalId>", "<RetrievalId>0", 1), "not-trusted"),
        "status": ("FAIL was changed to OK", no.decode().replace(">FAIL<", ">OK<"), "not-trusted"),
        "unsigned": ("The signature was taken out", good[:start] + good[end:], "not-trusted"),
        "signed-by-holder": ("Signed with an organisation's certificate", foreign, "not-trusted"),
        "two-payloads": ("The Body holds it twice", good.replace(body, body * 2), "unreadable"),
        "fault": (
            "A Fault, which is never signed",
            operations.render_fault("Out of order.", actor_is_client=False).decode(),
            "fault",
        ),
    }
    for name, (shows, text, why) in cases.items():
        outcome = {"believed": False, "reason": why}
        _answer(book, f"disbelieved-{name}", text.encode(), Operation.NEW, shows=shows, outcome=outcome)


def deliveries(book: Book, people: dict[str, Party]) -> None:
    """Add signed documents with a receiver's verdict, and the receipts."""
    holder, revoked, first = people["rsa-2048"], people["revoked-p256"], book.signers[0]
    sealed = xmldsig_signature.sign_document(
        _REPORT.encode(), seal(holder.key, holder.certificate), SignatureProfile.EXCLUSIVE
    )
    by_revoked = xmldsig_signature.sign_document(
        _REPORT.encode(), seal(revoked.key, revoked.certificate), SignatureProfile.EXCLUSIVE
    )
    cases = {
        "delivery": ("A document with its seal", sealed, None),
        "delivery-changed": ("An amount was changed", sealed.replace(b"1234.50", b"9234.50"), "signature-invalid"),
        "delivery-by-revoked": ("Sealed with a certificate that is revoked", by_revoked, "revoked"),
        "delivery-unsealed": ("No seal", _REPORT.encode(), "signature-missing"),
    }
    for name, (shows, octets, reason) in cases.items():
        files = {
            "document": book.file(f"deliveries/{name}.xml", octets),
            "crl": "status/holders.crl",
            "anchors": "trust/holders.pem",
        }
        outcome = {"verdict": "refused" if reason else "accepted", "reason": reason}
        book.add(name, "delivery", RENEWING, shows, files=files, outcome=outcome)
    serial = serial_hex(holder.certificate.serial_number)
    said = Receipt(_DELIVERY_ID, sha256_hex(sealed), RENEWING, *CUSTOMER, serial)
    receipt = render_receipt(said, seal(first.key, first.certificate))
    book.add(
        "receipt",
        "receipt",
        RENEWING,
        "What the receiver gives for the delivery",
        files={
            "receipt": book.file("deliveries/receipt.xml", receipt),
            "document": "deliveries/delivery.xml",
            "anchors": "trust/services.pem",
        },
        expected={"delivery_id": _DELIVERY_ID, "sha256": sha256_hex(sealed), "serial": serial},
        outcome={"proves": True},
    )


def status(book: Book, authority: Authority, people: dict[str, Party]) -> None:
    """Add a CRL, and OCSP responses about a good and a revoked certificate."""
    revoked = people["revoked-p256"].certificate
    entry = RevokedEntry(serial_hex(revoked.serial_number), REVOKED_AT, RevocationReason.KEY_COMPROMISE.value)
    issuer = "certificates/ca-ws.pem"
    book.add(
        "crl",
        "crl",
        RENEWING,
        "The list of the organisations' CA",
        files={"crl": book.file("status/holders.crl", authority.crl([entry], RENEWING)), "issuer": issuer},
        expected={"revoked": [serial_hex(revoked.serial_number)]},
    )
    responder = authority.responder("responder", book.key("responder-rsa-2048", new_key(KeyType.RSA_2048)), RENEWING)
    states = {
        "rsa-2048": GOOD,
        "revoked-p256": CertificateStatusInfo(CertStatus.REVOKED, REVOKED_AT, RevocationReason.KEY_COMPROMISE),
    }
    for name, said in states.items():
        response = SingleResponse(said, RENEWING, RENEWING + timedelta(days=1))
        octets = authority.ocsp(people[name].certificate, response, responder)
        book.add(
            f"ocsp-{said.cert_status}",
            "ocsp",
            RENEWING,
            f"An OCSP answer: {said.cert_status}",
            files={
                "ocsp": book.file(f"status/{said.cert_status}.ocsp", octets),
                "issuer": issuer,
                "certificate": f"certificates/holder-{name}.pem",
                "key": "keys/responder-rsa-2048.pem",
            },
            expected={"status": said.cert_status.value, "serial": serial_hex(people[name].certificate.serial_number)},
        )


def _answer(book: Book, name: str, octets: bytes, operation: Operation, **more: Any) -> None:  # noqa: ANN401 - JSON
    files = {
        "answer": book.file(f"answers/{name}.xml", octets),
        "anchors": "trust/services.pem",
        **more.pop("files", {}),
    }
    asked = operation.response.removesuffix("Response")
    book.add(name, "answer", RENEWING, more.pop("shows"), operation=asked, files=files, **more)


def _signed_parts(book: Book, name: str, octets: bytes) -> dict[str, str]:
    """Return the digested and the signed octets, as files of the book.

    lxml computes them from the answer, cut out of its envelope.
    """
    start, end = octets.index(b"<cer:"), octets.index(b"</SOAP-ENV:Body>")
    root = etree.fromstring(octets[start:end])
    signature = root[-1]
    transforms = signature.findall(f".//{{{by.DS}}}Transform")
    info = by.c14n(signature[0], by.EXCLUSIVE)
    root.remove(signature)
    last = transforms[-1].get("Algorithm", "")
    canonical = by.c14n(root, by.INCLUSIVE if last == by.ENVELOPED else last)
    return {
        "canonical": book.file(f"canonical/{name}.canonical.xml", canonical),
        "signed_info": book.file(f"canonical/{name}.signed-info.xml", info),
    }


def _expected(answer: AcceptedResponse | CertificateResponse | Failure) -> dict[str, Any]:
    match answer:
        case AcceptedResponse(given):
            return {"status": "OK", "retrieval_id": given}
        case CertificateResponse(certificate):
            return {"status": "OK", "certificate_sha256": sha256_hex(certificate)}
        case Failure(code, message):
            return {"status": "FAIL", "code": code, "message": message}
        case never:
            assert_never(never)
