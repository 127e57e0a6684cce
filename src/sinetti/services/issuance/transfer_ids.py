"""Transfer ids: how they are made, and how their one-time password is kept and compared."""

import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime

from sinetti.database.organisations.organisations import NewTransferIds
from sinetti.domain.values import TRANSFER_IDS_LIVE

_LETTERS = string.ascii_letters + string.digits
_ID_DIGITS = 32
_PASSWORD_LENGTH = 16


@dataclass(frozen=True, slots=True)
class GeneratedTransferIds:
    """A pair of transfer ids as it is shown, once, to whoever passes it on."""

    order_id: str
    transfer_id: str
    transfer_password: str = field(repr=False)
    expires: datetime


def mac(key: bytes, transfer_id: str, password: str) -> bytes:
    """HMAC-SHA-256 over id and password: the password has 95 random bits, so no slow hash is needed."""
    return hmac.digest(key, f"{transfer_id}\0{password}".encode(), hashlib.sha256)


def verify_password(key: bytes, transfer_id: str, password: str, stored: bytes | None) -> bool:
    """Compare in constant time; for an unknown id (None) with a dummy, so that it takes as long."""
    expected = mac(key, transfer_id, password)
    return hmac.compare_digest(expected, stored if stored is not None else bytes(len(expected))) and stored is not None


def generate_transfer_ids(key: bytes, now: datetime) -> tuple[NewTransferIds, str]:
    """A new pair: what is stored, and the password that is shown once (shapes: facts sheet, 1)."""
    transfer_id = "".join(secrets.choice(string.digits) for _ in range(_ID_DIGITS))
    password = "".join(secrets.choice(_LETTERS) for _ in range(_PASSWORD_LENGTH))
    return NewTransferIds(transfer_id, now, now + TRANSFER_IDS_LIVE, mac(key, transfer_id, password)), password
