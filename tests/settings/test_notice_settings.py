"""notices.toml: parsed once, refused with the name of the key and a correction.

Secrets are private to their owner.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from sinetti.domain.values import Language
from sinetti.infra.toml_tables import SettingsError
from sinetti.notifications.context import LADDER
from sinetti.notifications.delivery.smtp import SmtpSecurity
from sinetti.settings.notifications import parse, read

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "deploy" / "notices.toml").read_text(encoding="utf-8")
SMALL = """
people_address = "https://people.example"
service = "Sinetti"
[help]
fi = "apua"
sv = "hjälp"
en = "help"
[mail]
server = "smtp://127.0.0.1:2525"
from = "notices@pki.example"
"""


@pytest.fixture
def folder(tmp_path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("smtp-password", "sms-token"):
        (secrets / name).write_text(f"the {name}\n", encoding="utf-8")
        (secrets / name).chmod(0o600)
    return tmp_path


def test_the_example(folder):
    found = parse(EXAMPLE, folder)
    assert (found.smtp.host, found.smtp.port, found.smtp.security) == (
        "mail.authority.example",
        587,
        SmtpSecurity.STARTTLS,
    )
    assert (found.smtp.username, found.smtp.password) == ("sinetti", "the smtp-password")
    assert (found.sender.name, found.sender.address) == ("Sinetti", "notices@authority.example")
    assert (found.sender.reply_to, found.sender.returns) == ("help@authority.example", "bounces@authority.example")
    assert found.returns.maildir == Path("/var/lib/sinetti/returned")
    assert (found.sms.url, found.sms.sender, found.sms.token) == (
        "https://sms.example/messages",
        "Sinetti",
        "the sms-token",
    )
    assert found.terms.operators == ("operators@authority.example",)
    assert found.terms.ladder == LADDER
    assert set(found.terms.help) == set(Language)


def test_the_example_is_all_that_can_be_set(folder):
    """The example has every setting, so that the operator needs no other source."""
    for key in ("people_address", "service", "operators", "ladder_days", "wave_from", "wave_days", "server",
                "password_file", "anchors", "from", "reply_to", "returns", "maildir", "url", "sender",
                "token_file"):  # fmt: skip
        assert any(line.removeprefix("# ").startswith(f"{key} = ") for line in EXAMPLE.splitlines()), key


def test_what_has_to_be_there(folder):
    found = parse(SMALL, folder)
    assert (found.sms, found.returns, found.sender.returns, found.sender.name) == (None, None, None, "")
    assert (found.smtp.username, found.smtp.password) == ("", "")
    assert (found.terms.operators, found.terms.ladder, found.terms.wave_from) == ((), LADDER, 1000)


def test_secrets_are_not_shown(folder):
    shown = repr(parse(EXAMPLE, folder))
    assert "smtp-password" not in shown
    assert "sms-token" not in shown


SERVERS = {
    "smtp://localhost": ("localhost", 25, SmtpSecurity.NONE, "", ""),
    "smtp://[::1]:2525": ("::1", 2525, SmtpSecurity.NONE, "", ""),
    "smtps://mail.example": ("mail.example", 465, SmtpSecurity.TLS, "", ""),
    "smtp+starttls://mail.example": ("mail.example", 587, SmtpSecurity.STARTTLS, "", ""),
    "smtps://a%40b:c%3A%2Fd@mail.example:4465/": ("mail.example", 4465, SmtpSecurity.TLS, "a@b", "c:/d"),
}


@pytest.mark.parametrize(("url", "means"), SERVERS.items(), ids=SERVERS)
def test_servers(folder, url, means):
    smtp = parse(SMALL.replace("smtp://127.0.0.1:2525", url), folder).smtp
    assert (smtp.host, smtp.port, smtp.security, smtp.username, smtp.password) == means


def test_a_ladder_of_ones_own(folder):
    found = parse(f"ladder_days = [60, 5, 0]\nwave_from = 50\nwave_days = 3\n{SMALL}", folder)
    assert found.terms.ladder == (timedelta(days=60), timedelta(days=5), timedelta(0))
    assert (found.terms.wave_from, found.terms.wave_days) == (50, 3)


SMS = '[sms]\nurl = "https://sms.example/messages"\nsender = "Sinetti"\ntoken_file = "secrets/sms-token"\n'
REFUSED = {
    "no TOML": ("service", "service = =", "not valid TOML"),
    "lists in lists without end": ("service", f"service = {'[' * 9000}", "not valid TOML"),
    "a setting that is none": ('service = "Sinetti"', 'service = "Sinetti"\nservise = "x"', "servise: there is no"),
    "a setting that is none in a table": ("[mail]", '[mail]\nport = "25"', r"\[mail\] port: there is no such setting"),
    "no address of pages": ('people_address = "https://people.example"', "", "people_address: this setting is missing"),
    "pages without TLS": ("https://people.example", "http://people.example", "people_address: write the address of"),
    "an address with a query": ("https://people.example", "https://people.example/?a=b", "people_address"),
    "no help in one language": ('sv = "hjälp"', "", r"\[help\] sv"),
    "no help": ('[help]\nfi = "apua"\nsv = "hjälp"\nen = "help"', "", "help: this setting is missing; write a table"),
    "two lines": ('"Sinetti"', '"Sinetti\\nBcc: x"', "service: write a text in one line"),
    "a number for a name": ('"Sinetti"', "7", "service: write a text"),
    "an operator who is none": ("service", 'operators = ["nobody"]\nservice', "operators: write an address"),
    "operators as one text": ("service", 'operators = "a@b.example"\nservice', "operators: write a list of texts"),
    "a ladder upside down": ("service", "ladder_days = [0, 60]\nservice", "ladder_days: write days before expiry"),
    "a step twice": ("service", "ladder_days = [60, 60, 0]\nservice", "ladder_days: write days before expiry"),
    "no step": ("service", "ladder_days = []\nservice", "ladder_days: write days before expiry"),
    "steps of years": ("service", "ladder_days = [1000]\nservice", "ladder_days: write a list of whole numbers"),
    "a wave over no day": ("service", "wave_days = 0\nservice", "wave_days: write a whole number from 1 to 30"),
    "a wave by yes": ("service", "wave_from = true\nservice", "wave_from: write a whole number"),
    "a server by its name alone": ("smtp://127.0.0.1:2525", "mail.example", r"\[mail\] server: write an address"),
    "a server over HTTP": ("smtp://127.0.0.1:2525", "https://mail.example", "server: write an address such as"),
    "a port that is none": ("smtp://127.0.0.1:2525", "smtps://mail.example:70000", "server: write an address such as"),
    "a server elsewhere without TLS": ("smtp://127.0.0.1:2525", "smtp://mail.example", "mail without TLS"),
    "a name without a password": ("smtp://127.0.0.1", "smtps://sinetti@127.0.0.1", "both a user name and a password"),
    "a password that no server takes": ("smtp://127", "smtps://sinetti:%C3%A4@127", "in ASCII"),
    "no sender": ('from = "notices@pki.example"', "", "from: this setting is missing; write a text"),
    "from no address": ("notices@pki.example", "Sinetti", "from: write an address"),
    "returns that are too long": ("from =", 'returns = "bounces-of-sinetti@pki.example"\nfrom =', "at most 14"),
    "a maildir without an address": ("from =", 'maildir = "returned"\nfrom =', "returns: write the address"),
    "a password file that is not there": ("from =", 'password_file = "secrets/none"\nfrom =', "cannot be read"),
    "texts over plain HTTP": ("[mail]", f"{SMS.replace('https', 'http')}[mail]", r"\[sms\] url: write the provider's"),
    "texts with a password in the address": ("[mail]", f"{SMS.replace('https://', 'https://a:b@')}[mail]", "url:"),
    "a sender that no phone shows": ("[mail]", f"{SMS.replace('Sinetti', 'Sinetti certificates')}[mail]", "sender:"),
    "no token": ("[mail]", f"{SMS.partition('token')[0]}[mail]", "token_file: write"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(folder, old, new, sentence):
    assert old in SMALL
    with pytest.raises(SettingsError, match=sentence) as refused:
        parse(SMALL.replace(old, new, 1), folder)
    assert "notices.toml" in str(refused.value)


def test_a_password_is_never_told(folder):
    wrong = SMALL.replace("smtp://127.0.0.1:2525", "smtpz://sinetti:hunter22@mail.example")
    with pytest.raises(SettingsError) as refused:
        parse(wrong, folder)
    assert "hunter22" not in str(refused.value)


def test_secrets_that_others_can_read(folder):
    (folder / "secrets" / "sms-token").chmod(0o640)
    with pytest.raises(SettingsError, match="token_file: write a file that no other user can read: chmod 600"):
        parse(SMALL.replace("[mail]", f"{SMS}[mail]"), folder)
    path = folder / "notices.toml"
    path.write_text(SMALL.replace("smtp://127.0.0.1:2525", "smtps://a:b@mail.example"), encoding="utf-8")
    path.chmod(0o646)
    with pytest.raises(SettingsError, match="other users can change"):
        read(path)
    path.chmod(0o644)
    with pytest.raises(SettingsError, match=r"chmod 600 notices.toml, or use password_file"):
        read(path)
    path.chmod(0o600)
    assert read(path).smtp.password == "b"
    path.write_text(SMALL, encoding="utf-8")
    path.chmod(0o644)
    assert read(path).smtp.password == "", "there is no secret in it"


def test_without_the_file_nothing_is_sent(folder):
    with pytest.raises(
        SettingsError, match=r"notices.toml is missing, so no messages are sent: copy deploy/notices.toml"
    ):
        read(folder / "notices.toml")
    (folder / "notices.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        read(folder / "notices.toml")
