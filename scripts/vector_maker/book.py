"""Book of vectors: its files by path, its entries, and their shared values."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.domain.refusals import ERROR_CODES, RejectionReason
from sinetti.domain.values import KeyType
from sinetti.pki.encoding import certificate_der, generate_key, serial_hex, sha256_hex
from vector_maker.authority import Authority, Keys, signing_request
from vector_maker.xml import AnyKey

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "vectors"
CUSTOMER = ("0123456-7", "Sinisiipi Oy")
MADE = datetime(2026, 3, 2, 12, tzinfo=UTC)
ORDERED, RENEWING = MADE + timedelta(days=1), MADE + timedelta(days=700)
TOO_EARLY, TOO_LATE = MADE + timedelta(days=669), MADE + timedelta(days=731)
LAPSED = ORDERED + timedelta(days=15)
REVOKED_AT = MADE + timedelta(days=600)
RENEWED = MADE + timedelta(days=680)
SUCCESSOR = "successor-p256"
KINDS = {
    "rsa-2048": KeyType.RSA_2048,
    "rsa-3072": KeyType.RSA_3072,
    "p256": KeyType.EC_P256,
    "p384": KeyType.EC_P384,
}
OK: dict[str, Any] = {"answer": "OK"}
FAULT: dict[str, Any] = {"answer": "Fault", "faultcode": "Client"}


@dataclass(slots=True)
class Book:
    """Files by their path in the folder, and the vectors that refer to them."""

    files: dict[str, bytes] = field(default_factory=dict)
    vectors: list[dict[str, Any]] = field(default_factory=list)
    keys: Keys = field(default_factory=lambda: Keys(FOLDER / "keys"))
    signers: "list[Party]" = field(default_factory=list)

    def file(self, place: str, octets: bytes | str) -> str:
        """Add a file, and return its path."""
        self.files[place] = octets.encode() if isinstance(octets, str) else octets
        return place

    def key(self, name: str, make: Callable[[], AnyKey]) -> AnyKey:
        """Return a stored key."""
        key = self.keys(name, make)
        self.file(f"keys/{name}.pem", self.keys.used[name])
        return key

    def add(self, name: str, kind: str, at: datetime, shows: str, **rest: Any) -> None:  # noqa: ANN401 - JSON
        """Add a vector."""
        self.vectors.append({"name": name, "kind": kind, "shows": shows, "at": instant(at), **rest})


@dataclass(frozen=True, slots=True)
class Party:
    """A key in use (stored as `key_file`), its certificate, and next request (DER)."""

    name: str
    key: AnyKey
    certificate: x509.Certificate
    csr: bytes
    key_file: str

    @property
    def der(self) -> bytes:
        """Certificate in DER."""
        return certificate_der(self.certificate)


def instant(at: datetime) -> str:
    """Return an instant in the form of RFC 3339: UTC, whole seconds."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate in PEM."""
    return certificate.public_bytes(Encoding.PEM)


def fail(reason: RejectionReason) -> dict[str, Any]:
    """Return the expected outcome of a request that the service refuses."""
    return {"answer": "FAIL", "code": ERROR_CODES[reason], "reason": reason.value}


def values(csr: bytes = b"", more: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Return the fields of a request, in their order."""
    asked = {"CertificateRequest": base64.b64encode(csr).decode()} if csr else {}
    return {"Environment": "TEST", "CustomerId": CUSTOMER[0], "CustomerName": CUSTOMER[1], **more, **asked}


def retrieval_id(name: str) -> str:
    """Return a retrieval id made of a name."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def transfer_ids(name: str) -> dict[str, str]:
    """Return transfer ids made of a name."""
    digest = hashlib.sha256(f"transfer {name}".encode()).digest()
    number = f"{int.from_bytes(digest[:16], 'big'):032d}"[:32]
    return {"TransferId": number, "TransferPassword": base64.b32encode(digest[16:26]).decode()[:16]}


def new_key(kind: KeyType) -> Callable[[], AnyKey]:
    """Return the function that makes a key of this type, where none is stored."""
    return partial(generate_key, kind)


def parties(book: Book, authority: Authority) -> dict[str, Party]:
    """Make a certificate and the next signing request for each kind of key.

    Three more certificates are for failures: a revoked one, a renewed one, and its successor.
    """
    made = {}
    for name, kind in {**KINDS, "revoked-p256": KeyType.EC_P256, "renewed-p256": KeyType.EC_P256}.items():
        key, csr = book.key(f"holder-{name}", new_key(kind)), signing_request_vector(book, f"next-{name}", kind)
        made[name] = Party(name, key, authority.holder(name, key, CUSTOMER), csr, f"holder-{name}")
        certificate_vector(book, f"holder-{name}", f"keys/holder-{name}.pem", made[name].certificate)
    key = book.key(f"holder-{SUCCESSOR}", new_key(KeyType.EC_P256))
    certificate = authority.holder(SUCCESSOR, key, CUSTOMER, "renewed-p256", RENEWED - MADE)
    made[SUCCESSOR] = Party(SUCCESSOR, key, certificate, made["renewed-p256"].csr, f"holder-{SUCCESSOR}")
    certificate_vector(book, f"holder-{SUCCESSOR}", f"keys/holder-{SUCCESSOR}.pem", certificate)
    return made


def signing_request_vector(book: Book, name: str, kind: KeyType) -> bytes:
    """Make a key and a signing request, add their vector, and return the DER."""
    csr = signing_request(book.key(name, new_key(kind)), CUSTOMER)
    request = x509.load_der_x509_csr(csr)
    place = book.file(f"signing-requests/{name}.pem", request.public_bytes(Encoding.PEM))
    book.add(
        f"signing-request-{name}",
        "signing-request",
        MADE,
        f"A PKCS#10 signing request for a key of type {kind}",
        files={"signing_request": place, "key": f"keys/{name}.pem"},
        expected={"der_sha256": sha256_hex(csr), "signature_holds": True},
    )
    return csr


def certificate_vector(book: Book, name: str, key: str, certificate: x509.Certificate) -> None:
    """Add the vector of a certificate."""
    (common_name,) = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    (issuer,) = certificate.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    book.add(
        f"certificate-{name}",
        "certificate",
        MADE,
        f"The certificate {name}: what stands in it, and that its issuer signed it",
        files={"certificate": book.file(f"certificates/{name}.pem", pem(certificate)), "key": key},
        expected={
            "der_sha256": sha256_hex(certificate_der(certificate)),
            "serial": serial_hex(certificate.serial_number),
            "common_name": common_name.value,
            "issuer": issuer.value,
            "not_before": instant(certificate.not_valid_before_utc),
            "not_after": instant(certificate.not_valid_after_utc),
        },
    )


def authorities(book: Book, authority: Authority) -> None:
    """Add the vectors of the CAs and of the anchors."""
    for spec in authority.built.hierarchy.authorities:
        name = f"ca-{spec.channel or spec.role}".lower()
        book.file(f"keys/{name}.pem", book.keys.used[name])
        certificate_vector(book, name, f"keys/{name}.pem", authority.built.certificate(spec.file_name))
    book.file("trust/holders.pem", authority.built.holders_bundle)
    book.file("trust/services.pem", authority.built.services_bundle)
