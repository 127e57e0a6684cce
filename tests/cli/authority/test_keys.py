"""Offline keys, and pass-phrases stored apart from the keys that they open.

The tests found an authority, move keys, serve, and renew CRLs.
"""

import io
import json
import re
import shutil
import stat
import sys
from base64 import b64encode
from datetime import timedelta
from types import SimpleNamespace

import pytest
from cryptography import x509

from sinetti.authority.data_directory import DataDirectory
from sinetti.authority.secret_files import open_secrets
from sinetti.authority.secret_wrappings import SecretAccess
from sinetti.cli.authority import passphrase_options
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.infra.clock import utc_now
from sinetti.pki.encoding import load_private_key
from tests.cli.authority.conftest import ADDRESSES
from tests.cli.authority.test_serve import ANY, holder, rows, serving
from tests.support import golden
from tests.support.officers import approve, does_approved, founders, proposed
from tests.support.programs import fetched, new_key, ran
from tests.support.serving import tls_pair

ROOTS = ("SinettiRootTestCAv1", "SinettiIntermediateTestCAv1")
ONLINE = ("DataProvidersSFTPTestIssuingCAv1", "DataProvidersTestIssuingCAv1", "ServicesTestIssuingCAv1")
YEAR = timedelta(days=365)


@pytest.fixture
def operator(sqlite_operator):
    """Return an operator on SQLite, because the database plays no part here."""
    return sqlite_operator


@pytest.fixture
def places(tmp_path):
    """Return the places of secrets.

    One folder is for pass-phrases, another for offline keys.
    """
    (tmp_path / "etc").mkdir()
    return SimpleNamespace(
        phrase=tmp_path / "etc" / "passphrase", vault=tmp_path / "vault", vault_phrase=tmp_path / "etc" / "vault"
    )


def apart(places):
    return (
        *("--passphrase-file", places.phrase),
        *("--offline-dir", places.vault, "--offline-passphrase-file", places.vault_phrase),
    )


def offline(places):
    return ("--offline-dir", places.vault, "--offline-passphrase-file", places.vault_phrase)


def keys(folder):
    return sorted(path.stem for path in folder.glob("*.pem") if not path.name.endswith(".cer.pem"))


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def listed(status, name):
    return x509.load_der_x509_crl(fetched(f"{status}/crl/{name}-1.crl"))


def test_what_lies_where_after_init(operator, places):
    operator.initialise(*apart(places))
    root = operator.root
    own = ("SinettiTestResponseSigner-", "log-")
    assert [name for name in keys(root / "keys") if not name.startswith(own)] == [*ONLINE]
    assert keys(places.vault) == sorted(ROOTS)
    assert not (root / "secrets" / "passphrase").exists()
    assert not (places.vault / "founding").exists()
    secret = [places.phrase, places.vault_phrase, *(places.vault / f"{name}.pem" for name in ROOTS)]
    assert {mode(path) for path in secret} == {0o600}
    phrase, other = (path.read_bytes().strip() for path in (places.phrase, places.vault_phrase))
    assert len(phrase) > 40
    assert phrase != other
    assert load_private_key((root / "keys" / f"{ONLINE[0]}.pem").read_bytes(), phrase)
    assert load_private_key((places.vault / f"{ROOTS[0]}.pem").read_bytes(), other)
    # No file of the folder contains either pass-phrase.
    everything = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    assert phrase not in everything
    assert other not in everything


@pytest.mark.long
def test_served_without_the_offline_keys_and_renewed_with_them(operator, places, tmp_path):
    operator.found(*apart(places), environment="PRODUCTION")
    away = tmp_path / "away"
    places.vault.rename(away)
    names = ("SinettiRootCAv1", "SinettiIntermediateCAv1")
    with serving(operator, *ANY, "--passphrase-file", places.phrase) as (_, status):
        first = {name: listed(status, name) for name in names}
        for one in first.values():
            assert one.next_update_utc - one.last_update_utc == YEAR
        away.rename(places.vault)
        does_approved(operator, tmp_path, "publish", *offline(places))
        for name in names:
            new = listed(status, name)
            numbers = [
                one.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for one in (first[name], new)
            ]
            assert numbers[0] < numbers[1]
            assert new.next_update_utc - new.last_update_utc == YEAR
        assert listed(status, "DataProvidersIssuingCAv1").next_update_utc < utc_now() + timedelta(days=8)
    journal = operator.root.with_name("authority-journal")
    assert len(list(journal.glob("SinettiRootCAv1.1.*.crl"))) == 1


