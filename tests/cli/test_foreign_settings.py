"""Settings and passwords that other users can write or read: exit code 2."""

import os
import stat

import pytest

from sinetti.client.config import loader
from sinetti.infra import environment, file_permissions
from tests.cli.test_client import OPENS
from tests.support import golden
from tests.support.programs import ran

HOOKS = 'store = "store"\n[defaults.hooks]\ndeploy = ["sh", "-c", "touch ran"]\n'
COMMANDS = (("run",), ("status",), ("doctor",), ("renew", "--all"), ("log", "payroll"))


@pytest.fixture
def here(shell, monkeypatch):
    """Return a folder with a store, and a sinetti.toml whose hook would leave a trace."""
    assert shell.enrol()[0] == 0
    monkeypatch.chdir(shell.folder)
    monkeypatch.delenv(environment.CONFIG, raising=False)
    monkeypatch.setattr(loader, "MACHINE_WIDE", shell.folder / "etc" / "sinetti.toml")
    monkeypatch.setattr(file_permissions, "is_root", lambda: False)
    (shell.folder / "sinetti.toml").write_text(HOOKS)
    (shell.folder / "sinetti.toml").chmod(0o644)
    shell.double.seen.clear()
    shell.double.now = OPENS
    return shell


def refused(here, *words):
    code, out, err = here.run(*words, "--lang", "en")
    said = f"{out}{err}"
    assert code == 2, said
    assert not (here.folder / "ran").exists()
    assert here.double.seen == []
    return said


def test_settings_that_others_can_write_are_not_believed(here):
    (here.folder / "sinetti.toml").chmod(0o666)
    for command in COMMANDS:
        refused(here, *command)
    (here.folder / "sinetti.toml").chmod(0o644)
    here.folder.chmod(0o777)
    refused(here, "run")
    refused(here, "run", "--config", "sinetti.toml")
    golden.check("sentences/client/settings-that-others-can-write", here.said())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("what", ["sinetti.toml", "."])
def test_another_users_settings_are_not_believed(what, here):
    os.chown(here.folder / what, 4711, -1)
    said = refused(here, "run")
    assert "belongs to 4711" in said
    assert "with --config" in said


def test_for_root_the_folder_that_it_stands_in_does_not_count(here, monkeypatch):
    monkeypatch.setattr(file_permissions, "is_root", lambda: True)
    refused(here, "run")
    refused(here, "status")
    code, _, err = here.run("run", "--store", "store", "--dry-run", "--lang", "en")
    assert (code, "you are root" in err) == (0, True), "it goes on without it, and says so"
    here.outputs.pop()  # a renewal's date varies with the serial number
    golden.check("sentences/client/settings-beside-root", here.said())
    assert here.run("status", "--config", "sinetti.toml")[0] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="nothing is special about another user")
def test_root_itself_passes_over_the_file_in_its_folder(here):
    done = ran("run", "--lang", "en", cwd=here.folder)
    assert (done.returncode, "you are root" in done.stderr) == (2, True)
    assert not (here.folder / "ran").exists()


def test_enrol_takes_no_password_that_others_can_read(shell, monkeypatch):
    password = shell.folder / "password"
    password.chmod(0o644)
    code, _, err = shell.enrol("--lang", "en")
    assert code == 2
    assert f"Run: chmod 600 {password}" in err
    assert shell.double.seen == []
    reads, writes = os.pipe()
    os.write(writes, password.read_bytes())
    os.close(writes)
    assert shell.enrol(transfer_password_file=f"/dev/fd/{reads}")[0] == 0
    os.close(reads)


def test_export_and_adopt_take_no_password_that_others_can_read(shell):
    assert shell.enrol()[0] == 0
    password = shell.folder / "p12"
    password.write_text("long enough")
    password.chmod(0o640)
    words = ("--format", "pkcs12", "--with-key", "--password-file", password, "--out", shell.folder / "copy.p12")
    code, _, err = shell.run("export", "payroll", "--store", shell.store, *words, "--lang", "en")
    assert (code, f"Run: chmod 600 {password}" in err) == (2, True)
    password.chmod(0o600)
    assert shell.run("export", "payroll", "--store", shell.store, *words)[0] == 0
    password.chmod(0o644)
    words = ("--pkcs12", shell.folder / "copy.p12", "--password-file", password, "--lang", "en")
    code, _, err = shell.run("adopt", "other", "--store", shell.store, *words)
    assert (code, f"Run: chmod 600 {password}" in err) == (2, True)


def test_a_hook_that_every_user_can_write_is_not_run(here):
    program = here.folder / "hook"
    program.write_text("#!/bin/sh\ntouch ran\n")
    program.chmod(0o777)
    config = here.folder / "other.toml"
    config.write_text('store = "store"\n[defaults.hooks]\ndeploy = ["./hook"]\n')
    here.double.now = OPENS.replace(year=OPENS.year - 1)
    code, _, err = here.run("run", "--config", config, "--lang", "en")
    assert (code, (here.folder / "ran").exists()) == (4, False)
    out = here.run("doctor", "--config", config, "--lang", "en")[1]
    advice = [" ".join(line.split()) for line in (err + out).splitlines() if str(program) in line]
    golden.check(
        "sentences/client/a-hook-that-every-user-can-write", golden.commands([*advice, ""], FOLDER=here.folder)
    )
    program.chmod(stat.S_IRWXU)
    config.write_text(config.read_text() + 'timeout = "20s"\n')
    again = here.double.now.replace(day=here.double.now.day + 1)
    here.double.now = again
    assert here.run("run", "--config", config)[0] == 0
    assert (here.folder / "ran").exists()
