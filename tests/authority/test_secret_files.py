"""File of secret keys: creation, rotation, upgrade and damage, with kills at each step."""

import json
import shutil
import stat
from datetime import UTC, datetime
from threading import Thread

import pytest

from sinetti.authority.data_directory import DataDirectory, FolderDamaged, FolderError
from sinetti.authority.secret_files import (
    KeyringFile,
    SecretsClosed,
    create_secrets,
    open_secrets,
    remove_secret,
    rotate_secret,
    upgrade_secrets,
)
from sinetti.authority.secret_wrappings import SecretAccess
from sinetti.domain.secret_keys import MOST, SecretPurpose
from tests.support.killed import kill_at

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PHRASE = b"a pass-phrase of the service"
BY = SecretAccess(PHRASE)
OLD = b"the key of an earlier version...".ljust(32)
LINKS, PINS = SecretPurpose.LINKS, SecretPurpose.PINS


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = DataDirectory(tmp_path_factory.mktemp("made"))
    folder.secrets.mkdir()
    create_secrets(folder, BY, NOW)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return DataDirectory(shutil.copytree(made.root, tmp_path / "authority"))


@pytest.fixture
def before(tmp_path):
    """Return a folder of an earlier version."""
    folder = DataDirectory(tmp_path / "before")
    folder.secrets.mkdir(parents=True)
    folder.transfer_key.write_bytes(OLD)
    return folder


def ids(folder, purpose=LINKS):
    return [key.key_id for key in open_secrets(folder, BY).ring.every(purpose)]


def edited(folder, change):
    """Change the JSON of the file."""
    value = json.loads(folder.secret_keys.read_bytes())
    change(value)
    folder.secret_keys.write_text(json.dumps(value))


def test_each_purpose_has_a_key_of_its_own_that_the_file_does_not_show(folder):
    ring = open_secrets(folder, BY).ring
    keys = [ring.current(purpose) for purpose in SecretPurpose]
    assert {(key.key_id, key.made_at, len(key.octets)) for key in keys} == {("0", NOW, 32)}
    assert len({key.octets for key in keys}) == len(SecretPurpose)
    assert stat.S_IMODE(folder.secret_keys.stat().st_mode) == 0o600
    shown = folder.secret_keys.read_bytes()
    assert not any(octets in shown for key in keys for octets in (key.octets, key.octets.hex().encode()))
    assert {by["by"] for by in json.loads(shown)["wrappings"].values()} == {"passphrase"}


@pytest.mark.parametrize("phrase", [None, b"another", b""])
def test_without_the_pass_phrase(folder, phrase):
    with pytest.raises(SecretsClosed, match="pass-phrase"):
        KeyringFile(folder, SecretAccess(phrase))()


def swapped(value):
    first, second = value["keys"][:2]
    first["wrapped_by"], second["wrapped_by"] = second["wrapped_by"], first["wrapped_by"]


def shortened(value):
    for key in value["keys"]:
        key["wrapped_by"] = dict.fromkeys(key["wrapped_by"], "AAAA")


def older(value):
    value["keys"][0]["made_at"] = "2020-01-01T00:00:00Z"


@pytest.mark.parametrize("change", [swapped, shortened, older])
def test_an_entry_that_was_changed_does_not_open(folder, change):
    edited(folder, change)
    with pytest.raises(SecretsClosed, match="does not open"):
        open_secrets(folder, BY)


DAMAGED = {
    "another format": lambda value: value.update(format=2),
    "no keys": lambda value: value.update(keys=[]),
    "a purpose is missing": lambda value: value["keys"].pop(),
    "two keys of one name": lambda value: value["keys"].append(value["keys"][0]),
    "an unknown purpose": lambda value: value["keys"][0].update(purpose="other"),
    "an id too great": lambda value: value["keys"][0].update(id=str(MOST + 1)),
    "no wrapping": lambda value: value["keys"][0].update(wrapped_by={}),
    "an unknown wrapping": lambda value: value.update(wrappings={}),
    "another way of wrapping": lambda value: next(iter(value["wrappings"].values())).update(by="other"),
    "a derivation that takes for ever": lambda value: next(iter(value["wrappings"].values())).update(n=2**40),
    "no base64": lambda value: next(iter(value["wrappings"].values())).update(salt="?"),
    "a list": lambda value: value.update(keys=3),
}


