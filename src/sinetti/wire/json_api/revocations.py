"""Messages of `POST /api/v1/revocations`.

The request revokes a certificate with its own key. The client writes the request, and the service reads it. The
client, with a certificate and its key in memory:

    call = sign_revocation(certificate, RevocationReason.SUPERSEDED, certificate_signer(private_key), machine_now())
    … POST call.body to {service's origin} + PATH with exactly call.headers …
    revoked = parse_revoked(answer_body)        # of a 200; another status brings a problem document (RFC 9457)

A key in a token needs no `PrivateKey`: any `Signer` does (wire/http_signatures/certificate_keys.py). `algorithm` is
for a signer that lacks the preferred algorithm, such as a token without RSA-PSS. `created` is real time, of the
machine's clock, also on the test bench. A repeated call, signed anew or not, gets the same answer, so a client that
missed the answer sends it again.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.pki.encoding import certificate_der, serial_hex, sha256_hex
from sinetti.wire.http_signatures.certificate_keys import HttpSignatureAlgorithm, Signer, algorithms, sign
from sinetti.wire.http_signatures.profile import SignedComponents

PATH = "/api/v1/revocations"
CONTENT_TYPE = "application/json"

_SERIAL = re.compile(r"(?:[0-9a-f]{2}){1,20}")


class InvalidRevocation(ValueError):
    """Body that is no revocation, or no answer to one.

    The text is a sentence on the expected content.
    """


@dataclass(frozen=True, slots=True)
class RevocationBody:
    """Content of the request: the certificate and the reason."""

    serial: Serial
    reason: RevocationReason


@dataclass(frozen=True, slots=True)
class RevocationReply:
    """Content of the answer: the time and the reason of the revocation."""

    serial: Serial
    revoked_at: datetime
    reason: RevocationReason


@dataclass(frozen=True, slots=True)
class SignedCall:
    """Call ready to be sent: these octets with exactly these headers."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def sign_revocation(
    certificate: x509.Certificate,
    reason: RevocationReason,
    signer: Signer,
    created: datetime,
    algorithm: HttpSignatureAlgorithm | None = None,
) -> SignedCall:
    """Make the call that revokes a certificate with its own key.

    `algorithm`: None for the first that the key has. Raises ValueError if the key cannot sign the call.
    """
    key = certificate.public_key()
    taken = algorithms(key) if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) else ()
    if not taken or (algorithm is not None and algorithm not in taken):
        raise ValueError(
            f"the key of this certificate must sign with {', '.join(taken)}" if taken else "holders' keys are RSA or EC"
        )
    body = render(RevocationBody(serial_hex(certificate.serial_number), reason))
    parts = SignedComponents("POST", PATH, CONTENT_TYPE, body)
    key_id = sha256_hex(certificate_der(certificate))
    return SignedCall(sign(parts, key_id, created, algorithm or taken[0], signer), body)


def render(asked: RevocationBody) -> bytes:
    """Write the body."""
    return json.dumps({"serial": asked.serial, "reason": asked.reason}, separators=(",", ":")).encode("ascii")


def parse(body: bytes) -> RevocationBody:
    """Read the body. Raises InvalidRevocation."""
    value = _members(body, "serial", "reason")
    return RevocationBody(_serial(value["serial"]), _reason(value["reason"]))


def render_revoked(revoked: RevocationReply) -> dict[str, str]:
    """Return the members of the answer."""
    at = revoked.revoked_at.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"
    return {"serial": revoked.serial, "revoked_at": at, "reason": revoked.reason.value}


def parse_revoked(body: bytes) -> RevocationReply:
    """Read the answer. Raises InvalidRevocation."""
    value = _members(body, "serial", "revoked_at", "reason")
    revoked_at = value["revoked_at"]
    try:
        at = datetime.fromisoformat(revoked_at) if isinstance(revoked_at, str) and revoked_at.endswith("Z") else None
    except ValueError:
        at = None
    if at is None:
        raise InvalidRevocation("revoked_at must be a time like 2027-03-01T12:00:00Z (RFC 3339)")
    return RevocationReply(_serial(value["serial"]), at, _reason(value["reason"]))


def _members(body: bytes, *names: str) -> dict[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRevocation("the body is not JSON") from None
    if not isinstance(value, dict) or set(value) != set(names):
        raise InvalidRevocation(f"the body must be an object with exactly the members {', '.join(names)}")
    return value


def _serial(value: object) -> Serial:
    if not isinstance(value, str) or not _SERIAL.fullmatch(value):
        raise InvalidRevocation("serial must be a serial number in lower-case hex with an even number of digits")
    return Serial(value)


def _reason(value: object) -> RevocationReason:
    if not isinstance(value, str) or value not in set(RevocationReason):
        raise InvalidRevocation(f"reason must be one of {', '.join(RevocationReason)}")
    return RevocationReason(value)
