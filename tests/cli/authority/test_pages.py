"""Transfer ids over two channels at the command line, and pages of a node."""

import json
import re
from urllib.parse import urlsplit

import pytest

from sinetti.authority.data_directory import DataDirectory
from tests.cli.authority.conftest import CONTACT
from tests.support import golden
from tests.support.browser import Browser, Served
from tests.support.mail_servers import mail_server
from tests.support.programs import CUSTOMER, ran
from tests.support.serving import serving
from tests.support.small_server import small_server

PHONE = ("--contact-phone", "+358 40 1234567", "--contact-language", "en")
ADDRESS = "https://people.example"
NOTICES = """\
people_address = "https://people.example"
service = "Sinetti"
operators = ["operators@authority.example"]
[help]
fi = "tuki"
sv = "hjälp"
en = "the help desk"
[mail]
server = "smtp://127.0.0.1:{port}"
from = "Sinetti <notices@authority.example>"
"""
SMS = """\
[sms]
url = "{url}"
sender = "Sinetti"
token_file = "sms-token"
"""


def with_notices(operator, port=25, sms=""):
    """Configure messages: a mail server and, with an address, an SMS provider."""
    text = NOTICES.format(port=port) + (SMS.format(url=sms) if sms else "")
    DataDirectory(operator.root).notices.write_text(text, encoding="utf-8")
    (operator.root / "sms-token").write_text("token")
    (operator.root / "sms-token").chmod(0o600)
    DataDirectory(operator.root).notices.chmod(0o600)


@pytest.fixture
def founded(sqlite_operator):
    """Return an operator with an authority and an organisation."""
    sqlite_operator.found()
    sqlite_operator.add()
    return sqlite_operator


def ordered(operator, *more):
    return ("order", "--customer-id", CUSTOMER["customer_id"], *CONTACT, *more)


def test_ids_that_are_sent_are_not_shown(founded):
    with_notices(founded, sms="http://127.0.0.1:9/sms")
    out = founded.does(*ordered(founded, *PHONE), "--send")
    assert re.fullmatch(r"Order +[0-9a-f]{32}\nOpen by +\d+ \w+ \d{4} at \d+:\d\d \(Finnish time\)\n", out)
    value = json.loads(founded.does(*ordered(founded, *PHONE), "--send", "--json"))
    assert (list(value), value["code"]) == (["order_id", "expires", "code"], None)
    again = json.loads(founded.does("transfer-ids", value["order_id"], "--send", "--json"))
    assert (again["order_id"], again["code"]) == (value["order_id"], None)


def test_without_a_phone_the_code_for_the_signatory_is_printed(founded):
    with_notices(founded)
    code, out, err = founded.run(*ordered(founded), "--send")
    assert (code, bool(re.search(r"^Code +[a-z2-7]{5} [a-z2-7]{5}$", out, re.MULTILINE))) == (0, True)
    assert "signatory" in err
    assert re.fullmatch("[a-z2-7]{10}", json.loads(founded.does(*ordered(founded), "--send", "--json"))["code"])


def test_nothing_is_sent_where_messages_are_not_set_up(founded):
    for words in (ordered(founded, "--send"), ordered(founded, *PHONE, "--send"), ("transfer-ids", "0" * 32, "--send")):
        founded.refused(5, *words)
    assert json.loads(founded.does("status", "--json"))["open_orders"] == 0
    golden.check("sentences/pages/nothing-is-sent-where-messages-are-not-set-up", founded.said())


def test_where_no_text_message_can_leave(founded):
    with_notices(founded)
    founded.refused(2, *ordered(founded, *PHONE, "--send"))
    assert json.loads(founded.does("status", "--json"))["open_orders"] == 0
    ids = founded.order(*PHONE)
    code, out, err = founded.run("transfer-ids", ids["order_id"], "--send")
    assert (code, ids["order_id"] in out, "change-contact" in err) == (3, True, True)
    golden.check("sentences/pages/where-no-text-message-can-leave", founded.said())


def test_an_order_that_is_not_there(founded):
    with_notices(founded)
    founded.refused(2, "transfer-ids", "0" * 32, "--send")
    golden.check("sentences/pages/an-order-that-is-not-there", founded.said())


def test_where_pages_cannot_be_served(founded):
    for address in ("0.0.0.0:8090", "people", "127.0.0.1:8443", "127.0.0.1:8080", "unix:/tmp/people.sock"):
        founded.refused(2, "serve", "--people-bind", address)
    golden.check("sentences/pages/where-pages-cannot-be-served", founded.said())


def sent_link(mail):
    """Return the one link in an e-mail."""
    (link,) = set(re.findall(r"https://\S+", mail.get_body(("plain",)).get_content()))
    return link


@pytest.mark.long
def test_the_whole_way_by_a_real_node(founded, tmp_path):
    """The steps are order, e-mail, link, SMS, transfer ids and enrolment.

    Each is done by its real program.
    """
    with (
        mail_server() as mails,
        small_server(lambda _question: (202, {}, b"")) as texts,
    ):
        with_notices(founded, mails.port, f"{texts.url}/sms")
        founded.does(*ordered(founded, *PHONE), "--send")
        founded.does("notices", "send")
        (mail,) = mails.taken
        link = urlsplit(sent_link(mail.read))
        with serving(founded.root, "--people-bind", "127.0.0.1:0", "--workers", "1") as served:
            at = re.search(r"e-service on (http://[0-9.:]+)", served.log)[1]
            browser = Browser(Served(at, ADDRESS)).get(link.path)
            assert (browser.heading, texts.asked) == ("Secure message", [])
            browser.press("open")
            assert "to the number ending in 67" in browser.page.text_content()
            (sms,) = [json.loads(question.body) for question in texts.asked]
            (pin,) = re.findall(r"\b\d{6}\b", sms["text"])
            transfer_id, password = browser.press("pin", pin=pin).secrets
            (tmp_path / "password").write_text(password)
            (tmp_path / "password").chmod(0o600)
            trust = [
                word
                for role in ("services", "holders")
                for word in (f"--trust-{role}", founded.root / "trust" / f"{role}.pem")
            ]
            done = ran(
                "enrol", "payroll", "--store", tmp_path / "store", "--service", served.soap, *trust,
                "--environment", "TEST", "--customer-id", CUSTOMER["customer_id"], "--transfer-id", transfer_id,
                "--transfer-password-file", tmp_path / "password", "--key", "ec-p256",
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert browser.get(link.path).heading == "The transfer IDs have been used"
            served.stop()
        token = link.path.rpartition("/")[2]
        for secret in (token, pin, password, transfer_id, "1234567"):
            assert secret not in served.log


def test_a_node_whose_pages_do_not_load_never_says_ready(founded, tmp_path):
    with_notices(founded)
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['sinetti.eservice.site.urls'] = None\n")
    ports = ("--bind", "127.0.0.1:0", "--status-bind", "127.0.0.1:0", "--people-bind", "127.0.0.1:0")
    done = ran(
        "authority", "serve", "--dir", founded.root, *ports, "--workers", "1", "--log", "text",
        PYTHONPATH=str(tmp_path), **founded.database,
    )  # fmt: skip
    assert (done.returncode, "Ready" in done.stderr) == (1, False)
    assert "ModuleNotFoundError" in done.stderr
    assert re.search(r"people \d exited \(1\) while it was starting", done.stderr)