@pytest.mark.long
def test_production_is_not_served_with_root_keys_or_the_pass_phrase_in_the_folder(operator, places, tmp_path):
    operator.found(environment="PRODUCTION")
    operator.refused(5, "serve", *ANY)
    moving = ("offline", *offline(places))
    does_approved(operator, tmp_path, *moving)
    operator.refused(5, "serve", *ANY)
    does_approved(operator, tmp_path, "passphrase", "--to", places.phrase)
    operator.refused(5, "serve", *ANY)
    with serving(operator, *ANY, "--passphrase-file", places.phrase) as (_, status):
        assert listed(status, "SinettiRootCAv1").next_update_utc > utc_now() + YEAR - timedelta(hours=1)
    # A copy of the key beside its old place counts as the key.
    (operator.root / "keys" / "SinettiRootCAv1.pem.old").write_bytes(b"")
    operator.refused(5, "serve", *ANY, "--passphrase-file", places.phrase)
    golden.check(
        "sentences/keys/production-is-not-served-with-root-keys-or-the-pass-phrase-in-the-folder",
        operator.said(),
    )


MOVES = {
    "nothing apart": ("PRODUCTION", lambda _places: (), ["offline", "passphrase"]),
    "offline keys apart": ("PRODUCTION", offline, ["passphrase"]),
    "the pass-phrase apart": ("PRODUCTION", lambda places: ("--passphrase-file", places.phrase), ["offline"]),
    "both apart": ("PRODUCTION", apart, []),
    "TEST": ("TEST", lambda _places: (), []),
}


@pytest.mark.parametrize(("environment", "options", "moves"), MOVES.values(), ids=MOVES)
def test_init_says_what_has_to_be_moved_before_anything_is_served(environment, options, moves, operator, places):
    words = ("init", "--environment", environment, *ADDRESSES, *founders(), *options(places))
    code, _, err = operator.run(*words)
    assert code == 0
    following = re.findall(r"^  sinetti authority ([a-z]+)(.*)$", err.partition("Next:")[2], re.MULTILINE)
    assert [name for name, _ in following] == [*moves, "organisation", "order", "serve"]
    assert ("--passphrase-file" in following[-1][1]) is (environment == "PRODUCTION")
    assert ("PRODUCTION cannot be served like this" in err) is ("passphrase" in moves)
    assert (": for TEST" in err) is (environment == "TEST")


def copied(name, *, of="SinettiRootCAv1.pem"):
    def copy(root, vault):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(vault / of, root / name)
        return root / name

    return copy


def in_a_bundle(root, vault):
    bundle = root / "trust" / "all.pem"
    certificate = (root / "trust" / "holders.pem").read_bytes()
    bundle.write_bytes(certificate + (vault / "SinettiRootCAv1.pem").read_bytes())
    return bundle


def linked(root, vault):
    (root / "root.pem").symlink_to(vault / "SinettiRootCAv1.pem")
    return root / "root.pem"


def in_der(root, vault):
    """Write a file in DER that only its name identifies as a key."""
    path = root / "SinettiIntermediateCAv1.key"
    path.write_bytes(b"\x30")
    return path


LEFT_BEHIND = {
    "another name beside the others": copied("keys/other.pem"),
    "its own name in another folder": copied("backup/SinettiRootCAv1.pem"),
    "the name of a certificate": copied("ca/SinettiRootCAv1.cer.bak"),
    "an intermediate's": copied(".intermediate", of="SinettiIntermediateCAv1.pem"),
    "in a bundle": in_a_bundle,
    "a link": linked,
    "no PEM": in_der,
}


