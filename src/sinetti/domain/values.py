"""Small frozen types that all packages use. Instants are UTC, in whole seconds.

Identifiers of organisations: syntax of each type, and equality.

The source is the facts sheet, 1, "Customer ids".
"""

import re
import unicodedata
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


@dataclass(frozen=True)
class KeyPolicy:
    """Accepted types of public keys, and the option for RSA with e=3.

    docs/integrators/divergences.md explains the option.
    """

    types: frozenset[KeyType] = frozenset(KeyType)
    small_exponent: bool = False


@dataclass(frozen=True)
class Organisation:
    """Organisation as the rules need it: its name and its approved channels."""

    customer_id: str
    name: str
    open: bool
    channels: frozenset[Channel]

    def is_approved_for(self, channel: Channel) -> bool:
        """Return True if certificates for this channel may be issued to it."""
        return self.open and channel in self.channels


@dataclass(frozen=True)
class ValidityPeriod:
    """Validity period: notBefore and notAfter, both inclusive (RFC 5280, 4.1.2.5)."""

    not_before: datetime
    not_after: datetime


MAXIMUM_LENGTH = 30
"""Limit of CustomerId on the wire (facts sheet, 2)."""

_ALLOWED = re.compile(r"[A-Za-z0-9./-]+")
_BUSINESS_ID = re.compile(r"[0-9]{7}-[0-9]")
_VAT = {
    "AT": r"U[0-9]{8}",
    "BE": r"[01][0-9]{9}",
    "BG": r"[0-9]{9,10}",
    "CY": r"[0-9]{8}[A-Z]",
    "CZ": r"[0-9]{8,10}",
    "DE": r"[0-9]{9}",
    "DK": r"[0-9]{8}",
    "EE": r"[0-9]{9}",
    "EL": r"[0-9]{9}",
    "ES": r"[0-9A-Z][0-9]{7}[0-9A-Z]",
    "FI": r"[0-9]{8}",
    "FR": r"[0-9A-Z]{2}[0-9]{9}",
    "HR": r"[0-9]{11}",
    "HU": r"[0-9]{8}",
    "IE": r"[0-9][0-9A-Z][0-9]{5}[A-Z]{1,2}",
    "IT": r"[0-9]{11}",
    "LT": r"[0-9]{9}|[0-9]{12}",
    "LU": r"[0-9]{8}",
    "LV": r"[0-9]{11}",
    "MT": r"[0-9]{8}",
    "NL": r"[0-9]{9}B[0-9]{2}",
    "PL": r"[0-9]{10}",
    "PT": r"[0-9]{9}",
    "RO": r"[0-9]{2,10}",
    "SE": r"[0-9]{12}",
    "SI": r"[0-9]{8}",
    "SK": r"[0-9]{10}",
    "XI": r"[0-9]{9}|[0-9]{12}|GD[0-9]{3}|HA[0-9]{3}",
}
"""VAT number formats by country code, for the part after the code.

They are those of the EU, and of Northern Ireland for goods.
"""

_LIKE_BUSINESS_ID = re.compile(r"[0-9]+-[0-9]")
"""Pattern for identifiers of other registers that resemble a Business ID.

The pattern is our own, since the formats of those identifiers are not known (facts sheet, 1).
"""

_SEPARATORS = str.maketrans("", "", "-./")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2)


class CustomerIdError(ValueError):
    """Identifier that cannot be registered as this type in this environment.

    The sentence says why and what to write instead.
    """


def normalise(customer_id: str) -> str:
    """Return the form in which identifiers are compared: NFC, trimmed, case-folded.

    This form is unique among organisations.
    """
    return unicodedata.normalize("NFC", customer_id).strip().casefold()


def has_text(text: str, name: str, customer_id: str) -> bool:
    """Return True if each word of a text is in the name, or the text is in the id.

    Case, and the hyphens of ids, do not count.
    """
    words, asked = text.casefold().split(), normalise(text).replace("-", "")
    inside = all(word in name.casefold() for word in words)
    return inside or (bool(asked) and asked in normalise(customer_id).replace("-", ""))