@pytest.mark.parametrize("change", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file(folder, change):
    edited(folder, change)
    with pytest.raises(FolderDamaged, match=r"keys\.json is damaged: restore it"):
        open_secrets(folder, BY)


@pytest.mark.parametrize("octets", [b"", b"[]", b"null", b"{", b"\xff"])
def test_what_is_no_file_of_keys(folder, octets):
    folder.secret_keys.write_bytes(octets)
    with pytest.raises(FolderDamaged, match="is damaged"):
        open_secrets(folder, BY)


@pytest.mark.parametrize(("step", "found"), [("rotate-made", ["0"]), ("rotate-written", ["1", "0"])])
def test_a_rotation_that_is_killed(folder, step, found):
    assert kill_at(step, lambda at: rotate_secret(folder, BY, LINKS, NOW, at))
    assert ids(folder) == found
    assert rotate_secret(folder, BY, LINKS, NOW) == str(len(found))
    assert ids(folder) == [str(len(found)), *found]
    assert ids(folder, PINS) == ["0"]


def test_rotations_at_once_lose_no_key(folder):
    threads = [Thread(target=rotate_secret, args=(folder, BY, LINKS, NOW)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ids(folder) == ["4", "3", "2", "1", "0"]


def test_ids_end(folder, monkeypatch):
    monkeypatch.setattr("sinetti.authority.secret_files.MOST", 1)
    rotate_secret(folder, BY, LINKS, NOW)
    with pytest.raises(FolderDamaged, match="no more ids are left"):
        rotate_secret(folder, BY, LINKS, NOW)


def test_a_running_process_has_a_new_key_before_data_can_name_it(folder):
    source = KeyringFile(folder, BY)
    first = source()
    assert source() is first
    rotate_secret(folder, BY, LINKS, NOW)
    assert source().current(LINKS).key_id == "1"
    assert source().get(LINKS, "0") == first.current(LINKS)


def test_a_running_process_keeps_its_keys_while_the_file_does_not_open(folder, caplog):
    source = KeyringFile(folder, BY)
    first, octets = source(), folder.secret_keys.read_bytes()
    folder.secret_keys.unlink()
    assert source() is first
    folder.secret_keys.write_bytes(b"{")
    assert source() is first
    assert "the keys in use stay" in caplog.text
    lines = len(caplog.records)
    assert source() is first
    assert len(caplog.records) == lines, "it is logged once"
    folder.secret_keys.write_bytes(octets)
    assert source().current(LINKS) == first.current(LINKS)


def test_removal(folder):
    for _ in range(2):
        rotate_secret(folder, BY, LINKS, NOW)
    remove_secret(folder, BY, LINKS, "1")
    assert ids(folder) == ["2", "0"]
    with pytest.raises(FolderError, match="makes new data"):
        remove_secret(folder, BY, LINKS, "2")
    with pytest.raises(FolderError, match="does not exist"):
        remove_secret(folder, BY, LINKS, "1")
    assert rotate_secret(folder, BY, LINKS, NOW) == "3", "ids are not used again"


@pytest.mark.parametrize("step", ["upgrade-written", "upgrade-compared", "upgrade-removed"])
def test_an_upgrade_that_is_killed(before, step):
    assert kill_at(step, lambda at: upgrade_secrets(before, PHRASE, NOW, at))
    upgrade_secrets(before, PHRASE, NOW)
    assert not before.transfer_key.exists()
    ring = open_secrets(before, BY).ring
    assert {(key.key_id, key.octets) for one in SecretPurpose for key in ring.every(one)} == {("0", OLD)}


def test_an_upgrade_that_was_made_meanwhile(before):
    upgrade_secrets(before, PHRASE, NOW)
    octets = before.secret_keys.read_bytes()
    upgrade_secrets(before, PHRASE, NOW)
    assert before.secret_keys.read_bytes() == octets


def test_an_old_key_that_is_not_the_first_one_is_not_destroyed(folder):
    folder.transfer_key.write_bytes(OLD)
    with pytest.raises(FolderDamaged, match=r"transfer\.key is another key than the first one in keys\.json"):
        upgrade_secrets(folder, PHRASE, NOW)
    assert folder.transfer_key.read_bytes() == OLD