@pytest.fixture
def kept_apart(operator, places):
    operator.found(*apart(places), environment="PRODUCTION")
    return ("serve", *ANY, "--passphrase-file", places.phrase)


@pytest.mark.parametrize("leave", LEFT_BEHIND.values(), ids=LEFT_BEHIND)
def test_a_copy_of_a_root_s_key_is_found_wherever_it_lies(operator, places, kept_apart, leave):
    path = leave(operator.root, places.vault)
    said = operator.refused(5, *kept_apart)
    assert f"is in {path}, where PRODUCTION has none: destroy it if it is a copy, or move it out of" in said


@pytest.mark.long
def test_any_private_key_counts_but_the_server_s_own(operator, kept_apart):
    tls = operator.root / "tls"
    tls.mkdir()
    tls_pair(tls)
    operator.refused(5, *kept_apart)
    pair = ("--tls-certificate", tls / "server.pem", "--tls-key", tls / "key.pem")
    with serving(operator, *kept_apart[1:], *pair) as (soap, _):
        assert soap.startswith("https://")
    golden.check("sentences/keys/any-private-key-counts-but-the-server-s-own", operator.said())


@pytest.mark.long
def test_the_pass_phrase_is_found_under_any_name(operator, places, kept_apart, tmp_path):
    (operator.root / "notes").mkdir()
    notes = operator.root / "notes" / "passphrase.txt"
    notes.write_bytes(b"Opens the keys:\n" + places.phrase.read_bytes() + b"\nDo not lose it.\n")
    operator.refused(5, *kept_apart)
    notes.unlink()
    inside = operator.root / "mypass"
    shutil.copy(places.phrase, inside)
    roundabout = tmp_path / "etc" / "roundabout"
    roundabout.symlink_to(inside)
    for named in (inside, roundabout):
        words = (*kept_apart[:-1], named)
        operator.refused(5, *words)
    # A link that leads out of the folder contains no secret.
    inside.unlink()
    inside.symlink_to(places.phrase)
    with serving(operator, *kept_apart[1:-1], inside):
        pass
    golden.check("sentences/keys/the-pass-phrase-is-found-under-any-name", operator.said())


@pytest.mark.long
def test_a_secret_key_in_clear_is_found_under_any_name(operator, places, kept_apart):
    ring = open_secrets(DataDirectory(operator.root), SecretAccess(places.phrase.read_bytes().strip())).ring
    key = ring.current(SecretPurpose.LINKS).octets
    copy = operator.root / "old" / "transfer.key.bak"
    copy.parent.mkdir()
    for octets in (key, b"key=" + key.hex().encode(), b64encode(key) + b"\n"):
        copy.write_bytes(octets)
        sentence = operator.refused(5, *kept_apart)
        assert f"{copy} contains a secret key that is not encrypted" in sentence
        assert key.hex() not in sentence


@pytest.mark.long
def test_certificates_and_large_files_under_a_root_s_name_are_no_keys(operator, kept_apart):
    root = operator.root
    shutil.copy(root / "trust" / "holders.pem", root / "SinettiRootCAv1.pem")
    shutil.copytree(root / "ca", root / "backup")
    (root / "notes").write_bytes(b"PRIVATE KEY-----".rjust(2 * 1024 * 1024))
    with serving(operator, *kept_apart[1:]):
        pass


def test_moving_says_when_there_is_nothing_to_move(operator, places):
    operator.found(*apart(places))
    words = ("offline", *offline(places), "--passphrase-file", places.phrase)
    operator.refused(2, *words)
    operator.refused(2, "passphrase", "--to", places.phrase)
    golden.check("sentences/keys/moving-says-when-there-is-nothing-to-move", operator.said())


