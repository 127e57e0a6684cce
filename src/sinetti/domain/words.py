"""Texts that people give: how long, and what a name, an e-mail address, a phone number or a country is; and counts."""

import re

LONGEST_PERSON = 200
LONGEST_ORGANISATION = 100
"""The wire's CustomerName holds no more (facts sheet, 2)."""
LONGEST_DESCRIPTION = 200
LONGEST_EMAIL = 254
LONGEST_PHONE = 30

_EMAIL = re.compile(r"[^@\s<>\",;]+@[^@\s<>\",;]+")
_PHONE = re.compile(r"\+?[0-9 ()-]+")
_COUNTRY = re.compile(r"[A-Z]{2}")


class WordError(ValueError):
    """A text that cannot be stored; the sentence names it and says what to write."""


def amount(count: int, noun: str) -> str:
    """Say how many, of what takes an s when it is not one: 1 certificate, 2 lists."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def check_text(name: str, value: str, longest: int) -> str:
    """Give the text trimmed: 1 to `longest` characters, none of them a control character. Raises WordError."""
    trimmed = value.strip()
    if not trimmed or len(trimmed) > longest or not trimmed.isprintable():
        sentence = f"{name} is a text of 1 to {longest} printable characters"
        raise WordError(sentence)
    return trimmed


def check_text_or_none(name: str, value: str, longest: int) -> str:
    """As `check_text`, but the text may be empty."""
    return check_text(name, value, longest) if value.strip() else ""


def check_email(name: str, value: str) -> str:
    """Give an e-mail address, trimmed; only its form is looked at. Raises WordError."""
    trimmed = value.strip()
    if len(trimmed) > LONGEST_EMAIL or not trimmed.isprintable() or not _EMAIL.fullmatch(trimmed):
        sentence = f"{name} is an address like contact@customer.example"
        raise WordError(sentence)
    return trimmed


def check_phone(name: str, value: str) -> str:
    """Give a phone number, trimmed; it may be empty. Raises WordError."""
    trimmed = value.strip()
    if trimmed and (len(trimmed) > LONGEST_PHONE or not _PHONE.fullmatch(trimmed)):
        sentence = f"{name} is a number like +358 40 1234567"
        raise WordError(sentence)
    return trimmed


def check_country(name: str, value: str) -> str:
    """Give a country's two capitals (ISO 3166-1, alpha-2). Raises WordError."""
    if not _COUNTRY.fullmatch(value):
        sentence = f"{name} is a country's two capitals, like FI"
        raise WordError(sentence)
    return value
