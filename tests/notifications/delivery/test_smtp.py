"""E-mail by SMTP.

The tests read the messages with the standard library's parser, and check the meaning of a server's answers.
"""

import ssl
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.parser import BytesParser

import pytest

from sinetti.domain.link_tokens import bounce_token
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Language
from sinetti.notifications.context import (
    ConnectionLost,
    PermanentFailure,
    RenderedMessage,
    TemporaryFailure,
    TransportUnavailable,
)
from sinetti.notifications.delivery.smtp import Sender, Smtp, SmtpSecurity, SmtpServer, return_address
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate
from tests.support import golden
from tests.support.mail_servers import mail_server
from tests.support.scene import Clock

NOW = datetime(2026, 3, 2, 12, 0, 5, tzinfo=UTC)
KEY = b"k" * 32
ID = "0123456789abcdef0123456789abcdef"
SENDER = Sender("notices@pki.example", "Säntti, certificates", "help@pki.example", "bounces@pki.example")
TEXT = (
    "Hyvä vastaanottaja,\n\nå ä ö Å Ä Ö € – ”lainaus” 🔏\n.\n.. a line of dots\nFrom the beginning\n"
    + "x" * 2000
    + "\n"
)
LETTER = RenderedMessage(
    ID,
    MessageKind.REMINDER,
    MessageChannel.EMAIL,
    "contact@customer.example",
    Language.FI,
    "Varmenne vanhenee 2.5.2027 – Äidin Ömerkki Oy 🔏",
    TEXT,
    '<!DOCTYPE html>\n<html lang="fi"><body><p>å ä ö € 🔏</p></body></html>\n',
)


def smtp(server, security=SmtpSecurity.NONE, sender=SENDER, **more):
    return closing(
        Smtp(SmtpServer("127.0.0.1", server.port, security, timeout=30.0, **more), sender, fixed_keys(KEY), Clock(NOW))
    )


def delivered(server, letter=LETTER, sender=SENDER):
    with smtp(server, sender=sender) as post:
        post.deliver(letter)
    (taken,) = server.taken
    return taken


def lines(part):
    """Return the text of a part with local line ends instead of CR LF."""
    return part.get_content().replace("\r\n", "\n")


def test_what_arrives(server):
    taken = delivered(server)
    read = BytesParser(policy=policy.default).parsebytes(taken.octets)
    assert read["Subject"] == LETTER.subject
    assert read["From"].addresses == (Address("Säntti, certificates", "notices", "pki.example"),)
    assert read["To"].addresses == (Address("", "contact", "customer.example"),)
    assert read["Reply-To"] == "help@pki.example"
    assert read["Message-ID"] == f"<{ID}@pki.example>"
    assert read["Date"].datetime == NOW
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["Content-Language"] == "fi"
    assert read.get_content_type() == "multipart/alternative"
    plain, html = read.iter_parts()
    assert [one.get_content_type() for one in (plain, html)] == ["text/plain", "text/html"]
    assert lines(plain) == TEXT
    assert lines(html) == LETTER.html
    assert {one.get_content_charset() for one in (plain, html)} == {"utf-8"}
    assert list(read.iter_attachments()) == []
    assert not read.defects
    assert sorted(set(read.keys())) == sorted(
        ("Content-Type", "MIME-Version", "Subject", "From", "To", "Reply-To", "Date", "Message-ID", "Auto-Submitted",
         "Content-Language")
    )  # fmt: skip


def test_octets_that_every_mail_server_takes(server):
    taken = delivered(server)
    assert taken.octets.isascii()
    assert max(len(line) for line in taken.octets.splitlines()) <= 998, "RFC 5322, 2.1.1"
    assert b"\r\n" in taken.octets
    assert b"\n" not in taken.octets.replace(b"\r\n", b"")