def test_moving_never_overwrites(operator, places, tmp_path):
    operator.found()
    places.vault.mkdir()
    (places.vault / "letter").write_text("dear")
    operator.refused(5, "offline", *offline(places))
    assert [path.name for path in places.vault.iterdir()] == ["letter"]
    other = tmp_path / "other"
    other.write_text("mine\n")
    other.chmod(0o600)
    operator.refused(2, "passphrase", "--to", other)
    assert set(keys(operator.root / "keys")) >= {*ROOTS}
    assert (operator.root / "secrets" / "passphrase").exists()
    golden.check("sentences/keys/moving-never-overwrites", operator.said())


def test_what_needs_no_key_needs_no_pass_phrase(operator, places):
    operator.found(*apart(places))
    operator.add()
    assert json.loads(operator.does("organisation", "show", "--customer-id", "0123456-7", "--json"))["open"]
    assert json.loads(operator.does("status", "--json"))["warnings"] == []


@pytest.mark.long
def test_revoked_without_the_pass_phrase_and_published_by_whoever_serves(operator, places):
    operator.found(*apart(places))
    operator.add()
    with serving(operator, *ANY, "--passphrase-file", places.phrase) as (soap, status):
        holder(operator, soap).enrolled(operator.order("--passphrase-file", places.phrase), new_key())
        serial = rows(operator)[0]["serial"]
        done = ran("authority", "revoke", serial, "--reason", "keyCompromise", "--dir", operator.root)
        assert done.returncode == 0
        assert "Traceback" not in done.stderr
        assert "are not published yet; the serving process publishes them: the key" in done.stderr
        assert len(listed(status, ONLINE[1])) == 1


@pytest.mark.long
def test_the_service_finds_its_credential_by_itself(operator, places, tmp_path):
    operator.found(*apart(places))
    (tmp_path / "credentials").mkdir()
    places.phrase.rename(tmp_path / "credentials" / "sinetti-passphrase")
    operator.database["CREDENTIALS_DIRECTORY"] = str(tmp_path / "credentials")
    with serving(operator) as (soap, _):
        assert fetched(f"{soap}?wsdl")


def changed(places, octets=b"not it\n", rights=0o600):
    places.phrase.write_bytes(octets)
    places.phrase.chmod(rights)


BAD = {
    "another one": (changed, "does not open the keys"),
    "open to the group": (lambda places: places.phrase.chmod(0o640), "chmod 600"),
    "empty": (lambda places: changed(places, b""), "contains no pass-phrase"),
    "two lines": (lambda places: changed(places, b"one\ntwo\n"), "contains no pass-phrase"),
    "too long": (lambda places: changed(places, b"x" * 1001), "contains no pass-phrase"),
    "is not a file": (lambda places: places.phrase.unlink(), "No such file"),
    "a folder": (lambda places: (places.phrase.unlink(), places.phrase.mkdir(0o700)), "contains no pass-phrase"),
}


@pytest.mark.parametrize(("spoil", "word"), BAD.values(), ids=BAD)
def test_a_pass_phrase_that_does_not_open(operator, places, spoil, word):
    operator.found(*apart(places))
    spoil(places)
    for words in (("serve", *ANY), ("reconcile",), ("revoke", "00", "--reason", "keyCompromise")):
        assert word in operator.refused(5, *words, "--passphrase-file", places.phrase)


