"""Operators whose authority has its keys in PKCS#11 tokens.

An authority is created, served, drilled, and refused with bad options.
"""

import json
import re
import shutil
import subprocess
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import sleep
from types import SimpleNamespace
from urllib.error import HTTPError

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from sinetti.ca.hierarchy_config import load_preset
from sinetti.infra.clock import monotonic_seconds, utc_now
from tests.cli.authority.conftest import ADDRESSES
from tests.cli.authority.test_keys import offline
from tests.cli.authority.test_serve import ANY, holder, rows, serving
from tests.support import golden, soft_token
from tests.support.asking import asked, believed
from tests.support.officers import founders
from tests.support.programs import CUSTOMER, STOPS_WITHIN, exchange, fetched, new_key, program, surroundings
from tests.support.soft_token import soft_tokens

__all__ = ["soft_tokens"]

pytestmark = soft_token.NEEDED
pytest.importorskip("pkcs11")
WS = "DataProvidersTestIssuingCAv1"
ROOTS = {"SinettiRootTestCAv1", "SinettiIntermediateTestCAv1"}


@pytest.fixture
def operator(sqlite_operator):
    """Return an operator on SQLite, because the database plays no part here."""
    return sqlite_operator


@pytest.fixture
def place(soft_tokens):
    return soft_tokens.add("ca")


def with_token(place):
    """Return the options that locate a token."""
    return (
        *("--pkcs11-module", place.module),
        *("--pkcs11-token", place.label),
        *("--pkcs11-pin-file", place.pin_file),
    )


def listed(operator, *words):
    return {one["name"]: one for one in json.loads(operator.does("keys", "list", "--json", *words))}


@pytest.mark.long
def test_enrolment_renewal_lists_and_ocsp_with_keys_in_a_token(operator, place):
    operator.found(*with_token(place))
    operator.add()
    ids, keys = operator.order(), [new_key(), new_key()]
    with serving(operator) as (soap, status):
        one = holder(operator, soap)
        first = one.enrolled(ids, keys[0])
        operator.does("call-early", "--customer-id", CUSTOMER["customer_id"], "--over", "1m", "--reason", "test")
        second = one.fetched(one.renew(keys[0], first, keys[1]))
        issuer = x509.load_der_x509_certificate(fetched(f"{status}/ca/{WS}.cer"))
        for certificate in (first, second):
            certificate.verify_directly_issued_by(issuer)
        headers = {"content-type": "application/ocsp-request"}
        answer = believed(fetched(f"{status}/ocsp/{WS}", asked(second, issuer), headers=headers), issuer, utc_now())
        assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
        operator.does("revoke", rows(operator)[0]["serial"], "--reason", "superseded")
        crl = x509.load_der_x509_crl(fetched(f"{status}/crl/{WS}-1.crl"))
        assert crl.is_signature_valid(issuer.public_key())
        assert crl.get_revoked_certificate_by_serial_number(second.serial_number)
        becomes(status, 200)
    kinds = {name: (row["role"], row["store"]) for name, row in listed(operator).items()}
    assert {store for _, store in kinds.values()} == {"pkcs11"}
    assert {role for role, _ in kinds.values()} == {
        *("root", "intermediate", "issuing", "services", "response-signer", "ocsp", "log")
    }
    checked = json.loads(operator.does("keys", "check", "--json"))
    assert {(one["local"], one["never_extractable"], one["signs"]) for one in checked} == {(True, True, True)}
    assert not [one for one in operator.root.rglob("*") if one.is_file() and b"PRIVATE KEY" in one.read_bytes()]


def test_keys_in_files_are_listed_and_tested(operator):
    operator.found()
    table = operator.does("keys", "list").splitlines()
    assert table[0].split() == ["name", "role", "store", "key", "uri"]
    row = listed(operator)["SinettiRootTestCAv1"]
    assert row == {
        "name": "SinettiRootTestCAv1",
        "role": "root",
        "store": "file",
        "uri": None,
        "key": "ec-p384",
        "generation": 1,
    }
    assert "yes" in operator.does("keys", "check")
    shutil.copy(operator.root / "keys" / f"{WS}.pem", operator.root / "keys" / "SinettiRootTestCAv1.pem")
    code, out, _ = operator.run("keys", "check", "--json")
    problems = {one["name"]: one["problem"] for one in json.loads(out) if one["problem"]}
    assert (code, list(problems)) == (5, ["SinettiRootTestCAv1"])


@pytest.mark.long
def test_a_uri_that_leads_to_another_key_is_found(operator, place):
    operator.found(*with_token(place))
    keys = operator.root / "keys"
    shutil.copy(keys / "SinettiRootTestCAv1.uri", keys / f"{WS}.uri")
    code, out, _ = operator.run("keys", "check", "--json")
    problems = {one["name"]: one["problem"] for one in json.loads(out) if one["problem"]}
    assert (code, list(problems)) == (5, [WS])
    assert "does not match its public half" in problems[WS]