def test_what_comes_back_tells_which_letter_it_was(server):
    taken = delivered(server)
    assert taken.mail_from == f"bounces+{ID}.{bounce_token(KEY, ID)}@pki.example"
    assert taken.mail_from == return_address("bounces@pki.example", ID, KEY)
    assert len(return_address("bounces-of-all@pki.example", ID, KEY).partition("@")[0]) == 64, "RFC 5321, 4.5.3.1.1"


def test_without_return_addresses_it_comes_back_to_the_sender(server):
    assert delivered(server, sender=replace(SENDER, returns=None)).mail_from == "notices@pki.example"


def test_text_alone(server):
    read = delivered(server, replace(LETTER, html="")).read
    assert read.get_content_type() == "text/plain"
    assert lines(read) == TEXT


INJECTIONS = {
    "a line feed": "Malli\nBcc: other@customer.example",
    "a carriage return and a line feed": "Malli\r\nBcc: other@customer.example\r\n\r\nanother body",
    "a carriage return": "Malli\rBcc: other@customer.example",
    "a line separator": "Malli\u2028Bcc: other@customer.example",
    "a zero octet": "Malli\0Bcc: other@customer.example",
    "a next line": "Malli\x85Bcc: other@customer.example",
}


@pytest.mark.parametrize("subject", INJECTIONS.values(), ids=INJECTIONS)
def test_a_name_begins_no_header(server, subject):
    taken = delivered(server, replace(LETTER, subject=subject))
    assert taken.read["Bcc"] is None
    assert taken.read["Subject"].startswith("Malli Bcc: other@customer.example")
    assert taken.to == "contact@customer.example"


ADDRESSES = {
    "a domain with letters of its own": ("contact@ääkköset.example", "contact@xn--kkset-fraa0m.example"),
    "a local part with signs": ("o'neil+pki@customer.example", "o'neil+pki@customer.example"),
}


@pytest.mark.parametrize(("to", "arrives"), ADDRESSES.values(), ids=ADDRESSES)
def test_addresses(server, to, arrives):
    taken = delivered(server, replace(LETTER, to=to))
    assert taken.to == arrives
    assert taken.read["To"].addresses[0].addr_spec == arrives


BAD_ADDRESSES = {
    "a local part that needs SMTPUTF8": "ääkkönen@customer.example",
    "two lines": "contact@customer.example\r\nRCPT TO:<other@customer.example>",
    "two lines in the local part": "a\r\nRCPT TO:<b>@customer.example",
    "an empty domain": "contact@",
    "a domain that cannot be": f"contact@{'a' * 64}.example",
    "none at all": "",
    "two": "one@customer.example, two@customer.example",
}


@pytest.mark.parametrize("to", BAD_ADDRESSES.values(), ids=BAD_ADDRESSES)
def test_addresses_that_are_not_tried(server, to):
    with smtp(server) as post, pytest.raises(PermanentFailure) as refused:
        post.deliver(replace(LETTER, to=to))
    assert server.taken == []
    assert not to or to not in str(refused.value)


ANSWERS = {
    "no such mailbox": ("contact@customer.example", "550 5.1.1 <contact@customer.example> unknown", PermanentFailure),
    "busy, for now": ("contact@customer.example", "450 4.2.1 contact@customer.example is busy", TemporaryFailure),
    "the letter is refused": ("DATA", "554 5.7.1 spam", PermanentFailure),
    "no room, for now": ("DATA", "452 4.3.1 full", TemporaryFailure),
    "who we are is asked for": ("contact@customer.example", "530 5.7.0 authenticate first", TransportUnavailable),
    "our sender is refused": ("MAIL", "550 5.7.1 not yours", TransportUnavailable),
    "our sender is refused for now": ("MAIL", "451 4.3.0 later", TransportUnavailable),
    "the server closes at the recipient": ("contact@customer.example", "421 4.3.2 closing", ConnectionLost),
    "the connection is lost at the recipient": ("contact@customer.example", "close", ConnectionLost),
    "the connection is lost at the letter": ("DATA", "close", ConnectionLost),
}


