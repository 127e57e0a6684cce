"""Independent mail server (aiosmtpd) on loopback, in a thread.

The standard library parses the messages that it accepted.
"""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Thread

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

# aiosmtpd logs each connection, even after the stream of the log handler is closed.
logging.getLogger("mail.log").disabled = True


@dataclass(frozen=True, slots=True)
class Taken:
    """One accepted message: envelope, octets, and the parsed form.

    `email` parses it (policy.default).
    """

    mail_from: str
    to: str
    octets: bytes

    @property
    def read(self) -> EmailMessage:
        """The message as mail programs parse it."""
        return message_from_bytes(self.octets, policy=policy.default)

    @property
    def message_id(self) -> str:
        """The row's id from the Message-ID header."""
        return self.read["Message-ID"].strip("<>").partition("@")[0]


@dataclass(slots=True)
class MailHandler:
    """Handler that accepts everything except where `answers` has a reply.

    The keys of `answers` are commands (MAIL, DATA) or recipients. The reply "close" closes the connection. With
    `once`, each reply is given one time.
    """

    answers: dict[str, str] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    connections: int = 0
    once: bool = False
    authenticated: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def handle_EHLO(self, _server, session, _envelope, hostname, responses):  # noqa: N802 - aiosmtpd's name
        """Count connections."""
        session.host_name = hostname
        self.connections += 1
        return responses

    async def handle_MAIL(self, server, _session, envelope, address, _options):  # noqa: N802
        """Accept or reject the sender."""
        envelope.mail_from = address
        return self._answer(server, "MAIL")

    async def handle_RCPT(self, server, _session, envelope, address, _options):  # noqa: N802
        """Accept or reject the recipient."""
        answer = self._answer(server, address)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Accept or reject the message."""
        answer = self._answer(server, "DATA")
        if answer.startswith("2"):
            (to,) = envelope.rcpt_tos
            self.taken.append(Taken(envelope.mail_from, to, envelope.original_content))
        return answer

    def authenticate(self, _server, _session, _envelope, _mechanism, data):
        """Accept any name with the password `right`."""
        self.authenticated.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)

    def _answer(self, server: SMTP, what: str) -> str:
        answer = self.answers.get(what, "250 OK")
        if self.once:
            self.answers.pop(what, None)
        if answer == "close":
            server.transport.close()
            return "421 closing"
        return answer


@dataclass(slots=True)
class MailServer:
    """A running mail server: its port and its handler."""

    port: int
    handler: MailHandler

    @property
    def taken(self) -> list[Taken]:
        """The messages in the order of their arrival."""
        return self.handler.taken


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, *, implicit: bool = False, **named: object) -> Iterator[MailServer]:
    """Run a mail server while the block runs.

    `tls` is for STARTTLS, or for TLS from the first octet if `implicit`. `named` are arguments of aiosmtpd's SMTP
    class.
    """
    handler, loop = MailHandler(), asyncio.new_event_loop()
    if tls is not None and not implicit:
        named |= {"tls_context": tls, "require_starttls": True}

    def protocol() -> SMTP:
        return SMTP(handler, hostname="localhost", authenticator=handler.authenticate, loop=loop, **named)

    # The loop runs in its own thread, since a browser's driver may run a loop in this one.
    thread = Thread(target=loop.run_forever, name="mail server", daemon=True)
    thread.start()
    began = loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if implicit else None)
    listening = asyncio.run_coroutine_threadsafe(began, loop).result(60)
    try:
        yield MailServer(listening.sockets[0].getsockname()[1], handler)
    finally:
        asyncio.run_coroutine_threadsafe(_ended(listening), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


async def _ended(listening: asyncio.Server) -> None:
    """Stop listening and cancel open sessions."""
    listening.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
