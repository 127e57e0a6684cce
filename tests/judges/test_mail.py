"""Postfix takes our mail over STARTTLS into maildirs.

It refuses unknown recipients and returns undeliverable mail.
"""

import mailbox
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

import pytest

from sinetti.database import models
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import NewMessage
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.secret_keys import fixed_keys
from sinetti.infra.clock import monotonic_seconds
from sinetti.notifications.delivery.bounces import read_returns
from sinetti.notifications.delivery.sender import SendReport, send_due
from sinetti.notifications.delivery.smtp import Sender, Smtp, SmtpSecurity, SmtpServer
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate
from tests.support.authority import NOW
from tests.support.mailrooms import a_mailroom
from tests.support.ports import reserve_ports
from tests.support.postgres import skip_or_fail
from tests.support.registers import opened_register
from tests.support.scene import opened_scene
from tests.support.web_servers import WITHIN, process, tool, until_listening

KEY = b"k" * 32
TEXT = "Jotakin on tehtävä – å ä ö Å Ä Ö € 🔏."
KNOWN, UNKNOWN, LATER = "contact@customer.example", "nobody@customer.example", "gone@away.example"

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination =
mynetworks = 127.0.0.0/8
recipient_delimiter = +
virtual_mailbox_domains = customer.example, pki.example
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {{contact@customer.example = contact/}} {{bounces@pki.example = returned/}} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
relay_domains = away.example
transport_maps = inline:{{ {{away.example = virtual:}} }}
smtpd_tls_cert_file = {folder}/certificate.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_tls_security_level = encrypt
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running Postfix: its address, the CA of its certificate and its maildirs."""

    port: int
    anchors: Path
    mail: Path

    def letters(self, name: str, count: int) -> list[bytes]:
        """Wait until a maildir has `count` messages; return them."""
        deadline = monotonic_seconds() + WITHIN
        while len(found := sorted((self.mail / name / "new").glob("*"))) < count and monotonic_seconds() < deadline:
            sleep(0.05)
        return [path.read_bytes() for path in found]


@contextmanager
def postfix(folder: Path) -> Iterator[Postfix]:
    """Run Postfix, as root, with its own configuration, queue and maildirs."""
    program = tool("postfix")
    try:
        owner = pwd.getpwnam("postfix")
    except KeyError:
        skip_or_fail("Postfix has no user here: scripts/packages judges installs it whole")
    (port,) = reserve_ports(1)
    files = ServerFiles(folder / "certificate.pem", folder / "key.pem", folder / "anchor.pem")
    make_server_certificate(files)
    for name in ("queue", "data", "mail", "etc"):
        (folder / name).mkdir()
    for name in ("data", "mail"):
        subprocess.run(["chown", "postfix", folder / name], check=True)
    values = {"folder": folder, "uid": owner.pw_uid, "gid": owner.pw_gid, "port": port}
    (folder / "etc" / "main.cf").write_text(MAIN.format(**values), encoding="utf-8")
    (folder / "etc" / "master.cf").write_text(MASTER.format(**values), encoding="utf-8")
    folder.chmod(0o755)
    with process(program, "-c", str(folder / "etc"), "start-fg", stdout=subprocess.DEVNULL) as running:
        until_listening(port, running)
        try:
            yield Postfix(port, files.trust, folder / "mail")
        finally:
            subprocess.run([program, "-c", folder / "etc", "stop"], check=False, capture_output=True)


@pytest.fixture
def server():
    if subprocess.run(["id", "-u"], capture_output=True, text=True, check=True).stdout.strip() != "0":
        skip_or_fail("Postfix is run as root alone")
    # Not below pytest's folders, which only root may read: Postfix delivers as another user.
    with TemporaryDirectory(prefix="sinetti-postfix-") as folder, postfix(Path(folder)) as running:
        yield running


def a_message(address):
    facts = {"finding": "a-finding", "text": TEXT}
    return NewMessage(
        MessageKind.OPERATOR, MessageChannel.EMAIL, "a-finding", "once", NOW, address=address, facts=facts
    )


def test_mail_arrives_is_refused_or_comes_back(server, request, tmp_path):
    sender = Sender("notices@pki.example", "Säntti", returns="bounces@pki.example")
    with opened_register("sqlite", request, tmp_path) as db:
        scene = opened_scene(db)
        where = SmtpServer("127.0.0.1", server.port, SmtpSecurity.STARTTLS, anchors=server.anchors)
        with closing(Smtp(where, sender, fixed_keys(KEY), scene.machine)) as post:
            ctx = a_mailroom(scene, {MessageChannel.EMAIL: post})
            outbox.enqueue(db, [a_message(one) for one in (KNOWN, UNKNOWN, LATER)], NOW)
            assert send_due(ctx, "one", NOW) == SendReport(sent=2, dead=1)
        rows = models.OutboxMessage.objects.using(db.alias)
        assert rows.get(address=UNKNOWN).problem == "the mail server answered 550 5.1.1 to the recipient"

        (octets,) = server.letters("contact", 1)
        read = message_from_bytes(octets, policy=policy.default)
        assert read["Message-ID"] == f"<{rows.get(address=KNOWN).pk}@pki.example>"
        assert read["From"].addresses[0].display_name == "Säntti"
        assert read["To"] == KNOWN
        plain, html = read.iter_parts()
        assert TEXT in plain.get_content()
        assert TEXT in html.get_content()
        assert not read.defects
        assert len(mailbox.Maildir(server.mail / "contact")) == 1

        assert len(server.letters("returned", 1)) == 1
        read_returns(ctx, server.mail / "returned", NOW)
        bounced = rows.filter(bounced__isnull=False).values_list("address", flat=True)
        # Postfix refused one message at once and returned the other.
        assert sorted(bounced) == sorted([UNKNOWN, LATER])
