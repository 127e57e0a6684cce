"""Loader of sinetti.toml: values as written, and mistakes.

Every mistake is reported with its line and a remedy.
"""

import os
import re
import tomllib
from datetime import time, timedelta
from pathlib import Path

import pytest

from sinetti.client.config import loader, schema, table_reader
from sinetti.client.config.errors import SHOWN, ConfigError
from sinetti.client.messages import messages
from sinetti.client.model import AgentSettings, Format, Hooks, HookStage, MaintenanceWindow, OutputOptions, Token
from sinetti.domain.values import Environment, KeyType, Language
from tests.client.double import anchors
from tests.house.tree import DOCS
from tests.support import golden

SERVICE = """\
[services.register]
address = "https://certificates.example/2017/10/CertificateServices"
environment = "TEST"
trust_services = "services.pem"
trust_holders = "holders.pem"
"""
ALL_WEEK = frozenset(range(7))


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a sinetti.toml beside its bundles and secrets.

    The function returns the file's path.
    """
    for role in ("services", "holders"):
        (tmp_path / f"{role}.pem").write_text(anchors(role))
    for secret in ("pin", "p12-password", "key-password"):
        (tmp_path / secret).write_text("1234\n")
        (tmp_path / secret).chmod(0o600)

    def write(text):
        path = tmp_path / "sinetti.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def mistakes(path, language=Language.EN):
    """Return the mistakes as a person reads them, line by line, without the path."""
    with pytest.raises(ConfigError) as caught:
        loader.read(path)
    return messages.render(caught.value.message, language).replace(str(path), "FILE").split("\n")


def test_what_is_not_written_has_the_values_of_the_page(written, tmp_path):
    config = loader.read(written(""))
    assert config.store == tmp_path / "store"
    assert (config.language, dict(config.services), dict(config.entries)) == (None, {}, {})
    assert config.care == AgentSettings()
    entry = config.entry_of("anything")
    assert (entry.name, entry.service, entry.key, entry.key_is_explicit) == ("anything", None, KeyType.RSA_2048, False)
    assert (entry.files, entry.hooks) == (OutputOptions(), Hooks())


def test_the_example_of_the_page_is_read(written, tmp_path, monkeypatch):
    """But for the users and paths of machines that it speaks of."""
    monkeypatch.setattr(
        "sinetti.client.config.certificate_entries._of_the_system", lambda table, key, _: table.text_or_none(key)
    )
    page = (DOCS / "holders" / "agent.md").read_text(encoding="utf-8")
    example = re.search(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[1]
    with_secrets = re.sub(r"^key_password_file.*\n", "", example, flags=re.MULTILINE)
    (tmp_path / "server.pem").write_text(anchors("services"))
    config = loader.read(written(with_secrets))
    assert config.language is Language.FI
    assert config.services["register"].environment is Environment.PRODUCTION
    assert config.services["register"].trust_holders == anchors("holders")
    assert config.services["register"].tls_ca == anchors("services")
    policy = config.services["register"].log
    assert (policy.key.name, policy.cosignatures, policy.witnesses[0].name) == (
        "certificates.example/log", 1, "witness.example"
    )  # fmt: skip
    assert config.care == AgentSettings(prometheus=Path("/var/lib/prometheus/node-exporter/sinetti.prom"), maintenance=(
        MaintenanceWindow(frozenset(range(5)), time(18), time(6)), MaintenanceWindow(frozenset({5, 6}),
        time(0), time(0))
    ))  # fmt: skip
    entry = config.entry_of("payroll")
    assert (entry.customer_id, entry.customer_name, entry.service) == ("0123456-7", "Example Oy", "register")
    assert entry.hooks.commands[HookStage.DEPLOY] == ("systemctl", "reload", "payroll")
    assert entry.files.token == Token(Path("/usr/lib/softhsm/libsofthsm2.so"), "sinetti", tmp_path / "pin")
    assert config.entry_of("another").files == entry.files
    assert config.entry_of("another").customer_id is None


def test_the_page_shows_every_key_and_no_other():
    page = (DOCS / "holders" / "agent.md").read_text(encoding="utf-8")
    example = tomllib.loads(re.search(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[1])
    assert set(example) == set(schema.ROOT)
    assert set(example["services"]["register"]) == set(schema.SERVICE)
    assert set(example["agent"]) == set(schema.AGENT)
    assert set(example["defaults"]) == set(schema.DEFAULTS)
    assert set(example["defaults"]["token"]) == set(schema.TOKEN)
    assert set(example["defaults"]["hooks"]) == set(schema.HOOKS)


@pytest.mark.parametrize("key", schema.EXAMPLES)
def test_a_line_that_is_told_as_an_example_does(key, written, monkeypatch):
    monkeypatch.setattr(
        "sinetti.client.config.certificate_entries._of_the_system", lambda table, key, _: table.text_or_none(key)
    )
    monkeypatch.setattr("sinetti.client.config.file_references.bundle", lambda table, key: anchors("holders"))
    line = schema.EXAMPLES[key]
    assert list(tomllib.loads(line)) == [key]
    if key in schema.TOP:
        text = line
    elif key in schema.SERVICE:
        beside = (*schema.SERVICE[:4], *(["log_witnesses"] if key == "log_cosignatures" else []))
        others = [schema.EXAMPLES[one] for one in beside if one != key]
        text = "\n".join(["[services.register]", line, *others])
    elif key in schema.AGENT:
        text = f"[agent]\n{line}"
    elif key in schema.TOKEN:
        text = "\n".join(["[defaults.token]", *(schema.EXAMPLES[one] for one in schema.TOKEN)])
    elif key in schema.HOOKS:
        text = f"[defaults.hooks]\n{line}"
    else:
        beside = "password_file = 'p12-password'\n" if key == "formats" else ""
        text = f"{SERVICE}[certificates.payroll]\n{beside}{line}"
    loader.read(written(text))


def test_every_key_that_is_no_table_has_an_example():
    keys = {*schema.TOP, *schema.SERVICE, *schema.AGENT, *schema.TOKEN, *schema.HOOKS, *schema.CERTIFICATE}
    assert set(schema.EXAMPLES) == keys - {"token", "hooks"}


def test_the_only_service_needs_not_be_named(written):
    assert loader.read(written(SERVICE)).entry_of("payroll").service == "register"


def test_of_two_services_one_has_to_be_named(written):
    config = loader.read(written(SERVICE + SERVICE.replace("register", "other")))
    assert config.entry_of("payroll").service is None


def test_a_table_says_for_itself_what_the_defaults_say(written):
    text = f"""{SERVICE}
