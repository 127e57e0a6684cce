"""SIGKILL between a mail server's answer and the row that records it.

The same message is sent again.
"""

import signal
import subprocess
import sys
from datetime import timedelta

from django.db import connections

from sinetti.database.notifications import delivery, outbox
from sinetti.database.notifications.outbox import NewMessage
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.secret_keys import fixed_keys
from sinetti.notifications.delivery.sender import SendReport, send_due
from sinetti.notifications.delivery.smtp import Sender, Smtp, SmtpSecurity, SmtpServer
from tests.support.authority import NOW
from tests.support.mailrooms import a_mailroom

# Program like `sinetti authority notices send`, on clocks that stand still, killed at a step.
KILLED = """
import os, signal, sys
from datetime import UTC, datetime
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "sinetti.settings.django"
django.setup()
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.values import Environment, Language
from sinetti.notifications.delivery.smtp import SmtpSecurity, Sender, Smtp, SmtpServer
from sinetti.notifications.context import NotificationContext, NotificationSettings
from sinetti.notifications.delivery.sender import send_due
from sinetti.database.connection import open_database
from sinetti.domain.secret_keys import fixed_keys

url, port, now = sys.argv[1], int(sys.argv[2]), datetime.fromisoformat(sys.argv[3])
step = lambda name: name == "delivered" and os.kill(os.getpid(), signal.SIGKILL)
keys = fixed_keys(b"k" * 32)
smtp = Smtp(SmtpServer("127.0.0.1", port, SmtpSecurity.NONE), Sender("notices@pki.example", ""), keys, lambda: now)
terms = NotificationSettings("https://people.example", "Sinetti", dict.fromkeys(Language, "help"))
deliverers = {MessageChannel.EMAIL: smtp}
room = NotificationContext(
    open_database(url), Environment.TEST, lambda: now, lambda: now, terms, deliverers, keys, step
)
send_due(room, "killed", now)
"""


def test_killed_after_the_mail_server_took_it(sqlite_scene, server):
    scene = sqlite_scene
    facts = {"finding": "a-finding", "text": "Something is to be done."}
    address, email = "operator@pki.example", MessageChannel.EMAIL
    outbox.enqueue(
        scene.db,
        [NewMessage(MessageKind.OPERATOR, email, f"{n}", "once", NOW, address=address, facts=facts) for n in range(3)],
        NOW,
    )
    file = connections[scene.db.alias].settings_dict["NAME"]
    command = [sys.executable, "-c", KILLED, f"sqlite:///{file}", str(server.port), NOW.isoformat()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(server.taken) == 1
    sender = Sender("notices@pki.example", "")
    ctx = a_mailroom(
        scene,
        {email: Smtp(SmtpServer("127.0.0.1", server.port, SmtpSecurity.NONE), sender, fixed_keys(b""), scene.machine)},
    )
    scene.machine.forward(delivery.LEASE)
    assert send_due(ctx, "two", NOW) == SendReport(sent=2), "what it had not begun comes first"
    scene.machine.forward(timedelta(hours=1))
    assert send_due(ctx, "two", NOW) == SendReport(sent=1)
    assert [one.message_id for one in server.taken].count(server.taken[0].message_id) == 2
    assert len({one.message_id for one in server.taken}) == 3
