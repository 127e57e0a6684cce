"""Commands of the operator: effects, refusals, and messages."""

import argparse
import json
import os
import re
import secrets
import signal
import stat
import subprocess
import sys

import pytest
from cryptography import x509

from sinetti.ca.hierarchy_config import load_preset, with_policy_arc
from sinetti.cli.authority.common import OptionError, run_command
from sinetti.cli.main import SERVER, build_parser, main
from sinetti.diagnostics.search import DiagnosisContext
from sinetti.domain.values import Environment
from sinetti.pki.chain import load_bundle
from sinetti.pki.encoding import load_certificate
from sinetti.server.process_exit import raise_if_interrupted
from sinetti.settings import notifications
from tests.cli.authority.conftest import ADDRESSES, CONTACT
from tests.support import golden
from tests.support.officers import ARC, founders
from tests.support.postgres import create_database

INIT = ("init", "--environment", "TEST", *ADDRESSES)


def names(root):
    return {path.stem for path in (root / "ca").glob("*CAv1.cer")}


@pytest.mark.parametrize("environment", ["TEST", "PRODUCTION"])
def test_init(operator, environment):
    operator.does("init", "--environment", environment, *ADDRESSES, *founders())
    root = operator.root
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    for folder in ("keys", "secrets"):
        for path in (root / folder).iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (root / "keys").glob("*.pem"):
        assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert {("Test" in name) for name in names(root)} == {environment == "TEST"}
    assert len(names(root)) == 5
    assert len(load_bundle((root / "trust" / "holders.pem").read_bytes())) == 4
    assert (root / "register.sqlite3").exists() == (not operator.database)
    if not operator.database:
        assert stat.S_IMODE((root / "register.sqlite3").stat().st_mode) == 0o600
    summary = json.loads(operator.does("status", "--json"))
    assert summary["environment"] == environment
    assert summary["certificates"] == summary["organisations"] == 0


def test_init_says_what_comes_next(sqlite_operator):
    _, _, err = sqlite_operator.run(*INIT)
    steps = re.findall(r"^  sinetti authority (\w+(?: add)?) --dir (\S+)", err, re.MULTILINE)
    assert steps == [(step, str(sqlite_operator.root)) for step in ("organisation add", "order", "serve")]


def test_init_never_overwrites(operator):
    operator.found()
    before = {path: path.read_bytes() for path in operator.root.rglob("*") if path.is_file()}
    operator.refused(2, *INIT)
    assert {path: path.read_bytes() for path in operator.root.rglob("*") if path.is_file()} == before
    golden.check("sentences/authority/init-never-overwrites", operator.said())


PAGES = ("--people-address", "https://people.example.fi", "--mail-server")
OPERATOR = ("--operator-email", "operators@authority.example")


def test_init_writes_settings_and_a_web_server_with_the_names_that_it_got(sqlite_operator, tmp_path):
    password = tmp_path / "password"
    password.write_text("of the mail server\n")
    login = (*PAGES, "smtps://name@mail.example.fi", "--mail-password-file", password, *OPERATOR)
    sqlite_operator.does(*INIT, *login)
    root = sqlite_operator.root
    read = notifications.read(root / "notices.toml")
    assert (read.smtp.username, read.smtp.password) == ("name", "of the mail server")
    assert "people.example.fi" in (root / "deploy" / "nginx.conf").read_text()
    drop_in = (root / "deploy" / "sinetti.service.d" / "authority.conf").read_text()
    assert f"/opt/sinetti/bin/sinetti authority serve --dir {root} --bind" in drop_in


BAD_PAGES = {
    "pages without mail": (PAGES[:2], "belong together"),
    "a password in a command": ((*PAGES, "smtps://name:secret-word@mail.example.fi", *OPERATOR), "leave the password"),
    "a name without its password": ((*PAGES, "smtps://name@mail.example.fi", *OPERATOR), "both a name"),
    "a password for no server": (("--mail-password-file", "/nowhere"), "needs --mail-server"),
    "a missing password": (
        (*PAGES, "smtp://127.0.0.1", *OPERATOR, "--mail-password-file", "/nowhere"),
        "cannot be read",
    ),
    "no host": ((*PAGES, "mail.example.fi", *OPERATOR), "--mail-server, --operator-email: notices.toml: [mail] server"),
}


