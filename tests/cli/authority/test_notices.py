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
        sqlite_operator.refused(5, "notices", *words)
    golden.check("sentences/notices/without-settings", sqlite_operator.said())


def test_settings_that_are_wrong(sqlite_operator, server):
    sqlite_operator.found()
    settle(sqlite_operator, server, 'port = "25"\n')
    sqlite_operator.refused(5, "notices", "send")
    golden.check("sentences/notices/settings-that-are-wrong", sqlite_operator.said())


def test_what_is_owed_is_told_in_words():
    text = due_line({"events": 1, "reminders": 2, "findings": 0})
    golden.check("sentences/notices/what-is-due", {"en.txt": f"{text}\n"})


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
    operator.says(0, "notices", "send")
    golden.check("sentences/notices/planned-and-sent", operator.said())


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
    assert shown[0]["id"] in operator.says(0, "notices", "send", "--dry-run")[0]
    operator.says(0, "notices", "plan", "--dry-run")
    golden.check("sentences/notices/a-dry-run-of-planning-changes-nothing", operator.said())


def test_given_up_listed_sent_again_and_forgotten(sqlite_operator, server):
    operator = sqlite_operator
    operator.found()
    settle(operator, server)
    address = "gone@pki.example"
    first, second = owe(operator, 1, address), owe(operator, 2, address)
    server.handler.answers[address] = "550 5.1.1 <gone@pki.example> nobody"
    operator.says(3, "notices", "send")
    code, out, err = operator.run("notices", "retry", "--json")
    assert code == 3
    rows = json.loads(out)
    assert {one["id"] for one in rows} == {first, second}
    assert all("550 5.1.1" in one["problem"] for one in rows)
    assert {(one["customer_id"], one["serial"], one["order_id"]) for one in rows} == {(None, None, None)}
    assert address not in out + err
    assert "given up" in operator.does("status")
    operator.refused(2, "notices", "retry", "00")
    operator.refused(2, "notices", "retry", "--forget")
    operator.refused(2, "notices", "retry", first, "--all", "--forget")
    operator.says(0, "notices", "retry", first)
    server.handler.answers.clear()
    operator.says(3, "notices", "send")  # one is still given up
    assert [one.message_id for one in server.taken] == [first]
    operator.says(0, "notices", "retry", "--all", "--forget")
    operator.says(0, "notices", "retry")
    operator.says(0, "notices", "send")
    golden.check("sentences/notices/given-up-listed-sent-again-and-forgotten", operator.said())


def test_a_mail_server_that_is_away(sqlite_operator):
    operator = sqlite_operator
    operator.found()
    with mail_server() as gone:
        settle(operator, gone)
    owe(operator, 1)
    operator.says(0, "notices", "send")
    golden.check("sentences/notices/a-mail-server-that-is-away", operator.said())


def test_previews(sqlite_operator, server):
    operator = sqlite_operator
    operator.found()
    settle(operator, server)
    swedish = json.loads(operator.does("notices", "preview", "reminder", "--language", "sv", "--json"))
    assert swedish["language"] == "sv"
    assert "hjälp" in swedish["text"], "the operator's own words"
    assert swedish["html"].startswith("<!DOCTYPE html>")
    message = owe(operator, 7)
    shown = json.loads(operator.does("notices", "preview", message, "--json"))
    assert (shown["id"], shown["kind"], shown["language"]) == (message, "operator", Language.EN)
    assert "number 7" in shown["text"]
    assert operator.does("notices", "preview", message, "--html") == f"{shown['html']}\n"
    assert operator.does("notices", "preview", message) == f"{shown['subject']}\n\n{shown['text']}\n"
    operator.refused(2, "notices", "preview", "nothing")
    golden.check("sentences/notices/previews", operator.said())


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
    golden.check("sentences/notices/a-message-with-a-secret-is-for-its-recipient-alone", operator.said())


def test_returned_mail(sqlite_operator, server, tmp_path):
    operator = sqlite_operator
    operator.found()
    settle(operator, server)
    operator.refused(5, "notices", "bounces")
    for name in ("new", "cur", "tmp"):
        (tmp_path / "returned" / name).mkdir(parents=True)
    settle(operator, server, f'returns = "bounces@pki.example"\nmaildir = "{tmp_path / "returned"}"\n')
    assert all(count == 0 for count in json.loads(operator.does("notices", "bounces", "--json")).values())
    golden.check("sentences/notices/returned-mail", operator.said())
