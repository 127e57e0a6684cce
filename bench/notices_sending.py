"""`python -m bench.notices_sending`: reminders a second to a local mail server.

Two workers, each a process as `sinetti authority notices send` is, share the due messages in one PostgreSQL database.
The mail server is a third process, which accepts all mail and stores none. So the measurement is of our own work.
"""

import argparse
import asyncio
import json
import logging
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from time import process_time

from django.db import connections

from bench.clusters import PostgresMissing, cluster, new_database
from bench.notices import NOW, WINDOW, fill, terms
from sinetti.database import models
from sinetti.database.connection import Database, migrate, open_database
from sinetti.database.sql import random_id
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Environment
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.notifications.context import MessageTransport, NotificationContext
from sinetti.notifications.delivery.sender import send_due
from sinetti.notifications.delivery.smtp import Sender, Smtp, SmtpSecurity, SmtpServer
from sinetti.notifications.planning.reminders import plan

AIM = 200.0
"""Limit in messages a second, by two workers, from the issue."""

_ALIAS = "bench-sending"
_KEYS = fixed_keys(b"k" * 32)
_DUE_AT = NOW + WINDOW


def main() -> int:
    """Measure and print the figures; return 1 if they are below the limit."""
    parser = argparse.ArgumentParser(prog="python -m bench.notices_sending", description=__doc__)
    parser.add_argument(
        "--due", type=int, default=5_000, help="certificates with a reminder due (default: %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that send (default: %(default)s)")
    parser.add_argument("--work", nargs=2, metavar=("URL", "PORT"), help=argparse.SUPPRESS)
    parser.add_argument("--sink", action="store_true", help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    logging.disable(logging.INFO)
    if parsed.sink:
        asyncio.run(_sink())
        return 0
    if parsed.work:
        return _work(*parsed.work)
    try:
        return measure(parsed.due, parsed.workers)
    except PostgresMissing as missing:
        print(f"skipped: {missing}", file=sys.stderr)
        return 0


def measure(due: int, workers: int) -> int:
    """Plan reminders, then send them."""
    with ExitStack() as stack:
        url = new_database(stack.enter_context(cluster()))
        db = open_database(url, alias=_ALIAS)
        stack.callback(db.close)
        migrate(db)
        room = _room(db, {})
        fill(db, due, due)
        plan(room, _DUE_AT)
        with connections[_ALIAS].cursor() as cursor:
            cursor.execute("ANALYZE")
        sink = stack.enter_context(subprocess.Popen([*_SELF, "--sink"], stdout=subprocess.PIPE, text=True))
        stack.callback(sink.terminate)
        port = _line(sink)
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [*_SELF, "--work", url, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for _ in range(workers)
        ]
        for one in processes:
            _line(one)  # it is ready
        begun = monotonic_seconds()
        for one in processes:
            assert one.stdin is not None  # noqa: S101 - it is a pipe
            one.stdin.close()
        shares = [json.loads(_line(one)) for one in processes]
        seconds = monotonic_seconds() - begun
        mails = models.OutboxMessage.objects.using(_ALIAS).filter(channel=MessageChannel.EMAIL)
        due, left = mails.count(), mails.filter(sent__isnull=True).count()
    sent = sum(one["sent"] for one in shares)
    rate, each = sent / seconds, ", ".join(f"{one['sent']:,}" for one in shares)
    cpu = 1000 * sum(one["cpu"] for one in shares) / max(sent, 1)
    print("| mails due | workers | sent by each | left | s | a second | worker's CPU for one, ms |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    print(f"| {due:,} | {workers} | {each} | {left} | {seconds:.1f} | {rate:.0f} | {cpu:.1f} |")
    return int(left > 0 or rate < AIM)


_SELF = (sys.executable, "-m", "bench.notices_sending")


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    return process.stdout.readline().strip()


def _room(db: Database, deliverers: dict[MessageChannel, MessageTransport]) -> NotificationContext:
    return NotificationContext(db, Environment.TEST, lambda: _DUE_AT, utc_now, terms(), deliverers, _KEYS)


def _work(url: str, port: str) -> int:
    """Send due messages once standard input ends, and print their number."""
    db = open_database(url, alias=_ALIAS)
    sender = Sender("notices@bench.example", "Sinetti", returns="bounces@bench.example")
    post = Smtp(SmtpServer("127.0.0.1", int(port), SmtpSecurity.NONE), sender, _KEYS, utc_now)
    room = _room(db, {MessageChannel.EMAIL: post})
    print("ready", flush=True)
    sys.stdin.read()
    begun = process_time()
    sent = send_due(room, random_id(), _DUE_AT + timedelta(minutes=1)).sent
    print(json.dumps({"sent": sent, "cpu": process_time() - begun}), flush=True)
    db.close()
    return 0


async def _sink() -> None:
    """Accept every mail (RFC 5321, as far as our own client uses it)."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while (line := await reader.readline()) and not line.upper().startswith(b"QUIT"):
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"250 OK\r\n")
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
