"""Key in a PKCS#11 token that opens the secret keys: creation, change with kills, and a token that is away."""

import json
import re
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from sinetti.authority import secret_files, signer_separation
from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, FolderError
from sinetti.authority.initialise import initialise
from sinetti.authority.passphrase_change import (
    NewPassphrase,
    NewWrapping,
    change_passphrase,
    is_passphrase_in_force,
    settle_passphrase_change,
    wrap_secrets,
)
from sinetti.authority.secret_files import (
    KeyringFile,
    SecretsClosed,
    TokenAway,
    create_secrets,
    open_secrets,
    read_secrets,
    remove_secret,
    rotate_secret,
)
from sinetti.authority.secret_wrappings import (
    SecretAccess,
    TokenWrapping,
    WrappingToken,
    delete_wrapping_keys,
    new_wrapping_id,
)
from sinetti.authority.signer_separation import SeparationOptions, separate_keys
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.domain.values import Environment
from sinetti.pki.encoding import dump_private_key
from sinetti.pki.signers import KeyMissing, SignerUnavailable
from sinetti.pki.signers.token_pool import TokenPool
from tests.authority.test_token_keys import NOW, closed, opened, texts, with_token
from tests.support import soft_token
from tests.support.killed import kill_at
from tests.support.programs import new_key
from tests.support.soft_token import soft_tokens

__all__ = ["closed", "soft_tokens"]

pytestmark = soft_token.NEEDED
pytest.importorskip("pkcs11")
PHRASE, NEW = b"a pass-phrase of the service", b"another pass-phrase of the service"
LINKS = SecretPurpose.LINKS


@pytest.fixture
def place(soft_tokens):
    return soft_tokens.add("ca")


@pytest.fixture
def folder(tmp_path):
    folder = DataDirectory(tmp_path / "authority")
    folder.secrets.mkdir(parents=True)
    folder.keys.mkdir()
    return folder


def access(folder, phrase=None, place=None):
    return SecretAccess(phrase, WrappingToken(folder.keys, place))


def unrecorded(_kinds):
    pass


def in_token(folder):
    """Return the location of the key in the token that `keys.json` names."""
    (found,) = [one for one in read_secrets(folder).wrappings.values() if isinstance(one, TokenWrapping)]
    return found.at


def secret_keys(place):
    """Return the attributes of all secret keys in a token."""
    program = (
        "import json, sys, pkcs11\n"
        "names = ('SENSITIVE', 'EXTRACTABLE', 'NEVER_EXTRACTABLE', 'LOCAL', 'ENCRYPT', 'DECRYPT', 'WRAP', 'UNWRAP',"
        " 'SIGN', 'VERIFY', 'DERIVE', 'VALUE_LEN')\n"
        "token = pkcs11.lib(sys.argv[1]).get_token(token_label=sys.argv[2])\n"
        "with token.open(user_pin=sys.argv[3]) as session:\n"
        "    found = session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY})\n"
        "    print(json.dumps([{n: one[pkcs11.Attribute[n]] for n in names} for one in found]))\n"
    )
    command = (sys.executable, "-c", program, str(place.module), place.label, soft_token.PIN)
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_a_new_authority_with_a_token_needs_no_pass_phrase(place, tmp_path):
    root = tmp_path / "authority"
    initialise(root, with_token(place))
    folder = DataDirectory(root)
    assert read_secrets(folder).kinds() == ("token",)
    assert not folder.passphrase.exists()
    assert not list(folder.secrets.glob("*.uri"))
    assert secret_keys(place) == [
        {
            **dict.fromkeys(("SENSITIVE", "NEVER_EXTRACTABLE", "LOCAL", "ENCRYPT", "DECRYPT"), True),
            **dict.fromkeys(("EXTRACTABLE", "WRAP", "UNWRAP", "SIGN", "VERIFY", "DERIVE"), False),
            "VALUE_LEN": 32,
        }
    ]
    keys, authority = opened(root)
    with keys:
        octets = authority.ctx.keyring.current(LINKS).octets
        shown = b"".join(texts(root).values())
        assert octets not in shown
        assert octets.hex().encode() not in shown
        assert rotate_secret(folder, authority.secret_access, LINKS, NOW) == "1"
        assert authority.ctx.keyring.get(LINKS, "0").octets == octets
        remove_secret(folder, authority.secret_access, LINKS, "0")


