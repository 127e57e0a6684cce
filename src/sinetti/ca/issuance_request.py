"""Requests to issue certificates, and the issuing CA."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509

from sinetti.domain.values import Serial, ValidityPeriod
from sinetti.pki.encoding import PublicKey


class LeafProfile(StrEnum):
    """Kinds of leaf certificates: holders, signers of responses, OCSP responders."""

    HOLDER = "holder"
    SERVICES = "services"
    RESPONDER = "responder"


class LintError(ValueError):
    """Certificate that would break a rule; nothing is signed.

    `findings` has one sentence for each broken rule.
    """

    def __init__(self, findings: tuple[str, ...]) -> None:
        """Store the findings; the text joins all of them."""
        super().__init__("; ".join(findings))
        self.findings = findings


class ExceedsIssuerValidity(LintError):
    """Certificate that would end after the CA that is to sign it.

    Its validity is not shortened: issue from the CA's successor.
    """


class SignatureRejected(ValueError):
    """Signature that is not one of this CA over these octets."""


@dataclass(frozen=True)
class IssuingCa:
    """Issuing CA: its names, its certificate, and the addresses of its files.

    - `name`: the CN.
    - `file_name`: the CN without blanks, for addresses.
    - `key_name`: the name of the key for its signer.
    - `base_url`: plain http without a final slash.
    - `shard`: number of the CRL to which the certificates will point.
    """

    name: str
    file_name: str
    key_name: str
    certificate: x509.Certificate
    base_url: str
    shard: int = 1

    @property
    def certificate_url(self) -> str:
        """Address of the CA's certificate in DER (RFC 5280, 4.2.2.1)."""
        return f"{self.base_url}/ca/{self.file_name}.cer"

    @property
    def crl_url(self) -> str:
        """Address of the CRL of this shard in DER (RFC 5280, 4.2.1.13)."""
        return f"{self.base_url}/crl/{self.file_name}-{self.shard}.crl"

    @property
    def ocsp_url(self) -> str:
        """Address for OCSP requests about its certificates (RFC 6960, 3.1)."""
        return f"{self.base_url}/ocsp/{self.file_name}"


@dataclass(frozen=True)
class LeafRequest:
    """Request for the certificate of a holder, a response signer or an OCSP responder.

    - `customer_id`: the CN; for certificates of the service it is their name.
    - `subject_serial`: the id of the lineage, 32 upper-case hex digits; None for certificates of the service.
    - `organisation`: cut to 64 characters.
    - `country`: two capitals.
    """

    customer_id: str
    organisation: str
    country: str
    subject_serial: str | None
    public_key: PublicKey
    serial: Serial
    span: ValidityPeriod


@dataclass(frozen=True)
class CaRequest:
    """Request for a CA certificate.

    `path_length` None sets no limit (the root). `policy` None leaves certificatePolicies out.
    """

    name: str
    organisation: str
    country: str
    public_key: PublicKey
    serial: Serial
    span: ValidityPeriod
    path_length: int | None
    policy: x509.ObjectIdentifier | None


@dataclass(frozen=True)
class RevokedEntry:
    """Entry of a CRL.

    `reason` is a name of RFC 5280, 5.3.1. Times are UTC, in whole seconds.
    """

    serial: Serial
    revoked_at: datetime
    reason: str
    invalidity_date: datetime | None = None
