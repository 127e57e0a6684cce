"""Verification codes as an app on a phone shows them.

They follow RFC 6238: SHA-1, 30 seconds, six digits.
"""

import hmac
import secrets
import struct
from base64 import b32decode, b32encode
from datetime import datetime

_PERIOD, _DIGITS = 30, 6
_SECRET_OCTETS = 20
_LOW_BITS, _NO_SIGN = 0x0F, 0x7FFFFFFF


class NoSecret(ValueError):
    """Raised for a text from which no codes can be made."""


def new_secret() -> str:
    """Return a new secret for codes: 32 letters and digits of base32."""
    return b32encode(secrets.token_bytes(_SECRET_OCTETS)).decode("ascii")


def totp(secret: str, at: datetime, later: int = 0) -> str:
    """Return the code that is valid at an instant of the machine's clock.

    `later` is a number of periods to add. Raises NoSecret if the secret is not base32.
    """
    try:
        key = b32decode("".join(secret.split()), casefold=True)
    except ValueError:
        key = b""
    if not key:
        raise NoSecret("a secret has only letters and the digits 2 to 7")
    counter = struct.pack(">Q", int(at.timestamp()) // _PERIOD + later)
    digest = hmac.digest(key, counter, "sha1")
    place = digest[-1] & _LOW_BITS
    (number,) = struct.unpack(">I", digest[place : place + 4])
    return f"{(number & _NO_SIGN) % 10**_DIGITS:0{_DIGITS}}"


def seconds_remaining(at: datetime) -> int:
    """Return the seconds until the next code."""
    return _PERIOD - int(at.timestamp()) % _PERIOD
