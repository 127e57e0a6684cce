"""Secrets of links, PINs and return addresses: made from a server key, stored nowhere, and made again alike.

Each is HMAC-SHA-256 over what it is for and a random id of the register (RFC 2104), under a key of their own, which is
made from the instance's. Whoever has the register alone can make none of them.
"""

import hmac
from base64 import b32encode
from hashlib import sha256
from typing import Final

OPEN_LINK: Final = "open"
"""The link to a secure message, over the id of its row."""
STOP_LINK: Final = "stop"
"""The link *Not your task any more?*, over the id of the message that it stands in."""
INVITATION: Final = "invitation"
"""The link by which a mandate is taken up, over the id of its invitation."""
PIN: Final = "pin"
"""The PIN code of one SMS, over the id of its row."""
CODE: Final = "code"
"""What a signatory tells who has no phone, over the id of the secure message."""
RETURN_ADDRESS: Final = "return"
"""The address that a message which cannot be delivered comes back to, over the message's id."""

_OWN_KEY: Final = b"notices"
"""What the key of these secrets is made of, under the instance's key.

The same key proves transfer ids' passwords, over texts with a zero octet (services/issuance/order.py); this one has
none, so that no password equals it.
"""
_PIN_DIGITS = 6
_CODE_LETTERS = 10
_LINK_OCTETS, _RETURN_OCTETS = 20, 10


def link_token(key: bytes, purpose: str, row_id: str) -> str:
    """What stands in a link: 32 small letters and digits 2 to 7 (160 bits, RFC 4648 base32)."""
    return _letters(_mac(key, purpose, row_id)[:_LINK_OCTETS])


def token_hash(token: str) -> str:
    """What the register keeps of a link's token: SHA-256, hex.

    The token is random enough to need no slow hash.
    """
    return sha256(token.encode()).hexdigest()


def pin_code(key: bytes, row_id: str) -> str:
    """Six digits; the reduction prefers none of them by more than one in 10^32."""
    return f"{int.from_bytes(_mac(key, PIN, row_id)) % 10**_PIN_DIGITS:0{_PIN_DIGITS}}"


def delivery_code(key: bytes, row_id: str) -> str:
    """Ten letters and digits (50 bits)."""
    return _letters(_mac(key, CODE, row_id))[:_CODE_LETTERS]


def bounce_token(key: bytes, message_id: str) -> str:
    """What proves that a return address is one that we wrote: 16 letters and digits (80 bits), small letters alone.

    Local parts of addresses are not told apart by case on their way, so there is nothing in it that case could change.
    """
    return _letters(_mac(key, RETURN_ADDRESS, message_id)[:_RETURN_OCTETS])


def constant_time_equal(one: str, other: str) -> bool:
    """Compare two secrets in constant time, whatever characters somebody sent."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _mac(key: bytes, purpose: str, row_id: str) -> bytes:
    own = hmac.digest(key, _OWN_KEY, sha256)
    return hmac.digest(own, f"{purpose}\0{row_id}".encode(), sha256)


def _letters(octets: bytes) -> str:
    return b32encode(octets).decode("ascii").rstrip("=").lower()
