"""Stores that the user who runs a command may not read.

The command says so and exits with 5. It reports no fault of the program and no damage.

The user meets this at the store of a service's own user, whose folders are private.
"""

import errno
import io
import json
import os
from pathlib import Path

import pytest

from sinetti.cli.client import common
from sinetti.client.config import loader
from sinetti.client.messages import messages
from sinetti.client.model import OutputOptions
from sinetti.client.store import files, generations, journal, key_storage
from sinetti.domain.values import Language
from sinetti.infra import environment, file_permissions

NO_ACCESS = "The store cannot be used: {path}: permission denied."
TOUCHES = {os: ("stat", "lstat", "listdir", "scandir", "open", "readlink"), io: ("open",)}


@pytest.fixture(params=["as Python 3.13 looks", "as Python 3.14 looks"], autouse=True)
def looking(request, monkeypatch):
    """Run each test also with the answers of pathlib from Python 3.14 on.

    There pathlib answers False when the system denies access, which does not mean "missing".
    """
    if request.param == "as Python 3.14 looks":
        for name in ("exists", "is_dir", "is_file", "is_symlink"):
            monkeypatch.setattr(Path, name, saying_no(getattr(Path, name)))


def saying_no(look):
    def looked(path, **named):
        try:
            return look(path, **named)
        except (OSError, ValueError):
            return False

    return looked


@pytest.fixture
def deny(monkeypatch):
    """Return a function that has the system deny access to a place and to all in it.

    Root would never be denied access.
    """

    def refuse(place):
        for module, names in TOUCHES.items():
            for name in names:
                monkeypatch.setattr(module, name, refusing(getattr(module, name), Path(place)))

    return refuse


def refusing(call, place):
    def tried(path=".", *rest, **named):
        if isinstance(path, str | os.PathLike) and Path(path).absolute().is_relative_to(place):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return call(path, *rest, **named)

    return tried


