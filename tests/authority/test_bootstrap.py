"""Opening an authority whose parts belong together, and atomic founding."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.authority.bootstrap import RuntimeOptions, database_url, notification_context, open_authority
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, FolderError
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.ca.hierarchy_config import load_preset
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.values import Channel, Environment
from sinetti.infra.toml_tables import SettingsError
from sinetti.settings import notifications
from sinetti.settings.authority import AuthoritySettings, ResponseRecipe, read
from sinetti.wire.xmldsig.signature import SignatureProfile
from tests.support.foundings import copy_founded
from tests.support.registers import all_connections_closed

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example")
FOUNDING = InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), SETTINGS, NOW)


@pytest.fixture(scope="session")
def founded(tmp_path_factory):
    return copy_founded(tmp_path_factory.mktemp("founded") / "authority", FOUNDING)


@pytest.fixture
def root(founded, tmp_path):
    shutil.copytree(founded, tmp_path / "authority")
    return tmp_path / "authority"


@pytest.fixture
def authority(root):
    with all_connections_closed():
        yield open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(lambda: NOW))


def test_what_an_opened_authority_is(authority):
    ctx = authority.ctx
    assert ctx.environment is Environment.TEST
    assert ctx.issuing[Channel.SFTP] == "DataProvidersSFTPTestIssuingCAv1"
    assert len(ctx.certificates) == 5
    assert authority.recipe is SignatureProfile.EXCLUSIVE


def test_the_clock_that_is_judged_is_the_one_that_dates_come_from(authority):
    assert authority.clock.look().readings.answered.replace(microsecond=0) == NOW
    assert authority.ctx.issuance_allowed == authority.clock.issuance_allowed


NOTICES = """
people_address = "https://people.example"
service = "Sinetti"
help = {fi = "apua", sv = "hjälp", en = "help"}
mail = {server = "smtp://127.0.0.1:2525", from = "notices@pki.example"}
"""


def test_people_are_told_how_long_their_data_is_really_kept(authority):
    settings = notifications.parse(NOTICES, authority.folder.root)
    other = replace(authority, settings=replace(authority.settings, keep_people_days=400))
    assert notification_context(other, settings=settings).terms.people_kept == timedelta(days=400)


def test_a_bench_s_clock_is_its_own(tmp_path):
    root = tmp_path / "bench"
    with all_connections_closed():
        initialise(root, replace(FOUNDING, kind=DirectoryKind.TESTBENCH))
        bench = open_authority(root, DirectoryKind.TESTBENCH, RuntimeOptions(lambda: NOW - timedelta(days=1)))
        assert not bench.clock.issuance_allowed(), "it lies behind its own founding"
        assert bench.ctx.issuance_allowed()


def test_founding_fails_whole(tmp_path):
    def fail(_folder):
        sentence = "no space left"
        raise OSError(sentence)

    founding = InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), SETTINGS, NOW, fail)
    with all_connections_closed(), pytest.raises(FolderError, match="no space left"):
        initialise(tmp_path / "authority", founding)
    assert list(tmp_path.iterdir()) == []


def test_founding_never_overwrites(root):
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(FolderError, match="never overwritten"):
        initialise(root, FOUNDING)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_the_register_of_another_folder(root, tmp_path):
    other = tmp_path / "other"
    with all_connections_closed():
        initialise(other, FOUNDING)
        shutil.copy(other / "register.sqlite3", root / "register.sqlite3")
        with pytest.raises(FolderDamaged, match="different authorities"):
            open_authority(root, DirectoryKind.AUTHORITY)


def test_the_register_of_another_instance(root):
    """An interrupted founding was finished with another database.

    The CAs are the same, and the id differs.
    """
    (root / "instance").write_text("0" * 32)
    with all_connections_closed(), pytest.raises(FolderDamaged, match="different authorities"):
        open_authority(root, DirectoryKind.AUTHORITY)
    (root / "instance").unlink()
    with all_connections_closed(), pytest.raises(FolderDamaged, match="restore it from a copy"):
        open_authority(root, DirectoryKind.AUTHORITY)


def test_the_certificate_of_another_ca(root, tmp_path):
    other = tmp_path / "other"
    with all_connections_closed():
        initialise(other, FOUNDING)
        name = "ca/DataProvidersTestIssuingCAv1.cer"
        (root / name).write_bytes((other / name).read_bytes())
        with pytest.raises(FolderDamaged, match="different authorities"):
            open_authority(root, DirectoryKind.AUTHORITY)


def test_the_register_of_another_environment(root):
    with closing(sqlite3.connect(root / "register.sqlite3")) as connection:
        connection.execute("UPDATE sinetti_instance SET environment = 'PRODUCTION'")
        connection.commit()
    with all_connections_closed(), pytest.raises(FolderDamaged, match="was created for PRODUCTION"):
        open_authority(root, DirectoryKind.AUTHORITY)


def test_a_register_that_is_not_there(root):
    (root / "register.sqlite3").unlink()
    with all_connections_closed(), pytest.raises(FolderDamaged, match=r"register.sqlite3 is missing"):
        open_authority(root, DirectoryKind.AUTHORITY)
    assert not (root / "register.sqlite3").exists()


def tables(path):
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_an_empty_register_stays_empty(root):
    (root / "register.sqlite3").write_bytes(b"")
    with all_connections_closed(), pytest.raises(FolderDamaged, match="register is empty"):
        open_authority(root, DirectoryKind.AUTHORITY)
    assert tables(root / "register.sqlite3") == set()


def test_a_database_of_somebody_else_stays_as_it_is(root, tmp_path, monkeypatch):
    other = tmp_path / "other.sqlite3"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{other}")
    with all_connections_closed(), pytest.raises(FolderDamaged, match="register is empty"):
        open_authority(root, DirectoryKind.AUTHORITY)
    assert tables(other) == {"theirs"}


def test_an_older_register_of_another_authority_is_not_migrated(root, tmp_path, monkeypatch):
    other = tmp_path / "other"
    with all_connections_closed():
        initialise(other, FOUNDING)
        with closing(sqlite3.connect(other / "register.sqlite3")) as connection:
            # Our application has only one migration; an application of allauth has several.
            connection.execute("DELETE FROM django_migrations WHERE app = 'mfa' AND name <> '0001_initial'")
            connection.commit()
            monkeypatch.setenv("DATABASE_URL", f"sqlite:///{other}/register.sqlite3")
            with pytest.raises(FolderDamaged, match="different authorities"):
                open_authority(root, DirectoryKind.AUTHORITY)
            count = connection.execute("SELECT count(*) FROM django_migrations WHERE app = 'mfa'").fetchone()
    assert count == (1,)


def test_a_changed_environment(root):
    text = (root / "authority.toml").read_text().replace('"TEST"', '"PRODUCTION"')
    text = text.replace("signatory_wait_hours = 0", "signatory_wait_hours = 24")
    (root / "authority.toml").write_text(text)
    sentence = 'authority.toml has environment = PRODUCTION, but .* created for TEST, .* write environment = "TEST"'
    with all_connections_closed(), pytest.raises(FolderDamaged, match=sentence):
        open_authority(root, DirectoryKind.AUTHORITY)


def test_a_hierarchy_that_is_none(root):
    (root / "hierarchy.toml").write_text("=")
    with all_connections_closed(), pytest.raises(FolderDamaged, match=r"hierarchy.toml cannot be used .* restore it"):
        open_authority(root, DirectoryKind.AUTHORITY)


WRONG_PARTS = {
    "eservice.toml": ('accessibility_feedback = "x"', ["accessibility_feedback"]),
    "notices.toml": ("people_address = 1", ["notices.toml"]),
}


@pytest.mark.parametrize(
    ("name", "text", "parts"), [(name, *one) for name, one in WRONG_PARTS.items()], ids=WRONG_PARTS
)
def test_an_optional_file_with_wrong_settings_does_not_stop_the_authority(root, name, text, parts):
    (root / name).write_text(text)
    with all_connections_closed():
        assert [one.part for one in open_authority(root, DirectoryKind.AUTHORITY).left_out] == parts


def test_text_messages_with_wrong_settings_do_not_stop_mail(root):
    (root / "notices.toml").write_text(f'{NOTICES}\n[sms]\nurl = "https://sms.example"\nsender = "Sinetti"\n')
    with all_connections_closed():
        authority = open_authority(root, DirectoryKind.AUTHORITY)
        assert [one.part for one in authority.left_out] == ["sms"]
        assert [*notification_context(authority).deliverers] == [MessageChannel.EMAIL]


def test_the_recipe_is_a_setting(root):
    text = (root / "authority.toml").read_text().replace('"exclusive"', '"enveloped"')
    (root / "authority.toml").write_text(text)
    assert read(root / "authority.toml").response_recipe is ResponseRecipe.ENVELOPED
    with all_connections_closed():
        assert open_authority(root, DirectoryKind.AUTHORITY).recipe is SignatureProfile.ENVELOPED


def test_where_the_register_is(root, monkeypatch):
    folder, set_one = (
        DataDirectory(root),
        AuthoritySettings(Environment.TEST, "http://a", "http://b", database_url="postgresql://set/x"),
    )
    embedded = f"sqlite:///{root}/register.sqlite3"
    assert database_url(folder, DirectoryKind.AUTHORITY, SETTINGS) == embedded
    assert database_url(folder, DirectoryKind.AUTHORITY, set_one) == "postgresql://set/x"
    monkeypatch.setenv("DATABASE_URL", "postgresql://told/x")
    assert database_url(folder, DirectoryKind.AUTHORITY, set_one) == "postgresql://told/x"
    assert database_url(folder, DirectoryKind.TESTBENCH, set_one) == embedded


def test_a_database_of_another_make(root, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "mysql://me:secret-word@db/x")
    with pytest.raises(SettingsError, match="postgresql://") as told:
        open_authority(root, DirectoryKind.AUTHORITY)
    assert "secret-word" not in str(told.value)
