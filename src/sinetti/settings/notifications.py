"""Settings of messages: `notices.toml`, parsed once into validated values.

The file is in an authority's folder. Without it nothing is sent, and planned messages wait.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from sinetti.domain.validation import ValidationError, check_email
from sinetti.domain.values import Language
from sinetti.infra import file_permissions
from sinetti.infra.file_permissions import RightsError
from sinetti.infra.toml_tables import SettingsError, TomlTable, parse_toml
from sinetti.infra.urls import is_loopback
from sinetti.notifications.context import LADDER, WAVE_DAYS, WAVE_FROM, NotificationSettings
from sinetti.notifications.delivery.sms import SmsProvider
from sinetti.notifications.delivery.smtp import Sender, SmtpSecurity, SmtpServer
from sinetti.settings.optional_parts import OptionalParts, PartOff

FILE = "notices.toml"

_PORTS = {SmtpSecurity.NONE: 25, SmtpSecurity.STARTTLS: 587, SmtpSecurity.TLS: 465}
_SERVER = "an address such as smtp+starttls://NAME:PASSWORD@mail.example:587 (or smtps:// or smtp://), percent-encoded"
_LONGEST_RETURNS = 14
"""Largest length of the return address's local part, in characters.

A local part has at most 64 octets (RFC 5321, 4.5.3.1.1); the id and its token take 50.
"""

_OTHERS = 0o077
_MOST_STEPS = 20
_LONGEST_STEP = 700
_SMS_SENDER = re.compile(r"[A-Za-z0-9 ]{1,11}|\+?[0-9]{3,15}")


@dataclass(frozen=True)
class Returns:
    """Return address of undeliverable mail, and the maildir that gets it, if known."""

    address: str
    maildir: Path | None


@dataclass(frozen=True)
class NoticeSettings:
    """Settings of messages: contents, transports and return address.

    `left_out` are the parts with wrong settings.
    """

    terms: NotificationSettings
    smtp: SmtpServer
    sender: Sender
    sms: SmsProvider | None = None
    returns: Returns | None = None
    left_out: tuple[PartOff, ...] = ()


def read(path: Path) -> NoticeSettings:
    """Read the file, and the files that it names.

    Text messages with wrong settings are left out. Raises SettingsError for the rest, with the key and what to write
    instead.
    """
    try:
        text = file_permissions.read_trusted(path, is_named=True).decode("utf-8")
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise SettingsError(
            f"{path} is missing, so no messages are sent: copy deploy/notices.toml to begin with"
        ) from None
    except RightsError as bad:
        # A user who can set another SMS provider would receive the provider token and PIN codes.
        raise SettingsError(
            f"other users can change {bad.path} and could have passwords and codes sent to them: "
            f"run chmod go-w {bad.path}"
        ) from bad
    except (OSError, UnicodeDecodeError) as bad:
        raise SettingsError(f"{path.name} cannot be read: {bad}") from bad
    return parse(text, path.parent, private=not mode & _OTHERS, parts=OptionalParts())


def parse(text: str, folder: Path, *, private: bool = True, parts: OptionalParts | None = None) -> NoticeSettings:
    """Parse the file's text; file names are relative to `folder`.

    `private`: other users cannot read the file. `parts` takes the faults of text messages; without it they are raised.
    Raises SettingsError.
    """
    try:
        top = TomlTable(parse_toml(text), f"{FILE}: ")
    except ValueError as bad:
        raise SettingsError(f"{FILE} is not valid TOML: {bad}") from bad
    terms = _terms(top)
    mail = top.table("mail")
    smtp, sender = _smtp(mail, folder, private=private), _sender(mail)
    maildir = mail.path("maildir", folder)
    if maildir is not None and sender.returns is None:
        mail.refuse("returns", "the address whose mail is delivered to the maildir")
    mail.finish()
    parts = parts or OptionalParts(is_strict=True)
    sms = parts.take("sms", lambda: _sms(top.table("sms"), folder), None) if top.has("sms") else None
    top.finish()
    returns = Returns(sender.returns, maildir) if sender.returns else None
    return NoticeSettings(terms, smtp, sender, sms, returns, parts.off)


def _terms(top: TomlTable) -> NotificationSettings:
    helps = top.table("help")
    spoken = {language: helps.text(language) for language in Language}
    helps.finish()
    operators = tuple(_email(top, "operators", email) for email in top.texts("operators"))
    days = top.numbers_or_none("ladder_days", range(_LONGEST_STEP + 1))
    if days is not None and (not 1 <= len(days) <= _MOST_STEPS or list(days) != sorted(set(days), reverse=True)):
        top.refuse("ladder_days", "days before expiry, in descending order without duplicates, such as [60, 30, 14, 0]")
    return NotificationSettings(
        people_address=_people_address(top),
        service=top.text("service"),
        help=spoken,
        operators=operators,
        ladder=LADDER if days is None else tuple(timedelta(days=day) for day in days),
        wave_from=top.number("wave_from", range(1, 1_000_001), WAVE_FROM),
        wave_days=top.number("wave_days", range(1, 31), WAVE_DAYS),
    )


def _people_address(top: TomlTable) -> str:
    wanted = "the address of the e-service, such as https://certificates.example"
    parts = _split(top, "people_address", top.text("people_address"), wanted)
    plain = not any((parts.query, parts.fragment, parts.username, parts.password))
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not plain or not secure:
        top.refuse("people_address", wanted)
    return parts.geturl().rstrip("/")


def _smtp(mail: TomlTable, folder: Path, *, private: bool) -> SmtpServer:
    # Errors do not repeat the address, because it may contain a password.
    parts = _split(mail, "server", mail.text("server"), _SERVER)
    named, secret = unquote(parts.username or ""), unquote(parts.password or "")
    kinds = {smtp_security.value: smtp_security for smtp_security in SmtpSecurity}
    if parts.scheme not in kinds or parts.path not in {"", "/"} or parts.query or parts.fragment:
        mail.refuse("server", _SERVER)
    if secret and not private:
        mail.refuse(
            "server", f"no password, because other users can read the file: run chmod 600 {FILE}, or use password_file"
        )
    password = mail.secret("password_file", folder) or secret
    if bool(named) != bool(password) or not f"{named}{password}".isascii():
        mail.refuse("server", "both a user name and a password, in ASCII, or neither")
    security = kinds[parts.scheme]
    if security is SmtpSecurity.NONE and not is_loopback(parts.hostname or ""):
        mail.refuse("server", "smtp+starttls:// or smtps://, because mail without TLS can be sent only to this machine")
    return SmtpServer(
        parts.hostname or "",
        parts.port or _PORTS[security],
        security,
        named,
        password,
        mail.path("anchors", folder),
    )


def _sender(mail: TomlTable) -> Sender:
    name, address = parseaddr(mail.text("from"))
    address = _ascii_email(mail, "from", address)
    reply, returns = mail.text_or_none("reply_to"), mail.text_or_none("returns")
    if returns is not None:
        returns = _ascii_email(mail, "returns", returns)
        if len(returns.rpartition("@")[0]) > _LONGEST_RETURNS:
            mail.refuse("returns", f"an address with at most {_LONGEST_RETURNS} characters before the @")
    return Sender(address, name, None if reply is None else _ascii_email(mail, "reply_to", reply), returns)


def _sms(sms: TomlTable, folder: Path) -> SmsProvider:
    wanted = "the provider's address, such as https://sms.example/messages"
    url = sms.text("url")
    parts = _split(sms, "url", url, wanted)
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not secure or parts.username or parts.password or parts.fragment:
        sms.refuse("url", wanted)
    sender, token = sms.text("sender"), sms.secret("token_file", folder)
    if not _SMS_SENDER.fullmatch(sender):
        sms.refuse("sender", "up to 11 letters and digits, or a number")
    if token is None:
        sms.refuse("token_file", "the name of a file with the provider's token")
    anchors = sms.path("anchors", folder)
    sms.finish()
    return SmsProvider(url, sender, token, anchors)


def _split(table: TomlTable, key: str, value: str, wanted: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        whole = bool(parts.hostname) and parts.port != 0 and value.isascii() and " " not in value
    except ValueError:
        whole = False
    if not whole:
        table.refuse(key, wanted)
    return parts


def _email(table: TomlTable, key: str, value: str) -> str:
    try:
        return check_email(key, value, local=True)
    except ValidationError:
        table.refuse(key, "an address such as operators@authority.example")


def _ascii_email(table: TomlTable, key: str, value: str) -> str:
    address = _email(table, key, value)
    if not address.isascii():
        table.refuse(key, "an address in ASCII, such as notices@authority.example")
    return address
