"""Signers of documents: a certificate, and a key that may be elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from cryptography import x509

from sinetti.pki import encoding
from sinetti.pki.encoding import PrivateKey
from sinetti.pki.signers.key_elsewhere import BatchSigningKey
from sinetti.wire.xmldsig import algorithms
from sinetti.wire.xmldsig.algorithms import XmlSignatureAlgorithm


@dataclass(frozen=True, slots=True)
class DocumentSigner:
    """Signer of documents.

    `certificate` is DER. `sign` returns a plain signature by `algorithm` over octets (ECDSA in DER). `sign_at_once`
    signs several octets in one request; None: they are signed one after the other.
    """

    certificate: bytes
    sign: Callable[[bytes], bytes] = field(repr=False)
    algorithm: XmlSignatureAlgorithm
    sign_at_once: Callable[[Sequence[bytes]], Sequence[bytes]] | None = field(default=None, repr=False)

    def sign_all(self, several: Sequence[bytes]) -> Sequence[bytes]:
        """Return the plain signatures over several octets."""
        if self.sign_at_once is None:
            return [self.sign(octets) for octets in several]
        return self.sign_at_once(several)


def signer_for_key(private_key: PrivateKey, certificate: bytes) -> DocumentSigner:
    """Return a signer with a private key; `certificate` (DER) is the key's."""
    made = signer_with(certificate, lambda octets: encoding.sign(private_key, octets))
    return replace(made, sign_at_once=private_key.sign_all) if isinstance(private_key, BatchSigningKey) else made


def signer_with(certificate: bytes, sign: Callable[[bytes], bytes]) -> DocumentSigner:
    """Return a signer with a function that uses the hash of `encoding.hash_for`.

    Raises ValueError for a key that is neither RSA nor EC.
    """
    return DocumentSigner(
        certificate, sign, algorithms.algorithm_for(x509.load_der_x509_certificate(certificate).public_key())
    )
