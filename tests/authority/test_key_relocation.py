"""Moving keys and pass-phrase out of the folder.

After an interruption at any point, the same call continues and nothing is lost.
"""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind, FolderDamaged, FolderError
from sinetti.authority.initialise import InitOptions
from sinetti.authority.key_relocation import OfflineKeys, move_passphrase, relocate_offline_keys
from sinetti.ca.hierarchy_config import load_preset
from sinetti.database.issuance import crls
from sinetti.domain.values import Environment
from sinetti.pki.encoding import load_certificate, load_private_key
from sinetti.settings.authority import AuthoritySettings
from tests.support.foundings import copy_founded
from tests.support.killed import KilledError, killed_at
from tests.support.registers import all_connections_closed

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example")
ROOTS = ("SinettiRootTestCAv1", "SinettiIntermediateTestCAv1")
PHRASE = b"a pass-phrase that is long enough"


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    return copy_founded(
        tmp_path_factory.mktemp("founded") / "authority",
        InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), SETTINGS, NOW),
    )


@pytest.fixture
def root(founded, tmp_path):
    with all_connections_closed():
        yield shutil.copytree(founded, tmp_path / "authority")


@pytest.fixture
def vault(tmp_path):
    return OfflineKeys(tmp_path / "vault", PHRASE)


def opened(root, step=lambda _name: None, days=0):
    return open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(lambda: NOW + timedelta(days=days), step=step))


def moved(root, vault, step=lambda _name: None):
    authority = opened(root, step)
    phrase = (root / "secrets" / "passphrase").read_bytes()
    try:
        return relocate_offline_keys(authority, phrase, vault)
    finally:
        authority.journal.close()
        authority.ctx.db.close()


def loads(path, phrase, root):
    key = load_private_key(path.read_bytes(), phrase)
    return key.public_key() == load_certificate((root / "ca" / f"{path.stem}.cer").read_bytes()).public_key()


@pytest.mark.parametrize("point", ["published", "written", "compared", "removed one"])
def test_cut_short_at_any_point_it_goes_on(root, vault, point):
    phrase = (root / "secrets" / "passphrase").read_bytes()
    with pytest.raises(KilledError):
        moved(root, vault, killed_at(point))
    for name in ROOTS:
        here, there = root / "keys" / f"{name}.pem", vault.key_file(name)
        assert any(path.exists() and loads(path, by, root) for path, by in ((here, phrase), (there, PHRASE)))
    assert moved(root, vault) == (ROOTS[1:] if point == "removed one" else ROOTS)
    assert not [path for name in ROOTS for path in (root / "keys").glob(f"{name}*")]
    assert all(loads(vault.key_file(name), PHRASE, root) for name in ROOTS)
    ctx = opened(root).ctx
    assert ctx.offline == {*ROOTS}
    for name in ROOTS:
        published = crls.latest_crl(ctx.db, name, 1)
        assert published.next_update - published.this_update == timedelta(days=365)
        assert x509.load_der_x509_crl(published.der).is_signature_valid(ctx.issuers[name].certificate.public_key())


def test_half_moved_it_goes_on_to_the_same_place_only(root, vault, tmp_path):
    with pytest.raises(KilledError):
        moved(root, vault, killed_at("removed one"))
    with pytest.raises(FolderError, match="SinettiRootTestCAv1 was moved before"):
        moved(root, OfflineKeys(tmp_path / "other", PHRASE))
    with pytest.raises(FolderDamaged, match="does not open"):
        moved(root, OfflineKeys(vault.place, b"another pass-phrase, long enough"))
    assert (root / "keys" / "SinettiIntermediateTestCAv1.pem").exists()


def test_a_damaged_copy_removes_nothing(root, vault):
    with pytest.raises(KilledError):
        moved(root, vault, killed_at("written"))
    path = vault.key_file(ROOTS[1])
    path.write_bytes(vault.key_file(ROOTS[0]).read_bytes())
    with pytest.raises(FolderDamaged, match="is not the key of SinettiIntermediateTestCAv1"):
        moved(root, vault)
    assert all((root / "keys" / f"{name}.pem").exists() for name in ROOTS)


def test_the_pass_phrase_goes_on_after_it_was_written(root, tmp_path):
    phrase, to = (root / "secrets" / "passphrase").read_bytes(), tmp_path / "phrase"
    to.write_bytes(phrase + b"\n")
    to.chmod(0o600)
    move_passphrase(opened(root), to)
    assert not (root / "secrets" / "passphrase").exists()
    assert to.read_bytes() == phrase + b"\n"


def test_the_pass_phrase_stays_out_of_the_folder(root):
    with pytest.raises(FolderError, match="beside the keys"):
        move_passphrase(opened(root), root / "keys" / "phrase")
    assert (root / "secrets" / "passphrase").exists()
