"""Founding of an authority, complete or not at all.

This holds whenever the process ends. Nothing of a killed process stays behind.
"""

import fcntl
import os
import secrets
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, FolderError, locked
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.authority.key_relocation import OfflineKeys
from sinetti.ca.hierarchy_config import load_preset
from sinetti.database.issuance import crls
from sinetti.domain.values import Environment
from sinetti.infra.toml_tables import SettingsError
from sinetti.settings.authority import AuthoritySettings
from tests.support.postgres import create_database
from tests.support.registers import all_connections_closed

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example")
PRESET = load_preset("default")
FOUNDING = InitOptions(DirectoryKind.AUTHORITY, PRESET, SETTINGS, NOW)
POINTS = ("written", "in place", "migrated", "committed")
PHRASES = (b"a pass-phrase of the online keys", b"a pass-phrase of the offline keys")
ROOTS = ("SinettiIntermediateTestCAv1", "SinettiRootTestCAv1")


def apart(root):
    """Return the founding with offline root keys and with pass-phrases elsewhere."""
    return replace(FOUNDING, passphrase=PHRASES[0], offline=OfflineKeys(root.with_name("vault"), PHRASES[1]))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, monkeypatch):
    """Use the database in the folder, or one on PostgreSQL."""
    if request.param == "postgresql":
        url = create_database(request.getfixturevalue("postgres_url"), f"founding_{secrets.token_hex(6)}")
        monkeypatch.setenv("DATABASE_URL", url)


@pytest.fixture(autouse=True)
def closed():
    with all_connections_closed():
        yield


def killed_at(root, point, founding="FOUNDING"):
    """Found in a process that ends at this point, as by SIGKILL."""
    program = (
        # Garbage collection is off during loading, as in the command.
        "import gc, os, sys\ngc.disable()\nfrom dataclasses import replace\nfrom pathlib import Path\n"
        "from tests.authority.test_initialise import FOUNDING, apart, initialise\n"
        f"founding = replace({founding}, step=lambda reached: os._exit(9) if reached == sys.argv[2] else None)\n"
        "initialise(Path(sys.argv[1]), founding)\n"
    )
    place = Path(__file__).parents[2]
    command = [sys.executable, "-c", program, str(root), point]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_it_is_finished_by_doing_it_again(database, point, tmp_path):
    root = tmp_path / "authority"
    killed_at(root, point)
    keys = sorted(path.read_bytes() for path in root.glob("keys/*"))
    with pytest.raises(FolderError, match="once more, which finishes it" if keys else "create one first"):
        open_authority(root, DirectoryKind.AUTHORITY)
    assert bool(keys) is (point != "written")
    initialise(root, FOUNDING)
    assert [path.name for path in tmp_path.iterdir()] == ["authority"]
    assert not DataDirectory(root).founding.exists()
    if keys:
        assert sorted(path.read_bytes() for path in root.glob("keys/*")) == keys
    authority = open_authority(root, DirectoryKind.AUTHORITY)
    assert authority.responses.seal()
    with pytest.raises(FolderError, match="never overwritten"):
        initialise(root, FOUNDING)


@pytest.mark.parametrize("point", ["written", "offline", "in place", "committed"])
def test_killed_at_any_point_with_keys_off_line(point, tmp_path):
    root, vault = tmp_path / "authority", tmp_path / "vault"
    killed_at(root, point, "apart(Path(sys.argv[1]))")
    made = sorted(path.read_bytes() for path in vault.glob("*.pem"))
    assert bool(made) is (point != "written")
    initialise(root, apart(root))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["authority", "vault"]
    now = sorted(path.read_bytes() for path in vault.glob("*.pem"))
    # Keys are made anew if the authority never had its folder, and kept otherwise.
    assert (now == made) is (point in {"in place", "committed"})
    assert sorted(path.name for path in vault.iterdir()) == sorted(
        f"{n}.{e}" for n in ROOTS for e in ("pem", "cer.pem")
    )
    assert not list((root / "ca").glob("*.crl"))
    authority = open_authority(root, DirectoryKind.AUTHORITY, passphrase=PHRASES[0])
    assert authority.responses.seal()
    assert authority.ctx.offline == {*ROOTS}
    for name in ROOTS:
        assert crls.latest_crl(authority.ctx.db, name, 1)


def test_keys_off_line_of_another_founding_are_not_touched(tmp_path):
    killed_at(tmp_path / "authority", "in place", "apart(Path(sys.argv[1]))")
    other = tmp_path / "other"
    with pytest.raises(FolderError, match="never overwritten"):
        initialise(other, apart(other))
    assert not other.exists()


def changes(root):
    there = apart(root)
    return {
        "keys off line no more": replace(there, offline=None),
        "its pass-phrase in the folder now": replace(there, passphrase=None),
        "another pass-phrase": replace(there, passphrase=b"something else, and long enough"),
        "another pass-phrase off line": replace(there, offline=OfflineKeys(there.offline.place, b"something else")),
        "another place off line": replace(there, offline=OfflineKeys(root.with_name("empty"), PHRASES[1])),
    }


@pytest.mark.parametrize("change", changes(Path("x")))
def test_what_was_begun_apart_is_not_finished_otherwise(change, tmp_path):
    root = tmp_path / "authority"
    begun(root, apart(root))
    with pytest.raises(FolderError, match=r"same options|does not open|cannot be read"):
        initialise(root, changes(root)[change])
    assert DataDirectory(root).is_partially_initialised()
    initialise(root, apart(root))