[defaults]
key = "ec-p256"
formats = ["pkcs12"]
password_file = "p12-password"
[defaults.hooks]
before = ["true"]
deploy = ["systemctl", "reload", "payroll"]
timeout = "5m"
[certificates.payroll]
key = "ec-p384"
formats = ["der"]
[certificates.payroll.hooks]
before = []
after = ["date"]
[certificates.benefits]
customer_id = "7654321-0"
"""
    config = loader.read(written(text))
    one, other = config.entry_of("payroll"), config.entry_of("benefits")
    assert (one.key, one.files.formats) == (KeyType.EC_P384, {Format.PEM, Format.DER})
    assert one.files.password_file == other.files.password_file
    assert dict(one.hooks.commands) == {
        HookStage.DEPLOY: ("systemctl", "reload", "payroll"),
        HookStage.AFTER: ("date",),
    }
    assert one.hooks.timeout == timedelta(minutes=5)
    assert (other.key, other.files.formats) == (KeyType.EC_P256, {Format.PEM, Format.PKCS12})
    assert set(other.hooks.commands) == {HookStage.BEFORE, HookStage.DEPLOY}


WINDOWS = {
    "Mon-Fri 18:00-06:00": MaintenanceWindow(frozenset(range(5)), time(18), time(6)),
    "Sat-Sun": MaintenanceWindow(frozenset({5, 6}), time(0), time(0)),
    "sun-mon 08:30-24:00": MaintenanceWindow(frozenset({6, 0}), time(8, 30), time(0)),
    "Mon,Wed,Fri-Sat 01:00-02:00": MaintenanceWindow(frozenset({0, 2, 4, 5}), time(1), time(2)),
    "02:00-04:00": MaintenanceWindow(ALL_WEEK, time(2), time(4)),
}


@pytest.mark.parametrize(("text", "window"), WINDOWS.items(), ids=WINDOWS)
def test_maintenance_windows(text, window, written):
    config = loader.read(written(f'[agent]\nmaintenance = ["{text}"]\n'))
    assert config.care.maintenance == (window,)


NO_WINDOWS = [
    *(" ", "Mon-Fri 18-06", "18:00-06:00 Mon", "Someday", "Mon-", "Ma-Pe", "Mon Tue", "Mon–Fri", "²"),
    *("Mon 25:00-26:00", "Mon 01:00-02:60", "Mon 1:00-2:00", "24:00-02:00", "Mon 01:00-02:00 03:00-04:00"),
]


PKCS12_WITH_TOKEN = """\
[defaults]
formats = ["pkcs12"]
password_file = "p12-password"
token = { module = "a", label = "b", pin_file = "pin" }
"""
WRONG = {
    **{f"no window: {text}": f'[agent]\nmaintenance = ["Sat-Sun",\n  "{text}"]\n' for text in NO_WINDOWS},
    "an empty window": '[agent]\nmaintenance = ["Sat-Sun",\n  ""]\n',
    "no TOML": "store = store\n",
    "a key twice": '\nstore = "a"\nstore = "b"\n',
    "a text that does not end": 'a = 1\nstore = "',
    "a number with too many digits": "\n\na = " + "1" * 5000,
    "a byte order mark": b"\xef\xbb\xbfstore = 'a'\n",
    "UTF-16": "store = 'a'".encode("utf-16"),
    "Latin-1": "# one\nlanguage = 'fi' # på".encode("latin-1"),
    "capital letters": 'Store = "store"\n',
    "a hyphen": '[services.a]\ntrust-services = "services.pem"\n',
    "a letter too few": '[services.a]\nadress = "x"\n',
    "a table's letter": "[service.a]\n",
    "nothing alike": "\n[agent]\ncolour = 1\n",
    "a hook above its table": '[certificates.payroll]\ndeploy = ["true"]\n',
    "a PIN above its table": '[defaults]\nlabel = "x"\n',
    "the store below a header": '[agent]\nstore = "x"\n',
    "a customer by default": '[defaults]\ncustomer_id = "0123456-7"\n',
    "a name with a dot": "[certificates.acme.fi]\nkey = 'ec-p256'\n",
    "a name that is no folder": '[certificates."a/b"]\n',
    "two names that are one": "[certificates.Payroll]\n[certificates.payroll]\n",
    "a table as a text": 'agent = "x"\n',
    "a list of tables": "[[agent]]\nat_once = 3\n",
    "a certificate as a text": '[certificates]\npayroll = "x"\n',
    "a number for a text": "store = 7\n",
    "an empty text": '[agent]\nzone = ""\n',
    "a blank at the end": '[certificates.a]\ncustomer_name = "Oy "\n',
    "a sign that is not seen": '[certificates.a]\ncustomer_name = "O\\u0007y"\n',
    "a customer ID with a blank": '[certificates.a]\ncustomer_id = "0123456 7"\n',
    "a text for a number": '[agent]\nat_once = "8"\n',
    "yes for a number": "[agent]\nat_once = true\n",
    "too many at once": "[agent]\nat_once = 65\n",
    "a time without a unit": '[agent]\nspread = "10"\n',
    "a time as a number": "[agent]\nspread = 10\n",
    "a time in words": '[agent]\nurgent = "14 days"\n',
    "longer than renewal is open": '[agent]\nspread = "61d"\n',
    "no time for a hook": '[defaults.hooks]\ntimeout = "0s"\n',
    "no such zone": '[agent]\nzone = "Europe/Helsingfors"\n',
    "a folder of zones": '[agent]\nzone = "Europe"\n',
    "a zone outside": '[agent]\nzone = "../../etc/passwd"\n',
    "a window as a text": '[agent]\nmaintenance = "Sat-Sun"\n',
    "no such language": 'language = "en_GB"\n',
    "an environment in small letters": SERVICE.replace("TEST", "test"),
    "no environment": SERVICE.replace('environment = "TEST"\n', ""),
    "no address": re.sub("address.*\n", "", SERVICE),
    "no anchors": re.sub("trust_holders.*\n", "", SERVICE),
    "http to others": SERVICE.replace("https", "http"),
    "a host alone": SERVICE.replace("https://", ""),
    "a bundle that is not there": SERVICE.replace("holders.pem", "x.pem"),
    "a bundle that is empty": SERVICE.replace("holders.pem", "pin"),
    "a key of a log that is none": f'{SERVICE}log_key = "key"\n',
    "a witness with a key of a log": (
        f"{SERVICE}{schema.EXAMPLES['log_key'].replace('log_key = ', 'log_witnesses = [')}]\n"
    ),
    "more cosignatures than witnesses": f"{SERVICE}log_cosignatures = 2\n{schema.EXAMPLES['log_witnesses']}\n",
    "cosignatures beyond the range": f"{SERVICE}log_cosignatures = 17\n",
    "a folder for a bundle": SERVICE.replace("holders.pem", "."),
    "a service that is not there": f'{SERVICE}[defaults]\nservice = "registre"\n',
    "a service without any": '[defaults]\nservice = "a"\n',
    "an unsupported key type": '[defaults]\nkey = "rsa-1024"\n',
    "an unknown format": '[defaults]\nformats = ["pem", "pfx"]\n',
    "PKCS#12 without a password": '[defaults]\nformats = ["pkcs12"]\n',
    "a mode without quotes": "[defaults]\nmode = 0o600\n",
    "a mode of letters": '[defaults]\nmode = "rw-------"\n',
    "a mode for all users": '[defaults]\nmode = "0644"\n',
    "a mode that a group may write": '[defaults]\nmode = "0660"\n',
    "a mode without its reader": '[defaults]\nmode = "0200"\n',
    "a mode for no group": '[defaults]\nmode = "0640"\n',
    "a hook as a line for a shell": '[defaults.hooks]\ndeploy = "a b"\n',
    "a hook with a number": '[defaults.hooks]\ndeploy = ["a", 7]\n',
    "a user that is not there": '[defaults]\nowner = "no-such-user"\n',
    "a group that is not there": '[defaults]\ngroup = "no-such-group"\n',
    "a secret that is not there": '[defaults]\npassword_file = "x"\n',
    "a token without a PIN": '[defaults.token]\nmodule = "/a.so"\nlabel = "b"\n',
    "a token and a password of a key": (
        '[defaults]\nkey_password_file = "key-password"\ntoken = { module = "a", label = "b", pin_file = "pin" }\n'
    ),
    "a token and PKCS#12": PKCS12_WITH_TOKEN,
    "a file where the store is to be": 'store = "pin"\n',
}


def test_mistakes_are_reported_with_line_and_remedy(written, tmp_path):
    found = {
        language: {name: "\n".join(mistakes(written(text), language)) for name, text in WRONG.items()}
        for language in Language
    }
    assert not [name for name in WRONG if len({texts[name] for texts in found.values()}) < len(Language)]
    golden.check(
        "settings/sinetti",
        {
            f"{language}.txt": golden.sections(texts).replace(str(tmp_path), "FOLDER")
            for language, texts in found.items()
        },
    )


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(written):
    lines = mistakes(written('langage = "fi"\n[certificates.a]\nkey = "dsa"\n[agent]\nat_once = 0\nspread = "x"\n'))
    assert [line.partition(":")[0] for line in lines] == [f"FILE, line {number}" for number in (1, 3, 5, 6)]


def test_what_nobody_reads_is_counted(written):
    text = "[agent]\n" + "".join(f"x{number} = 1\n" for number in range(SHOWN + 7))
    lines = mistakes(written(text))
    assert len(lines) == SHOWN + 1
    golden.check("settings/sinetti-many", {"en.txt": f"{lines[SHOWN]}\n"})


def test_a_mistake_in_one_service_is_no_mistake_of_who_names_it(written):
    text = SERVICE.replace("TEST", "QA") + '[defaults]\nservice = "register"\n'
    assert len(mistakes(written(text))) == 1


SECRETS = {
    "password_file": '[defaults]\nformats = ["pkcs12"]\npassword_file = "p12-password"\n',
    "key_password_file": '[defaults]\nkey_password_file = "key-password"\n',
    "without formats": '[defaults]\npassword_file = "p12-password"\n',
}


@pytest.mark.skipif(os.name != "posix", reason="rights are lists there")
def test_files_that_are_not_taken(written, tmp_path, monkeypatch):
    texts, secret, key_secret = {}, tmp_path / "p12-password", tmp_path / "key-password"
    texts["no settings"] = mistakes(tmp_path / "sinetti.toml")
    for mode in (0o640, 0o604, 0o660, 0o644):
        secret.chmod(mode)
        texts[f"a secret of mode {mode:o}"] = mistakes(written(SECRETS["without formats"]))
    secret.chmod(0o600)
    secret.write_bytes("pässwörd\n".encode("latin-1"))
    texts["a secret that no PKCS#12 file takes"] = mistakes(written(SECRETS["password_file"]))
    key_secret.write_text("\n")
    texts["an empty secret"] = mistakes(written(SECRETS["key_password_file"]))
    key_secret.unlink()
    os.mkfifo(key_secret, 0o600)
    texts["a pipe, which is not waited for"] = mistakes(written(SECRETS["key_password_file"]))
    path, bundle = written(SERVICE), tmp_path / "holders.pem"
    assert loader.read(path).services
    bundle.chmod(0o666)
    texts["anchors that others can write"] = mistakes(path)
    monkeypatch.setattr(
        "sinetti.client.config.certificate_entries.importlib", type("None", (), {"import_module": missing})
    )
    texts["an owner where the system has none"] = mistakes(written('[defaults]\nowner = "root"\n'))
    told = {case: "\n".join(lines).replace(str(tmp_path), "FOLDER") for case, lines in texts.items()}
    golden.check("settings/sinetti-files", {"en.txt": golden.sections(told)})


def missing(name):
    raise ImportError(name)


PROGRAMS = {
    "a name, looked up in PATH": (("systemctl", "x"), ("systemctl", "x")),
    "a path": (("/usr/bin/tell", "./x"), ("/usr/bin/tell", "./x")),
    "beside the file": (("./tell", "./x"), ("FOLDER/tell", "./x")),
    "in a folder beside the file": (("hooks/tell",), ("FOLDER/hooks/tell",)),
}


@pytest.mark.parametrize(("line", "command"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_lies_where_the_file_says_wherever_the_agent_is_started(line, command, written, tmp_path):
    entry = loader.read(written(f"[defaults.hooks]\ndeploy = {list(line)}\n")).defaults
    assert entry.hooks.commands[HookStage.DEPLOY] == tuple(one.replace("FOLDER", str(tmp_path)) for one in command)


def test_a_group_may_read_where_it_is_named(written, monkeypatch):
    monkeypatch.setattr(
        "sinetti.client.config.certificate_entries._of_the_system", lambda table, key, _: table.text_or_none(key)
    )
    files = loader.read(written('[defaults]\nmode = "640"\ngroup = "payroll"\n')).defaults.files
    assert (files.mode, files.group) == (0o640, "payroll")


def test_a_token_of_the_defaults_with_another_label(written):
    text = '[defaults.token]\nmodule = "/a.so"\nlabel = "a"\npin_file = "pin"\n[certificates.x.token]\nlabel = "b"\n'
    config = loader.read(written(text))
    assert (config.entry_of("x").files.token.label, config.defaults.files.token.label) == ("b", "a")


def test_lines_are_looked_for_only_where_something_is_wrong(written, monkeypatch):
    """Ten thousand tables are read at each run."""
    monkeypatch.setattr(table_reader.line_numbers, "locate_keys", lambda text: pytest.fail("nothing is wrong"))
    loader.read(written(SERVICE))
