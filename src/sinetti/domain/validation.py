"""Validation of texts and counts that users enter.

Texts are names, e-mail addresses, phone numbers and countries. Phone numbers are converted to the form that SMS
providers accept (ITU-T E.164).
"""

import re
import unicodedata

LONGEST_PERSON = 200
LONGEST_ORGANISATION = 100
"""Limit of CustomerName on the wire (facts sheet, 2)."""
LONGEST_DESCRIPTION = 200
LONGEST_EMAIL = 254
LONGEST_PHONE = 30

_ATOM = r"[^@\s<>()\[\]\\\",;:.]+"
_HOST_LABEL = r"[^\W_](?:-*[^\W_])*"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_HOST_LABEL}\.)+(?!\d+\Z){_HOST_LABEL}")
"""Address at a host of two labels or more (RFC 5321, 4.1.2).

The last label is not a number. Quoted local parts and IP addresses as hosts are refused: programs that send mail differ
about them.
"""
_PHONE = re.compile(r"\+?[0-9 ()-]+")
_COUNTRY = re.compile(r"[A-Z]{2}")

_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
_LINK = re.compile(
    rf"://|\bwww\.|@|(?:{_LABEL}\.)+[^\W\d_]{{2}}|\b(?:[0-9]{{1,3}}\.){{3}}[0-9]{{1,3}}[/:]", re.IGNORECASE
)
"""Text that mail programs turn into a link.

It is a scheme, an e-mail address, a host name, or an IP address with a path. The last label of a host name has two
letters or more, so that “2.0”, “v1.2” and “Oy Ab.” do not match.
"""
_ALIKE = str.maketrans({".": "\u2024", "\uff0e": "\u2024", "\u3002": "\u2024", "@": "\uff20", ":": "\ua789"})
"""Characters that resemble those of addresses, without making a link."""

_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u303f\u3164\ufe00-\ufe0f\uffa0\ufffc\U00013441\U00016fe4"
    "\U0001d159\U000e0100-\U000e01ef]"
)
"""Characters that Python calls printable, and that no reader sees.

They are the default-ignorable ones (Unicode, DerivedCoreProperties), and those whose glyph is empty.
"""


class ValidationError(ValueError):
    """Text that cannot be stored; the sentence names it and says what to write."""


class LinkError(ValidationError):
    """Text that contains an address of a page or an e-mail address."""


def pluralise(count: int, noun: str) -> str:
    """Return the count with its noun, which gets an s unless it is 1.

    Examples: 1 certificate, 2 lists.
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def is_visible(text: str) -> bool:
    """Return True if a reader sees each character of a text, blanks aside."""
    return text.isprintable() and (text.isascii() or not _BLANK.search(text))


def make_visible(text: str, kept: str = "") -> str:
    """Return a foreign text with code points in place of invisible characters.

    A control character and the end of a line become a space, but for those in `kept`. Spaces stay.
    """
    if is_visible(text):
        return text
    spaces = {"Cc": " ", "Zl": " ", "Zp": " "}
    return "".join(
        one
        if one in kept or is_visible(one) or unicodedata.category(one) == "Zs"
        else spaces.get(unicodedata.category(one), f"<U+{ord(one):04X}>")
        for one in text
    )


def check_text(name: str, value: str, longest: int) -> str:
    """Return the trimmed text of 1 to `longest` printable characters.

    Raises ValidationError if it is empty or longer, or has control characters.
    """
    trimmed = value.strip()
    if not trimmed or len(trimmed) > longest or not is_visible(trimmed):
        raise ValidationError(f"{name} is a text of 1 to {longest} printable characters")
    return trimmed


def check_text_or_none(name: str, value: str, longest: int) -> str:
    """Return the text as `check_text` does; it may be empty."""
    return check_text(name, value, longest) if value.strip() else ""


def has_link(value: str) -> bool:
    """Return True if a mail program would make a link of a part of this text."""
    # Full-width letters and dots look and work like the plain ones once a program has folded them (UAX #15, NFKC).
    folded = unicodedata.normalize("NFKC", value).replace("\u3002", ".")
    return _LINK.search(folded) is not None


def check_unlinked(name: str, value: str, longest: int) -> str:
    """Return a text for messages to third persons, trimmed.

    Raises LinkError if it contains a web address or an e-mail address, and ValidationError as `check_text` does.
    """
    trimmed = check_text(name, value, longest)
    if has_link(trimmed):
        raise LinkError(
            f"{name} has an address of a page or an e-mail address in it, which letters must not carry: "
            "leave it out, or put a space after the full stop"
        )
    return trimmed


def check_unlinked_or_none(name: str, value: str, longest: int) -> str:
    """Return the text as `check_unlinked` does; it may be empty."""
    return check_unlinked(name, value, longest) if value.strip() else ""


def unlinked(value: str) -> str:
    """Replace the dots of which a mail program would make a link.

    The new characters look alike.
    """
    return value.translate(_ALIKE) if has_link(value) else value


def check_email(name: str, value: str, *, local: bool = False) -> str:
    """Return an e-mail address, trimmed; only its form is checked.

    `local` allows the host "localhost", for operators whose mail stays on the machine. Raises ValidationError if the
    form is wrong.
    """
    trimmed = value.strip()
    checked = re.sub(r"@localhost\Z", "@localhost.example", trimmed) if local else trimmed
    if len(trimmed) > LONGEST_EMAIL or not is_visible(trimmed) or not _EMAIL.fullmatch(checked):
        raise ValidationError(f"{name} is an address like contact@customer.example")
    return trimmed


def check_phone(name: str, value: str) -> str:
    """Return a phone number, trimmed; it may be empty.

    Raises ValidationError if its form is wrong.
    """
    trimmed = value.strip()
    if trimmed and (len(trimmed) > LONGEST_PHONE or not _PHONE.fullmatch(trimmed)):
        raise ValidationError(f"{name} is a number like +358 40 1234567")
    return trimmed


def check_country(name: str, value: str) -> str:
    """Return the two capitals of a country (ISO 3166-1, alpha-2).

    Raises ValidationError if the form is wrong.
    """
    if not _COUNTRY.fullmatch(value):
        raise ValidationError(f"{name} is a country's two capitals, like FI")
    return value


_FINLAND = "+358"
_SPACING = re.compile(r"[ ()-]")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def international(written: str) -> str | None:
    """Return `+`, the country code and the number, or None if they are unknown.

    A number that begins with one 0 is Finnish: `040 123 4567` is +358401234567. Without 0 and + the country is
    unknown.
    """
    number = written.strip()
    if number.startswith(("+", "00")):
        # After a country code, `(0)` is the trunk prefix, which is omitted in calls from abroad.
        number = number.replace("(0)", "")
    number = _SPACING.sub("", number)
    if number.startswith("00"):
        number = f"+{number[2:]}"
    elif number.startswith("0"):
        number = _FINLAND + number[1:]
    return number if _E164.fullmatch(number) else None
