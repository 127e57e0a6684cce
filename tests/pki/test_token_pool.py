"""Keys of a token through processes of their own.

The module may hang, crash or lie, and the process that needs a signature goes on.
"""

import json
import os
import signal
import socket
import threading
import weakref
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sinetti.domain.values import KeyType
from sinetti.pki import encoding
from sinetti.pki.signers import KeyMissing, SignerUnavailable, pkcs11_uri, token_pool
from sinetti.pki.signers.pkcs11_uri import TokenKey
from sinetti.pki.signers.token_keys import ED25519, KeyFacts
from sinetti.pki.signers.token_pool import PoolLimits, TokenPool
from tests.support import golden, soft_token
from tests.support.soft_token import soft_tokens

__all__ = ["soft_tokens"]

pytestmark = soft_token.NEEDED
pytest.importorskip("pkcs11")
OCTETS = b"octets to be signed"
IMPATIENT = PoolLimits(processes=1, signing=1.0, pause=0.0)
MADE = KeyFacts(is_local=True, is_never_extractable=True, is_sensitive=True)
IMPORTED = KeyFacts(is_local=False, is_never_extractable=False, is_sensitive=True)


@pytest.fixture
def place(soft_tokens):
    return soft_tokens.add("ca")


@pytest.fixture
def pool(tmp_path):
    with closing(TokenPool(tmp_path, IMPATIENT)) as pool:
        yield pool


def at(place, number=1):
    return TokenKey(place, bytes([number] * 16), f"sinetti {number}")


def signs(pool, key, public):
    if hasattr(public, "public_bytes_raw"):
        public.verify(pool.ed25519_key(key, public).sign(OCTETS), OCTETS)
    else:
        assert encoding.verify(public, OCTETS, encoding.sign(pool.private_key(key, public), OCTETS))


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048, ED25519])
def test_a_key_is_made_described_found_and_deleted(pool, place, kind):
    key = at(place)
    public = pool.generate(key, kind)
    signs(pool, key, public)
    assert (pool.find(key), pool.describe(key)) == (public, MADE)
    pool.delete(key)
    assert pool.find(key) is None
    with pytest.raises(KeyMissing, match="contain"):
        pool.describe(key)


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.RSA_2048])
def test_several_octets_are_signed_at_once_in_their_order(tmp_path, place, kind):
    with closing(TokenPool(tmp_path, replace(IMPATIENT, processes=2, signing=5.0))) as pool:
        public = pool.generate(at(place), kind)
        several = [OCTETS[:end] for end in range(5)]
        key = pool.private_key(at(place), public)
        signatures = key.sign_all(several)
        while len(pool._running) < 2:  # one process may have signed all before the other thread began
            key.sign_all(several)
    assert all(encoding.verify(public, *pair) for pair in zip(several, signatures, strict=True))


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048, ED25519])
def test_an_imported_key_signs_and_is_marked_as_such(pool, place, kind):
    private = Ed25519PrivateKey.generate() if kind == ED25519 else encoding.generate_key(kind)
    pool.import_key(at(place), private)
    signs(pool, at(place), private.public_key())
    assert pool.describe(at(place)) == IMPORTED


def test_a_wrapping_key_encrypts_and_decrypts(pool, place):
    key = replace(at(place), object_type="secret-key")
    pool.create_wrapping_key(key)
    sealed = pool.encrypt(key, OCTETS, b"bound")
    assert pool.decrypt(key, sealed, b"bound") == OCTETS
    pool.delete(key)
    with pytest.raises(KeyMissing, match="contain"):
        pool.decrypt(key, sealed, b"bound")


def test_pss_signatures_and_a_key_of_the_log_that_stays(pool, place):
    public = pool.generate(at(place), KeyType.RSA_2048)
    how = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    public.verify(pool.private_key(at(place), public).sign(OCTETS, how, hashes.SHA256()), OCTETS, how, hashes.SHA256())
    log = pool.ed25519_key(at(place, 2), pool.generate(at(place, 2), ED25519))
    assert log.public_key() == pool.find(at(place, 2))
    with pytest.raises(Exception, match="leave"):
        log.private_bytes_raw()


def test_a_key_that_the_token_lost_says_so(pool, place):
    private = pool.private_key(at(place), pool.generate(at(place), KeyType.EC_P256))
    assert not private.is_missing
    pool.delete(at(place))
    with pytest.raises(KeyMissing):
        encoding.sign(private, OCTETS)
    assert private.is_missing


