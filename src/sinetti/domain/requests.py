"""What the service can be asked over its interface, and what it answers.

Octets are DER; times UTC, whole seconds.

What this service gives and the real one is not known to give. The test bench's `--strict` takes it away.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

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


class LenientBehaviour(StrEnum):
    """One thing that an answer may rely on; the log names it, and docs/divergences.md explains it."""

    SAME_REQUEST_ANSWERED = "same-request-answered"
    RENEWED_AGAIN = "renewed-again"
    KEY_TYPE = "key-other-than-rsa-2048"
    READY_AT_ONCE = "ready-at-once"


@dataclass(frozen=True, slots=True)
class Leniency:
    """Which leniencies are on.

    `ready_after` is how long a certificate keeps its holder waiting (machine's clock).
    """

    replay_same_request: bool = True
    allow_repeated_renewal: bool = True
    retrieval_delay: timedelta = timedelta(0)


LENIENT = Leniency()
STRICT = Leniency(replay_same_request=False, allow_repeated_renewal=False, retrieval_delay=timedelta(seconds=2))