@pytest.mark.long
def test_either_way_opens_the_secrets_of_an_authority_with_both(soft_tokens, place, tmp_path):
    root = tmp_path / "authority"
    initialise(root, with_token(place, passphrase=PHRASE))
    folder = DataDirectory(root)
    assert read_secrets(folder).kinds() == ("passphrase", "token")
    keys, authority = opened(root)
    with keys:
        by_token = authority.ctx.keyring
    soft_tokens.tokens.rename(soft_tokens.folder / "away")
    authority = open_authority(root, DirectoryKind.AUTHORITY, passphrase=PHRASE)
    with closing(authority.keys):
        assert authority.ctx.keyring == by_token
        # The token is not asked, and opens the new key nevertheless.
        rotate_secret(folder, authority.secret_access, LINKS, NOW)
    (soft_tokens.folder / "away").rename(soft_tokens.tokens)
    assert open_secrets(folder, access(folder, place=place)).ring.current(LINKS).key_id == "1"
    with pytest.raises(SecretsClosed, match="does not open"):
        open_secrets(folder, access(folder, b"wrong", place))


@pytest.mark.parametrize("passphrase", [None, PHRASE])
@pytest.mark.long
def test_an_interrupted_init_is_completed_with_the_same_ways(place, tmp_path, passphrase):
    root = tmp_path / "authority"
    assert kill_at("in place", lambda at: initialise(root, with_token(place, passphrase=passphrase, step=at)))
    assert list((root / "secrets").glob("new-*.uri"))
    other = PHRASE if passphrase is None else None
    with pytest.raises(FolderError, match="give the same options"):
        initialise(root, with_token(place, passphrase=other))
    initialise(root, with_token(place, passphrase=passphrase))
    assert not list((root / "secrets").glob("new-*.uri"))
    assert len(secret_keys(place)) == 1
    assert open_secrets(DataDirectory(root), access(DataDirectory(root), place=place)).ring


@pytest.mark.long
def test_an_init_that_is_cut_short_leaves_no_key(soft_tokens, place, tmp_path):
    root = tmp_path / "authority"
    assert kill_at("written", lambda at: initialise(root, with_token(place, step=at)))
    assert len(secret_keys(place)) == 1

    def refuse(_folder):
        raise FolderError

    with pytest.raises(FolderError):
        initialise(root, with_token(place, also=refuse))
    assert secret_keys(place) == []
    assert soft_tokens.keys("ca") == []
    assert not list(tmp_path.iterdir())


def ways(folder, place):
    """Return the kinds of means that open the secrets now."""
    found = set()
    for name, means in {"passphrase": SecretAccess(PHRASE), "token": access(folder, place=place)}.items():
        with suppress(SecretsClosed):
            open_secrets(folder, means)
            found.add(name)
    return found


CHANGES = {
    "a token is added": ({"passphrase"}, "token", False, {"passphrase", "token"}),
    "a token replaces the pass-phrase": ({"passphrase"}, "token", True, {"token"}),
    "a pass-phrase is added": ({"token"}, "passphrase", False, {"passphrase", "token"}),
    "a pass-phrase replaces the token": ({"token"}, "passphrase", True, {"passphrase"}),
}


