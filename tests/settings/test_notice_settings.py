"""notices.toml: parsed once, refused with the name of the key and a correction.

Secrets are private to their owner.
"""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from sinetti.domain.values import Language
from sinetti.infra.toml_tables import SettingsError
from sinetti.notifications.context import LADDER
from sinetti.notifications.delivery.smtp import SmtpSecurity
from sinetti.settings.notifications import parse, read
from tests.support import golden

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
    "no TOML": ("service", "service = ="),
    "lists in lists without end": ("service", f"service = {'[' * 9000}"),
    "a setting that is none": ('service = "Sinetti"', 'service = "Sinetti"\nservise = "x"'),
    "a setting that is none in a table": ("[mail]", '[mail]\nport = "25"'),
    "no address of pages": ('people_address = "https://people.example"', ""),
    "pages without TLS": ("https://people.example", "http://people.example"),
    "an address with a query": ("https://people.example", "https://people.example/?a=b"),
    "no help in one language": ('sv = "hjälp"', ""),
    "no help": ('[help]\nfi = "apua"\nsv = "hjälp"\nen = "help"', ""),
    "two lines": ('"Sinetti"', '"Sinetti\\nBcc: x"'),
    "a number for a name": ('"Sinetti"', "7"),
    "an operator who is none": ("service", 'operators = ["nobody"]\nservice'),
    "operators as one text": ("service", 'operators = "a@b.example"\nservice'),
    "a ladder upside down": ("service", "ladder_days = [0, 60]\nservice"),
    "a step twice": ("service", "ladder_days = [60, 60, 0]\nservice"),
    "no step": ("service", "ladder_days = []\nservice"),
    "steps of years": ("service", "ladder_days = [1000]\nservice"),
    "a wave over no day": ("service", "wave_days = 0\nservice"),
    "a wave by yes": ("service", "wave_from = true\nservice"),
    "a server by its name alone": ("smtp://127.0.0.1:2525", "mail.example"),
    "a server over HTTP": ("smtp://127.0.0.1:2525", "https://mail.example"),
    "a port that is none": ("smtp://127.0.0.1:2525", "smtps://mail.example:70000"),
    "a server elsewhere without TLS": ("smtp://127.0.0.1:2525", "smtp://mail.example"),
    "a name without a password": ("smtp://127.0.0.1", "smtps://sinetti@127.0.0.1"),
    "a password that no server takes": ("smtp://127", "smtps://sinetti:%C3%A4@127"),
    "no sender": ('from = "notices@pki.example"', ""),
    "from no address": ("notices@pki.example", "Sinetti"),
    "returns that are too long": ("from =", 'returns = "bounces-of-sinetti@pki.example"\nfrom ='),
    "a maildir without an address": ("from =", 'maildir = "returned"\nfrom ='),
    "a password file that is not there": ("from =", 'password_file = "secrets/none"\nfrom ='),
    "texts over plain HTTP": ("[mail]", f"{SMS.replace('https', 'http')}[mail]"),
    "texts with a password in the address": ("[mail]", f"{SMS.replace('https://', 'https://a:b@')}[mail]"),
    "a sender that no phone shows": ("[mail]", f"{SMS.replace('Sinetti', 'Sinetti certificates')}[mail]"),
    "no token": ("[mail]", f"{SMS.partition('token')[0]}[mail]"),
}  # fmt: skip


def test_what_is_refused(folder):
    assert all(old in SMALL for old, _ in REFUSED.values())
    texts = {name: SMALL.replace(old, new, 1) for name, (old, new) in REFUSED.items()}
    attempts = {name: partial(parse, text, folder) for name, text in texts.items()}
    golden.check("settings/notices", {"en.txt": golden.refusals(attempts, SettingsError, FOLDER=folder)})


def test_a_password_is_never_told(folder):
    wrong = SMALL.replace("smtp://127.0.0.1:2525", "smtpz://sinetti:hunter22@mail.example")
    with pytest.raises(SettingsError) as refused:
        parse(wrong, folder)
    assert "hunter22" not in str(refused.value)


def test_secrets_that_others_can_read(folder):
    (folder / "secrets" / "sms-token").chmod(0o640)
    path = folder / "notices.toml"
    path.write_text(SMALL.replace("smtp://127.0.0.1:2525", "smtps://a:b@mail.example"), encoding="utf-8")

    def read_with(mode):
        path.chmod(mode)
        return read(path)

    attempts = {
        "a token that others can read": lambda: parse(SMALL.replace("[mail]", f"{SMS}[mail]"), folder),
        "a file that others can change": lambda: read_with(0o646),
        "a password that others can read": lambda: read_with(0o644),
        "no file": lambda: read(folder / "none.toml"),
        "a folder": lambda: read(folder / "secrets"),
    }
    golden.check("settings/notices-file", {"en.txt": golden.refusals(attempts, SettingsError, FOLDER=folder)})
    assert read_with(0o600).smtp.password == "b"
    path.write_text(SMALL, encoding="utf-8")
    path.chmod(0o644)
    assert read(path).smtp.password == "", "there is no secret in it"
