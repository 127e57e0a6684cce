"""Encryption of secrets at rest, with keys derived from the service's secret keys.

For secrets that the service must read again later, so that no database row has them in clear. AES-256-GCM (NIST SP
800-38D) with a random nonce. The purpose of a secret is authenticated data, so that a secret of one row decrypts in no
other place.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sinetti.domain.secret_keys import FIRST, Keyring, KeySource, SecretPurpose, UnknownKeyError

LINK: Final = "link"
"""The path of the page behind a link; the holder of the link can act."""
SECOND_FACTOR: Final = "second-factor"
"""The secret from which one-time codes are derived."""
DEVICE: Final = "device"
"""The cookie that identifies a browser to an account."""
SESSION: Final = "session"
"""The content of a sign-in session."""

_OWN_KEY: Final = b"sealing"
"""Input for deriving the encryption key from a secret key.

It has no zero octet. Every text that proves a password under the same key has one (domain/link_tokens.py).
"""
_NONCE_OCTETS = 12
_KEYS_OF: Final[Mapping[str, SecretPurpose]] = {
    LINK: SecretPurpose.LINKS,
    SECOND_FACTOR: SecretPurpose.SECOND_FACTORS,
    DEVICE: SecretPurpose.SESSIONS,
    SESSION: SecretPurpose.SESSIONS,
}
_SEPARATOR: Final = "."
"""Character between a key's id and the token. No token contains it."""


class InvalidToken(ValueError):
    """Raised for a token that is not encrypted by us for this purpose, or was changed."""


def seal(ring: Keyring, purpose: str, text: str) -> str:
    """Encrypt a text with the newest key of its purpose.

    The token begins with the key's id and a dot, unless that is the first key.
    """
    key = ring.current(_KEYS_OF[purpose])
    token = encrypt_token(sealing_key(purpose, key.octets), purpose, text)
    return token if key.key_id == FIRST else f"{key.key_id}{_SEPARATOR}{token}"


def unseal(ring: Keyring, purpose: str, sealed: str) -> str:
    """Decrypt a text with the key that it names. Raises InvalidToken."""
    try:
        key = ring.get(_KEYS_OF[purpose], sealed_by(sealed))
    except UnknownKeyError as unknown:
        raise InvalidToken(str(unknown)) from None
    return decrypt_token(sealing_key(purpose, key.octets), purpose, sealed.rpartition(_SEPARATOR)[2])


def link_unsealer(keys: KeySource) -> Callable[[str], str]:
    """Return a function that decrypts links in letters. It raises InvalidToken."""
    return lambda sealed: unseal(keys(), LINK, sealed)


def sealed_by(sealed: str) -> str:
    """Return the id of the key that a sealed text names."""
    return sealed.partition(_SEPARATOR)[0] if _SEPARATOR in sealed else FIRST


def sealing_key(purpose: str, octets: bytes) -> bytes:
    """Return the key from which seals of a purpose are derived.

    Those of sessions and known browsers are derived as Django's SECRET_KEY, which sealed them before.
    """
    return django_key(octets).encode() if _KEYS_OF[purpose] is SecretPurpose.SESSIONS else octets


def django_key(octets: bytes) -> str:
    """Return the value of Django's SECRET_KEY that is derived from a secret key."""
    # Without a zero octet: texts that prove a password under the same key contain one (domain/link_tokens.py).
    return hmac.digest(octets, b"eservice", sha256).hex()


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
        raise InvalidToken("this value was not encrypted by this service for this purpose") from None


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key, _OWN_KEY, sha256))