@pytest.mark.parametrize(("options", "word"), BAD_PAGES.values(), ids=BAD_PAGES)
def test_bad_options_for_pages(sqlite_operator, options, word):
    sentence = sqlite_operator.refused(2, *INIT, *options)
    assert word in sentence
    assert "secret-word" not in sentence
    assert not sqlite_operator.root.exists()


def test_init_in_a_folder_that_holds_something_else(sqlite_operator):
    sqlite_operator.root.mkdir()
    (sqlite_operator.root / "letter.txt").write_text("x")
    sqlite_operator.refused(2, *INIT)
    assert [path.name for path in sqlite_operator.root.iterdir()] == ["letter.txt"]
    golden.check("sentences/authority/init-in-a-folder-that-holds-something-else", sqlite_operator.said())


ARC_WORDS = {
    "none": ((), "policy_arc: this key is missing; write an OID of your own, or give --policy-arc"),
    "that for examples": (("--policy-arc", "2.999.1"), "policy_arc: 2.999.1 is only for examples"),
    "a UUID": (("--policy-arc", "2.25.156868473485101095000396921412762461610"), "an OID with numbers under 2^31"),
}


@pytest.mark.parametrize(("words", "sentence"), ARC_WORDS.values(), ids=ARC_WORDS)
def test_production_needs_an_arc_of_its_own(sqlite_operator, words, sentence):
    refused = sqlite_operator.refused(2, "init", "--environment", "PRODUCTION", *ADDRESSES, *founders()[2:], *words)
    assert sentence in refused
    assert "https://www.iana.org/assignments/enterprise-numbers/" in refused
    assert not sqlite_operator.root.exists()


ARCS = {
    "TEST": ("TEST", (), "2.999.7734212.1.2"),
    "TEST with an arc": ("TEST", ("--policy-arc", ARC), f"{ARC}.7734212.1.2"),
    "PRODUCTION": ("PRODUCTION", ("--policy-arc", ARC), f"{ARC}.7734212.1.1"),
}


@pytest.mark.parametrize(("environment", "words", "policy"), ARCS.values(), ids=ARCS)
def test_the_policies_are_below_the_arc_and_readers_know_them(sqlite_operator, capsys, environment, words, policy):
    root = sqlite_operator.root
    sqlite_operator.does("init", "--environment", environment, *ADDRESSES, *founders()[2:], *words)
    files = [path for path in (root / "ca").glob("DataProviders*.cer") if "SFTP" not in path.name]
    (ca,) = map(load_certificate, (path.read_bytes() for path in files))
    (policies,) = (one.value for one in ca.extensions if one.oid == x509.CertificatePolicies.oid)
    assert [one.policy_identifier.dotted_string for one in policies] == [policy]
    assert DiagnosisContext(anchors=[ca]).environment == environment
    assert main(["inspect", str(files[0]), "--lang", "en"]) == 0
    assert f"WS {environment}" in " ".join(capsys.readouterr().out.split())
    sqlite_operator.does("status")


def test_a_preset_with_the_names_of_another_authority_is_for_tests(sqlite_operator):
    preset = ("--hierarchy", "incomes-register-test")
    sqlite_operator.refused(2, "init", "--environment", "PRODUCTION", *ADDRESSES, *founders(), *preset)
    assert not sqlite_operator.root.exists()
    sqlite_operator.does(*INIT, *preset)
    golden.check("sentences/authority/a-preset-with-the-names-of-another-authority", sqlite_operator.said())


BAD_HIERARCHIES = {
    "a key that is not there": ('key = "ec-p384"', 'key = "rsa-1024"'),
    "a lifetime in words": ("lifetime_days = 7305", 'lifetime_days = "long"'),
    "a child that outlives its parent": ("lifetime_days = 2922", "lifetime_days = 9999"),
    "the key of version 0.1.0": ('validity = "P730D"', "validity_days = 730"),
    "a misspelt key": ("organisation =", "organization ="),
    "a name that tells no environment": ("Services {test}Issuing", "Services Issuing"),
    "no TOML": ("[holders]", "[holders"),
}


