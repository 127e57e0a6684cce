"""Independence of renewals from mail trouble.

While the mail server hangs, a certificate is renewed.
"""

import socket
from contextlib import suppress
from threading import Event

from django.db import connections, transaction

from sinetti.database import models
from sinetti.database.notifications import bounces, opt_out
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.notifications.opt_out import OptOutNotifies
from sinetti.domain.secret_keys import fixed_keys
from sinetti.notifications.delivery.sender import send_due
from sinetti.notifications.delivery.smtp import Sender, Smtp, SmtpSecurity, SmtpServer
from sinetti.notifications.planning.events import expand_events
from tests.support.mailrooms import a_mailroom
from tests.support.registers import crowd
from tests.support.scene import enrolled, in_the_window, renewed

ANSWERS = {b"DATA": b"354 go on\r\n"}


class Silent:
    """Mail server that takes a message and stays silent until it is let go."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.has_a_letter, self.let_go = Event(), Event()

    def serve(self):
        connection, _ = self.listening.accept()
        with connection, suppress(OSError), connection.makefile("rb") as lines:
            connection.sendall(b"220 mail.example\r\n")
            for line in lines:
                if line == b".\r\n":
                    self.has_a_letter.set()
                    assert self.let_go.wait(60)
                    return
                if not self.has_a_letter.is_set() and line[:4] in {b"ehlo", b"mail", b"rcpt", b"data"}:
                    connection.sendall(ANSWERS.get(line[:4].upper(), b"250 OK\r\n"))


def test_a_renewal_goes_through_while_the_mail_server_hangs(scene):
    held = enrolled(scene)
    now = in_the_window(scene, held)
    server, rows = Silent(), models.OutboxMessage.objects.using(scene.db.alias)
    rows.update(created=now, due=now)
    sender = Sender("notices@pki.example", "Sinetti")
    smtp = Smtp(SmtpServer("127.0.0.1", server.port, SmtpSecurity.NONE), sender, fixed_keys(b"k" * 32), scene.machine)
    ctx = a_mailroom(scene, {MessageChannel.EMAIL: smtp})
    assert expand_events(ctx, now), "a message about this very certificate, to its contact"

    def at_once(number):
        if number == 0:
            return server.serve()
        if number == 1:
            return send_due(ctx, "one", now)
        try:
            assert server.has_a_letter.wait(60)
            assert rows.filter(claimed_by="one").exists()
            return renewed(scene, held)
        finally:
            server.let_go.set()

    with server.listening:
        _, sent, new = crowd(scene.db, 3, at_once)
    assert (sent.sent, sent.again) == (0, 1)
    assert new.serial != held.serial
    assert rows.filter(kind="renewed", channel=None).exists(), "and it will be told"


def test_a_renewal_does_not_wait_for_marks_on_its_contact(scene):
    if connections[scene.db.alias].vendor != "postgresql":
        return  # SQLite has one writer at a time, for as short a time
    held = enrolled(scene)
    now = in_the_window(scene, held)
    rows = models.OutboxMessage.objects.using(scene.db.alias)
    rows.update(created=now, due=now)
    assert expand_events(a_mailroom(scene), now) == 1
    message_id = rows.get(channel="email").pk
    asker = opt_out.find_asker(scene.db, message_id, now)
    with transaction.atomic(using=scene.db.alias):
        asked = opt_out.ask(scene.db, asker, message_id, scene.ctx.audit_entry("recipient", "0" * 32))
        bounces.mark_bounced(scene.db, message_id, now)
        (new,) = crowd(scene.db, 1, lambda _number: renewed(scene, held))
    assert (asked.notified, new.serial != held.serial) == ({OptOutNotifies.OPERATORS}, True)
