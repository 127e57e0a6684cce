"""Small frozen types that every room speaks. Times are UTC, whole seconds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

Serial = NewType("Serial", str)
"""A certificate's serial number: lower-case hex, an even number of digits."""

KeyId = NewType("KeyId", str)
"""SHA-256 (lower-case hex) over a public key re-encoded from its numbers: one key, one id, in every encoding."""

Sha256 = NewType("Sha256", str)
"""SHA-256 of some octets, mostly the DER of a certificate: lower-case hex."""

VALIDITY = timedelta(days=730)
"""How long a holder's certificate lives: measured on real leaves (facts sheet, 1)."""

RENEWAL_WINDOW = timedelta(days=60)
"""Renewal opens this long before notAfter: days of 24 hours (facts sheet, 1)."""

TRANSFER_IDS_LIVE = timedelta(days=14)
"""How long transfer ids may be used (facts sheet, 1)."""


class Environment(StrEnum):
    """The two worlds that never mix; the values are the wire's."""

    PRODUCTION = "PRODUCTION"
    TEST = "TEST"


class Language(StrEnum):
    """The languages people read."""

    FI = "fi"
    SV = "sv"
    EN = "en"


class Channel(StrEnum):
    """How material is delivered; each channel has certificates of its own."""

    WS = "WS"
    SFTP = "SFTP"


class IdentifierType(StrEnum):
    """What an organisation's id is: chosen by whoever registers it, never guessed (facts sheet, 1)."""

    BUSINESS_ID = "business-id"
    VAT = "vat"
    FOREIGN = "foreign"
    REGISTER = "register"
    ARTIFICIAL = "artificial"


class KeyType(StrEnum):
    """The keys that a holder may have made; the values are the client's `--key`."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """Which public keys are taken, and whether the switch for RSA with e=3 is on (docs/divergences.md)."""

    types: frozenset[KeyType] = frozenset(KeyType)
    small_exponent: bool = False


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation as the rules see it: what it is called, and whether it still may use which channels."""

    customer_id: str
    name: str
    open: bool
    channels: frozenset[Channel]

    def is_approved_for(self, channel: Channel) -> bool:
        """Whether certificates for this channel may still be issued to it."""
        return self.open and channel in self.channels


@dataclass(frozen=True, slots=True)
class ValidityPeriod:
    """A certificate's life: notBefore and notAfter, both inclusive (RFC 5280, 4.1.2.5)."""

    not_before: datetime
    not_after: datetime
