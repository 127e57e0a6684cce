"""SMTP server for rehearsals: prints each message, and delivers none.

Its arguments are the certificate and the key with which it answers STARTTLS.
"""

import asyncio
import signal
import ssl
import sys
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

HEADERS = ("From", "To", "Subject")


def printed(octets: bytes) -> str:
    """Return the headers that matter and the plain text of a message."""
    message = message_from_bytes(octets, EmailMessage, policy=policy.default)
    body = message.get_body(("plain", "html"))
    head = "\n".join(f"{name}: {message[name]}" for name in HEADERS)
    return f"{head}\n\n{body.get_content() if body else ''}".rstrip()


class PrintedMail:
    """Handler of aiosmtpd that prints messages on standard output."""

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name there
        """Print a message and accept it."""
        content = envelope.content
        print(printed(content if isinstance(content, bytes) else (content or "").encode()), end="\n\n", flush=True)
        return "250 printed"


async def serve(certificate: str, key: str, host: str = "", port: int = 25) -> asyncio.Server:
    """Listen with STARTTLS, which every client must use; "" is every address."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: SMTP(PrintedMail(), tls_context=context, require_starttls=True, loop=loop), host, port
    )


async def _run(certificate: str, key: str) -> None:
    server = await serve(certificate, key)
    stop = asyncio.Event()
    # The first process of a container has no default action for SIGTERM.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:]))
