"""`sinetti authority notices …` with a real mail server.

The tests plan, send, show, give up and send messages again.
"""

import json
from contextlib import contextmanager

import pytest

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.cli.authority.notices import due_line
from sinetti.database import models
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import NewMessage
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.values import Language
from sinetti.infra.clock import utc_now
from tests.support import golden
from tests.support.mail_servers import mail_server

SETTINGS = """
people_address = "https://people.example"
service = "Sinetti"
operators = ["operator@pki.example"]
[help]
fi = "apua"
sv = "hjälp"
en = "help"
[mail]
server = "smtp://127.0.0.1:{port}"
from = "Sinetti <notices@pki.example>"
"""


@pytest.fixture
def server():
    with mail_server() as running:
        yield running


def settle(operator, server, more=""):
    (operator.root / "notices.toml").write_text(SETTINGS.format(port=server.port) + more, encoding="utf-8")


@contextmanager
def opened(operator):
    authority = open_authority(operator.root, DirectoryKind.AUTHORITY)
    try:
        yield authority.ctx.db
    finally:
        authority.journal.close()
        authority.ctx.db.close()


def owe(operator, number, address=None):
    """Queue a message to an operator, due now, and return its id."""
    now = utc_now()
    one = NewMessage(
        MessageKind.OPERATOR,
        MessageChannel.EMAIL,
        f"finding-{number}",
        "once",
        now,
        address=address or "operator@pki.example",
        facts={"finding": "a-finding", "text": f"Something is wrong – ä €: number {number}."},
    )
    with opened(operator) as db:
        outbox.enqueue(db, [one], now)
    return one.message_id


def test_without_settings_nothing_is_sent(sqlite_operator):
    sqlite_operator.found()
    for words in (("plan",), ("send",), ("preview", "reminder"), ("bounces",)):
        sentence = sqlite_operator.refused(5, "notices", *words)
        assert "notices.toml is missing, so no messages are sent: copy deploy/notices.toml" in sentence


def test_settings_that_are_wrong(sqlite_operator, server):
    sqlite_operator.found()
    settle(sqlite_operator, server, 'port = "25"\n')
    sqlite_operator.refused(5, "notices", "send")
    golden.check("sentences/notices/settings-that-are-wrong", sqlite_operator.refused_so_far())


def test_what_is_owed_is_told_in_words():
    assert due_line({"events": 1, "reminders": 2, "findings": 0}) == "Due: 1 event, 2 reminders, 0 findings."


def test_planned_and_sent(sqlite_operator, server):
    operator = sqlite_operator
    operator.found()
    settle(operator, server)
    operator.add()
    operator.order()
    planned = json.loads(operator.does("notices", "plan", "--json"))
    assert set(planned) == {"events", "reminders", "digests", "ends", "findings"}
    message = owe(operator, 1)
    (row,) = [
        one for one in json.loads(operator.does("notices", "send", "--dry-run", "--json")) if one["id"] == message
    ]
    assert (row["kind"], row["channel"], row["tries"]) == ("operator", "email", 0)
    assert server.taken == []
    sent = json.loads(operator.does("notices", "send", "--json"))
    assert sent["sent"] >= 1
    assert (sent["dead"], sent["again"], sent["away"], sent["late"], sent["given_up"]) == (0, 0, [], 0, 0)
    (taken,) = [one for one in server.taken if one.message_id == message]
    assert "Something is wrong – ä €: number 1." in taken.read.get_body(("plain",)).get_content()
    assert json.loads(operator.does("notices", "send", "--json"))["sent"] == 0
    assert "Sent: 0; to be retried: 0; given up: 0; no longer needed: 0; waiting: 0." in operator.does(
        "notices", "send"
    )


def test_a_dry_run_of_planning_changes_nothing(operator, server):
    operator.found()
    settle(operator, server)
    dead = owe(operator, 1)
    with opened(operator) as db:
        models.OutboxMessage.objects.using(db.alias).update(failed_at=utc_now())
    shown = json.loads(operator.does("notices", "plan", "--dry-run", "--json"))
    with opened(operator) as db:
        assert [one.pk for one in models.OutboxMessage.objects.using(db.alias).all()] == [dead]
    assert [one["kind"] for one in shown] == ["operator"], "of what was given up"
    assert json.loads(operator.does("notices", "plan", "--json"))["findings"] == 1
    heading, line = operator.does("notices", "send", "--dry-run").splitlines()
    assert heading == "1 message would be sent:"
    assert line.startswith(f"{shown[0]['id']}  operator  email  due ")
    assert operator.does("notices", "plan", "--dry-run") == "No message would be planned.\n"