@pytest.mark.parametrize(("at", "answer", "means"), ANSWERS.values(), ids=ANSWERS)
def test_what_an_answer_means(server, at, answer, means):
    server.handler.answers[at] = answer
    with smtp(server) as post:
        with pytest.raises((TemporaryFailure, PermanentFailure)) as told:
            post.deliver(LETTER)
        assert type(told.value) is means or (
            means is TransportUnavailable and isinstance(told.value, TransportUnavailable)
        )
        assert "customer.example" not in str(told.value)
        assert getattr(told.value, "address_fails", False) is answer.startswith("550 5.1.1")
        server.handler.answers.clear()
        post.deliver(LETTER)
    assert len(server.taken) == 1


def test_one_connection_for_many_letters(server):
    with smtp(server) as post:
        for _ in range(5):
            post.deliver(LETTER)
    assert (len(server.taken), server.handler.connections) == (5, 1)


def test_a_server_that_ends_a_connection_after_some_letters_is_called_again(server):
    with smtp(server) as post:
        post.deliver(LETTER)
        server.handler.answers["MAIL"] = "421 4.7.0 too many letters in one connection"
        server.handler.once = True
        post.deliver(LETTER)
    assert (len(server.taken), server.handler.connections) == (2, 2)


def test_nobody_listens(server):
    with smtp(server) as post:
        post.deliver(LETTER)
    port = server.port
    with mail_server() as gone:
        port = gone.port
    post = Smtp(SmtpServer("127.0.0.1", port, SmtpSecurity.NONE), SENDER, fixed_keys(KEY), Clock(NOW))
    with pytest.raises(TransportUnavailable, match="Connection refused"):
        post.deliver(LETTER)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    made = ServerFiles(folder / "certificate.pem", folder / "key.pem", folder / "anchor.pem")
    make_server_certificate(made)
    return made


def tls(files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


KINDS = {"STARTTLS": (SmtpSecurity.STARTTLS, False), "TLS from the first octet": (SmtpSecurity.TLS, True)}


@pytest.mark.parametrize(("security", "implicit"), KINDS.values(), ids=KINDS)
def test_tls_and_a_password(files, security, implicit):
    with mail_server(tls(files), implicit=implicit, auth_require_tls=not implicit) as server:
        with smtp(server, security, anchors=files.trust, username="sinetti", password="right") as post:
            post.deliver(LETTER)
        assert len(server.taken) == 1
        assert server.handler.authenticated == [(b"sinetti", b"right")]
        with (
            smtp(server, security, anchors=files.trust, username="sinetti", password="wrong") as post,
            golden.refused("sentences/outbox/mail-password", TransportUnavailable),
        ):
            post.deliver(LETTER)


@pytest.mark.parametrize(("security", "implicit"), KINDS.values(), ids=KINDS)
def test_a_certificate_that_is_not_trusted(files, security, implicit):
    with mail_server(tls(files), implicit=implicit) as server:
        with (
            smtp(server, security, username="sinetti", password="right") as post,
            pytest.raises(TransportUnavailable, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            post.deliver(LETTER)
        assert (server.taken, server.handler.authenticated) == ([], [])


def test_a_server_without_starttls_gets_nothing(server, files):
    with (
        smtp(server, SmtpSecurity.STARTTLS, anchors=files.trust, username="sinetti", password="right") as post,
        golden.refused("sentences/outbox/mail-without-starttls", TransportUnavailable),
    ):
        post.deliver(LETTER)
    assert (server.taken, server.handler.authenticated) == ([], [])


def test_a_file_of_anchors_that_is_not_there(server, tmp_path):
    with (
        smtp(server, SmtpSecurity.STARTTLS, anchors=tmp_path / "none.pem") as post,
        pytest.raises(TransportUnavailable, match="CA file"),
    ):
        post.deliver(LETTER)
