"""Signers: interfaces to private keys that sign octets.

`software.py` uses keys in files.
"""

from dataclasses import dataclass, field
from typing import Protocol


class SignerUnavailable(Exception):
    """Key that cannot be used now. The text names the key and nothing secret."""


class SignatureRefused(Exception):
    """Octets that the separate signer does not sign; the sentence names the rule.

    The same octets are refused again, unlike after SignerUnavailable.
    """


@dataclass(frozen=True, slots=True)
class SignatureProof:
    """Signature of a holder's old key, which proves a renewal to the signer.

    - `certificate`: the old certificate, DER.
    - `signed_info`: the canonical octets of ds:SignedInfo.
    - `signature`: the octets of ds:SignatureValue (ECDSA as r and s, one after the other).
    - `digested`: the canonical octets of the request, which the reference digests.
    """

    certificate: bytes = field(repr=False)
    signed_info: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    digested: bytes = field(repr=False)


class Signer(Protocol):
    """Signer with keys that are identified by name."""

    def sign(self, key_name: str, octets: bytes) -> bytes:
        """Sign as `pki.signatures.sign` does; this method hashes `octets`.

        Raises SignerUnavailable if the key cannot be used.
        """
