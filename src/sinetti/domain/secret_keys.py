"""Secret keys of the service, one line of them for each purpose.

docs/operators/keys.md lists the purposes. Rotation adds a key to the line of its purpose. The newest key makes new
data, and older keys read what they made, until an operator removes them.

Data names its key. A sealed text and a stored MAC begin with the key's id. The id of a row whose link or PIN code is
computed from it contains the id. Data without an id belongs to the first key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

FIRST: Final = "0"
"""Id of the first key of each purpose. Data that it made contains no id."""

_MARK: Final = "k"
"""First character of a row's id that contains the id of a key. It is no hex digit."""
_DIGITS: Final = 3
"""Decimal digits of a key's id in a row's id."""
MOST: Final = 10**_DIGITS - 1
"""Greatest id of a key."""


class SecretPurpose(StrEnum):
    """Purpose of secret keys. The values are arguments of `sinetti authority secrets`."""

    TRANSFER_PASSWORDS = "transfer-passwords"
    """MAC of the one-time passwords of transfer IDs."""
    SESSIONS = "sessions"
    """Seals of sign-in sessions and of the cookies of known browsers."""
    SECOND_FACTORS = "second-factors"
    """Seals of the secrets of one-time codes and of recovery codes."""
    LINKS = "links"
    """Links of secure messages, invitations and namings, and signatories' codes.

    Also seals of links in letters.
    """
    PINS = "pins"
    """PIN codes in SMS."""
    MAIL = "mail"
    """Return addresses of messages, and their links that stop messages."""
    DJANGO = "django"
    """Django's SECRET_KEY.

    It signs links that set a password or confirm an address.
    """
    PERSONS = "persons"
    """Digests of clerks' person IDs."""
    SEARCHES = "searches"
    """Digests of search texts in audit rows."""


COMPARED: Final = frozenset({SecretPurpose.PERSONS})
"""Purposes whose data is compared with that of other rows, which need one key."""


@dataclass(frozen=True)
class SecretKey:
    """Secret key with its id and the time of its creation."""

    key_id: str
    octets: bytes = field(repr=False)
    made_at: datetime


class UnknownKeyError(LookupError):
    """Data names a key that this service does not have."""


@dataclass(frozen=True)
class Keyring:
    """All secret keys of the service.

    Each purpose has at least one; the newest is last.
    """

    keys: Mapping[SecretPurpose, tuple[SecretKey, ...]] = field(repr=False)

    def current(self, purpose: SecretPurpose) -> SecretKey:
        """Return the newest key of a purpose, which makes new data."""
        return self.keys[purpose][-1]

    def every(self, purpose: SecretPurpose) -> tuple[SecretKey, ...]:
        """Return all keys of a purpose, the newest first."""
        return self.keys[purpose][::-1]

    def get(self, purpose: SecretPurpose, key_id: str) -> SecretKey:
        """Return the key with this id. Raises UnknownKeyError if there is none."""
        for key in self.keys[purpose]:
            if key.key_id == key_id:
                return key
        raise UnknownKeyError(f"there is no key {key_id} for {purpose}")

    def new_row_id(self, purpose: SecretPurpose, random_id: str) -> str:
        """Return the id of a new row whose secret the newest key makes.

        `random_id` has 32 hex digits. Under a later key than the first, 112 of its 128 bits are kept.
        """
        key_id = self.current(purpose).key_id
        return random_id if key_id == FIRST else f"{_MARK}{int(key_id):0{_DIGITS}}{random_id[_DIGITS + 1 :]}"

    def of_row(self, purpose: SecretPurpose, row_id: str) -> bytes:
        """Return the key that makes the secret of a row. Raises UnknownKeyError."""
        return self.get(purpose, key_id_of_row(row_id)).octets


def key_id_of_row(row_id: str) -> str:
    """Return the id of the key that a row's id names, or that of the first key."""
    return str(int(row_id[1 : _DIGITS + 1])) if row_id.startswith(_MARK) else FIRST


KeySource = Callable[[], Keyring]
"""Function that returns the keys in force now.

A running service gets new ones without a restart.
"""


def fixed_keys(octets: bytes) -> KeySource:
    """Return a source with one key for all purposes, for previews, benches and tests."""
    ring = Keyring(dict.fromkeys(SecretPurpose, (SecretKey(FIRST, octets, datetime.min.replace(tzinfo=UTC)),)))
    return lambda: ring
