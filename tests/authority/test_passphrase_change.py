"""Change of the pass-phrase: at each moment one of the two opens everything."""

import json
import shutil
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, FolderError, locked
from sinetti.authority.initialise import InitOptions
from sinetti.authority.passphrase_change import (
    NewPassphrase,
    change_passphrase,
    is_passphrase_in_force,
    random_passphrase,
    settle_passphrase_change,
)
from sinetti.authority.secret_files import open_secrets, read_secrets
from sinetti.authority.secret_wrappings import SecretAccess
from sinetti.ca.hierarchy_config import load_preset
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.domain.values import Environment
from sinetti.settings.authority import AuthoritySettings
from tests.support.foundings import copy_founded
from tests.support.killed import kill_at
from tests.support.registers import all_connections_closed

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example")
NEW = b"another pass-phrase"
BEFORE_COMMIT = ("passphrase-begun", "passphrase-keys-written", "passphrase-wrapped-twice")
AFTER_COMMIT = (
    "passphrase-committed",
    "passphrase-key-renamed",
    "passphrase-old-wrapping-removed",
    "passphrase-moved",
)


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    return copy_founded(
        tmp_path_factory.mktemp("founded") / "authority",
        InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), SETTINGS, NOW),
    )


@pytest.fixture
def folder(founded, tmp_path):
    with all_connections_closed():
        yield DataDirectory(shutil.copytree(founded, tmp_path / "authority"))


def opening(folder, phrases):
    """Return those of these pass-phrases that open every key file and the secret keys."""
    files = sorted(folder.keys.glob("*.pem"))
    assert len(files) > 5
    return {phrase for phrase in phrases if opens_all(folder, files, phrase)}


def opens_all(folder, files, phrase):
    for path in files:
        try:
            load_pem_private_key(path.read_bytes(), phrase)
        except ValueError:
            return False
    return is_passphrase_in_force(folder, phrase)


def contents(folder):
    return {
        path: path.read_bytes() for path in folder.root.rglob("*") if path.is_file() and "register" not in path.name
    }


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("step", [*BEFORE_COMMIT, *AFTER_COMMIT])
def test_killed_at_any_step(folder, step, inside):
    old, new = folder.passphrase.read_bytes(), NewPassphrase(NEW, is_inside=inside)
    secret, before = open_secrets(folder, SecretAccess(old)).ring.current(SecretPurpose.LINKS), contents(folder)
    assert kill_at(step, lambda at: change_passphrase(folder, SecretAccess(old), new, at))
    settle_passphrase_change(folder)
    if step in BEFORE_COMMIT:
        assert opening(folder, (old, NEW)) == {old}
        assert {path: octets for path, octets in contents(folder).items() if path != folder.secret_keys} == {
            path: octets for path, octets in before.items() if path != folder.secret_keys
        }
        change_passphrase(folder, SecretAccess(old), new)
    assert opening(folder, (old, NEW)) == {NEW}
    assert open_secrets(folder, SecretAccess(NEW)).ring.current(SecretPurpose.LINKS) == secret
    assert len(read_secrets(folder).wrappings) == 1
    assert folder.passphrase.exists() is inside
    assert not inside or folder.passphrase.read_bytes() == NEW
    assert not [path for path in folder.root.rglob("*") if path.suffix == ".next" or "change" in path.name]


def test_the_folder_opens_after_a_kill(folder):
    old = folder.passphrase.read_bytes()
    assert kill_at(
        "passphrase-committed", lambda at: change_passphrase(folder, SecretAccess(old), NewPassphrase(NEW), at)
    )
    authority = open_authority(folder.root, DirectoryKind.AUTHORITY, RuntimeOptions(lambda: NOW), passphrase=NEW)
    assert authority.ctx.keyring.current(SecretPurpose.LINKS).key_id == "0"
    assert authority.responses.seal()
    assert authority.ctx.log_signers()


def test_a_change_in_progress_is_left_alone(folder):
    old = folder.passphrase.read_bytes()
    assert kill_at(
        "passphrase-wrapped-twice", lambda at: change_passphrase(folder, SecretAccess(old), NewPassphrase(NEW), at)
    )
    with locked(folder.secrets):
        settle_passphrase_change(folder)
        assert opening(folder, (old, NEW)) == {old}
        assert len(read_secrets(folder).wrappings) == 2
    settle_passphrase_change(folder)
    assert len(read_secrets(folder).wrappings) == 1


def test_the_present_one_is_no_new_one(folder):
    old, before = folder.passphrase.read_bytes(), contents(folder)
    with pytest.raises(FolderError, match="is the present one"):
        change_passphrase(folder, SecretAccess(old), NewPassphrase(old))
    assert contents(folder) == before


def test_a_key_that_does_not_open_changes_nothing(folder):
    old = folder.passphrase.read_bytes()
    key = next(folder.keys.glob("log-*.pem"))
    begin, body, *rest = key.read_bytes().splitlines(keepends=True)
    key.write_bytes(b"".join([begin, body.swapcase(), *rest]))
    before = contents(folder)
    with pytest.raises(FolderDamaged, match=r"does not open .*log-"):
        change_passphrase(folder, SecretAccess(old), NewPassphrase(NEW))
    assert contents(folder) == before


def test_a_wrong_one_changes_nothing(folder):
    before = contents(folder)
    with pytest.raises(FolderDamaged, match="does not open"):
        change_passphrase(folder, SecretAccess(b"wrong"), NewPassphrase(NEW))
    assert contents(folder) == before


def test_a_disk_that_does_not_keep_what_is_written(folder, monkeypatch):
    old = folder.passphrase.read_bytes()
    monkeypatch.setattr("sinetti.authority.passphrase_change._octets", lambda _key: object())
    with pytest.raises(FolderDamaged, match="check the disk"):
        change_passphrase(folder, SecretAccess(old), NewPassphrase(NEW))
    settle_passphrase_change(folder)
    assert opening(folder, (old, NEW)) == {old}


@pytest.mark.parametrize("octets", [b"", b"[]", b"{"])
def test_a_damaged_mark(folder, octets):
    (folder.secrets / "passphrase-change.json").write_bytes(octets)
    with pytest.raises(FolderDamaged, match=r"passphrase-change\.json is damaged"):
        settle_passphrase_change(folder)


def test_an_unencrypted_key_stays_as_it_is(folder):
    tls = folder.keys / "tls.pem"
    tls.write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    files = change_passphrase(folder, SecretAccess(folder.passphrase.read_bytes()), NewPassphrase(NEW))
    assert files == len([*folder.keys.glob("*.pem")]) - 1
    assert tls.read_bytes() == b"-----BEGIN PRIVATE KEY-----\n"


def test_a_random_one_is_hard_to_guess():
    one, other = random_passphrase(), random_passphrase()
    assert one != other
    assert len(one) >= 43
    assert json.dumps(one.decode())
