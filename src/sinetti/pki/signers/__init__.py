"""Signers: interfaces to private keys that sign octets.

`software.py` uses keys in files. `token_pool.py` uses keys in PKCS#11 tokens, through processes of their own.
"""

from typing import Protocol


class SignerUnavailable(Exception):
    """Key that cannot be used now. The text names the key and nothing secret."""


class KeyMissing(SignerUnavailable):
    """Key that its token does not contain."""


class Signer(Protocol):
    """Signer with keys that are identified by name."""

    def sign(self, key_name: str, octets: bytes) -> bytes:
        """Sign as `pki.signatures.sign` does; this method hashes `octets`.

        Raises SignerUnavailable if the key cannot be used.
        """