def is_same_identifier(text: str, other: str) -> bool:
    """Return True if two identifiers name the same organisation."""
    return normalise(text) == normalise(other)


def is_business_id(customer_id: str) -> bool:
    """Return True for a Finnish Business ID with the right check digit."""
    if not _BUSINESS_ID.fullmatch(customer_id):
        return False
    digits = [int(digit) for digit in customer_id[:7]]
    rest = sum(digit * weight for digit, weight in zip(digits, _WEIGHTS, strict=True)) % 11
    return rest != 1 and int(customer_id[-1]) == (0 if rest == 0 else 11 - rest)


def is_vat_number(customer_id: str) -> bool:
    """Return True for the format of an EU country's VAT number.

    Hyphens, full stops and slashes are ignored. In Finnish ones the check digit of the Business ID must be right.
    """
    plain = customer_id.upper().translate(_SEPARATORS)
    country, number = plain[:2], plain[2:]
    if country not in _VAT or not re.fullmatch(_VAT[country], number):
        return False
    return country != "FI" or is_business_id(f"{number[:7]}-{number[7]}")


def is_identifier(customer_id: str, environment: Environment) -> bool:
    """Return True if this may be the identifier of an organisation, of any type.

    An identifier that looks like a Business ID or a Finnish VAT number must be complete, with the right check digit.
    Identifiers of other registers must contain a digit, so that no word is accepted. In TEST, where identifiers are
    made up, any text is accepted.
    """
    if not _ALLOWED.fullmatch(customer_id) or len(customer_id) > MAXIMUM_LENGTH:
        return False
    if environment is Environment.TEST:
        return True
    if _LIKE_BUSINESS_ID.fullmatch(customer_id):
        return is_business_id(customer_id)
    plain = customer_id.upper().translate(_SEPARATORS)
    if plain.startswith("FI") and plain[2:].isdigit():
        return is_vat_number(plain)
    return any(letter.isdigit() for letter in plain)


def check_customer_id(customer_id: str, kind: IdentifierType, environment: Environment) -> str:
    """Return the identifier as it is registered, trimmed.

    Raises CustomerIdError if its form does not fit its type. In PRODUCTION only type business-id may look like a
    Business ID, and only type vat like a VAT number. This prevents an organisation from posing as another. Artificial
    identifiers are for TEST, where check digits are not verified.
    """
    value = unicodedata.normalize("NFC", customer_id).strip()
    if not _ALLOWED.fullmatch(value) or len(value) > MAXIMUM_LENGTH:
        raise CustomerIdError(
            f"an id has 1 to {MAXIMUM_LENGTH} characters out of A-Z, a-z, 0-9, full stop, slash and hyphen"
        )
    if environment is Environment.TEST:
        return value
    if kind is IdentifierType.ARTIFICIAL:
        raise CustomerIdError("artificial ids are for the TEST environment; choose the kind that the real id has")
    _check_production(value, kind)
    return value


def _check_production(value: str, kind: IdentifierType) -> None:
    looks_like_business_id = bool(_BUSINESS_ID.fullmatch(value))
    looks_like_vat = is_vat_number(value)
    if kind is IdentifierType.BUSINESS_ID and not is_business_id(value):
        raise CustomerIdError("a Business ID is seven digits, a hyphen and the right check digit, like 1234567-1")
    if kind is IdentifierType.VAT and not looks_like_vat:
        raise CustomerIdError("a VAT number begins with the letters of its EU country, like FI12345671")
    if looks_like_business_id and kind is not IdentifierType.BUSINESS_ID:
        raise CustomerIdError("this looks like a Business ID; register it as kind business-id")
    if looks_like_vat and kind is not IdentifierType.VAT:
        raise CustomerIdError("this looks like a VAT number; register it as kind vat")