COMMANDS = {
    "status": ("status",),
    "status for monitoring": ("status", "--check"),
    "status for programs": ("status", "--json"),
    "metrics": ("status", "--prometheus", "-"),
    "run": ("run",),
    "what run would do": ("run", "--dry-run"),
    "renew": ("renew", "payroll"),
    "renew all": ("renew", "--all"),
    "retrieve all": ("retrieve", "--all"),
    "log": ("log", "payroll"),
    "sign": ("sign", "services.pem", "--name", "payroll"),
    "export": ("export", "payroll", "--format", "pem", "--out", "copy.pem"),
    "revoke": ("revoke", "payroll", "--reason", "superseded", "--yes"),
    "remove": ("remove", "payroll", "--yes"),
    "deploy": ("deploy", "payroll"),
    "deploy all": ("deploy", "--all"),
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_store_that_is_somebody_elses(words, shell, deny, monkeypatch):
    shell.enrol()
    monkeypatch.chdir(shell.folder)
    deny(shell.store)
    code, out, err = shell.run(*words, "--store", shell.store, "--lang", "en")
    assert (code, out if "--json" not in words else json.loads(out)["error"]["code"]) in {(5, ""), (5, "store")}
    assert NO_ACCESS.format(path=shell.store).partition(": permission")[0] in err
    assert "permission denied. Fix this" in err


def test_the_doctor_finds_it(shell, deny):
    shell.enrol()
    (shell.folder / "sinetti.toml").write_text('store = "store"\n')
    deny(shell.store)
    words = ("doctor", "--config", shell.folder / "sinetti.toml", "--json", "--lang", "en")
    code, out, _ = shell.run(*words)
    (row,) = [row for row in json.loads(out) if row["level"] == "fail"]
    assert (code, row["check"], row["text"].startswith(NO_ACCESS.format(path=shell.store))) == (
        5,
        "store",
        True,
    )


@pytest.mark.parametrize(
    ("language", "why"), [("fi", "käyttöoikeudet eivät riitä"), ("sv", "behörigheten räcker inte")]
)
def test_a_name_that_is_somebody_elses_is_told_in_the_readers_language(language, why, shell, deny):
    shell.enrol()
    deny(shell.store / "payroll")
    code, out, _ = shell.run("status", "--store", shell.store, "--lang", language)
    assert code == 5
    assert why in out


def test_a_key_that_nobody_may_read_wants_no_backup(shell, deny):
    shell.enrol()
    key = shell.store / "payroll" / "live" / "key.pem"
    deny(key)
    bad = files.corruption_error(key, PermissionError(13, "Permission denied"))
    assert bad.message.text == messages.STORE_UNUSABLE
    assert "backup" not in messages.render(bad.message, Language.EN)
    assert files.corruption_error(key, FileNotFoundError(2, "gone")).message.text == messages.STORE_DAMAGED
    code, _, err = shell.run("renew", "payroll", "--force", "--store", shell.store, "--lang", "en")
    assert (code, NO_ACCESS.format(path=key) in err) == (5, True)


LOOKS = {
    "the set in use": ("live", generations.current),
    "whether it is complete": ("live", lambda folder: generations.is_complete(folder, OutputOptions())),
    "notes": ("notes.json", generations.notes),
    "a journal": ("pending/renew", lambda folder: journal.read_without_key(folder / "pending" / "renew")),
    "a key": ("live/key.uri", lambda folder: key_storage.path_of(folder / "live")),
    "a folder": (".", files.directory_exists),
}


@pytest.mark.parametrize(("place", "look"), LOOKS.values(), ids=LOOKS)
def test_what_may_not_be_looked_at_is_not_taken_for_absent(place, look, shell, deny):
    shell.enrol()
    folder = shell.store / "payroll"
    deny(folder / place)
    with pytest.raises((PermissionError, files.StoreError)) as caught:
        look(folder)
    if isinstance(caught.value, files.StoreError):
        assert caught.value.message.text == messages.STORE_UNUSABLE
    assert files.is_kept(folder)


def test_what_leads_nowhere_is_absent(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    for nowhere in ("none", "loop", "file/below", "nul\0"):
        assert not files.exists(tmp_path / nowhere)
        assert not files.directory_exists(tmp_path / nowhere)
        assert not files.is_kept(tmp_path / nowhere)
    assert (files.exists(tmp_path / "file"), files.directory_exists(tmp_path / "file")) == (True, False)


def test_a_system_in_trouble_is_told_as_that(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "stat", broken)
    with pytest.raises(OSError, match="Input/output"):
        files.exists(tmp_path)


def test_who_stands_where_they_may_not_look_gets_the_file_of_the_machine(tmp_path, deny, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(file_permissions, "is_root", lambda: False)
    monkeypatch.delenv(environment.CONFIG, raising=False)
    monkeypatch.setattr(loader, "MACHINE_WIDE", tmp_path / "etc" / "sinetti.toml")
    loader.MACHINE_WIDE.parent.mkdir()
    loader.MACHINE_WIDE.touch()
    deny(here)
    assert loader.find(None).path == loader.MACHINE_WIDE
    deny(loader.MACHINE_WIDE.parent)
    assert loader.find(None).path == loader.MACHINE_WIDE, "reading it tells"


def test_a_file_may_name_a_store_where_its_reader_may_not_look(tmp_path, deny):
    (tmp_path / "sinetti.toml").write_text('store = "theirs/store"\n')
    deny(tmp_path / "theirs")
    assert loader.read(tmp_path / "sinetti.toml").store == tmp_path / "theirs" / "store"


def test_a_fault_of_ours_is_one_all_the_same(shell, monkeypatch):
    """A refusal of the system outside the store is unexpected."""
    shell.enrol()

    def elsewhere(*_):
        raise PermissionError(13, "Permission denied", "/elsewhere")

    monkeypatch.setattr(common, "require_store", elsewhere)
    code, _, err = shell.run("status", "--store", shell.store, "--lang", "en")
    assert (code, err.startswith("This is an error in the program: PermissionError")) == (1, True)
