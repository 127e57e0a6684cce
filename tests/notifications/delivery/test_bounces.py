"""Returned mail in the forms of several MTAs, and foreign files in a maildir."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sinetti.domain.link_tokens import bounce_token
from sinetti.domain.secret_keys import fixed_keys
from sinetti.notifications.delivery import bounces
from sinetti.notifications.delivery.bounces import BounceReport, UnreadableError, parse, read_returns
from tests.support.firms import a_certificate, a_message, a_person, an_organisation, rows
from tests.support.killed import KilledError, killed_at
from tests.support.mailrooms import a_mailroom
from tests.support.scene import DAY

SAMPLES = Path(__file__).parent / "returns"
KEY = b"k" * 32
RING = fixed_keys(KEY)()
ID = "0123456789abcdef" * 2
NOW = datetime(2027, 3, 3, 12, tzinfo=UTC)

SAYS = {
    "postfix-no-mailbox": "hard",
    "postfix-gave-up": "soft",
    "postfix-delayed": "soft",
    "exchange-no-recipient": "hard",
    "exchange-policy": "soft",
    "gmail-no-mailbox": "hard",
    "gmail-full": "soft",
    "opensmtpd-no-mailbox": "hard",
    "absence-note": "automatic",
    "a-person-answers": "other",
    "read-receipt": "other",
    "delivered": "other",
}


def address(message_id=ID, key=KEY):
    return f"bounces+{message_id}.{bounce_token(key, message_id)}@pki.example"


def sample(name="postfix-no-mailbox", to=None):
    text = (SAMPLES / f"{name}.eml").read_text(encoding="utf-8")
    return text.replace("{ADDRESS}", to or address()).encode()


def test_every_sample_is_judged():
    assert {path.stem for path in SAMPLES.glob("*.eml")} == set(SAYS)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("name", "says"), SAYS.items(), ids=SAYS)
def test_samples(name, says, ends):
    found = parse(sample(name).replace(b"\n", ends), RING)
    assert (found.message_id, found.verdict.value) == (ID, says)


STRANGERS = {
    "another key's token": sample(to=address(key=b"x" * 32)),
    "another message's token": sample(to=address().replace(ID, "f" * 32)),
    "no token": sample(to="bounces@pki.example"),
    "half a token": sample(to=address()[:50] + "@pki.example"),
    "the address stands in the text alone": b"To: a@b.example\n\n" + address().encode(),
    "a field that nobody's MTA writes": b"Subject: " + address().encode() + b"\n\n",
    "nothing at all": b"",
    "octets": bytes(range(256)) * 20,
}


@pytest.mark.parametrize("octets", STRANGERS.values(), ids=STRANGERS)
def test_without_a_valid_token_nothing_is_read(octets):
    assert parse(octets, RING).message_id is None


PLACES = {
    "in large letters": (b"To: " + address().upper().encode() + b"\n\n"),
    "in angle brackets, with a name": (b'To: "B, A" <' + address().encode() + b">\n\n"),
    "behind a wrong one": (b"To: " + address(key=b"x" * 32).encode() + b", " + address().encode() + b"\n\n"),
    "as the last hop wrote it": (b"To: list@b.example\nDelivered-To: " + address().encode() + b"\n\n"),
}


@pytest.mark.parametrize("octets", PLACES.values(), ids=PLACES)
def test_where_the_address_stands(octets):
    assert parse(octets, RING).message_id == ID


def test_what_the_library_stumbles_over(monkeypatch):
    """None is known for this version of it: each of the last had some."""

    def stumbles(*_what, **_more):
        raise RecursionError

    monkeypatch.setattr(bounces.BytesParser, "parsebytes", stumbles)
    with pytest.raises(UnreadableError):
        parse(sample(), RING)


HEAD = b"To: " + address().encode() + b"\n"
HOSTILE = {
    "too long": HEAD + b"\n" + b"a" * bounces.LARGEST,
    "a type without end": HEAD + b"Content-Type: multipart/report; " + b"a=b;" * 100_000 + b"\n\n",
    "one hidden behind lone returns": HEAD + b"X: y\rContent-Type: multipart/report; " + b"a=b;" * 100_000 + b"\n\n",
    "one folded without end": HEAD + b"Content-Type: multipart/report;\n" + b" a=b;\n" * 50_000 + b"\n\n",
    "many types with comments": HEAD
    + b"Content-Type: multipart/report; boundary=b\n\n"
    + (b"--b\nContent-Type: text/plain; " + b"(a)" * 300 + b"\n\n") * 90,
    "groups without end": HEAD
    + b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n"
    + b"\n" * 500_000,
    "parts in parts": HEAD
    + b"".join(b"Content-Type: multipart/report; boundary=b%d\n\n--b%d\n" % (one, one) for one in range(2000)),
}


@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE)
def test_what_would_keep_us_busy_is_not_read(octets):
    with pytest.raises(UnreadableError):
        parse(octets, RING)


ODD = {
    "a report without a boundary": b"Content-Type: multipart/report; report-type=delivery-status\n\nAction: failed\n",
    "a report without groups": b"Content-Type: multipart/report; boundary=b\n\n--b\n"
    b"Content-Type: message/delivery-status\n\n\n--b--\n",
    "an encoded report": b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n"
    b"Content-Transfer-Encoding: base64\n\nQWN0aW9uOiBmYWlsZWQ=\n--b--\n",
    "a report in a report": b"Content-Type: multipart/report; boundary=b\n\n--b\n"
    b"Content-Type: message/rfc822\n\nContent-Type: message/delivery-status\n\nA: b\n\nAction: failed\nStatus: 5.1.1\n",
    "a type of nothing": b"Content-Type: ;;;==\n\n",
    "a type with a broken charset": b"Content-Type: multipart/report; boundary*=x'y'%ff%fe\n\n",
    "fields of octets": b"Auto-Submitted: \xff\xfe\nContent-Type: \xc3\x28\n\n\xff",
    "very long fields": b"Auto-Submitted: " + b"no " * 100_000 + b"\nSubject: " + b"=?utf-8?q?a?= " * 30_000 + b"\n\n",
}


@pytest.mark.parametrize("octets", ODD.values(), ids=ODD)
def test_odd_mail_marks_nobody(octets):
    assert parse(HEAD + octets, RING).verdict.value in {"other", "automatic"}


def a_maildir(path):
    maildir = path / "returns"
    for name in ("new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True)
    return maildir


def put(maildir, **mails):
    for name, octets in mails.items():
        (maildir / "new" / name).write_bytes(octets)


def files(maildir):
    return sorted(f"{path.parent.name}/{path.name}" for path in maildir.rglob("*") if not path.is_dir())


def bounced(scene):
    return sorted(rows(scene, "Person").filter(bounced_at__isnull=False).values_list("email", flat=True))


def test_a_maildir(scene, tmp_path):
    """One working mail, one faulty mail and other files: none stops the others."""
    maildir, ctx = a_maildir(tmp_path), a_mailroom(scene)
    lost = a_message(scene, a_person(scene, "lost@client.example"))
    well = a_message(scene, a_person(scene, "well@client.example"))
    put(
        maildir,
        a=sample(to=address(lost.pk)),
        b=sample("gmail-full", address(well.pk)),
        c=sample("absence-note", address(well.pk)),
        d=sample("a-person-answers", address(well.pk)),
        e=b"rubbish",
        f=HOSTILE["too long"],
        g=sample(to=address("f" * 32)),
        h=sample("exchange-no-recipient", address(lost.pk)),
    )
    (maildir / "new" / "i").symlink_to(maildir / "new" / "a")
    (maildir / "new" / "j").mkdir()
    os.mkfifo(maildir / "new" / "k")
    (maildir / "new" / ".hidden").write_bytes(b"")
    (maildir / "cur" / "j:2,FS").write_bytes(b"was there")
    counts = read_returns(ctx, maildir, NOW)
    assert counts == BounceReport(
        marked=1, marked_before=1, soft=1, automatic=1, other=1, unknown=2, unreadable=4, stuck=1
    )
    seen = ["a:2,S", "b:2,S", "c:2,S", "d:2,FS", "e:2,FS", "f:2,FS", "g:2,FS", "h:2,S", "i:2,FS", "j:2,FS", "k:2,FS"]
    assert files(maildir) == [*(f"cur/{name}" for name in seen), "new/.hidden"]
    assert bounced(scene) == ["lost@client.example"]
    assert read_returns(ctx, maildir, NOW + DAY) == BounceReport(unreadable=1, stuck=1)


def test_killed_between_commit_and_move(scene, tmp_path):
    maildir = a_maildir(tmp_path)
    client = an_organisation(scene, "client")
    contact = a_person(scene, "lost@client.example")
    a_certificate(scene, client, NOW + 90 * DAY, contact)
    put(maildir, a=sample(to=address(a_message(scene, contact).pk)))
    with pytest.raises(KilledError):
        read_returns(a_mailroom(scene, step=killed_at("return-noted")), maildir, NOW)
    assert files(maildir) == ["new/a"]
    assert bounced(scene) == ["lost@client.example"]
    assert read_returns(a_mailroom(scene), maildir, NOW + DAY) == BounceReport(marked_before=1)
    assert files(maildir) == ["cur/a:2,S"]
    event = rows(scene, "OutboxMessage").get(kind="bounced")
    assert event.facts == {"person": contact.pk, "since": "2027-03-03"}
    assert (event.channel, event.recipient_id, event.created) == (None, contact.pk, NOW)
    assert rows(scene, "AuditEvent").filter(action="address-bounced").count() == 1


def test_nothing_of_a_mail_is_logged(sqlite_scene, tmp_path, caplog):
    caplog.set_level(0)
    maildir = a_maildir(tmp_path)
    put(maildir, a=sample(), b=HEAD + ODD["fields of octets"])
    assert read_returns(a_mailroom(sqlite_scene), maildir, NOW) == BounceReport(unknown=1, automatic=1)
    assert not [one for one in caplog.messages if "example" in one]


def test_a_maildir_that_is_not_there(sqlite_scene, tmp_path):
    with pytest.raises(FileNotFoundError):
        read_returns(a_mailroom(sqlite_scene), tmp_path, NOW)


def test_a_round_is_bounded(sqlite_scene, tmp_path, monkeypatch):
    monkeypatch.setattr(bounces, "AT_ONCE", 2)
    maildir = a_maildir(tmp_path)
    put(maildir, a=b"", b=b"", c=b"")
    assert read_returns(a_mailroom(sqlite_scene), maildir, NOW) == BounceReport(unknown=2)
    assert files(maildir) == ["cur/a:2,FS", "cur/b:2,FS", "new/c"]
