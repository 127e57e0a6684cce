"""Who holds private keys: octets in, signature out.

`software.py` keeps them in files.
"""

from typing import Protocol


class SignerUnavailable(Exception):
    """A key cannot be used just now. The text names the key and nothing secret."""


class Signer(Protocol):
    """Signs with keys that it knows by name."""

    def sign(self, key_name: str, octets: bytes) -> bytes:
        """Sign as `pki.signing.sign` does; `octets` are hashed here.

        Raises SignerUnavailable.
        """
