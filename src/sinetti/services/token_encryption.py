"""Encryption of secrets at rest, with a key derived from the server key.

For secrets that the service must read again later, so that no database row has them in clear. AES-256-GCM (NIST SP
800-38D) with a random nonce. The purpose of a secret is authenticated data, so that a secret of one row decrypts in no
other place.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LINK: Final = "link"
"""The path of the page behind a link; the holder of the link can act."""
SECOND_FACTOR: Final = "second-factor"
"""The secret from which one-time codes are derived."""
DEVICE: Final = "device"
"""The cookie that identifies a browser to an account."""
SESSION: Final = "session"
"""The content of a sign-in session."""

_OWN_KEY: Final = b"sealing"
"""Input for deriving the encryption key from the server key.

It has no zero octet. Every text that proves a password under the same key has one (domain/link_tokens.py).
"""
_NONCE_OCTETS = 12


class InvalidToken(ValueError):
    """Raised for a token that is not encrypted by us for this purpose, or was changed."""


def encrypt_token(key: bytes, purpose: str, text: str) -> str:
    """Encrypt a text; the token has letters, digits, hyphens and underscores."""
    nonce = secrets.token_bytes(_NONCE_OCTETS)
    return urlsafe_b64encode(nonce + _cipher(key).encrypt(nonce, text.encode(), purpose.encode())).decode("ascii")


def decrypt_token(key: bytes, purpose: str, sealed: str) -> str:
    """Decrypt a token of this purpose. Raises InvalidToken."""
    try:
        octets = urlsafe_b64decode(sealed.encode("ascii"))
        return _cipher(key).decrypt(octets[:_NONCE_OCTETS], octets[_NONCE_OCTETS:], purpose.encode()).decode()
    except (ValueError, InvalidTag):
        sentence = "this value was not encrypted by this service for this purpose"
        raise InvalidToken(sentence) from None


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key, _OWN_KEY, sha256))
