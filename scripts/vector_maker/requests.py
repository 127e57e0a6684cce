"""Vectors of requests that the service must accept or refuse.

Accepted requests have all values computed for their signatures.
"""

import base64
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from sinetti.domain.refusals import RejectionReason
from sinetti.pki.encoding import sha256_hex
from vector_maker import xml as by
from vector_maker.authority import signing_request
from vector_maker.book import (
    CUSTOMER,
    FAULT,
    KINDS,
    LAPSED,
    OK,
    ORDERED,
    RENEWING,
    TOO_EARLY,
    TOO_LATE,
    Book,
    Party,
    fail,
    retrieval_id,
    signing_request_vector,
    transfer_ids,
    values,
)
from vector_maker.xml import ALONE, DOTNET, OURS, SERVICE, Signed, Style


def request_vector(book: Book, name: str, body: str | bytes, outcome: dict[str, Any], shows: str, **more: Any) -> None:  # noqa: ANN401 - JSON
    """Add a request with the service's answer.

    `more` may have: at, operation, files, expected, twin.
    """
    files = {"request": book.file(f"requests/{name}.xml", body), **more.pop("files", {})}
    at = more.pop("at", RENEWING)
    book.add(name, "request", at, shows, **more, files=files, outcome=outcome)


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewal that is accepted.

    `body` is the whole message. If it is empty, the message is the signed document in a bare envelope.
    """

    name: str
    shows: str
    party: Party
    signed: Signed
    style: Style
    body: str = ""

    def put_into(self, book: Book) -> None:
        """Add the renewal, with all values computed for its signature."""
        name, signed = self.name, self.signed
        files = {
            "canonical": book.file(f"canonical/{name}.canonical.xml", signed.canonical),
            "signed_info": book.file(f"canonical/{name}.signed-info.xml", signed.signed_info),
            "key": f"keys/holder-{self.party.name}.pem",
            "certificate": f"certificates/holder-{self.party.name}.pem",
            "signing_request": f"signing-requests/next-{self.party.name}.pem",
        }
        if self.body:
            files["document"] = book.file(f"canonical/{name}.document.xml", signed.document)
        expected = {
            "values": values(),
            "transforms": list(self.style.transforms),
            "canonicalisation_of_signed_info": self.style.info,
            "digest_sha256": sha256_hex(signed.canonical),
            "signed_info_sha256": sha256_hex(signed.signed_info),
        }
        body, more = self.body or by.enveloped(signed.document), {"operation": "RenewCertificate"}
        request_vector(book, name, body, OK, self.shows, **more, files=files, expected=expected)


def plain_requests(book: Book) -> None:
    """Add SignNewCertificate and GetCertificate, which have no signature."""
    for name, kind in KINDS.items():
        fields = values(signing_request_vector(book, f"first-{name}", kind), transfer_ids(name))
        request_vector(
            book,
            f"new-{name}",
            by.enveloped(by.request("SignNewCertificate", fields)),
            OK,
            f"The first certificate of an order, for a key of type {name}",
            operation="SignNewCertificate",
            at=ORDERED,
            files={"key": f"keys/first-{name}.pem", "signing_request": f"signing-requests/first-{name}.pem"},
            expected={"values": values(more=transfer_ids(name))},
        )
    asked = values(more={"RetrievalId": retrieval_id("p256")})
    simple = by.request("GetCertificate", asked)
    commented = simple.replace("<CustomerId>0123", "<CustomerId>0123<!-- a remark -->").replace(
        "<RetrievalId>", "<!--Required:-->\r\n    <RetrievalId>"
    )
    bodies: dict[str, tuple[str, str]] = {
        "bare": ("In a bare envelope", by.enveloped(simple)),
        "declared": (
            "The prefix is declared on the envelope, with others",
            by.enveloped(
                simple.replace(f' xmlns:cer="{SERVICE}"', ""),
                f' xmlns:cer="{SERVICE}" xmlns:xsd="http://www.w3.org/2001/XMLSchema"',
                header="<soapenv:Header/>",
            ),
        ),
        "comments": ("Comments, also within a value, which is whole all the same; CRLF", by.enveloped(commented)),
    }
    for name, (shows, body) in bodies.items():
        request_vector(
            book,
            f"get-{name}",
            body,
            {**OK, "certificate": "certificates/holder-p256.pem"},
            f"{shows}: the certificate is handed out, as often as asked",
            operation="GetCertificate",
            expected={"values": asked},
        )


def renewals(book: Book, people: dict[str, Party]) -> None:
    """Add RenewCertificate requests.

    They use both recipes with each kind of key, and the forms of programs in the field.
    """
    for kind in KINDS:
        party = people[kind]
        document = by.request("RenewCertificate", values(party.csr))
        for recipe, style in {"exclusive": OURS, "inclusive": ALONE}.items():
            made = by.signed(document, party.key, party.der, style)
            Renewal(f"renew-{kind}-{recipe}", f"Recipe {recipe}, key {kind}", party, made, style).put_into(book)
    party = people["rsa-2048"]
    document = by.request("RenewCertificate", values(party.csr))

    def quirk(name: str, shows: str, written: str = document, style: Style = OURS, **around: str) -> None:
        made = by.signed(written, party.key, party.der, style)
        body = by.enveloped(made.document, **around) if around else ""
        Renewal(f"renew-{name}", shows, party, made, style, body).put_into(book)

    more = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    quirk("declared-exclusive", "Declarations on the envelope: they change nothing", declared=more)
    quirk("declared-inclusive", "The same with the inclusive recipe: signed without them", style=ALONE, declared=more)
    unused = by.request("RenewCertificate", values(party.csr), ' xmlns:ser="urn:not-used"')
    quirk("unused-inclusive", "The signed element declares what it does not use: it counts", unused, ALONE)
    pretty = (
        document.replace("><", ">\n  <")
        .replace("\n  </cer", "\n</cer")
        .replace("  <CustomerN", "  <!--?-->\n  <CustomerN")
    )
    quirk("pretty-comments", "Laid out and commented before it was signed", pretty)
    quirk("crlf", "A file with CRLF: what is digested has LF", pretty.replace("\n", "\r\n"), ALONE)
    quirk("jdk", "Base64 of the JDK: lines that end with &#13;", style=Style(end="&#13;\n"))
    quirk("default-namespace", "Signature in the default namespace, SignedInfo inclusive, as .NET does", style=DOTNET)
    quirk(
        "bom",
        "A BOM, an XML declaration and a header",
        start='\ufeff<?xml version="1.0" encoding="UTF-8"?>\n',
        header="<soapenv:Header/>",
    )
    outside = by.signed(document, party.key, party.der)
    moved = outside.document.replace(f' xmlns:cer="{SERVICE}"', "", 1)
    body = by.enveloped(moved, f' xmlns:cer="{SERVICE}"')
    shows = "The request's own declaration has moved to the envelope"
    Renewal("renew-moved-declaration", shows, party, outside, OURS, body).put_into(book)


def broken_signatures(book: Book, people: dict[str, Party]) -> None:
    """Add renewals to be refused with PKI030, each beside an accepted renewal."""
    party, other = people["p256"], people["p384"]
    document = by.request("RenewCertificate", values(party.csr))
    good, alone = (by.signed(document, party.key, party.der, style).document for style in (OURS, ALONE))
    end = good.index("<ds:Signature")
    signature = good[end : good.rindex("</cer")]
    whole = by.enveloped(document)
    in_place = by.signed(whole, party.key, party.der, ALONE).document
    taken = in_place[in_place.index("<ds:Signature") : in_place.rindex("</soapenv")]
    shapes = {
        "indented": ("Indented after it was signed", good.replace("><", ">\n  <"), "exclusive"),
        "changed-name": ("A letter changed after it was signed", good.replace("Sinisiipi", "Sinisiipa"), "exclusive"),
        "in-envelope": (
            "Signed within its envelope, inclusive: the digest covers the envelope",
            by.placed(document, taken),
            "inclusive",
        ),
        "other-key": (
            "Signed with another key than the certificate's",
            by.signed(document, other.key, party.der).document,
            "exclusive",
        ),
        "unsigned": ("No signature", document, "exclusive"),
        "not-last": (
            "The signature is not the last child",
            good.replace(signature, "").replace("<CertificateReq", f"{signature}<CertificateReq"),
            "exclusive",
        ),
        "twice": ("Two signatures", good.replace(signature, signature * 2), "exclusive"),
        "declared-after": (
            "A declaration was put on the signed element afterwards",
            alone.replace("Request ", 'Request xmlns:late="urn:late" ', 1),
            "inclusive",
        ),
        **{
            name: (f"Outside what is allowed: {name}", written, "exclusive")
            for name, written in _outside_what_is_allowed(document, good, party).items()
        },
    }
    for name, (shows, written, recipe) in shapes.items():
        request_vector(
            book,
            f"refused-signature-{name}",
            by.enveloped(written),
            fail(RejectionReason.SIGNATURE_INVALID),
            shows,
            operation="RenewCertificate",
            twin=f"renew-p256-{recipe}",
        )


def _outside_what_is_allowed(document: str, good: str, party: Party) -> dict[str, str]:
    """Return signatures with a transform, method or reference that is never accepted."""
    return {
        "xpath": good.replace(by.ENVELOPED, "http://www.w3.org/TR/1999/REC-xpath-19991116"),
        "with-comments": by.signed(document, party.key, party.der, Style((by.ENVELOPED, by.WITH_COMMENTS))).document,
        "hmac": good.replace(f"{by.MORE}ecdsa-sha256", f"{by.MORE}hmac-sha256"),
        "sha1": good.replace(by.SHA256, f"{by.DS}sha1"),
        "fragment": by.signed(document, party.key, party.der, Style(uri="#payload")).document,
    }


def refusals(book: Book, people: dict[str, Party], made_up: Party, services: Party) -> None:
    """Add complete requests that must be refused, each for one reason.

    Octets that are no request are added, too.
    """
    refused_signers(book, people, made_up, services)
    refused_fields(book, people["p256"])
    plain_refusals(book, people)


def refused_signers(book: Book, people: dict[str, Party], made_up: Party, services: Party) -> None:
    """Add renewals whose signer may not renew, or not now."""
    party, revoked = people["p256"], people["revoked-p256"]
    again = people["renewed-p256"]
    signer_cases = {
        "too-early": (party, TOO_EARLY, RejectionReason.TOO_EARLY, "A day before renewal opens"),
        "expired": (party, TOO_LATE, RejectionReason.SIGNER_EXPIRED, "A day after the last second"),
        "revoked": (revoked, RENEWING, RejectionReason.SIGNER_REVOKED, "The certificate that signs is revoked"),
        "renewed": (
            again,
            RENEWING,
            RejectionReason.ALREADY_RENEWED,
            "Renewed already, with another key, and the new one fetched",
        ),
        "made-up-signer": (
            made_up,
            RENEWING,
            RejectionReason.SIGNER_UNKNOWN,
            "A certificate that looks like ours, signed by itself",
        ),
        "services-signer": (
            services,
            RENEWING,
            RejectionReason.SIGNER_UNKNOWN,
            "A certificate of ours that is no organisation's",
        ),
    }
    for name, (signer, at, reason, shows) in signer_cases.items():
        document = by.request("RenewCertificate", values(signer.csr))
        request = by.signed(document, signer.key, signer.der).document
        files = {"key": f"keys/{signer.key_file}.pem"}
        _refused_renewal(book, f"refused-{name}", request, fail(reason), shows=shows, at=at, files=files)


def refused_fields(book: Book, party: Party) -> None:
    """Add renewals that ask for values that are never granted."""
    fields = values(party.csr)
    cut = base64.b64decode(fields["CertificateRequest"])[:-1]
    own = base64.b64encode(signing_request(party.key, CUSTOMER)).decode()
    small = base64.b64encode(signing_request(book.key("small-rsa-1024", _small), CUSTOMER)).decode()
    field_cases = {
        "other-customer": (
            {"CustomerId": "7654321-0"},
            RejectionReason.CUSTOMER_MISMATCH,
            "CustomerId of another organisation",
        ),
        "environment": ({"Environment": "PRODUCTION"}, RejectionReason.WRONG_ENVIRONMENT, "PRODUCTION, sent to TEST"),
        "cut-request": (
            {"CertificateRequest": base64.b64encode(cut).decode()},
            RejectionReason.CSR_UNREADABLE,
            "The last octet of the signing request is missing",
        ),
        "small-key": ({"CertificateRequest": small}, RejectionReason.KEY_NOT_ACCEPTED, "A key of 1024 bits"),
        "same-key": (
            {"CertificateRequest": own},
            RejectionReason.KEY_REUSED,
            "The key that is in the certificate already",
        ),
    }
    for name, (change, reason, shows) in field_cases.items():
        document = by.request("RenewCertificate", fields | change)
        request = by.signed(document, party.key, party.der).document
        files = {"key": "keys/small-rsa-1024.pem"} if name == "small-key" else {}
        _refused_renewal(book, f"refused-{name}", request, fail(reason), shows=shows, files=files)


def plain_refusals(book: Book, people: dict[str, Party]) -> None:
    """Add SignNewCertificate and GetCertificate requests that must be refused.

    Messages that can be answered only with a Fault are added, too.
    """
    csr, ids = people["p384"].csr, transfer_ids("p384")
    in_use = signing_request(people["p256"].key, CUSTOMER)
    wrong = ids | {"TransferPassword": "A" * 16}
    new_cases = {
        "wrong-password": (
            values(csr, wrong),
            ORDERED,
            RejectionReason.TRANSFER_IDS_WRONG,
            "A wrong one-time password",
        ),
        "lapsed-ids": (values(csr, ids), LAPSED, RejectionReason.TRANSFER_IDS_EXPIRED, "Transfer ids of 15 days ago"),
        "key-in-use": (
            values(in_use, ids),
            ORDERED,
            RejectionReason.KEY_REUSED,
            "A key that is in a certificate already",
        ),
    }
    for name, (fields, at, reason, shows) in new_cases.items():
        body = by.enveloped(by.request("SignNewCertificate", fields))
        more: dict[str, Any] = {"operation": "SignNewCertificate", "at": at, "twin": "new-p384"}
        request_vector(book, f"refused-{name}", body, fail(reason), shows, **more)
    get = by.request("GetCertificate", values(more={"RetrievalId": retrieval_id("p256")}))
    unknown = by.request("GetCertificate", values(more={"RetrievalId": retrieval_id("nobody")}))
    crowded = get.replace("</CustomerId>", "</CustomerId><Extra>1</Extra>")
    get_cases = {
        "unknown-retrieval-id": (unknown, RejectionReason.RETRIEVAL_ID_UNKNOWN, "No such retrieval id"),
        "unknown-element": (crowded, RejectionReason.MALFORMED, "An element that the schema does not know"),
    }
    for name, (document, reason, shows) in get_cases.items():
        more = {"operation": "GetCertificate", "twin": "get-bare"}
        request_vector(book, f"refused-{name}", by.enveloped(document), fail(reason), shows, **more)
    faults: dict[str, tuple[str, str | bytes]] = {
        "doctype": ("A DOCTYPE", by.enveloped(get, start="<!DOCTYPE x>")),
        "latin-1": (
            "Another encoding than UTF-8",
            by.enveloped(get, start='<?xml version="1.0" encoding="ISO-8859-1"?>').encode("iso-8859-1"),
        ),
        "no-envelope": ("A request without an envelope", get),
    }
    for name, (shows, message) in faults.items():
        more = {"operation": "GetCertificate", "twin": "get-bare"}
        request_vector(book, f"refused-{name}", message, FAULT, f"{shows}: unsigned Fault, HTTP 500", **more)


def spent(book: Book, people: dict[str, Party]) -> None:
    """Add a request with used transfer ids, which is sent after new-p256."""
    fields = values(people["rsa-2048"].csr, transfer_ids("p256"))
    body = by.enveloped(by.request("SignNewCertificate", fields))
    more = {"operation": "SignNewCertificate", "at": ORDERED, "twin": "new-p256"}
    shows = "Transfer ids that were used, with another key"
    request_vector(book, "refused-used-ids", body, fail(RejectionReason.TRANSFER_IDS_USED), shows, **more)


def _refused_renewal(book: Book, name: str, document: str, outcome: dict[str, Any], **more: Any) -> None:  # noqa: ANN401 - JSON
    more |= {"operation": "RenewCertificate", "twin": "renew-p256-exclusive"}
    request_vector(book, name, by.enveloped(document), outcome, more.pop("shows"), **more)


def _small() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 1024)  # noqa: S505 - a key to be refused