def test_a_bad_hierarchy_names_its_key(sqlite_operator, tmp_path):
    text = load_preset("default")
    for number, (old, new) in enumerate(BAD_HIERARCHIES.values()):
        assert old in text
        file = tmp_path / f"{number}.toml"
        file.write_text(text.replace(old, new), encoding="utf-8")
        sqlite_operator.refused(2, *INIT, "--hierarchy", file)
    assert not sqlite_operator.root.exists()
    golden.check("sentences/authority/a-bad-hierarchy-names-its-key", sqlite_operator.said())


def test_a_hierarchy_of_ones_own(sqlite_operator, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(load_preset("default").replace("Sinetti ", "Sigill "), encoding="utf-8")
    sqlite_operator.initialise("--hierarchy", file)
    assert "SigillRootTestCAv1" in names(sqlite_operator.root)


def test_a_preset_by_its_name(sqlite_operator):
    sqlite_operator.initialise("--hierarchy", "short-7d")
    text = with_policy_arc(load_preset("short-7d"), Environment.TEST)
    assert (sqlite_operator.root / "hierarchy.toml").read_text() == text


def test_a_folder_of_version_0_1_0_opens(sqlite_operator):
    sqlite_operator.found()
    file = sqlite_operator.root / "hierarchy.toml"
    old = file.read_text().replace('validity = "P730D"', "validity_days = 730")
    assert "validity_days" in old
    file.write_text(old)
    assert json.loads(sqlite_operator.does("status", "--json"))["certificates"] == 0
    assert file.read_text() == old, "the file remains as it is"


BAD_INITS = (
    ("--base-url", "https://pki.example"),
    ("--base-url", "pki.example"),
    ("--soap-url", "soap"),
    ("--soap-url", "http://soap.example"),
    ("--base-url", "http://[::1"),
    ("--soap-url", "https://soap.example:99999"),
    ("--soap-url", "https://soap.example?x=1"),
    ("--soap-url", 'https://soap.example/"'),
    ("--hierarchy", "/nowhere/h.toml"),
    ("--hierarchy", "short-7"),
    ("--hierarchy", "/"),
    ("--database-url", "mysql://u:secret-word@h/n"),
    ("--database-url", "secret-word"),
)


def test_bad_options_of_init(sqlite_operator):
    for options in BAD_INITS:
        assert "secret-word" not in sqlite_operator.refused(2, *INIT, *options)
    assert not sqlite_operator.root.exists()
    golden.check("sentences/authority/bad-options-of-init", sqlite_operator.said())


AWAY = "postgresql://nobody:secret-word@127.0.0.1:1/nothing"


def test_a_database_that_is_away_at_init(sqlite_operator, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", AWAY)
    assert "secret-word" not in sqlite_operator.refused(4, *INIT)
    assert not sqlite_operator.root.exists()
    golden.check("sentences/authority/a-database-that-is-away-at-init", sqlite_operator.said())


def test_a_database_that_is_away_later(sqlite_operator, monkeypatch):
    sqlite_operator.found()
    monkeypatch.setenv("DATABASE_URL", AWAY)
    for command in (["status"], ["serve", "--bind", "127.0.0.1:0", "--status-bind", "127.0.0.1:0"]):
        sqlite_operator.refused(4, *command)
    golden.check("sentences/authority/a-database-that-is-away-later", sqlite_operator.said())


def test_the_register_of_another_authority(sqlite_operator, monkeypatch, postgres_url, tmp_path):
    url = create_database(postgres_url, f"other_{secrets.token_hex(6)}")
    sqlite_operator.found()
    monkeypatch.setenv("DATABASE_URL", url)
    sqlite_operator.refused(5, "status")
    other = tmp_path / "other"
    code, _, err = sqlite_operator.run(*INIT, root=other)
    assert code == 0, err
    sqlite_operator.refused(5, "status")
    sqlite_operator.refused(5, "serve")
    sqlite_operator.refused(2, *INIT, root=tmp_path / "third")
    assert not (tmp_path / "third").exists()
    golden.check("sentences/authority/the-register-of-another-authority", sqlite_operator.said())


def test_where_there_is_no_authority(sqlite_operator):
    for command in (["status"], ["serve"], ["order", "--customer-id", "x", *CONTACT], ["transfer-ids", "0"]):
        sqlite_operator.refused(2, *command)
    golden.check("sentences/authority/where-there-is-no-authority", sqlite_operator.said())


def test_a_folder_of_somebody_else_s(sqlite_operator):
    sqlite_operator.root.mkdir()
    (sqlite_operator.root / "theirs").touch()
    sqlite_operator.refused(2, "status")
    sqlite_operator.refused(2, *INIT)
    golden.check("sentences/authority/a-folder-of-somebody-else-s", sqlite_operator.said())


def test_a_look_makes_no_register(sqlite_operator, tmp_path, monkeypatch):
    sqlite_operator.found()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/elsewhere.sqlite3")
    for command in (["status"], ["serve"], ["reconcile"], ["backup", "--out", tmp_path / "night"]):
        sentence = sqlite_operator.refused(2 if command[0] == "backup" else 5, *command)
        assert "elsewhere.sqlite3" in sentence
    assert [path.name for path in tmp_path.glob("elsewhere*")] == []


def test_organisations(operator):
    operator.found()
    operator.add()
    again = ("organisation", "add", "--customer-id", " 0123456-7", "--kind", "artificial", "--name", "Other")
    operator.refused(2, *again)
    customer = ("--customer-id", "0123456-7")
    sftp = ("order", *customer, "--channel", "SFTP", *CONTACT)
    operator.refused(2, *sftp)
    operator.does("organisation", "approve", *customer, "--channel", "SFTP")
    operator.does(*sftp)
    operator.does("organisation", "withdraw", *customer, "--channel", "SFTP")
    operator.refused(2, *sftp)
    operator.order()
    operator.does("organisation", "close", *customer)
    operator.refused(2, "order", *customer, *CONTACT)
    operator.refused(2, "organisation", "approve", *customer, "--channel", "WS")
    operator.refused(2, *again)
    for verb in (["approve", "--channel", "WS"], ["withdraw", "--channel", "WS"], ["close"]):
        operator.refused(2, "organisation", *verb, "--customer-id", "nobody")
    operator.refused(2, "order", "--customer-id", "nobody", *CONTACT)
    assert json.loads(operator.does("status", "--json"))["open_orders"] == 2
    golden.check("sentences/authority/organisations", operator.said())


PRODUCTION = (
    (0, "business-id", "1234567-1"),
    (2, "business-id", "1234567-8"),
    (2, "artificial", "0123456-7"),
    (2, "foreign", "1234567-1"),
    (0, "foreign", "US-556677"),
    (0, "vat", "FI12345671"),
    (2, "register", "FI12345671"),
)


def test_who_may_be_registered_in_production(sqlite_operator):
    sqlite_operator.found(environment="PRODUCTION")
    for code, kind, customer_id in PRODUCTION:
        sqlite_operator.says(
            code, "organisation", "add", "--customer-id", customer_id, "--kind", kind, "--name", "Malli Oy"
        )
    assert json.loads(sqlite_operator.does("status", "--json"))["organisations"] == 3
    golden.check("sentences/authority/who-may-be-registered-in-production", sqlite_operator.said())


def test_bad_words(sqlite_operator):
    sqlite_operator.found()
    add = ("organisation", "add", "--customer-id", "x", "--kind", "foreign", "--name", "Malli Oy")
    for options in (
        ("--name", "x" * 101),
        ("--name", " "),
        ("--name", "a\nb"),
        ("--country", "Finland"),
        ("--customer-id", "a b"),
    ):
        sqlite_operator.refused(2, *add, *options)
    sqlite_operator.add()
    order = ("order", "--customer-id", "0123456-7", *CONTACT)
    for options in (
        ("--contact-name", "x" * 201),
        ("--contact-email", "here"),
        ("--contact-phone", "call"),
        ("--description", "x" * 201),
        ("--deputy-name", "A"),
        ("--deputy-email", "a@b.example"),
        ("--replaces", "00ff"),
    ):
        sqlite_operator.refused(2, *order, *options)
    assert json.loads(sqlite_operator.does("status", "--json"))["open_orders"] == 0
    golden.check("sentences/authority/bad-words", sqlite_operator.said())


def test_an_order_for_people_and_for_programs(operator):
    operator.found()
    operator.add()
    ids = operator.order("--deputy-name", "The Deputy", "--deputy-email", "deputy@customer.example")
    assert list(ids) == ["order_id", "transfer_id", "transfer_password", "expires"]
    out, _ = operator.says(0, "order", "--customer-id", "0123456-7", *CONTACT)
    (password,) = re.findall(r"^.*password +(\w{16})$", out, re.MULTILINE)
    golden.check("sentences/authority/an-order-for-people", operator.said(PASSWORD=password))


def test_new_transfer_ids(operator):
    operator.found()
    operator.add()
    ids = operator.order()
    new = json.loads(operator.does("transfer-ids", ids["order_id"], "--json"))
    assert new["order_id"] == ids["order_id"]
    assert new["transfer_id"] != ids["transfer_id"]
    operator.refused(2, "transfer-ids", "nothing")
    golden.check("sentences/authority/new-transfer-ids", operator.said())


def test_a_revocation_of_what_is_not_there(sqlite_operator):
    sqlite_operator.found()
    sqlite_operator.refused(2, "revoke", "00ff", "--reason", "superseded")
    for since in ("yesterday", "2026-01-01T00:00:00", "2999-01-01T00:00:00Z", "0202-01-01T00:00:00Z"):
        words = ("revoke", "00ff", "--reason", "keyCompromise", "--invalid-since", since)
        sqlite_operator.refused(2, *words)
    golden.check("sentences/authority/a-revocation-of-what-is-not-there", sqlite_operator.said())


def test_status_for_people(sqlite_operator):
    sqlite_operator.found()
    table = sqlite_operator.does("status")
    assert re.search(r"environment +TEST\norganisations +0\nopen orders +0\n", table)
    assert re.search(r"DataProvidersTestIssuingCAv1 ends +\d{4}-", table)


def test_the_status_of_one_organisation(operator):
    operator.found()
    mine = ("status", "--customer-id", "0123456-7")
    operator.refused(2, *mine)
    operator.refused(2, "status", "--customer-id", "x", "--orders")
    operator.add()
    operator.add("other")
    operator.says(0, *mine)
    assert json.loads(operator.does(*mine, "--json")) == []
    first = operator.order("--description", "Payroll")
    second = json.loads(operator.does("transfer-ids", operator.order()["order_id"], "--json"))
    operator.order(customer_id="other")
    orders = json.loads(operator.does(*mine, "--orders", "--json"))
    assert [list(one) for one in orders] == [
        ["order_id", "customer_id", "channel", "description", "replaces", "created", "expires"]
    ] * 2
    assert {one["order_id"]: (one["description"], one["expires"]) for one in orders} == {
        first["order_id"]: ("Payroll", first["expires"]),
        second["order_id"]: (None, second["expires"]),
    }
    assert len(json.loads(operator.does("status", "--orders", "--json"))) == 3
    for shown in (operator.does(*mine), operator.does(*mine, "--orders")):
        assert re.search(rf"{first['order_id']} +0123456-7 +WS +{first['expires']}  Payroll", shown)
        assert "The Contact" not in shown
        assert first["transfer_id"] not in shown
    golden.check("sentences/authority/the-status-of-one-organisation", operator.said())


def test_what_was_done_to_an_organisation_is_told(sqlite_operator):
    sqlite_operator.found()
    sqlite_operator.add()
    for words in (
        ("withdraw", "--channel", "SFTP"),
        ("approve", "--channel", "SFTP"),
        ("approve", "--channel", "SFTP"),
        ("withdraw", "--channel", "SFTP"),
        ("close",),
        ("close",),
    ):
        sqlite_operator.says(0, "organisation", *words, "--customer-id", "0123456-7")
    golden.check("sentences/authority/what-was-done-to-an-organisation", sqlite_operator.said())


BAD_SERVES = (
    ("--bind", "0.0.0.0:0"),
    ("--tls-certificate", "/x.pem"),
    ("--tls-certificate", "/x.pem", "--tls-key", "/y.pem"),
    ("--bind", "127.0.0.1"),
    ("--bind", "127.0.0.1:65536"),
    ("--status-bind", "pki.example:80"),
    ("--bind", "127.0.0.1:http"),
    ("--bind", "127.0.0.1:8080"),
    ("--bind", "localhost:9", "--status-bind", "127.0.0.1:9"),
    ("--bind", "127.0.0.1:9", "--status-bind", "0.0.0.0:9"),
)


def test_bad_options_of_serve(sqlite_operator, tmp_path):
    for options in BAD_SERVES:
        sqlite_operator.refused(2, "serve", *options)
        assert signal.SIGHUP not in signal.pthread_sigmask(signal.SIG_BLOCK, ()), (
            "whoever is started next would not hear it"
        )
    sqlite_operator.found()
    for name in ("a.pem", "b.pem"):
        (tmp_path / name).write_text("x")
    sqlite_operator.refused(2, "serve", "--tls-certificate", tmp_path / "a.pem", "--tls-key", tmp_path / "b.pem")
    golden.check("sentences/authority/bad-options-of-serve", sqlite_operator.said())


@pytest.mark.parametrize("command", ["authority", "testbench"])
def test_without_the_extra_one_line_names_it(command):
    hidden = (
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in {'django', 'granian', 'psycopg', 'dj_database_url'}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "import importlib.util\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'django' else real(name, package)\n"
        "from sinetti.cli.main import main\n"
        f"sys.exit(main(['{command}', 'serve', '--dir', 'x']))\n"
    )
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "sinetti[authority]" in line


@pytest.mark.parametrize("words", [[], ["nothing"], ["organisation"], ["init"], ["revoke", "x"], ["order"]])
def test_usage(sqlite_operator, words):
    code, out, err = sqlite_operator.run(None, *words)
    assert (code, out) == (2, "")
    assert "usage: sinetti authority" in err


@pytest.mark.parametrize("words", [[], ["init"], ["serve"], ["order"], ["organisation", "add"], ["revoke"], ["status"]])
def test_help_shows_an_example(sqlite_operator, words):
    code, out, _ = sqlite_operator.run(None, *words, "--help")
    assert code == 0
    assert not words or f"sinetti authority {' '.join(words)}" in out


def parsers(parser, *path):
    """Yield every parser below this one, with its words."""
    yield " ".join(path), parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                yield from parsers(one, *path, name)


@pytest.mark.parametrize("name", SERVER)
def test_every_option_has_a_help_text(name):
    found = {words: one for words, one in parsers(build_parser(name)) if words.split(" ")[0] == name}
    assert found
    for words, parser in found.items():
        assert "example" in (parser.epilog or ""), words
        assert f"sinetti {words}" in parser.epilog, words
        for action in parser._actions:
            if not isinstance(action, argparse._SubParsersAction):
                assert action.help, (words, action.option_strings)


@pytest.mark.parametrize("words", [[], ["organisation"]])
def test_groups_tell_the_exit_codes(sqlite_operator, words):
    _, out, _ = sqlite_operator.run(None, *words, "--help")
    assert "exit codes: 0 done" in out


@pytest.mark.parametrize(
    ("said", "told"), [("so.", "so."), ("so", "so."), ("is it running?", "is it running?"), ("so..", "so.")]
)
def test_sentences_end_once(said, told, capsys):
    def fail(_parsed):
        raise OptionError(said)

    assert run_command(fail, argparse.Namespace()) == 2
    assert capsys.readouterr().err == f"sinetti: {told}\n"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_was_swallowed_while_starting_is_heeded_once_the_server_is_ready(how, monkeypatch):
    class Swallows:
        def __del__(self):
            os.kill(os.getpid(), how)
            []  # noqa: B018 - the handler runs between two instructions, and Python drops what is raised in here

    def starts(_parsed):
        raise_if_interrupted()
        one = Swallows()
        del one
        raise_if_interrupted()
        return 0

    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    with pytest.raises(KeyboardInterrupt):
        run_command(starts, argparse.Namespace())
    assert [one.exc_type for one in unraisable] == [KeyboardInterrupt]