BAD = {
    "a wrong PIN": (5, "--pkcs11-pin-file", "wrong", "the token does not accept the PIN"),
    "no PIN file": (5, "--pkcs11-pin-file", "/none", "cannot be read: No such file or directory"),
    "a PIN file that others read": (5, "--pkcs11-pin-file", "open", "other users can read the PIN file"),
    "no module": (5, "--pkcs11-module", "/none.so", "its module cannot be loaded"),
    "a module that others write": (5, "--pkcs11-module", "open.so", "was not loaded, because other users can change"),
    "no token": (5, "--pkcs11-token", "none", "no token has that label"),
    "an empty label": (2, "--pkcs11-token", "", "belong together"),
    "a PIN file in the folder": (2, "--pkcs11-pin-file", "inside", "choose another place"),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_bad_options_leave_nothing_behind(operator, soft_tokens, place, tmp_path, case):
    code, option, value, why = case
    (tmp_path / "etc").mkdir()
    values = {
        "wrong": lambda: soft_token.pin_file(tmp_path / "etc", "0815-pin"),
        "open": lambda: _opened(soft_token.pin_file(tmp_path / "etc"), 0o644),
        "open.so": lambda: _opened(Path(shutil.copy(place.module, tmp_path / "etc" / "open.so")), 0o777),
        "inside": lambda: operator.root / "pin",
    }
    options = list(with_token(place))
    options[options.index(option) + 1] = values.get(value, lambda: value)()
    before = sorted(tmp_path.rglob("*"))
    words = ("init", "--environment", "TEST", *ADDRESSES, "--passphrase-file", tmp_path / "etc" / "passphrase")
    assert why in operator.refused(code, *words, *options)
    assert sorted(tmp_path.rglob("*")) == before
    assert soft_tokens.keys("ca") == []


def _opened(path, mode):
    path.chmod(mode)
    return path


REFUSED = {
    "the offline pass-phrase equals the other": ("same", "pass-phrase of their own"),
    "the database address is wrong": ("database", "the database address must be"),
    "the journal's folder has files": ("journal", "another file is there"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_refused_init_removes_the_pass_phrases_that_it_made(operator, tmp_path, case):
    what, why = case
    phrases = [tmp_path / "one", tmp_path / "two"]
    more = {
        "same": ("--offline-dir", tmp_path / "vault", "--offline-passphrase-file", phrases[0]),
        "database": ("--database-url", "mysql://x"),
        "journal": ("--journal", tmp_path / "journal"),
    }[what]
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    words = ("init", "--environment", "TEST", *ADDRESSES, "--passphrase-file", phrases[0], *more)
    assert why in operator.refused(2, *words)
    assert sorted(tmp_path.rglob("*")) == before


def test_production_needs_its_root_apart(operator, place, tmp_path):
    words = ("init", "--environment", "PRODUCTION", *ADDRESSES, *founders(), *with_token(place))
    sentence = operator.refused(2, *words, "--passphrase-file", tmp_path / "passphrase")
    assert "would be in the token of the service: give --offline-dir" in sentence
    assert not (tmp_path / "passphrase").exists()
    assert not operator.root.exists()


@pytest.mark.long
def test_production_with_a_token_and_a_folder_of_offline_keys(operator, place, tmp_path):

    places = SimpleNamespace(vault=tmp_path / "vault", vault_phrase=tmp_path / "vault-phrase")
    operator.found(
        *("--passphrase-file", tmp_path / "phrase"), *offline(places), *with_token(place), environment="PRODUCTION"
    )
    stores = {row["role"]: row["store"] for row in listed(operator).values()}
    assert stores == {
        "root": "file",
        "intermediate": "file",
        **dict.fromkeys(("issuing", "services", "response-signer", "log"), "pkcs11"),
    }
    with serving(operator, *ANY, "--passphrase-file", tmp_path / "phrase") as (_, status):
        becomes(status, 200)
    sentence = operator.refused(2, "keys", "move-to-token", *with_token(place))
    assert "create a new generation of the CA" in sentence


@pytest.mark.long
def test_lists_of_offline_keys_in_a_token_of_their_own(operator, soft_tokens, place, tmp_path):

    soft_tokens.add("vault")
    text = load_preset("default")
    for role in ("root", "intermediate"):
        text = text.replace(f'role = "{role}"\n', f'role = "{role}"\ntoken = "pkcs11:token=vault"\n')
    (tmp_path / "hierarchy.toml").write_text(text)
    operator.found(*with_token(place), "--hierarchy", tmp_path / "hierarchy.toml")
    assert {name for name, row in listed(operator).items() if "token=vault" in (row["uri"] or "")} == ROOTS
    _code, _out, err = operator.run("publish")
    assert [line.split(":")[0] for line in err.splitlines()] == sorted(ROOTS)
    words = ("offline", "--offline-dir", tmp_path / "dir", "--offline-passphrase-file", tmp_path / "phrase")
    operator.refused(2, *words)
    golden.check("sentences/tokens/lists-of-offline-keys-in-a-token-of-their-own", operator.said())


@pytest.mark.long
def test_check_warns_if_no_ceremony_has_the_root_key(operator, soft_tokens, place, tmp_path):
    soft_tokens.add("vault")
    text = load_preset("default")
    for role in ("root", "intermediate"):
        text = text.replace(f'role = "{role}"\n', f'role = "{role}"\ntoken = "pkcs11:token=vault"\n')
    (tmp_path / "hierarchy.toml").write_text(text)
    operator.found(*with_token(place), "--hierarchy", tmp_path / "hierarchy.toml", environment="PRODUCTION")
    found = json.loads(operator.run("check", "--json")[1])
    (warning,) = [one for one in found if "lost officers could not be replaced" in one["why"]]
    assert (warning["severity"], "in a token" in warning["why"]) == ("warning", True)
    operator.refused(2, "officer", "recover", "--request-set", tmp_path / "request.json")
    golden.check("sentences/tokens/check-warns-if-no-ceremony-has-the-root-key", operator.said())


def test_publish_names_the_option_that_is_missing(operator, tmp_path):
    operator.found(
        *("--passphrase-file", tmp_path / "phrase"),
        *("--offline-dir", tmp_path / "vault", "--offline-passphrase-file", tmp_path / "vault-phrase"),
    )
    operator.refused(2, "publish")
    golden.check("sentences/tokens/publish-names-the-option-that-is-missing", operator.said())


@pytest.mark.long
def test_files_are_moved_into_a_token_and_served(operator, place):
    operator.found()
    words = ("keys", "move-to-token", *with_token(place))
    operator.does(*words)
    assert {row["store"] for row in listed(operator).values()} == {"pkcs11"}
    assert {one["local"] for one in json.loads(operator.does("keys", "check", "--json"))} == {False}
    operator.refused(2, *words)
    with serving(operator) as (_, status):
        becomes(status, 200)
    golden.check("sentences/tokens/files-are-moved-into-a-token-and-served", operator.said())


@contextmanager
def served(operator, log):
    """Serve the authority while the block runs, and yield the addresses."""
    command = program("authority", "serve", "--dir", operator.root, *ANY)
    with log.open("w") as errors, subprocess.Popen(command, stderr=errors, env=surroundings({})) as process:
        try:
            until = monotonic_seconds() + 60
            while not (ready := re.search(r"Ready: SOAP on (\S+), status on ([^\s\"]+)", log.read_text())):
                assert process.poll() is None
                assert monotonic_seconds() < until, log.read_text()
                sleep(0.05)
            yield ready[1], ready[2]
            process.terminate()
            assert process.wait(STOPS_WITHIN) == 0
        finally:
            process.kill()


def becomes(status, wanted):
    """Wait until the service is ready or not, and return its reasons."""
    until = monotonic_seconds() + 60
    while True:
        code, _, body = exchange(status, "GET", "/readyz")
        if code == wanted:
            return body.decode()
        assert monotonic_seconds() < until, body
        sleep(0.2)


def repeated(ask):
    """Repeat a request as a holder does, while another worker still waits for the token."""
    until = monotonic_seconds() + 60
    while True:
        try:
            return ask()
        except HTTPError:  # 500: no response can be signed
            sleep(0.2)
        assert monotonic_seconds() < until


def processes_of_tokens():
    """Return the environments of the processes that use tokens."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if b"token_process" in (path / "cmdline").read_bytes():
                found.append((path / "environ").read_bytes())
        except OSError:
            continue
    return found


@pytest.mark.long
def test_the_death_of_a_token_and_its_replacement(operator, soft_tokens, place, tmp_path):
    """A token is destroyed under a running authority, and another with the same keys takes its place."""
    operator.found(*with_token(place))
    operator.add()
    ids, keys = [operator.order() for _ in range(3)], [new_key() for _ in range(3)]
    with served(operator, tmp_path / "log") as (soap, status):
        one = holder(operator, soap)
        backup = shutil.copytree(soft_tokens.tokens, soft_tokens.folder / "backup")
        one.enrolled(ids[0], keys[0])
        mine = f"SOFTHSM2_CONF={soft_tokens.folder / 'softhsm2.conf'}".encode()
        assert [True for known in processes_of_tokens() if mine in known]
        soft_tokens.tokens.rename(soft_tokens.folder / "destroyed")
        with pytest.raises(HTTPError) as refused:
            one.new(ids[1], keys[1])
        answer = refused.value.read()
        assert (refused.value.code, b"cannot sign its responses now" in answer) == (500, True)
        reasons = becomes(status, 503)
        assert "an issuing key cannot be used (the token ca cannot be used" in reasons
        backup.rename(soft_tokens.tokens)
        becomes(status, 200)
        # The same request is answered now, without a restart, and so are others.
        for number in (1, 2):
            repeated(partial(one.enrolled, ids[number], keys[number]))
    assert [row["state"] for row in rows(operator)] == ["fetched"] * 3
