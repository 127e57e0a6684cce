"""E-mail by SMTP (RFC 5321) through Django; one connection per batch.

Errors report only the code of the server's answer, since its text often repeats the recipient's address.
"""

import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.charset import BASE64, QP, Charset
from email.header import Header
from email.message import Message
from email.utils import format_datetime, formataddr
from enum import StrEnum
from pathlib import Path
from typing import Final
from unicodedata import category

from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend

from sinetti.domain.link_tokens import bounce_token
from sinetti.domain.notifications.bounces import BounceType, DeliveryStatus, classify
from sinetti.domain.secret_keys import KeySource, SecretPurpose
from sinetti.notifications.context import (
    ConnectionLost,
    PermanentFailure,
    RenderedMessage,
    TemporaryFailure,
    TransportUnavailable,
)

TIMEOUT: Final = 30.0
"""Seconds for each answer of a mail server."""

_UTF8 = Charset("utf-8")
_UTF8.header_encoding = (
    BASE64  # the library looks for the shorter of two at each letter, which takes half a letter's time
)
_UTF8.body_encoding = QP
"""Body encoding that passes every server.

Quoted-printable also passes servers without 8BITMIME (RFC 6152), and keeps lines short.
"""

_CLOSING = 421
_AUTHENTICATION = frozenset({530, 534, 535, 538})
_PERMANENT = range(500, 600)
_CONTROLS = frozenset({"Cc", "Zl", "Zp"})
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,255}")
_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?= |$)")
"""Enhanced status code (RFC 3463)."""


class SmtpSecurity(StrEnum):
    """Protection of the connection to a mail server."""

    NONE = "smtp"
    STARTTLS = "smtp+starttls"
    TLS = "smtps"


@dataclass(frozen=True)
class SmtpServer:
    """Mail server that takes the messages.

    `anchors` is a PEM file of the CAs for its certificate; otherwise the system's.
    """

    host: str
    port: int
    security: SmtpSecurity
    username: str = ""
    password: str = field(default="", repr=False)
    anchors: Path | None = None
    timeout: float = TIMEOUT


@dataclass(frozen=True)
class Sender:
    """Sender of messages.

    Undeliverable ones come back to `returns`, with an id in the address.
    """

    address: str
    name: str
    reply_to: str | None = None
    returns: str | None = None


def return_address(returns: str, message_id: str, key: bytes) -> str:
    """Return the address to which this message bounces.

    The token in it proves that we wrote the message.
    """
    local, _, domain = returns.rpartition("@")
    return f"{local}+{message_id}.{bounce_token(key, message_id)}@{domain}"


class _Email(EmailMultiAlternatives):
    """A message whose subject is folded with the length of the field name in mind.

    Otherwise a long word leaves an empty line before it.
    """

    headline = ""

    def message(self) -> Message:  # type: ignore[override] # the stubs are those of a later Django
        """Return the message in its final form."""
        written: Message = super().message()
        folded = Header(self.headline, None if self.headline.isascii() else _UTF8, header_name="Subject")
        # Bypasses Django's own check, which takes only strings. It has no line end (_one_line).
        written.replace_header("Subject", folded)  # type: ignore[arg-type] # the stubs know strings alone
        return written


