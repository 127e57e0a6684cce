"""Secrets that have to be read again later: sealed with a key made of the server key, so that no row has them in clear.

AES-256-GCM (NIST SP 800-38D) with a random nonce; what a secret is for is authenticated with it, so that one row's
secret opens in no other's place.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LINK: Final = "link"
"""The way to a page that a message leads to: whoever has it acts."""
SECOND_FACTOR: Final = "second-factor"
"""What one-time codes are made of."""
DEVICE: Final = "device"
"""Cookie by which an account knows a browser."""
SESSION: Final = "session"
"""What a sign-in session remembers."""

_OWN_KEY: Final = b"sealing"
"""What the key is made of, under the server key: without a zero octet, which every text has that proves a password
under the same key (domain/link_tokens.py)."""
_NONCE_OCTETS = 12


class InvalidToken(ValueError):
    """What is no seal of ours for this purpose, or was changed."""


def encrypt_token(key: bytes, purpose: str, text: str) -> str:
    """Seal a text: letters, digits, hyphens and underscores."""
    nonce = secrets.token_bytes(_NONCE_OCTETS)
    return urlsafe_b64encode(nonce + _cipher(key).encrypt(nonce, text.encode(), purpose.encode())).decode("ascii")


def decrypt_token(key: bytes, purpose: str, sealed: str) -> str:
    """Give the text that was sealed for this purpose. Raises InvalidToken."""
    try:
        octets = urlsafe_b64decode(sealed.encode("ascii"))
        return _cipher(key).decrypt(octets[:_NONCE_OCTETS], octets[_NONCE_OCTETS:], purpose.encode()).decode()
    except (ValueError, InvalidTag):
        sentence = "this was not sealed here, or not for this"
        raise InvalidToken(sentence) from None


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key, _OWN_KEY, sha256))