@pytest.mark.parametrize("case", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("point", [None, "wrapping-created", "wrapping-made", "wrapping-written"])
@pytest.mark.long
def test_ways_are_added_and_replaced_and_a_kill_leaves_old_or_new(folder, place, case, point):
    before, kind, is_alone, after = case
    means = access(folder, PHRASE if "passphrase" in before else None, place if "token" in before else None)
    create_secrets(folder, means, NOW)
    means.token.forget_unused(folder, read_secrets(folder).wrappings.values())
    means, ring = access(folder, means.passphrase, place), open_secrets(folder, means).ring
    new = NewWrapping(place if kind == "token" else PHRASE, is_alone)
    if point is not None:
        is_killed = kill_at(point, lambda at: wrap_secrets(folder, means, new, unrecorded, at))
        assert is_killed is (point != "wrapping-created" or kind == "token")
        assert ways(folder, place) == (after if point == "wrapping-written" or not is_killed else before)
    means = access(folder, PHRASE if "passphrase" in ways(folder, place) else None, place)
    recorded = []
    assert wrap_secrets(folder, means, new, recorded.append) == tuple(sorted(after))
    assert ways(folder, place) == after
    assert open_secrets(folder, access(folder, PHRASE if "passphrase" in after else None, place)).ring == ring
    assert not list(folder.secrets.glob("new-*.uri"))
    assert recorded in ([], [tuple(sorted(after))])
    # Keys of a kill are deleted; a former key stays, since other nodes and copies may need it.
    made = 0 if kind != "token" else 2 if is_alone and point == "wrapping-written" else 1
    assert len(secret_keys(place)) == ("token" in before) + made


def test_a_replaced_way_opens_neither_the_file_nor_its_new_key(folder, place):
    """An old copy of the file and the former pass-phrase give no key of the new file."""
    create_secrets(folder, SecretAccess(PHRASE), NOW)
    former = open_secrets(folder, SecretAccess(PHRASE)).wrapping_key
    wrap_secrets(folder, access(folder, PHRASE), NewWrapping(place, is_alone=True), unrecorded)
    new = open_secrets(folder, access(folder, place=place))
    assert new.wrapping_key != former
    with pytest.raises(SecretsClosed):
        open_secrets(folder, SecretAccess(None))


@pytest.mark.long
def test_a_way_that_exists(soft_tokens, folder, place):
    other = soft_tokens.add("other")
    create_secrets(folder, access(folder, PHRASE, place), NOW)
    octets = folder.secret_keys.read_bytes()
    means = access(folder, PHRASE, place)
    for new in (place, PHRASE):
        assert wrap_secrets(folder, means, NewWrapping(new), unrecorded) == ("passphrase", "token")
    with pytest.raises(FolderError, match="passphrase --new replaces it"):
        wrap_secrets(folder, means, NewWrapping(NEW), unrecorded)
    with pytest.raises(FolderError, match="the token ca opens the secret keys: --alone replaces it by other"):
        wrap_secrets(folder, means, NewWrapping(other), unrecorded)
    assert folder.secret_keys.read_bytes() == octets
    wrap_secrets(folder, means, NewWrapping(other, is_alone=True), unrecorded)
    assert in_token(folder).place == other
    assert open_secrets(folder, access(folder, place=place)).ring


def test_a_pass_phrase_that_does_not_open_the_key_files(folder, place):
    create_secrets(folder, access(folder, place=place), NOW)
    (folder.keys / "one.pem").write_bytes(dump_private_key(new_key(), NEW))
    with pytest.raises(FolderDamaged, match=r"does not open .*one\.pem"):
        wrap_secrets(folder, access(folder, place=place), NewWrapping(PHRASE), unrecorded)
    assert wrap_secrets(folder, access(folder, place=place), NewWrapping(NEW), unrecorded) == ("passphrase", "token")


def test_a_token_that_cannot_be_used_changes_nothing(folder, place):
    create_secrets(folder, SecretAccess(PHRASE), NOW)
    octets = folder.secret_keys.read_bytes()
    wrong = replace(place, pin_file=soft_token.pin_file(folder.root.parent, "0815-pin"))
    for _ in range(2):  # the second time, the mark refuses the PIN
        with pytest.raises(SignerUnavailable, match="PIN"):
            wrap_secrets(folder, access(folder, PHRASE), NewWrapping(wrong), unrecorded)
    assert folder.secret_keys.read_bytes() == octets
    assert not list(folder.secrets.glob("new-*.uri"))
    assert len(list(folder.keys.glob("*.refused"))) == 1


class FaultyPool(TokenPool):
    """Pool whose token returns octets unchanged."""

    def encrypt(self, _key, octets, _bound):
        return octets

    decrypt = encrypt


class DyingPool(TokenPool):
    """Pool whose token fails once the key is created."""

    def encrypt(self, *_of):
        raise SignerUnavailable


@pytest.mark.parametrize(("pool", "why"), [(FaultyPool, "does not encrypt correctly"), (DyingPool, None)])
def test_a_token_that_does_not_encrypt(folder, place, monkeypatch, pool, why):
    create_secrets(folder, SecretAccess(PHRASE), NOW)
    monkeypatch.setattr("sinetti.authority.secret_wrappings.TokenPool", pool)
    with pytest.raises(SignerUnavailable, match=why):
        wrap_secrets(folder, access(folder, PHRASE), NewWrapping(place), unrecorded)
    assert secret_keys(place) == []
    assert ways(folder, place) == {"passphrase"}


@pytest.mark.long
def test_an_unused_key_waits_for_its_token(soft_tokens, folder, place, caplog):
    token = WrappingToken(folder.keys, place)
    token.create(folder, place)
    token._pool.close()
    away = soft_tokens.tokens.rename(soft_tokens.folder / "away")
    WrappingToken(folder.keys, place).forget_unused(folder, ())
    assert "a key that was never used remains in a token" in caplog.text
    assert list(folder.secrets.glob("new-*.uri"))
    with pytest.raises(SignerUnavailable):
        delete_wrapping_keys(folder)
    away.rename(soft_tokens.tokens)
    WrappingToken(folder.keys, place).forget_unused(folder, ())
    assert not list(folder.secrets.glob("new-*.uri"))
    assert secret_keys(place) == []


@pytest.mark.long
def test_while_the_token_is_away(soft_tokens, folder, place, monkeypatch, caplog):
    create_secrets(folder, access(folder, place=place), NOW)
    monkeypatch.setattr(secret_files, "_TOKEN_PAUSE", 0.0)
    source = KeyringFile(folder, access(folder, place=place))
    away = soft_tokens.tokens.rename(soft_tokens.folder / "away")
    with pytest.raises(TokenAway, match=r"keys\.json cannot be opened: the token ca cannot be used: "):
        source()
    away.rename(soft_tokens.tokens)
    source._access.token._pool._failed.clear()  # the pause of a second
    first = source()
    rotate_secret(folder, access(folder, place=place), LINKS, NOW)
    away = soft_tokens.tokens.rename(soft_tokens.folder / "away")
    assert source() is first
    assert "the keys in use stay until the token is back" in caplog.text
    away.rename(soft_tokens.tokens)
    source._access.token._pool._failed.clear()
    assert source().current(LINKS).key_id == "1"


@pytest.mark.long
def test_a_running_process_asks_a_token_that_is_away_seldom(soft_tokens, folder, place, caplog):
    create_secrets(folder, access(folder, place=place), NOW)
    source = KeyringFile(folder, access(folder, place=place))
    first = source()
    rotate_secret(folder, access(folder, place=place), LINKS, NOW)
    soft_tokens.tokens.rename(soft_tokens.folder / "away")
    for _ in range(3):
        assert source() is first
    assert caplog.text.count("the keys in use stay") == 1


@pytest.mark.long
def test_another_key_of_the_same_id_and_a_changed_file(folder, place):
    create_secrets(folder, access(folder, place=place), NOW)
    at, octets = in_token(folder), folder.secret_keys.read_bytes()
    value = json.loads(octets)
    (only,) = value["wrappings"].values()
    only["sealed"] = "A" * len(only["sealed"])
    folder.secret_keys.write_text(json.dumps(value))
    with pytest.raises(SecretsClosed, match=r"keys\.json cannot be opened: the token ca"):
        open_secrets(folder, access(folder, place=place))
    value = json.loads(octets)
    for key in value["keys"]:
        key["made_at"] = "2020-01-01T00:00:00Z"
    folder.secret_keys.write_text(json.dumps(value))
    with pytest.raises(SecretsClosed, match="the key in the token does not open the keys"):
        open_secrets(folder, access(folder, place=place))
    folder.secret_keys.write_bytes(octets)
    pool = TokenPool(folder.keys)
    with closing(pool):
        pool.delete(at)
        with pytest.raises(KeyMissing, match="does not contain the key"):
            pool.encrypt(at, b"", b"")
    with pytest.raises(TokenAway, match="does not contain the key"):
        open_secrets(folder, access(folder, place=place))


def test_module_and_pin_file_that_were_moved(folder, place, tmp_path):
    create_secrets(folder, access(folder, place=place), NOW)
    moved = replace(place, pin_file=place.pin_file.rename(tmp_path / "pin"))
    assert open_secrets(folder, access(folder, place=moved)).ring
    with pytest.raises(TokenAway, match="PIN file"):
        open_secrets(folder, access(folder))


@pytest.mark.parametrize("step", [None, "passphrase-wrapped-twice", "passphrase-committed"])
@pytest.mark.long
def test_a_new_pass_phrase_keeps_the_token(folder, place, step):
    create_secrets(folder, access(folder, PHRASE, place), NOW)
    means, ring = access(folder, PHRASE, place), open_secrets(folder, access(folder, PHRASE)).ring
    if step is not None:
        assert kill_at(step, lambda at: change_passphrase(folder, means, NewPassphrase(NEW), at))
        settle_passphrase_change(folder)
    if step != "passphrase-committed":
        change_passphrase(folder, means, NewPassphrase(NEW))
    assert read_secrets(folder).kinds() == ("passphrase", "token")
    assert open_secrets(folder, access(folder, place=place)).ring == ring
    assert open_secrets(folder, SecretAccess(NEW)).ring == ring
    with pytest.raises(SecretsClosed):
        open_secrets(folder, means)


@pytest.mark.long
def test_a_new_pass_phrase_of_key_files_alone(folder, place):
    """Secrets that the token alone opens, and key files under a pass-phrase."""
    means = access(folder, PHRASE, place)
    create_secrets(folder, access(folder, place=place), NOW)
    with pytest.raises(FolderError, match="no key of this authority has a pass-phrase"):
        change_passphrase(folder, means, NewPassphrase(NEW))
    (folder.keys / "one.pem").write_bytes(dump_private_key(new_key(), PHRASE))
    assert is_passphrase_in_force(folder, PHRASE)
    assert change_passphrase(folder, means, NewPassphrase(NEW)) == 1
    assert not is_passphrase_in_force(folder, PHRASE)
    assert is_passphrase_in_force(folder, NEW)
    assert read_secrets(folder).kinds() == ("token",)
    assert open_secrets(folder, means).ring


def test_a_wrapping_id_is_authenticated(folder, place):
    """A wrapping of one file does not pass for that of another."""
    create_secrets(folder, access(folder, place=place), NOW)
    (wrapping,) = read_secrets(folder).wrappings.values()
    with pytest.raises(SignerUnavailable):
        wrapping.key(new_wrapping_id(), WrappingToken(folder.keys, place))


def test_no_sentence_and_no_representation_shows_a_secret(folder, place):
    create_secrets(folder, access(folder, PHRASE, place), NOW)
    means = access(folder, PHRASE, place)
    shown = repr((means, open_secrets(folder, means), NewWrapping(PHRASE)))
    assert not re.search(f"{PHRASE.decode()}|{soft_token.PIN}", shown)


@pytest.mark.long
def test_a_service_of_production_keeps_no_pin_of_its_signers_token(soft_tokens, place, tmp_path):
    root = tmp_path / "authority"
    initialise(root, with_token(place))
    keys, authority = opened(root)
    production = replace(authority, settings=replace(authority.settings, environment=Environment.PRODUCTION))
    options = SeparationOptions(tmp_path / "signer", tmp_path / "socket", 10)
    with keys:
        with pytest.raises(FolderError, match="which would keep its PIN"):
            separate_keys(production, options)
        wrap_secrets(
            authority.folder, authority.secret_access, NewWrapping(soft_tokens.add("own"), is_alone=True), unrecorded
        )
        signer_separation._check_secrets(production, options)
        assert len(separate_keys(authority, options)) == 7
        assert authority.ctx.keyring
