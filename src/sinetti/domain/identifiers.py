"""Identifiers of organisations: syntax of each type, and equality.

The source is the facts sheet, 1, "Customer ids".
"""

import re
import unicodedata

from sinetti.domain.values import Environment, IdentifierType

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


def is_same_identifier(one: str, other: str) -> bool:
    """Return True if two identifiers name the same organisation."""
    return normalise(one) == normalise(other)


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
    return any(one.isdigit() for one in plain)


def check_customer_id(customer_id: str, kind: IdentifierType, environment: Environment) -> str:
    """Return the identifier as it is registered, trimmed.

    Raises CustomerIdError if its form does not fit its type. In PRODUCTION only type business-id may look like a
    Business ID, and only type vat like a VAT number. This prevents an organisation from posing as another. Artificial
    identifiers are for TEST, where check digits are not verified.
    """
    value = unicodedata.normalize("NFC", customer_id).strip()
    if not _ALLOWED.fullmatch(value) or len(value) > MAXIMUM_LENGTH:
        sentence = f"an id has 1 to {MAXIMUM_LENGTH} characters out of A-Z, a-z, 0-9, full stop, slash and hyphen"
        raise CustomerIdError(sentence)
    if environment is Environment.TEST:
        return value
    if kind is IdentifierType.ARTIFICIAL:
        sentence = "artificial ids are for the TEST environment; choose the kind that the real id has"
        raise CustomerIdError(sentence)
    _check_production(value, kind)
    return value


def _check_production(value: str, kind: IdentifierType) -> None:
    looks_like_business_id = bool(_BUSINESS_ID.fullmatch(value))
    looks_like_vat = is_vat_number(value)
    if kind is IdentifierType.BUSINESS_ID and not is_business_id(value):
        sentence = "a Business ID is seven digits, a hyphen and the right check digit, like 1234567-1"
        raise CustomerIdError(sentence)
    if kind is IdentifierType.VAT and not looks_like_vat:
        sentence = "a VAT number begins with the letters of its EU country, like FI12345671"
        raise CustomerIdError(sentence)
    if looks_like_business_id and kind is not IdentifierType.BUSINESS_ID:
        sentence = "this looks like a Business ID; register it as kind business-id"
        raise CustomerIdError(sentence)
    if looks_like_vat and kind is not IdentifierType.VAT:
        sentence = "this looks like a VAT number; register it as kind vat"
        raise CustomerIdError(sentence)