REFUSED = {
    "in the folder": (lambda root, places: ("--passphrase-file", root / "phrase"), 5, "beside the keys"),
    "offline keys in the folder": (
        lambda root, places: (*("--offline-dir", root / "vault", "--offline-passphrase-file", places.vault_phrase),),
        2,
        "would not be separate",
    ),
    "offline keys around the folder": (
        lambda root, places: ("--offline-dir", root.parent, "--offline-passphrase-file", places.vault_phrase),
        2,
        "is in the folder of its keys",
    ),
    "its pass-phrase beside the offline keys": (
        lambda root, places: ("--offline-dir", places.vault, "--offline-passphrase-file", places.vault / "phrase"),
        2,
        "is in the folder of its keys",
    ),
    "one pass-phrase for both": (
        lambda root, places: (
            *("--passphrase-file", places.phrase),
            *("--offline-dir", places.vault, "--offline-passphrase-file", places.phrase),
        ),
        2,
        "of their own",
    ),
    "a pass-phrase for no keys": (
        lambda root, places: ("--offline-passphrase-file", places.vault_phrase),
        2,
        "needs --offline-dir",
    ),
    "no terminal to ask": (lambda root, places: ("--offline-dir", places.vault), 2, "no terminal"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_init_with_what_is_not_apart(operator, places, case, monkeypatch):
    options, code, word = case
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    words = ("init", "--environment", "TEST", *ADDRESSES, *options(operator.root, places))
    assert word in operator.refused(code, *words)
    assert not operator.root.exists()
    assert not places.vault.exists()


def test_a_pass_phrase_that_is_easy_to_guess(operator, places):
    places.vault_phrase.write_text("too short\n")
    places.vault_phrase.chmod(0o600)
    words = ("init", "--environment", "TEST", *ADDRESSES, *offline(places))
    operator.refused(2, *words)
    golden.check("sentences/keys/a-pass-phrase-that-is-easy-to-guess", operator.said())


def at_terminal(monkeypatch, *typed):
    answers = iter(typed)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(passphrase_options, "getpass", lambda _question: next(answers))


def test_a_pass_phrase_that_is_typed(operator, places, monkeypatch):
    words = ("init", "--environment", "TEST", *ADDRESSES, "--offline-dir", places.vault)
    at_terminal(monkeypatch, "seven words that nobody guesses", "seven words that nobody guessed")
    operator.refused(2, *words)
    at_terminal(monkeypatch, *["seven words that nobody guesses"] * 2)
    operator.does(*words)
    at_terminal(monkeypatch, "seven words that nobody guesses")
    operator.does("publish", "--offline-dir", places.vault)
    at_terminal(monkeypatch, "seven words that nobody remembers")
    operator.refused(5, "publish", "--offline-dir", places.vault)
    golden.check("sentences/keys/a-pass-phrase-that-is-typed", operator.said())


def test_a_pass_phrase_from_standard_input(operator, places, monkeypatch):
    words = ("init", "--environment", "TEST", *ADDRESSES, "--offline-dir", places.vault)
    for typed, word in ((b"", "standard input contains no pass-phrase"), (b"x" * 32 + b"\n", None)):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(typed)))
        if word:
            assert word in operator.refused(5, *words, "--offline-passphrase-file", "-")
        else:
            operator.does(*words, "--offline-passphrase-file", "-")
    assert keys(places.vault) == sorted(ROOTS)


def test_lists_are_not_renewed_where_no_key_is_off_line_or_with_other_keys(operator, places, tmp_path):
    operator.found()
    operator.refused(2, "publish", "--offline-dir", places.vault)
    operator.does("offline", *offline(places))
    other = ("--offline-dir", tmp_path / "other", "--offline-passphrase-file", places.vault_phrase)
    code, _, err = operator.run("init", "--environment", "TEST", *ADDRESSES, *other, root=tmp_path / "another")
    assert code == 0, err
    (tmp_path / "other" / "SinettiRootTestCAv1.pem").rename(places.vault / "SinettiRootTestCAv1.pem")
    operator.refused(5, "publish", *offline(places))
    golden.check("sentences/keys/lists-are-not-renewed-where-no-key-is-off-line-or-with-other-keys", operator.said())


def test_an_approved_command_does_what_was_approved_and_once(operator, places, tmp_path):
    operator.found(*founders())
    words = ("passphrase", "--to", places.phrase)
    proposal = proposed(operator, *words, "--officer", "anna")
    again = (*words, "--approval", proposal)
    operator.refused(2, *again)
    approve(operator, proposal, tmp_path)
    elsewhere = ("passphrase", "--to", tmp_path / "other", "--approval", proposal)
    operator.refused(2, *elsewhere)
    operator.refused(2, "offline", *offline(places), "--approval", proposal)
    operator.does(*again)
    assert places.phrase.exists()
    operator.refused(2, *again)
    golden.check("sentences/keys/an-approved-command-does-what-was-approved-and-once", operator.said())
