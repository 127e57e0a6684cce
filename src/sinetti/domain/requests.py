"""Requests over the technical interface, their responses, and lenient behaviour.

Octets are DER; instants are UTC, in whole seconds.

Lenient behaviour goes beyond the documented behaviour of the reference service. The option `--strict` of the test
bench disables it.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from sinetti.domain.values import Environment


@dataclass(frozen=True)
class EnrolRequest:
    """SignNewCertificate: transfer ids used for a first or replacing certificate."""

    environment: Environment
    customer_id: str
    customer_name: str | None
    transfer_id: str
    transfer_password: str = field(repr=False)
    request: bytes = field(repr=False)


@dataclass(frozen=True)
class SignatureProof:
    """Signature of a renewal, for a signer that verifies it again.

    `certificate` is that of the key that signed, `signed_info` the canonical octets that it signed, `signature` the
    octets of SignatureValue, and `digested` the canonical octets that the digest in `signed_info` covers.
    """

    certificate: bytes
    signed_info: bytes
    signature: bytes
    digested: bytes


@dataclass(frozen=True)
class RenewRequest:
    """RenewCertificate, made from the octets that the signature covers.

    `signer` is the certificate that signed. A request that was received has the `proof` of that.
    """

    environment: Environment
    customer_id: str
    customer_name: str | None
    request: bytes = field(repr=False)
    signer: bytes = field(repr=False)
    proof: SignatureProof | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class RetrieveRequest:
    """GetCertificate: the certificate of a retrieval id; it may be repeated."""

    environment: Environment
    customer_id: str
    customer_name: str | None
    retrieval_id: str = field(repr=False)


@dataclass(frozen=True)
class AcceptedResponse:
    """Response with the retrieval id of a certificate that is issued or being issued."""

    retrieval_id: str


@dataclass(frozen=True)
class CertificateResponse:
    """Response with the requested certificate."""

    certificate: bytes = field(repr=False)


class LenientBehaviour(StrEnum):
    """Lenient behaviour of a response; docs/integrators/divergences.md explains each.

    The log names it.
    """

    SAME_REQUEST_ANSWERED = "same-request-answered"
    RENEWED_AGAIN = "renewed-again"
    KEY_TYPE = "key-other-than-rsa-2048"
    READY_AT_ONCE = "ready-at-once"


@dataclass(frozen=True)
class Leniency:
    """Lenient behaviour that is enabled.

    `retrieval_delay` is the time before a certificate can be retrieved, on the machine's clock.
    """

    replay_same_request: bool = True
    allow_repeated_renewal: bool = True
    retrieval_delay: timedelta = timedelta(0)


LENIENT = Leniency()
STRICT = Leniency(replay_same_request=False, allow_repeated_renewal=False, retrieval_delay=timedelta(seconds=2))