def fail(point):
    def step(reached):
        if reached == point:
            raise OSError(28, "No space left on device")

    return step


def begun(root, founding=FOUNDING):
    """Leave a founding that failed once the folder had its name."""
    with pytest.raises(OSError, match="No space left"):
        initialise(root, replace(founding, step=fail("in place")))


OTHERS = {
    "another address": InitOptions(
        DirectoryKind.AUTHORITY,
        PRESET,
        AuthoritySettings(Environment.TEST, "http://other.example", "https://soap.example"),
        NOW,
    ),
    "another hierarchy": InitOptions(DirectoryKind.AUTHORITY, PRESET.replace("Sinetti ", "Sigill "), SETTINGS, NOW),
    "another kind": InitOptions(DirectoryKind.TESTBENCH, PRESET, SETTINGS, NOW),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_what_was_begun_is_not_finished_as_something_else(other, tmp_path):
    begun(tmp_path / "authority")
    with pytest.raises(FolderError, match="give the same options as then"):
        initialise(tmp_path / "authority", other)
    initialise(tmp_path / "authority", FOUNDING)


def test_a_bench_is_finished_with_the_addresses_it_began_with(tmp_path):
    bench = InitOptions(DirectoryKind.TESTBENCH, PRESET, SETTINGS, NOW)
    begun(tmp_path / "bench", bench)
    others = AuthoritySettings(Environment.TEST, "http://127.0.0.1:8080", "http://127.0.0.1:8443")
    initialise(tmp_path / "bench", InitOptions(DirectoryKind.TESTBENCH, PRESET, others, NOW))
    assert open_authority(tmp_path / "bench", DirectoryKind.TESTBENCH).settings == SETTINGS


def test_a_database_that_another_took_meanwhile(tmp_path, monkeypatch, postgres_url):
    monkeypatch.setenv("DATABASE_URL", create_database(postgres_url, f"founding_{secrets.token_hex(6)}"))
    begun(tmp_path / "late")
    initialise(tmp_path / "early", FOUNDING)
    with pytest.raises(FolderError, match="another authority's register"):
        initialise(tmp_path / "late", FOUNDING)
    with pytest.raises(FolderError, match="another authority's register"):
        initialise(tmp_path / "new", FOUNDING)
    assert not (tmp_path / "new").exists()
    open_authority(tmp_path / "early", DirectoryKind.AUTHORITY)


def test_a_founding_that_another_process_is_at(tmp_path):
    root = tmp_path / "authority"
    begun(root)
    with locked(root), pytest.raises(FolderError, match="another process uses"):
        initialise(root, FOUNDING)
    initialise(root, FOUNDING)


def test_what_was_begun_cannot_be_opened(tmp_path):
    begun(tmp_path / "authority")
    with pytest.raises(FolderDamaged, match="sinetti authority init once more"):
        open_authority(tmp_path / "authority", DirectoryKind.AUTHORITY)


def test_the_embedded_register_and_its_journals_are_its_owners(tmp_path):
    mask = os.umask(0o022)
    try:
        initialise(tmp_path / "authority", FOUNDING)
        authority = open_authority(tmp_path / "authority", DirectoryKind.AUTHORITY)
        assert authority.responses.seal()
        files = list((tmp_path / "authority").glob("register.sqlite3*"))
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    finally:
        os.umask(mask)


def test_where_the_name_of_the_folder_has_marks_of_addresses(tmp_path):
    root = tmp_path / "50%25 ?#ä"
    initialise(root, FOUNDING)
    open_authority(root, DirectoryKind.AUTHORITY)
    assert (root / "register.sqlite3").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [root.name]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///register.sqlite3", "postgresql://u:secret-word\x7f@h/n"])
def test_a_database_that_could_never_be_opened_again(url, tmp_path, monkeypatch):
    """DATABASE_URL may take precedence now, but be absent later."""
    settings = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example", database_url=url)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/elsewhere.sqlite3")
    with pytest.raises(SettingsError, match="write postgresql://") as told:
        initialise(tmp_path / "authority", InitOptions(DirectoryKind.AUTHORITY, PRESET, settings, NOW))
    assert "secret-word" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_not_shown():
    settings = AuthoritySettings(
        Environment.TEST, "http://a", "http://b", database_url="postgresql://u:secret-word@h/n"
    )
    assert "secret-word" not in repr(InitOptions(DirectoryKind.AUTHORITY, PRESET, settings, NOW))


def test_what_a_killed_process_left_is_taken_away_unless_it_lives(tmp_path):
    dead, alive = (tmp_path / f".authority.{digit * 16}.new" for digit in "ab")
    kept = [tmp_path / ".authority.x.new", tmp_path / f".other.{'a' * 16}.new"]
    for path in (dead, alive, *kept):
        (path / "keys").mkdir(parents=True)
    handle = os.open(alive, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        initialise(tmp_path / "authority", FOUNDING)
    finally:
        os.close(handle)
    assert not dead.exists()
    assert all(path.exists() for path in (alive, *kept))


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def unknown(_handle, _how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    left = tmp_path / f".authority.{'a' * 16}.new"
    left.mkdir()
    initialise(tmp_path / "authority", FOUNDING)
    assert left.exists()
