"""Secrets of links, PINs and return addresses, derived from secret keys.

Secrets are not stored: the same input gives the same secret again. Each is HMAC-SHA-256 (RFC 2104) over its purpose
and a random id of the database. Its key is derived from a secret key of the instance, so the database alone is not
enough to compute a secret.
"""

import hmac
from base64 import b32encode
from hashlib import sha256
from typing import Final

OPEN_LINK: Final = "open"
"""Purpose of the link to a secure message, over the id of its row."""
STOP_LINK: Final = "stop"
"""Purpose of the link *Not your task any more?*, over the id of its message."""
DRILL_LINK: Final = "drill"
"""Purpose of the link by which the reader of a drill's message confirms it.

It is over the id of the message, and opens no page with data.
"""
INVITATION: Final = "invitation"
"""Purpose of the link by which a person accepts a mandate.

It is over the id of the invitation.
"""
VETO: Final = "veto"
"""Purpose of the link by which an organisation stops a naming.

The naming is that of its first signatory. It is over the id of the naming.
"""
PIN: Final = "pin"
"""Purpose of the PIN code of one SMS, over the id of its row."""
CODE: Final = "code"
"""Purpose of a signatory's code, over the id of the secure message.

The signatory tells it to a contact who has no phone.
"""
RETURN_ADDRESS: Final = "return"
"""Purpose of the return address for undeliverable messages, over the message id."""

_OWN_KEY: Final = b"notices"
"""Label from which the key of these secrets is derived, under the instance's key.

The same instance key proves passwords of transfer ids, over texts with a zero octet (services/issuance/order.py). This
label has none, so that no password equals it.
"""
_PIN_DIGITS = 6
_CODE_LETTERS = 10
_LINK_OCTETS, _RETURN_OCTETS = 20, 10


def link_token(key: bytes, purpose: str, row_id: str) -> str:
    """Return the token of a link: 160 bits as 32 lower-case letters and digits 2 to 7.

    The encoding is base32 (RFC 4648).
    """
    return _letters(_mac(key, purpose, row_id)[:_LINK_OCTETS])


def token_hash(token: str) -> str:
    """Return the SHA-256 of a link's token in hex, as the database stores it.

    The token is random enough to need no slow hash.
    """
    return sha256(token.encode()).hexdigest()


def pin_code(key: bytes, row_id: str) -> str:
    """Return a PIN code of six digits.

    The reduction prefers no digit by more than one in 10^32.
    """
    return f"{int.from_bytes(_mac(key, PIN, row_id)) % 10**_PIN_DIGITS:0{_PIN_DIGITS}}"


def delivery_code(key: bytes, row_id: str) -> str:
    """Return a signatory's code of ten letters and digits (50 bits)."""
    return _letters(_mac(key, CODE, row_id))[:_CODE_LETTERS]


def bounce_token(key: bytes, message_id: str) -> str:
    """Return the proof that this service created a return address.

    It has 80 bits, as 16 lower-case letters and digits. Mail servers may change the case of local parts, so case
    carries no information.
    """
    return _letters(_mac(key, RETURN_ADDRESS, message_id)[:_RETURN_OCTETS])


def constant_time_equal(text: str, other: str) -> bool:
    """Compare two secrets in constant time; any characters are accepted."""
    return hmac.compare_digest(text.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _mac(key: bytes, purpose: str, row_id: str) -> bytes:
    own = hmac.digest(key, _OWN_KEY, sha256)
    return hmac.digest(own, f"{purpose}\0{row_id}".encode(), sha256)


def _letters(octets: bytes) -> str:
    return b32encode(octets).decode("ascii").rstrip("=").lower()
