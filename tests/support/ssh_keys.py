"""SSH keys of officers: made and used by `ssh-keygen`, or FIDO2 ones by their format.

A FIDO2 key of these tests has its private key here, and signs as an authenticator does (OpenSSH, PROTOCOL.u2f).
"""

import base64
import hashlib
import struct
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from fido2 import cbor
from fido2.cose import ES256, CoseKey, EdDSA
from fido2.webauthn import Aaguid, AttestedCredentialData, AuthenticatorData

from sinetti.pki.ssh_signatures import string

NAMESPACE = "sinetti-approval@v1"
PRESENT, VERIFIED = 0x01, 0x04
APPLICATION = "ssh:"


@dataclass
class KeyFile:
    """A key pair that `ssh-keygen` made, in files."""

    private: Path

    @property
    def public(self):
        return self.private.with_name(f"{self.private.name}.pub")

    def sign(self, message, namespace=NAMESPACE, *options):
        """Return the signature of `ssh-keygen -Y sign` over octets."""
        words = ["ssh-keygen", "-Y", "sign", "-q", "-n", namespace, "-f", self.private, *options]
        return subprocess.run(words, input=message, capture_output=True, check=True).stdout


def make_key(folder, name="officer", kind="ed25519", *options):
    """Make a key pair with `ssh-keygen`, without a pass-phrase."""
    path = Path(folder) / name
    words = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"{name}@machine", "-f", path, *options]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return KeyFile(path)


@dataclass
class Authenticator:
    """A FIDO2 authenticator in software, with one key for SSH."""

    private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey
    flags: int = PRESENT | VERIFIED
    counter: int = 7
    attesting: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def kind(self):
        is_ed = isinstance(self.private, Ed25519PrivateKey)
        return "sk-ssh-ed25519@openssh.com" if is_ed else "sk-ecdsa-sha2-nistp256@openssh.com"

    @property
    def blob(self):
        public = self.private.public_key()
        if isinstance(self.private, Ed25519PrivateKey):
            parts = [self.kind.encode(), public.public_bytes_raw()]
        else:
            point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            parts = [self.kind.encode(), b"nistp256", point]
        return b"".join(map(string, [*parts, APPLICATION.encode()]))

    @property
    def line(self):
        return f"{self.kind} {base64.b64encode(self.blob).decode()} officer@machine\n".encode()

    def sign(self, message, namespace=NAMESPACE):
        """Return a signature in the form of `ssh-keygen -Y sign`."""
        digest = hashlib.sha512(message).digest()
        named = b"SSHSIG" + b"".join(map(string, [namespace.encode(), b"", b"sha512", digest]))
        after = bytes([self.flags]) + struct.pack(">I", self.counter)
        signed = hashlib.sha256(APPLICATION.encode()).digest() + after + hashlib.sha256(named).digest()
        signature = string(self.kind.encode()) + string(self._octets(signed)) + after
        parts = [self.blob, namespace.encode(), b"", b"sha512", signature]
        return armored(b"SSHSIG" + struct.pack(">I", 1) + b"".join(map(string, parts)))

    def _octets(self, signed):
        if isinstance(self.private, Ed25519PrivateKey):
            return self.private.sign(signed)
        both = decode_dss_signature(self.private.sign(signed, ec.ECDSA(hashes.SHA256())))
        return b"".join(string(one.to_bytes(one.bit_length() // 8 + 1, "big")) for one in both)

    def attest(self, challenge):
        """Return the attestation that `ssh-keygen -O write-attestation` writes."""
        public = self.private.public_key()
        cose = EdDSA.from_cryptography_key(public) if isinstance(self.private, Ed25519PrivateKey) else None
        cose = cose or ES256.from_cryptography_key(public)
        credential = AttestedCredentialData.create(Aaguid(b"\1" * 16), b"handle", CoseKey(cose))
        rp = hashlib.sha256(APPLICATION.encode()).digest()
        data = AuthenticatorData.create(rp, AuthenticatorData.FLAG.AT | AuthenticatorData.FLAG.UP, 1, credential)
        signed = self.attesting.sign(data + hashlib.sha256(challenge).digest(), ec.ECDSA(hashes.SHA256()))
        der = self._certificate().public_bytes(Encoding.DER)
        parts = [b"ssh-sk-attest-v01", der, signed, cbor.encode(bytes(data))]
        return b"".join(map(string, parts)) + struct.pack(">I", 0) + string(b"")

    def _certificate(self):
        named = {
            NameOID.COUNTRY_NAME: "FI",
            NameOID.ORGANIZATION_NAME: "Maker of authenticators",
            NameOID.ORGANIZATIONAL_UNIT_NAME: "Authenticator Attestation",
            NameOID.COMMON_NAME: "Authenticator 1",
        }
        name = x509.Name([x509.NameAttribute(*one) for one in named.items()])
        builder = x509.CertificateBuilder(name, name, self.attesting.public_key(), 1)
        builder = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(
            datetime(2050, 1, 1, tzinfo=UTC)
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return builder.sign(self.attesting, hashes.SHA256())


def armored(octets):
    """Return octets between the lines of an SSH signature."""
    text = base64.b64encode(octets)
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return b"\n".join([b"-----BEGIN SSH SIGNATURE-----", *lines, b"-----END SSH SIGNATURE-----", b""])
