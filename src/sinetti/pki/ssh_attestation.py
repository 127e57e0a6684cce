"""Attestation of FIDO2 keys for SSH, written by `ssh-keygen`.

`-O write-attestation` writes the form "ssh-sk-attest-v01" (OpenSSH, PROTOCOL.u2f). Its signature is a packed
attestation (WebAuthn, 8.2). It proves that an authenticator with the certificate's key made the SSH key.
"""

import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fido2 import cbor
from fido2.attestation.base import InvalidData, InvalidSignature
from fido2.attestation.packed import PackedAttestation
from fido2.cose import CoseKey
from fido2.webauthn import AuthenticatorData

from sinetti.pki.encoding import sha256_hex
from sinetti.pki.ssh_signatures import LARGEST, SshKeyError, SshPublicKey, SshReader

_FORMAT = b"ssh-sk-attest-v01"


@dataclass(frozen=True)
class Attestation:
    """Verified attestation: its digest, and subject and digest of its certificate."""

    sha256: str
    subject: str
    certificate_sha256: str


def verify_attestation(octets: bytes, challenge: bytes, key: SshPublicKey) -> Attestation:
    """Verify that an authenticator made this key, with this challenge.

    The chain of the certificate is not checked: the caller shows whose it is. Raises SshKeyError.
    """
    if not key.is_fido2:
        raise SshKeyError(f"it is a key of the type {key.kind}, which has no attestation: make one with -t ed25519-sk")
    try:
        certificate, signature, data = _parts(octets)
        made = AuthenticatorData(data)
        _check_covers(made, key)
        statement = {"alg": -7, "sig": signature, "x5c": [certificate]}
        PackedAttestation().verify(statement, made, hashlib.sha256(challenge).digest())
        subject = x509.load_der_x509_certificate(certificate).subject.rfc4514_string()
    except SshKeyError:
        raise
    except InvalidSignature as bad:
        raise SshKeyError("the attestation is not signed by its certificate, or the challenge is another one") from bad
    except (InvalidData, ValueError, KeyError, TypeError, AssertionError) as bad:
        raise SshKeyError(f"the attestation is not one that ssh-keygen wrote ({bad})") from bad
    return Attestation(sha256_hex(octets), subject, sha256_hex(certificate))


def _parts(octets: bytes) -> tuple[bytes, bytes, bytes]:
    """Return certificate, signature and authenticator data. Raises ValueError."""
    reader = SshReader(octets[:LARGEST])
    if reader.string() != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT.decode()}")
    certificate, signature, wrapped = (reader.string() for _ in range(3))
    reader.number()
    reader.string()
    reader.end()
    # libfido2 returns the authenticator data as a byte string of CBOR.
    data = cbor.decode(wrapped)
    if not isinstance(data, bytes):
        raise ValueError("its authenticator data are no byte string")  # noqa: TRY004 - one type of error for a foreign file
    return certificate, signature, data


def _check_covers(made: AuthenticatorData, key: SshPublicKey) -> None:
    """Raise SshKeyError unless key and application are those of the SSH key."""
    credential = made.credential_data
    same = credential is not None and _same_key(credential.public_key, key)
    if not same or made.rp_id_hash != hashlib.sha256(key.application.encode()).digest():
        raise SshKeyError("the attestation is for another key: give the one that was written with this key")


def _same_key(attested: CoseKey, key: SshPublicKey) -> bool:
    if isinstance(key.key, Ed25519PublicKey):
        return attested.get(3) == -8 and attested.get(-2) == key.key.public_bytes_raw()  # noqa: PLR2004 - EdDSA
    assert isinstance(key.key, ec.EllipticCurvePublicKey)  # noqa: S101 - FIDO2 keys are of two types
    numbers = key.key.public_numbers()
    point = (numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big"))
    return attested.get(3) == -7 and (attested.get(-2), attested.get(-3)) == point  # noqa: PLR2004 - ES256