FAULTS = {
    "the token was removed and is back": ("removed", 1, None),
    "the session ended": ("session", 1, None),
    "the module crashed": ("crash", 1, None),
    "one signature was wrong": ("wrong", 1, None),
    "the token is away": ("removed", 99, "removed"),
    "the module crashes each time": ("crash", 99, "ended"),
    "each signature is wrong": ("wrong", 99, "wrong"),
    "the token hangs": ("hang", 1, " 1 s"),
}


@pytest.mark.long
@pytest.mark.parametrize("case", FAULTS.values(), ids=FAULTS)
def test_faults_of_the_module(soft_tokens, pool, place, case):
    fault, count, why = case
    behind, faults = soft_tokens.faulting(place)
    key = at(behind)
    private = pool.private_key(key, pool.generate(key, KeyType.EC_P256))
    encoding.sign(private, OCTETS)
    for number in range(count):
        (faults / f"{fault}-{number}").touch()
    if why is None:
        assert encoding.verify(private.public_key(), OCTETS, encoding.sign(private, OCTETS))
        assert not list(faults.iterdir())
    else:
        with pytest.raises(SignerUnavailable, match=why):
            encoding.sign(private, OCTETS)
    for one in faults.iterdir():
        one.unlink()
    # It recovers without a restart of this process.
    assert encoding.verify(private.public_key(), OCTETS, encoding.sign(private, OCTETS))


def test_after_a_failure_requests_fail_at_once_for_a_while(soft_tokens, tmp_path, place, monkeypatch):
    now = [1000.0]
    with closing(TokenPool(tmp_path, replace(IMPATIENT, pause=5.0))) as pool:
        private = pool.private_key(at(place), pool.generate(at(place), KeyType.EC_P256))
        away = soft_tokens.tokens.rename(soft_tokens.folder / "away")
        pool.close()
        monkeypatch.setattr(token_pool, "monotonic_seconds", lambda: now[0])
        for _ in range(2):
            with pytest.raises(SignerUnavailable, match="token"):
                encoding.sign(private, OCTETS)
        away.rename(soft_tokens.tokens)
        with pytest.raises(SignerUnavailable):
            encoding.sign(private, OCTETS)
        now[0] += 5.0
        encoding.sign(private, OCTETS)


def test_a_busy_token_is_not_waited_for_without_end(tmp_path, place):
    with closing(TokenPool(tmp_path, replace(IMPATIENT, signing=0.1))) as pool:
        pool._slots.get()
        with pytest.raises(SignerUnavailable, match=r"0\.1 s"):
            pool.find(at(place))


def test_a_killed_process_is_replaced(pool, place):
    private = pool.private_key(at(place), pool.generate(at(place), KeyType.EC_P256))
    (process,) = pool._running
    os.kill(process._process.pid, signal.SIGKILL)
    process._process.wait()
    encoding.sign(private, OCTETS)
    assert pool._running != {process}