class Smtp:
    """Hands messages to one mail server. For one thread at a time."""

    def __init__(self, server: SmtpServer, sender: Sender, keys: KeySource, now: Callable[[], datetime]) -> None:
        """Create the transport.

        `keys` has the key of return addresses; `now`, the machine's clock, dates the messages.
        """
        self._server, self._sender, self._keys, self._now = server, sender, keys, now
        self._backend: EmailBackend | None = None

    def deliver(self, letter: RenderedMessage) -> None:
        """Hand one message over.

        Raises TransportUnavailable, ConnectionLost, TemporaryFailure and PermanentFailure.
        """
        email = self._email(letter)
        fresh = self._backend is None
        try:
            self._send(email)
        except _ClosedBetweenLettersError:
            if fresh:
                raise
            # Servers end a connection after some messages or time. This one was not begun, so a repetition is safe.
            self._send(email)

    def check(self) -> None:
        """Connect, with TLS and sign-in as the settings say, and send nothing.

        Raises TransportUnavailable.
        """
        self._opened()
        self.close()

    def close(self) -> None:
        """Send QUIT if the server still listens, and close the connection."""
        backend, self._backend = self._backend, None
        if backend is not None:
            with suppress(OSError):
                backend.close()

    def _email(self, letter: RenderedMessage) -> EmailMultiAlternatives:
        sender, to = self._sender, _ascii_address(letter.to)
        key = self._keys().current(SecretPurpose.MAIL).octets
        returns = return_address(sender.returns, letter.message_id, key) if sender.returns else sender.address
        email = _Email(
            body=letter.text,
            from_email=returns,
            to=[to],
            reply_to=[sender.reply_to] if sender.reply_to else None,
            headers={
                "From": formataddr((sender.name, sender.address)),
                "Date": format_datetime(self._now()),
                "Message-ID": f"<{letter.message_id}@{sender.address.rpartition('@')[2]}>",
                "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office note comes back
                "Content-Language": letter.language,
            },
        )
        email.encoding, email.headline = _UTF8, _one_line(letter.subject)
        if letter.html:
            email.attach_alternative(letter.html, "text/html")
        return email

    def _send(self, email: EmailMultiAlternatives) -> None:
        backend = self._opened()
        try:
            backend.send_messages([email])
        except smtplib.SMTPRecipientsRefused as refused:
            ((code, answer),) = refused.recipients.values()
            failure = self._failure(code, answer, "the recipient")
            if isinstance(failure, PermanentFailure):
                # The immediate form of a bounce (docs/operators/bounces.md).
                failure.address_fails = (
                    classify([DeliveryStatus("failed", _enhanced(answer))], automatic=False) is BounceType.HARD
                )
            raise failure from None
        except smtplib.SMTPSenderRefused as refused:
            self.close()
            raise (_ClosedBetweenLettersError if refused.smtp_code == _CLOSING else TransportUnavailable)(
                _answered(refused.smtp_code, refused.smtp_error, "our sender's address")
            ) from None
        except smtplib.SMTPDataError as refused:
            raise self._failure(refused.smtp_code, refused.smtp_error, "the letter") from None
        except OSError as broken:  # SMTPServerDisconnected, time-outs, TLS
            self.close()
            raise ConnectionLost(
                f"the mail server stopped answering or closed the connection ({type(broken).__name__})"
            ) from None

    def _opened(self) -> EmailBackend:
        if self._backend is None:
            backend = self._connection()
            try:
                backend.open()
                if backend.connection is not None:
                    backend.connection.ehlo_or_helo_if_needed()
            except (OSError, UnicodeError) as broken:
                with suppress(OSError):
                    backend.close()
                raise TransportUnavailable(_away(broken)) from None
            self._backend = backend
        return self._backend

    def _connection(self) -> EmailBackend:
        server = self._server
        backend = EmailBackend(
            host=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.security is SmtpSecurity.STARTTLS,
            use_ssl=server.security is SmtpSecurity.TLS,
            timeout=server.timeout,
            fail_silently=False,
        )
        if server.security is not SmtpSecurity.NONE:
            try:
                backend.ssl_context = tls_context(server.anchors)
            except OSError as unusable:
                raise TransportUnavailable(
                    f"the CA file for the mail server cannot be used ({type(unusable).__name__})"
                ) from None
        return backend

    def _failure(self, code: int, answer: bytes | str, about: str) -> TemporaryFailure | PermanentFailure:
        """Return the failure that an answer to one message means (RFC 5321, 4.2.1)."""
        answered = _answered(code, answer, about)
        if code == _CLOSING:
            self.close()
            return ConnectionLost(answered)
        if code in _AUTHENTICATION:
            self.close()
            return TransportUnavailable(answered)
        return PermanentFailure(answered) if code in _PERMANENT else TemporaryFailure(answered)


class _ClosedBetweenLettersError(TransportUnavailable):
    """Raised if the server closed the connection before this message was begun."""


def tls_context(anchors: Path | None) -> ssl.SSLContext:
    """Return a context for TLS 1.2 or newer with checks of name and certificate.

    Raises OSError.
    """
    context = ssl.create_default_context(cafile=anchors)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _ascii_address(address: str) -> str:
    """Return the address in ASCII, for every mail server. Raises PermanentFailure."""
    local, _, domain = address.rpartition("@")
    try:
        encoded = domain.encode("idna").decode("ascii")
    except UnicodeError:
        encoded = ""
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(encoded):
        raise PermanentFailure("not every mail server accepts this address (RFC 5321, 4.1.2)", address_fails=True)
    return f"{local}@{encoded}"


def _one_line(text: str) -> str:
    """Return the text on one line, so that a name in a subject starts no header."""
    return " ".join("".join(" " if category(sign) in _CONTROLS else sign for sign in text).split())


def _answered(code: int, answer: bytes | str, about: str) -> str:
    enhanced = _enhanced(answer)
    return f"the mail server answered {code}{enhanced and f' {enhanced}'} to {about}"


def _enhanced(answer: bytes | str) -> str:
    """Return the enhanced status code of an answer (RFC 2034), or an empty text."""
    octets = answer if isinstance(answer, bytes) else answer.encode("utf-8", "replace")
    match = _ENHANCED.match(octets)
    return match[0].decode("ascii") if match else ""


def _away(broken: OSError | UnicodeError) -> str:
    if isinstance(broken, smtplib.SMTPResponseException):
        about = "our user name and password" if isinstance(broken, smtplib.SMTPAuthenticationError) else "our greeting"
        return _answered(broken.smtp_code, broken.smtp_error, about)
    if isinstance(broken, ssl.SSLError):
        return f"the TLS connection to the mail server failed ({broken.reason})"
    if isinstance(broken, smtplib.SMTPNotSupportedError):
        return "the mail server does not support STARTTLS or authentication as configured"
    reason = getattr(broken, "strerror", None)
    return f"the mail server cannot be reached ({reason if isinstance(reason, str) else type(broken).__name__})"
