"""Founding and opening: whole or not at all, only what belongs together, a response signer that is in force."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.ca.hierarchy import load_preset
from sinetti.ca.issuing import OutlivesIssuer
from sinetti.domain.values import Channel, Environment
from sinetti.pki.chain import direct_issuer, load_bundle
from sinetti.pki.formats import load_certificate
from sinetti.settings.authority import ResponseRecipe, Settings, SettingsError, read
from sinetti.settings.folder import Folder, FolderDamaged, FolderError, FolderKind
from sinetti.wire.xmldsig import Recipe
from sinetti.wiring import Founding, Manner, database_url, found, open_authority
from tests.support.registers import all_connections_closed

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SETTINGS = Settings(Environment.TEST, "http://pki.example", "https://soap.example")
FOUNDING = Founding(FolderKind.AUTHORITY, load_preset("default"), SETTINGS, NOW)


@pytest.fixture(scope="session")
def founded(tmp_path_factory):
    root = tmp_path_factory.mktemp("founded") / "authority"
    with all_connections_closed():
        found(root, FOUNDING)
    return root


@pytest.fixture
def root(founded, tmp_path):
    shutil.copytree(founded, tmp_path / "authority")
    return tmp_path / "authority"


class Clock:
    """A clock that is set."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def authority(root, clock):
    with all_connections_closed():
        yield open_authority(root, FolderKind.AUTHORITY, Manner(clock))


def signer(authority):
    return load_certificate(authority.responses.seal().certificate)


def test_what_an_opened_authority_is(authority):
    office = authority.office
    assert office.environment is Environment.TEST
    assert office.issuer_for(Channel.SFTP).file_name == "DataProvidersSFTPTestIssuingCAv1"
    assert len(office.certificates) == 5
    assert authority.recipe is Recipe.EXCLUSIVE


def test_the_signer_lasts_until_ninety_days_before_its_end(authority, clock, root):
    first = signer(authority)
    end = first.not_valid_after_utc
    clock.now = end - 90 * DAY - timedelta(seconds=1)
    assert signer(authority) == first
    clock.now = end - 90 * DAY
    second = signer(authority)
    assert second != first
    assert second.not_valid_before_utc <= clock.now < second.not_valid_after_utc
    assert direct_issuer(second, load_bundle((root / "trust" / "services.pem").read_bytes()), clock.now)
    assert len(list((root / "ca").glob("SinettiTestResponseSigner-*"))) == 2


def test_another_process_takes_the_same_signer(authority, root, clock):
    clock.now = NOW + 3 * 365 * DAY
    new = signer(authority)
    again = open_authority(root, FolderKind.AUTHORITY, Manner(clock))
    assert signer(again) == new


def test_near_the_end_of_its_ca_the_last_signer_serves_to_its_own_end(authority, clock):
    services = load_certificate(authority.office.certificates["ServicesTestIssuingCAv1"])
    clock.now = services.not_valid_after_utc - 731 * DAY
    last = signer(authority)
    clock.now = last.not_valid_after_utc - DAY
    assert signer(authority) == last
    clock.now = services.not_valid_after_utc
    with pytest.raises(OutlivesIssuer):
        signer(authority)


def test_a_signer_whose_key_cannot_be_opened(authority, root):
    (path,) = (root / "keys").glob("SinettiTestResponseSigner-*")
    path.write_text("no key")
    with pytest.raises(FolderDamaged, match="cannot be opened") as told:
        authority.responses.seal()
    assert told.value.__context__ is None


def test_founding_fails_whole(tmp_path):
    def fail(_folder):
        sentence = "no space left"
        raise OSError(sentence)

    founding = Founding(FolderKind.AUTHORITY, load_preset("default"), SETTINGS, NOW, fail)
    with all_connections_closed(), pytest.raises(FolderError, match="no space left"):
        found(tmp_path / "authority", founding)
    assert list(tmp_path.iterdir()) == []


def test_founding_never_overwrites(root):
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(FolderError, match="never overwritten"):
        found(root, FOUNDING)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_another_authoritys_names_are_for_the_bench(tmp_path):
    founding = Founding(FolderKind.AUTHORITY, load_preset("incomes-register-test"), SETTINGS, NOW)
    with pytest.raises(FolderError, match="test bench only"):
        found(tmp_path / "authority", founding)


def test_the_register_of_another_folder(root, tmp_path):
    other = tmp_path / "other"
    with all_connections_closed():
        found(other, FOUNDING)
        shutil.copy(other / "register.sqlite3", root / "register.sqlite3")
        with pytest.raises(FolderDamaged, match="not of the same authority"):
            open_authority(root, FolderKind.AUTHORITY)


def test_an_empty_register(root):
    (root / "register.sqlite3").unlink()
    with all_connections_closed(), pytest.raises(FolderDamaged, match="register is empty"):
        open_authority(root, FolderKind.AUTHORITY)


def test_a_changed_environment(root):
    text = (root / "authority.toml").read_text().replace('"TEST"', '"PRODUCTION"')
    (root / "authority.toml").write_text(text)
    with all_connections_closed(), pytest.raises(FolderDamaged, match="cannot be read"):
        open_authority(root, FolderKind.AUTHORITY)


def test_the_recipe_is_a_setting(root):
    text = (root / "authority.toml").read_text().replace('"exclusive"', '"enveloped"')
    (root / "authority.toml").write_text(text)
    assert read(root / "authority.toml").response_recipe is ResponseRecipe.ENVELOPED
    with all_connections_closed():
        assert open_authority(root, FolderKind.AUTHORITY).recipe is Recipe.ENVELOPED


def test_where_the_register_is(root, monkeypatch):
    folder, set_one = Folder(root), Settings(Environment.TEST, "http://a", "http://b", database_url="postgresql://set")
    embedded = f"sqlite:///{root}/register.sqlite3"
    assert database_url(folder, FolderKind.AUTHORITY, SETTINGS) == embedded
    assert database_url(folder, FolderKind.AUTHORITY, set_one) == "postgresql://set"
    monkeypatch.setenv("DATABASE_URL", "postgresql://told")
    assert database_url(folder, FolderKind.AUTHORITY, set_one) == "postgresql://told"
    assert database_url(folder, FolderKind.TESTBENCH, set_one) == embedded


def test_a_database_of_another_make(root, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "mysql://me:secret-word@db/x")
    with pytest.raises(SettingsError, match="postgresql://") as told:
        open_authority(root, FolderKind.AUTHORITY)
    assert "secret-word" not in str(told.value)
