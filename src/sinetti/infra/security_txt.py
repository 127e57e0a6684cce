"""`security.txt` (RFC 9116): contacts for reports, from a table of settings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sinetti.infra.toml_tables import SettingsError, TomlTable

TABLE, PATH = "security_txt", "/.well-known/security.txt"

_CONTACT = re.compile(r"(?:mailto:[!-~]+@[!-~]+|tel:\+[0-9-]+|https://[!-~]+)")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True)
class SecurityTxt:
    """Content of the file: addresses, the best first; its end; languages of reports."""

    contacts: tuple[str, ...]
    expires: datetime
    languages: tuple[str, ...]

    def render(self, now: datetime) -> bytes | None:
        """Return the file, or None after its end.

        Readers must not use it then (RFC 9116, 2.5.5).
        """
        if now >= self.expires:
            return None
        lines = [f"Contact: {contact}" for contact in self.contacts]
        lines.append(f"Expires: {self.expires.strftime('%Y-%m-%dT%H:%M:%SZ')}")
        if self.languages:
            lines.append(f"Preferred-Languages: {', '.join(self.languages)}")
        return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def load_security_txt(value: object, file: str, now: datetime) -> tuple[SecurityTxt | None, str]:
    """Return the content, or the problem for which the server runs without it.

    `value` is the table `security_txt` as the file has it, or None. Without it both are empty.
    """
    if value is None:
        return None, ""
    try:
        content = parse_security_txt(value, file)
    except SettingsError as wrong:
        return None, str(wrong)
    if content.render(now) is None:
        return None, f"{file}: [{TABLE}] expires is past: check the contacts, and write an instant within a year"
    return content, ""


def parse_security_txt(value: object, file: str) -> SecurityTxt:
    """Return the content in the table `security_txt` of a file.

    Raises SettingsError, with the key and what to write instead.
    """
    # TOML has instants of its own, which operators may write without quotation marks.
    raw = {key: _as_text(one) for key, one in value.items()} if isinstance(value, Mapping) else value
    table = TomlTable({TABLE: raw}, f"{file}: ").table(TABLE)
    contacts, languages = table.texts("contact"), table.texts("preferred_languages")
    expires = _instant(table.text("expires"))
    table.finish()
    if not contacts or not all(_CONTACT.fullmatch(contact) for contact in contacts):
        table.refuse("contact", 'a list such as ["mailto:security@authority.example"], of mailto:, https:// or tel:')
    if expires is None:
        table.refuse("expires", "an instant with its zone, such as 2027-01-31T00:00:00Z")
    if not all(_LANGUAGE.fullmatch(language) for language in languages):
        table.refuse("preferred_languages", 'a list of language tags, such as ["fi", "sv", "en"]')
    return SecurityTxt(contacts, expires, languages)


def _as_text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _instant(text: str) -> datetime | None:
    """Return the instant in UTC, or None. In UTC it may be out of Python's range."""
    try:
        instant = datetime.fromisoformat(text)
        return None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
