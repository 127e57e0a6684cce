"""What the service can be asked over its interface, and what it answers. Octets are DER; times UTC, whole seconds."""

from dataclasses import dataclass, field

from sinetti.domain.values import Environment


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """SignNewCertificate: transfer ids spent for a first (or replacing) certificate."""

    environment: Environment
    customer_id: str
    customer_name: str | None
    transfer_id: str
    transfer_password: str = field(repr=False)
    request: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RenewRequest:
    """RenewCertificate, made from the octets that the signature covers; `signer` is the certificate that signed."""

    environment: Environment
    customer_id: str
    customer_name: str | None
    request: bytes = field(repr=False)
    signer: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RetrieveRequest:
    """GetCertificate: the certificate of a retrieval id; may be asked again and again."""

    environment: Environment
    customer_id: str
    customer_name: str | None
    retrieval_id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AcceptedResponse:
    """A certificate is issued, or is being issued, and can be fetched with this retrieval id."""

    retrieval_id: str


@dataclass(frozen=True, slots=True)
class CertificateResponse:
    """The certificate that was asked for."""

    certificate: bytes = field(repr=False)
