"""Requests to issue certificates, and the issuing CA."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509

from sinetti.domain.values import Serial, ValidityPeriod
from sinetti.pki.encoding import PublicKey


class LeafProfile(StrEnum):
    """The kinds of certificates that are no CA's: holders', the signers' of responses, the OCSP responders'."""

    HOLDER = "holder"
    SERVICES = "services"
    RESPONDER = "responder"


class LintError(ValueError):
    """The certificate would break a rule, so nothing is signed.

    `findings` has one sentence for each rule broken.
    """

    def __init__(self, findings: tuple[str, ...]) -> None:
        """Keep the findings; the text is all of them."""
        super().__init__("; ".join(findings))
        self.findings = findings


class ExceedsIssuerValidity(LintError):
    """It would live past the end of the CA that is to sign it.

    Nothing is clipped: issue from the CA's successor.
    """


class SignatureRejected(ValueError):
    """What the signer gave back is no signature of this CA over these octets."""


@dataclass(frozen=True, slots=True)
class IssuingCa:
    """A CA that issues: its names, its certificate, and where the things about it are served.

    `name` is the CN; `file_name` the CN without blanks, as it stands in addresses; `key_name` is what its signer calls
    the key; `base_url` is plain http without a slash at the end; `shard` numbers the CRL that the certificates will
    point to.
    """

    name: str
    file_name: str
    key_name: str
    certificate: x509.Certificate
    base_url: str
    shard: int = 1

    @property
    def certificate_url(self) -> str:
        """Where the CA's certificate is served in DER (RFC 5280, 4.2.2.1)."""
        return f"{self.base_url}/ca/{self.file_name}.cer"

    @property
    def crl_url(self) -> str:
        """Where the CRL of this shard is served in DER (RFC 5280, 4.2.1.13)."""
        return f"{self.base_url}/crl/{self.file_name}-{self.shard}.crl"

    @property
    def ocsp_url(self) -> str:
        """Where OCSP requests about its certificates go (RFC 6960, 3.1)."""
        return f"{self.base_url}/ocsp/{self.file_name}"


@dataclass(frozen=True, slots=True)
class LeafRequest:
    """A certificate for a holder, for the signer of responses or for an OCSP responder.

    `customer_id` becomes the CN (of the service's own: its name); `subject_serial`, 32 upper-case hex digits, is the id
    of the lineage (of the service's own: None); `organisation` is cut to 64 characters, `country` is two capitals.
    """

    customer_id: str
    organisation: str
    country: str
    subject_serial: str | None
    public_key: PublicKey
    serial: Serial
    span: ValidityPeriod


@dataclass(frozen=True, slots=True)
class CaRequest:
    """A CA certificate.

    `path_length` None sets no limit (the root); `policy` None leaves certificatePolicies out.
    """

    name: str
    organisation: str
    country: str
    public_key: PublicKey
    serial: Serial
    span: ValidityPeriod
    path_length: int | None
    policy: x509.ObjectIdentifier | None


@dataclass(frozen=True, slots=True)
class RevokedEntry:
    """One line of a CRL.

    `reason` is a name of RFC 5280, 5.3.1; times are UTC, whole seconds.
    """

    serial: Serial
    revoked_at: datetime
    reason: str
    invalidity_date: datetime | None = None
