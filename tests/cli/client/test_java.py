"""Format jks: made by keytool; a renewal never depends on it, and every view shows that it is missing."""

import json
import shutil
from datetime import timedelta

import pytest

from sinetti.client.store import java_keystores
from tests.support import authority

LATE = authority.NOW + timedelta(days=700)
CONFIG = """\
store = "store"
[defaults]
formats = ["pem", "pkcs12", "jks"]
password_file = "secret"
"""
HOOKS = """\
[defaults.hooks]
deploy = ["/bin/sh", "-c", "echo $SINETTI_SERIAL >> deployed"]
"""
FAKE = """\
#!/bin/sh
# Stands for keytool: a copy of PKCS#12 in the place of the JKS.
while [ $# -gt 0 ]; do
  case $1 in -srckeystore) source=$2;; -destkeystore) target=$2;; esac
  shift
done
/bin/cp "$source" "$target"
"""


@pytest.fixture
def config(shell, monkeypatch):
    (shell.folder / "secret").write_text("battery staple\n")
    (shell.folder / "secret").chmod(0o600)
    (shell.folder / "sinetti.toml").write_text(CONFIG)
    (shell.folder / "bin").mkdir()
    monkeypatch.setenv("PATH", str(shell.folder / "bin"))
    monkeypatch.chdir(shell.folder)
    return shell.folder / "sinetti.toml"


def keytool(shell, script):
    path = shell.folder / "bin" / "keytool"
    path.write_text(script)
    path.chmod(0o755)


def live(shell):
    return {one.name for one in (shell.store / "payroll" / "live").iterdir()}


def views(shell, config):
    """Return what run, status and doctor say: exit codes, and the text of run."""
    words = ("--config", config, "--lang", "en")
    code, _, err = shell.run("run", *words)
    checked = shell.run("status", "--check", *words)[0]
    rows = json.loads(shell.run("doctor", "payroll", "--json", *words)[1])
    return code, checked, [row["level"] for row in rows if row["check"] == "hooks"], err


@pytest.mark.parametrize("script", [None, "#!/bin/sh\nexit 1\n"], ids=["no keytool", "a broken one"])
def test_a_renewal_without_java_is_whole_and_every_view_shows_the_missing_file(shell, config, script):
    shell.enrol()
    if script is not None:
        keytool(shell, script)
    shell.double.now = LATE
    before = (shell.store / "payroll" / "live").resolve()
    code, checked, hooks, err = views(shell, config)
    assert (shell.store / "payroll" / "live").resolve() != before
    assert live(shell) == {"certificate.p12", "certificate.pem", "chain.pem", "key.pem"}
    assert (code, checked, hooks) == (4, 4, ["fail"])
    assert "payroll: " in err
    assert "format jks; program: keytool" in shell.run("log", "payroll", "--config", config, "--lang", "en")[1]
    assert views(shell, config)[:3] == (4, 4, ["fail"])
    keytool(shell, FAKE)
    assert views(shell, config)[:3] == (0, 0, [])
    assert "certificate.jks" in live(shell)
    assert (shell.store / "payroll" / "live" / "certificate.jks").stat().st_mode & 0o777 == 0o600


def test_programs_are_run_once_the_file_is_there(shell, config):
    shell.enrol()
    config.write_text(CONFIG + HOOKS)
    assert views(shell, config)[0] == 4
    assert not (shell.folder / "deployed").exists()
    keytool(shell, FAKE)
    assert views(shell, config)[0] == 0
    assert (shell.folder / "deployed").read_text().count("\n") == 1


@pytest.mark.parametrize("command", ["renew", "enrol"])
def test_other_commands_say_that_the_file_is_missing(shell, config, command):
    if command == "renew":
        keytool(shell, FAKE)
        shell.enrol("--config", config)
        keytool(shell, "#!/bin/sh\nexit 1\n")
        shell.double.now = LATE
        code, _, err = shell.run("renew", "payroll", "--config", config, "--lang", "en")
    else:
        code, _, err = shell.enrol("--config", config, "--lang", "en")
    assert code == 4
    assert "file certificate.jks" in err
    code, out, _ = shell.run("status", "--check", "--config", config, "--lang", "en")
    assert code == 4
    assert "which makes certificate.jks or names the cause" in " ".join(out.split())
    assert "deploy hook" not in out
    keytool(shell, FAKE)
    assert views(shell, config)[:3] == (0, 0, [])


def test_a_set_is_made_with_its_jks(shell, config):
    keytool(shell, FAKE)
    shell.enrol()
    assert views(shell, config)[0] == 0
    shell.double.now = LATE
    assert views(shell, config)[0] == 0
    assert "certificate.jks" in live(shell)


def test_doctor_warns_before_a_renewal_without_keytool(shell, config):
    shell.enrol()
    out = shell.run("doctor", "--config", config, "--lang", "en")[1]
    assert "needs Java's keytool, which is not installed here" in out


def test_export_without_keytool_changes_nothing(shell, config):
    shell.enrol()
    words = ("--format", "jks", "--with-key", "--password-file", shell.folder / "secret")
    log = (shell.store / "payroll" / "log.jsonl").read_bytes()
    code, _, err = shell.run("export", "payroll", "--store", shell.store, *words, "--out", "a.jks", "--lang", "en")
    assert (code, (shell.folder / "a.jks").exists()) == (2, False)
    assert "Java 11 and newer reads PKCS#12" in err
    assert (shell.store / "payroll" / "log.jsonl").read_bytes() == log


@pytest.mark.long
@pytest.mark.skipif(shutil.which("keytool") is None, reason="keytool is not installed")
def test_an_export_is_read_again(shell, tmp_path):
    shell.enrol()
    (tmp_path / "secret").write_text("battery staple\n")
    (tmp_path / "secret").chmod(0o600)
    words = ("--format", "jks", "--with-key", "--password-file", tmp_path / "secret", "--out", tmp_path / "a.jks")
    assert shell.run("export", "payroll", "--store", shell.store, *words)[0] == 0
    (found,) = java_keystores.parse_java((tmp_path / "a.jks").read_bytes())
    assert (found.alias, found.has_key) == ("payroll", True)
