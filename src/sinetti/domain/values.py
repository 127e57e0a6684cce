"""Small frozen types that all packages use. Instants are UTC, in whole seconds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

Serial = NewType("Serial", str)
"""Serial number of a certificate: lower-case hex, an even number of digits."""

KeyId = NewType("KeyId", str)
"""SHA-256 (lower-case hex) over a public key re-encoded from its numbers.

A key has the same id in every encoding.
"""

Sha256 = NewType("Sha256", str)
"""SHA-256 of octets, usually the DER of a certificate: lower-case hex."""

VALIDITY = timedelta(days=730)
"""Validity of a holder's certificate, measured on real ones (facts sheet, 1)."""

RENEWAL_WINDOW = timedelta(days=60)
"""Time before notAfter at which renewal opens: 60 days of 24 hours.

The source is the facts sheet, 1.
"""

TRANSFER_IDS_LIVE = timedelta(days=14)
"""Lifetime of transfer ids (facts sheet, 1)."""


class Environment(StrEnum):
    """Environments, which never mix; the values are those of the wire."""

    PRODUCTION = "PRODUCTION"
    TEST = "TEST"


class Language(StrEnum):
    """Languages of users."""

    FI = "fi"
    SV = "sv"
    EN = "en"


class Channel(StrEnum):
    """Channel for the delivery of material; each has certificates of its own."""

    WS = "WS"
    SFTP = "SFTP"


class IdentifierType(StrEnum):
    """Type of an organisation's identifier.

    The user who registers the organisation chooses it; it is never guessed (facts sheet, 1).
    """

    BUSINESS_ID = "business-id"
    VAT = "vat"
    FOREIGN = "foreign"
    REGISTER = "register"
    ARTIFICIAL = "artificial"


class KeyType(StrEnum):
    """Key types for holders; the values are those of the client's `--key`."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """Accepted types of public keys, and the option for RSA with e=3.

    docs/divergences.md explains the option.
    """

    types: frozenset[KeyType] = frozenset(KeyType)
    small_exponent: bool = False


@dataclass(frozen=True, slots=True)
class Organisation:
    """Organisation as the rules need it: its name and its approved channels."""

    customer_id: str
    name: str
    open: bool
    channels: frozenset[Channel]

    def is_approved_for(self, channel: Channel) -> bool:
        """Return True if certificates for this channel may be issued to it."""
        return self.open and channel in self.channels


@dataclass(frozen=True, slots=True)
class ValidityPeriod:
    """Validity period: notBefore and notAfter, both inclusive (RFC 5280, 4.1.2.5)."""

    not_before: datetime
    not_after: datetime