def test_a_forked_child_has_processes_of_its_own(pool, place):
    private = pool.private_key(at(place), pool.generate(at(place), KeyType.EC_P256))
    pid = os.fork()
    if pid == 0:
        with closing(pool):
            known = encoding.verify(private.public_key(), OCTETS, encoding.sign(private, OCTETS))
        os._exit(0 if known else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    (process,) = pool._running
    encoding.sign(private, OCTETS)
    assert pool._running == {process}


def test_a_wrong_pin_is_tried_once_by_all_processes(soft_tokens, tmp_path, place):
    wrong = replace(place, pin_file=soft_token.pin_file(soft_tokens.folder, "0815-pin"))
    for number in range(4):
        with closing(TokenPool(tmp_path, IMPATIENT)) as pool:
            why = "accept" if number == 0 else str(wrong.pin_file)
            with pytest.raises(SignerUnavailable, match=why):
                pool.find(at(wrong))
    wrong.pin_file.write_text(f"{soft_token.PIN}\n")
    with closing(TokenPool(tmp_path, IMPATIENT)) as pool:
        assert pool.find(at(wrong)) is None
    assert soft_token.PIN.encode() not in b"".join(one.read_bytes() for one in tmp_path.glob("*.refused"))


def test_threads_share_the_processes(tmp_path, place):
    with closing(TokenPool(tmp_path, replace(IMPATIENT, processes=2, signing=10.0))) as pool:
        private = pool.private_key(at(place), pool.generate(at(place), KeyType.EC_P256))
        made = []
        threads = [threading.Thread(target=lambda: made.append(encoding.sign(private, OCTETS))) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(made) == 8
        assert len(pool._running) <= 2


REFUSED = {
    "a missing module": lambda place: replace(place, module=Path("/none.so")),
    "a missing token": lambda place: replace(place, label="none"),
    "a missing PIN file": lambda place: replace(place, pin_file=Path("/none")),
}


def test_bad_settings(pool, place):
    attempts = {case: partial(pool.find, at(spoilt(place))) for case, spoilt in REFUSED.items()}
    golden.check("sentences/token-pool/settings", {"en.txt": golden.refusals(attempts, SignerUnavailable)})


def test_an_installation_without_the_extra(pool, place, monkeypatch):
    monkeypatch.setattr(token_pool, "find_spec", lambda _name: None)
    with pytest.raises(SignerUnavailable, match="install"):
        pool.find(at(place))


def test_a_kind_of_key_that_there_is_not(pool, place):
    with pytest.raises(SignerUnavailable, match="ValueError"):
        pool.generate(at(place), "rsa-2047")


def test_a_process_that_does_not_start(pool, place, monkeypatch):
    monkeypatch.setattr(token_pool.sys, "executable", "/bin/false")
    with pytest.raises(SignerUnavailable, match="ended"):
        pool.find(at(place))


def test_connections_that_break(pool, place):
    pool.find(at(place))
    (process,) = pool._running
    process._socket.close()
    assert pool.find(at(place)) is None
    (process,) = pool._running
    process._socket.close()
    with pytest.raises(token_pool._ProcessFailed, match="connection"):
        process.receive(1.0)


def test_a_process_that_does_not_answer(pool, place):
    pool.find(at(place))
    (process,) = pool._running
    with pytest.raises(token_pool._ProcessFailed, match=r"0\.01 s"):
        process.receive(0.01)


def test_what_a_forked_child_does_with_the_processes_of_its_parent(pool, place):
    pool.find(at(place))
    (process,) = pool._running
    number = process._process.pid
    token_pool._forget(weakref.ref(pool))
    token_pool._forget(lambda: None)
    assert not pool._running
    assert pool.find(at(place)) is None
    os.waitpid(number, 0)  # it ends with its connection


@pytest.fixture
def signals():
    """Restore the signals that the process of a token sets."""
    known = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}
    yield
    for number, handler in known.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
def test_the_process_answers_until_the_connection_ends(tmp_path):
    """The loop runs here, on the token of this process, so that its coverage is measured."""
    from sinetti.pki.signers import pkcs11, token_process  # noqa: PLC0415 - where the extra is there

    soft_token.folder()
    place = pkcs11_uri.TokenLocation(soft_token.module(), soft_token.LABEL, soft_token.pin_file(tmp_path))
    wrong = replace(place, pin_file=soft_token.pin_file(tmp_path, "0815-pin"))
    soft_token.forget_sessions()
    key, uri = at(place, 7), pkcs11_uri.dump(at(place, 7)).decode()
    octets = encoding.generate_key(KeyType.EC_P384).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    sign = {"action": "sign", "octets": OCTETS[:32].hex(), "mechanism": "ECDSA", "pss": None}
    requests = [
        {"action": "generate", "kind": "ec-p256"},
        {"action": "find"},
        {"action": "describe"},
        sign,
        {"action": "delete"},
        {"action": "import", "octets": octets.hex()},
        {"action": "delete"},
        {"action": "create_wrapping_key"},
        {"action": "encrypt", "octets": "00", "bound": "01"},
        {"action": "decrypt", "octets": "00", "bound": "01"},
        {"action": "nothing"},
        {"action": "find", "key": pkcs11_uri.dump(at(wrong, 7)).decode()},
    ]
    answers = _answers(token_process, [{"key": uri, "limit": 60, **one} for one in requests[:-1]], tmp_path)
    assert [next(iter(one), None) for one in answers] == [
        *("public", "public", "facts", "signature", None, None, None, None, "octets", "error", "error")
    ]
    assert answers[-1] == {"error": "the token cannot be used: KeyError", "missing": False}
    pkcs11.delete(key)
    soft_token.forget_sessions()
    for why in ("does not accept the PIN", "it refused the PIN"):
        soft_token.forget_sessions()
        (answer,) = _answers(token_process, [{"limit": 60, **requests[-1]}], tmp_path)
        assert why in answer["error"]
    soft_token.forget_sessions()
    pkcs11.guard_logins(pkcs11._unguarded)


def _answers(token_process, requests, marks):
    ours, theirs = socket.socketpair()
    with ours:
        ours.sendall(b"".join(json.dumps(one).encode() + b"\n" for one in requests))
        ours.shutdown(socket.SHUT_WR)
        token_process.main([str(theirs.detach()), str(marks)])
        with ours.makefile("rb") as file:
            ready, *answers = [json.loads(line) for line in file]
            assert ready == {}
            return answers