def test_given_up_listed_sent_again_and_forgotten(sqlite_operator, server):
    operator = sqlite_operator
    operator.found()
    settle(operator, server)
    address = "gone@pki.example"
    first, second = owe(operator, 1, address), owe(operator, 2, address)
    server.handler.answers[address] = "550 5.1.1 <gone@pki.example> nobody"
    code, out, err = operator.run("notices", "send")
    assert code == 3, err
    assert "2 messages given up: sinetti authority notices retry lists them." in out
    code, out, err = operator.run("notices", "retry", "--json")
    assert code == 3
    rows = json.loads(out)
    assert {one["id"] for one in rows} == {first, second}
    assert {one["problem"] for one in rows} == {"the mail server answered 550 5.1.1 to the recipient"}
    assert {(one["customer_id"], one["serial"], one["order_id"]) for one in rows} == {(None, None, None)}
    assert address not in out + err
    assert "given up" in operator.does("status")
    operator.refused(2, "notices", "retry", "00")
    operator.refused(2, "notices", "retry", "--forget")
    operator.refused(2, "notices", "retry", first, "--all", "--forget")
    assert operator.does("notices", "retry", first) == "1 message queued again.\n"
    server.handler.answers.clear()
    code, out, _ = operator.run("notices", "send")
    assert code == 3, "one is still given up"
    assert [one.message_id for one in server.taken] == [first]
    assert operator.does("notices", "retry", "--all", "--forget") == "1 message removed.\n"
    assert operator.does("notices", "retry") == "There are no undelivered messages.\n"
    assert operator.does("notices", "send").startswith("Sent: 0;")
    golden.check("sentences/notices/given-up-listed-sent-again-and-forgotten", operator.refused_so_far())


def test_a_mail_server_that_is_away(sqlite_operator):
    operator = sqlite_operator
    operator.found()
    with mail_server() as gone:
        settle(operator, gone)
    owe(operator, 1)
    out = operator.does("notices", "send")
    assert "waiting: 1." in out
    assert "No provider accepts messages by email now. They stay queued." in out


def test_previews(sqlite_operator, server):
    operator = sqlite_operator
    operator.found()
    settle(operator, server)
    swedish = json.loads(operator.does("notices", "preview", "reminder", "--language", "sv", "--json"))
    assert swedish["subject"].startswith("Certifikatet går ut ")
    assert "hjälp" in swedish["text"], "the operator's own words"
    assert swedish["html"].startswith("<!DOCTYPE html>")
    message = owe(operator, 7)
    shown = json.loads(operator.does("notices", "preview", message, "--json"))
    assert (shown["id"], shown["kind"], shown["language"]) == (message, "operator", Language.EN)
    assert "number 7" in shown["text"]
    assert operator.does("notices", "preview", message, "--html") == f"{shown['html']}\n"
    assert operator.does("notices", "preview", message) == f"{shown['subject']}\n\n{shown['text']}\n"
    operator.refused(2, "notices", "preview", "nothing")
    golden.check("sentences/notices/previews", operator.refused_so_far())


def test_a_message_with_a_secret_is_for_its_recipient_alone(sqlite_operator, server):
    operator = sqlite_operator
    operator.found()
    settle(operator, server)
    now = utc_now()
    pin = NewMessage(MessageKind.PIN, MessageChannel.SMS, "0a", "once", now, facts={"pin": "0a"})
    reset = NewMessage(MessageKind.ACCOUNT, MessageChannel.EMAIL, "0b", "reset", now, address="nimi@people.example")
    with opened(operator) as db:
        outbox.enqueue(db, [pin, reset], now)
    for one in (pin, reset):
        operator.refused(2, "notices", "preview", one.message_id)
    golden.check("sentences/notices/a-message-with-a-secret-is-for-its-recipient-alone", operator.refused_so_far())


def test_returned_mail(sqlite_operator, server, tmp_path):
    operator = sqlite_operator
    operator.found()
    settle(operator, server)
    operator.refused(5, "notices", "bounces")
    for name in ("new", "cur", "tmp"):
        (tmp_path / "returned" / name).mkdir(parents=True)
    settle(operator, server, f'returns = "bounces@pki.example"\nmaildir = "{tmp_path / "returned"}"\n')
    assert all(count == 0 for count in json.loads(operator.does("notices", "bounces", "--json")).values())
    golden.check("sentences/notices/returned-mail", operator.refused_so_far())
