"""Keys of an authority in PKCS#11 tokens: where they are created, and what happens to unused ones."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.authority import key_store
from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind, FolderDamaged, FolderError
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.authority.key_inventory import KeyRole, check_keys, holder_of, list_keys
from sinetti.authority.key_relocation import OfflineKeys, move_keys_to_token
from sinetti.authority.key_store import StoreKind
from sinetti.ca.hierarchy_config import load_preset, with_standby
from sinetti.ca.hierarchy_model import HierarchyError
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Channel, Environment
from sinetti.infra.clock import utc_now
from sinetti.pki.encoding import load_certificate
from sinetti.pki.signers import SignerUnavailable
from sinetti.services.authorities.succession import activate_ca
from sinetti.services.monitoring.health import issuing_check
from sinetti.services.status.crl import current_crl
from sinetti.settings import authority as authority_settings
from sinetti.settings.authority import AuthoritySettings
from sinetti.wire.transparency.notes import Checkpoint
from tests.support import soft_token
from tests.support.foundings import copy_founded
from tests.support.killed import KilledError
from tests.support.registers import all_connections_closed
from tests.support.scene import Clock
from tests.support.soft_token import soft_tokens

__all__ = ["soft_tokens"]

pytestmark = soft_token.NEEDED
pytest.importorskip("pkcs11")
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example")
PRESET = load_preset("default")
ROOTS = ("SinettiRootTestCAv1", "SinettiIntermediateTestCAv1")
CAS = (*ROOTS, "DataProvidersTestIssuingCAv1", "DataProvidersSFTPTestIssuingCAv1", "ServicesTestIssuingCAv1")
LABELS = sorted(f"sinetti {name}" for name in (*CAS, "SinettiTestResponseSigner", "log"))
WS = "DataProvidersTestIssuingCAv1"


@pytest.fixture
def place(soft_tokens):
    return soft_tokens.add("ca")


@pytest.fixture(autouse=True)
def closed():
    with all_connections_closed():
        yield


def with_token(place, **changes):
    """Return the options of an initialisation whose keys are in a token."""
    settings = replace(
        SETTINGS,
        pkcs11_module=str(place.module),
        pkcs11_token=place.label,
        pkcs11_pin_file=str(place.pin_file),
        **changes.pop("settings", {}),
    )
    return InitOptions(DirectoryKind.AUTHORITY, changes.pop("hierarchy", PRESET), settings, NOW, **changes)


def opened(root, clock=None):
    authority = open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(clock or Clock(NOW)))
    return closing(authority.keys), authority


def texts(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_no_file_has_a_private_key_and_all_keys_sign(soft_tokens, place, tmp_path):
    root = tmp_path / "authority"
    initialise(root, with_token(place))
    assert soft_tokens.keys("ca") == LABELS
    assert not [path for path, octets in texts(root).items() if b"PRIVATE KEY" in octets]
    assert soft_token.PIN.encode() not in b"".join(texts(root).values())
    keys, authority = opened(root)
    with keys:
        listed = list_keys(holder_of(authority))
        assert {one.kind for one in listed} == {StoreKind.PKCS11}
        assert {one.name: (one.role, one.key_type) for one in listed if one.role is not KeyRole.RESPONSE_SIGNER} == {
            ROOTS[0]: (KeyRole.ROOT, "ec-p384"),
            ROOTS[1]: (KeyRole.INTERMEDIATE, "ec-p384"),
            CAS[2]: (KeyRole.ISSUING, "ec-p256"),
            CAS[3]: (KeyRole.ISSUING, "ec-p256"),
            CAS[4]: (KeyRole.SERVICES, "ec-p256"),
            listed[-1].name: (KeyRole.LOG, "ed25519"),
        }
        for one in check_keys(holder_of(authority)):
            assert (one.problem, one.has_signed) == (None, True)
            assert one.facts.is_local
            assert one.facts.is_never_extractable
        assert issuing_check(authority.ctx) is None
        responder = authority.ctx.responders[WS]()
        assert f"sinetti {WS}_ocsp" in soft_tokens.keys("ca")
        assert responder.certificate.issuer == load_certificate(authority.ctx.certificates[WS]).subject
        (signer,) = authority.ctx.log_signers()
        assert Checkpoint(signer.name, 0, bytes(32)).signed(signer)
        assert authority.responses.seal().sign(b"octets")


@pytest.mark.long
def test_a_leaf_whose_key_the_token_lost_is_replaced(soft_tokens, place, tmp_path):
    """A token that is restored from an older copy lacks the newest keys of leaves."""
    root = tmp_path / "authority"
    initialise(root, with_token(place))
    shutil.copytree(soft_tokens.tokens, soft_tokens.folder / "copy")
    keys, authority = opened(root)
    with keys:
        first = authority.ctx.responders[WS]()
        assert first.key.sign
        authority.keys.close()
        shutil.rmtree(soft_tokens.tokens)
        (soft_tokens.folder / "copy").rename(soft_tokens.tokens)
        name = next(one.name for one in list_keys(holder_of(authority)) if one.role is KeyRole.OCSP)
        (checked,) = [one for one in check_keys(holder_of(authority)) if one.listed.name == name]
        assert (checked.has_signed, "does not contain the key" in checked.problem) == (False, True)
        responder = authority.ctx.responders[WS]()
        with pytest.raises(SignerUnavailable, match="does not contain the key"):
            key_store.encoding.sign(responder.key, b"")
        second = authority.ctx.responders[WS]()
        assert second.certificate != first.certificate
        assert key_store.encoding.sign(second.key, b"")


def test_while_the_token_is_away_the_reason_is_shown(soft_tokens, place, tmp_path, monkeypatch):
    root = tmp_path / "authority"
    initialise(root, with_token(place))
    keys, authority = opened(root)
    with keys:
        authority.keys.tokens()[0].pool._limits = replace(authority.keys.tokens()[0].pool._limits, pause=0.0)
        away = soft_tokens.tokens.rename(soft_tokens.folder / "away")
        reason = issuing_check(authority.ctx)
        assert re.fullmatch(r"an issuing key cannot be used \(the token ca cannot be used: .+\): make it .*", reason)
        with pytest.raises(SignerUnavailable):
            authority.responses.seal()
        away.rename(soft_tokens.tokens)
        assert issuing_check(authority.ctx) is None
        assert authority.responses.seal()


def fails(message="stop here"):
    def step(name):
        if name == "written":
            raise FolderError(message)

    return step


@pytest.mark.long
def test_an_initialisation_that_fails_leaves_nothing(soft_tokens, place, tmp_path):
    offline = OfflineKeys(tmp_path / "vault", b"a pass-phrase of the offline keys")

    def late(name):
        if name == "offline":
            sentence = "stop here"
            raise FolderError(sentence)

    for options in ({"step": fails()}, {"step": late, "offline": offline}):
        with pytest.raises(FolderError, match="stop here"):
            initialise(tmp_path / "authority", with_token(place, **options))
        assert soft_tokens.keys("ca") == []
        assert not [path for path in tmp_path.iterdir() if path.name in {"vault", "authority"} or ".new" in path.name]


@pytest.mark.long
def test_keys_of_a_killed_initialisation_are_deleted_by_the_next(soft_tokens, place, tmp_path):
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from sinetti.authority.initialise import initialise\n"
        "from sinetti.pki.signers.pkcs11_uri import TokenLocation\n"
        "from tests.authority.test_token_keys import with_token\n"
        "place = TokenLocation(Path(sys.argv[2]), 'ca', Path(sys.argv[3]))\n"
        "initialise(Path(sys.argv[1]), with_token(place, step=lambda name: os._exit(9)))\n"
    )
    words = (str(tmp_path / "authority"), str(place.module), str(place.pin_file))
    done = subprocess.run((sys.executable, "-c", program, *words), check=False, env=dict(os.environ))  # noqa: TID251
    assert done.returncode == 9
    assert soft_tokens.keys("ca") == LABELS
    initialise(tmp_path / "authority", with_token(place))
    assert soft_tokens.keys("ca") == LABELS


@pytest.mark.long
def test_keys_that_got_no_name_are_deleted_after_an_hour(soft_tokens, place, tmp_path, caplog):
    initialise(tmp_path / "authority", with_token(place))
    keys, authority = opened(tmp_path / "authority")
    with keys:
        new = authority.keys.makes.create("unused", "ec-p256")
        made = utc_now()
        authority.keys.delete_abandoned(made + timedelta(minutes=50))
        assert "sinetti unused" in soft_tokens.keys("ca")
        away = soft_tokens.tokens.rename(soft_tokens.folder / "away")
        authority.keys.close()
        authority.keys.delete_abandoned(made + timedelta(minutes=70))
        assert "keys that were never used remain in a token" in caplog.text
        away.rename(soft_tokens.tokens)
        authority.keys.tokens()[0].pool._failed.clear()
        authority.keys.delete_abandoned(made + timedelta(minutes=70))
        assert soft_tokens.keys("ca") == LABELS
        assert not list((tmp_path / "authority" / "keys").glob("new-*"))
        assert new.at is not None


def with_own_token(*labels):
    """Return the hierarchy whose root and intermediate CA have tokens of their own."""
    text = PRESET
    for role, label in zip(("root", "intermediate"), labels, strict=True):
        text = text.replace(f'role = "{role}"\n', f'role = "{role}"\ntoken = "pkcs11:token={label}"\n')
    return text


def test_offline_keys_in_a_token_of_their_own(soft_tokens, place, tmp_path):
    soft_tokens.add("vault")
    root = tmp_path / "authority"
    options = with_token(place, hierarchy=with_own_token("vault", "vault"))
    initialise(root, options)
    assert soft_tokens.keys("vault") == sorted(f"sinetti {name}" for name in ROOTS)
    assert not {f"sinetti {name}" for name in ROOTS} & set(soft_tokens.keys("ca"))
    keys, authority = opened(root)
    with keys:
        assert authority.ctx.offline == frozenset(ROOTS)
        assert [one.problem for one in check_keys(holder_of(authority)) if one.listed.role is KeyRole.ROOT] == [None]
        with pytest.raises(SignerUnavailable):
            authority.ctx.signer.sign(ROOTS[0], b"")


@pytest.mark.long
def test_a_standby_has_its_key_in_another_token_and_takes_over(soft_tokens, place, tmp_path):
    soft_tokens.add("second")
    root, standby = tmp_path / "authority", WS.replace("v1", "v2")
    initialise(root, with_token(place, hierarchy=with_standby(PRESET, "pkcs11:token=second")))
    assert f"sinetti {standby}" in soft_tokens.keys("second")
    assert f"sinetti {standby}" not in soft_tokens.keys("ca")
    keys, authority = opened(root)
    with keys:
        ctx = authority.ctx
        assert ctx.states[standby] is CaState.STANDBY
        assert current_crl(standby, 1, ctx, "request").number
        activate_ca(standby, ctx, ctx.audit_entry("operator", "request"))
        assert ctx.issuing[Channel.WS] == standby
        assert ctx.signer.sign(standby, b"octets")


PLACES = {
    "PRODUCTION with all keys in one token": (PRESET, False, FolderError, "would be in the token of the service"),
    "PRODUCTION with the same token named": (
        with_own_token("ca", "ca"), False, FolderError, "would be in the token of the service",
    ),
    "a folder that no key needs": (with_own_token("vault", "vault"), True, FolderError, "--offline-dir is not needed"),
}  # fmt: skip


@pytest.mark.parametrize("case", PLACES.values(), ids=PLACES)
def test_places_that_are_refused(place, tmp_path, case):
    hierarchy, has_folder, error, why = case
    environment = Environment.TEST if has_folder else Environment.PRODUCTION
    from sinetti.authority.initialise import KeyPlaces  # noqa: PLC0415 - for this test alone
    from sinetti.ca.hierarchy_config import parse_hierarchy  # noqa: PLC0415 - for this test alone

    with pytest.raises(error, match=why):
        KeyPlaces(
            parse_hierarchy(hierarchy, environment, "http://pki.example", is_stored=True),
            place,
            has_offline_folder=has_folder,
        )
    assert not list(tmp_path.iterdir())


def test_a_token_in_the_hierarchy_without_module_or_pin(tmp_path):
    options = InitOptions(DirectoryKind.AUTHORITY, with_own_token("vault", "vault"), SETTINGS, NOW)
    with pytest.raises(HierarchyError, match="needs module-path and pin-source"):
        initialise(tmp_path / "authority", options)
    assert not list(tmp_path.iterdir())


POINTS = ("imported", "named", "removed one")


def dies_at(point):
    def step(name):
        if name == point:
            raise KilledError

    return step


@pytest.mark.long
@pytest.mark.parametrize("point", [None, *POINTS])
def test_keys_of_test_are_moved_into_a_token(soft_tokens, place, tmp_path, point):
    root = tmp_path / "authority"
    copy_founded(root, InitOptions(DirectoryKind.AUTHORITY, PRESET, SETTINGS, NOW))
    settings = root / "authority.toml"
    settings.write_text(settings.read_text() + "\n# A remark\n[approvals]\n")
    before = sorted(path.stem for path in (root / "keys").glob("*.pem"))
    if point is not None:
        keys, authority = opened(root)
        with keys, pytest.raises(KilledError):
            move_keys_to_token(replace(authority, ctx=replace(authority.ctx, step=dies_at(point))), place)
    keys, authority = opened(root)
    with keys:
        moved = move_keys_to_token(authority, place)
    assert set(moved) <= set(before)
    assert soft_tokens.keys("ca") == [f"sinetti {name}" for name in before]
    assert not list((root / "keys").glob("*.pem"))
    assert authority_settings.read(settings).token == place
    assert "# A remark" in settings.read_text()
    keys, authority = opened(root)
    with keys:
        assert issuing_check(authority.ctx) is None
        for one in check_keys(holder_of(authority)):
            assert (one.problem, one.facts.is_local, one.facts.is_never_extractable) == (None, False, False)
        with pytest.raises(FolderError, match="nothing to move"):
            move_keys_to_token(authority, place)
        with pytest.raises(FolderError, match="name that one"):
            move_keys_to_token(authority, replace(place, label="other"))
        holder = holder_of(authority)
        production = replace(holder, hierarchy=replace(holder.hierarchy, environment=Environment.PRODUCTION))
        assert {one.problem is None for one in check_keys(production)} == {False}


def test_production_imports_no_key(place, tmp_path):
    root = tmp_path / "authority"
    copy_founded(root, InitOptions(DirectoryKind.AUTHORITY, PRESET, SETTINGS, NOW))
    keys, authority = opened(root)
    production = replace(authority, settings=replace(authority.settings, environment=Environment.PRODUCTION))
    with keys, pytest.raises(FolderError, match="create a new generation of the CA in the token"):
        move_keys_to_token(production, place)


def test_a_wrong_key_file_is_not_moved(soft_tokens, place, tmp_path):
    root = tmp_path / "authority"
    copy_founded(root, InitOptions(DirectoryKind.AUTHORITY, PRESET, SETTINGS, NOW))
    shutil.copy(root / "keys" / f"{WS}.pem", root / "keys" / f"{ROOTS[0]}.pem")
    keys, authority = opened(root)
    with keys, pytest.raises(FolderDamaged, match=f"the key {ROOTS[0]} was not moved: .*does not match"):
        move_keys_to_token(authority, place)
    assert soft_tokens.keys("ca") == []
    assert (root / "keys" / f"{ROOTS[0]}.pem").exists()
