"""Pool of processes that use PKCS#11 tokens for this one.

A call of a PKCS#11 module may hang or crash, so each runs in a process of its own (`token_process.py`). A process that
exceeds the time limit is killed. After every failure the next attempt has a new process, which loads the module and
logs in again; recovery therefore needs no restart. Processes start at the first use, also after a fork.
"""

import json
import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any, TypeVar, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_public_key

from sinetti.domain.values import KeyType
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki.encoding import PrivateKey, PublicKey
from sinetti.pki.signers import KeyMissing, SignerTimeout, SignerUnavailable, pkcs11_uri
from sinetti.pki.signers.pkcs11_uri import TokenKey, TokenLocation
from sinetti.pki.signers.token_keys import (
    KeyFacts,
    PlainSignature,
    TokenEd25519Key,
    TokenPrivateKey,
    TokenPublicKey,
    certificate_key,
)

Answer = dict[str, Any]
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class PoolLimits:
    """Limits of a pool; times are in seconds.

    `starting` is the time until a new process can take requests, `signing` the time for one signature, and `generating`
    for a new key, since a token takes long to find the primes of an RSA key. During `pause` after a failure, further
    requests to the same token fail at once.
    """

    processes: int = 2
    starting: float = 10.0
    signing: float = 5.0
    generating: float = 120.0
    pause: float = 1.0


class _ProcessFailed(Exception):
    """Request without an answer; the sentence is for the operator."""


class _ProcessHung(_ProcessFailed):
    """Request whose time limit ended; a second attempt would double the time."""


class _TokenProcess:
    """One process and the connection to it."""

    def __init__(self, marks: Path) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "sinetti.pki.signers.token_process", str(theirs.fileno()), str(marks)]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        self._socket = ours
        self._received = b""

    def ask(self, request: Answer, limit: float) -> Answer:
        """Send a request and return its answer. Raises _ProcessFailed."""
        # The process ends by itself if this one no longer exists to kill it.
        line = json.dumps({**request, "limit": limit + 1}).encode() + b"\n"
        try:
            self._socket.settimeout(limit)
            self._socket.sendall(line)
        except OSError as bad:  # TimeoutError included
            raise _ProcessFailed(f"the connection to its process failed ({bad.strerror or 'timeout'})") from None
        return self.receive(limit)

    def receive(self, limit: float) -> Answer:
        """Return the next line of the process. Raises _ProcessFailed."""
        deadline = monotonic_seconds() + limit
        try:
            while b"\n" not in self._received:
                self._socket.settimeout(max(0.001, deadline - monotonic_seconds()))
                octets = self._socket.recv(65536)
                if not octets:
                    raise _ProcessFailed("its process ended")
                self._received += octets
        except TimeoutError:
            raise _ProcessHung(f"it did not answer within {limit:g} s") from None
        except OSError as bad:
            raise _ProcessFailed(f"the connection to its process failed ({bad.strerror})") from None
        answer, _, self._received = self._received.partition(b"\n")
        return cast("Answer", json.loads(answer))

    def end(self) -> None:
        """Kill the process; its keys are in the token."""
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def leave(self) -> None:
        """Close the parent's connection in a forked child."""
        self._socket.close()
        self._process.returncode = 0


class TokenPool:
    """Keys in PKCS#11 tokens, used through a few processes.

    Several threads may use it, and forked children get processes of their own. `marks` is a folder for marks about
    refused PINs, which all pools of a service share.
    """

    def __init__(self, marks: Path, limits: PoolLimits = PoolLimits()) -> None:
        """Store the arguments; processes start at the first use."""
        self._marks, self._limits = marks, limits
        self._sessions = TokenSessions(limits.processes)
        self._failed: dict[tuple[Path, str], tuple[float, str]] = {}
        self._slots: LifoQueue[_TokenProcess | None] = self._empty()
        self._running: set[_TokenProcess] = set()
        os.register_at_fork(after_in_child=partial(_forget, weakref.ref(self)))

    def generate(self, key: TokenKey, kind: KeyType | str) -> TokenPublicKey:
        """Generate a key pair under the ID and label of `key`.

        The key is sensitive, not extractable, and for signatures only. Raises SignerUnavailable.
        """
        self.delete(key)  # what an interrupted attempt left
        answer = self._ask(key, {"action": "generate", "kind": str(kind)}, limit=self._limits.generating, tries=1)
        return _public(answer["public"])

    def find(self, key: TokenKey) -> TokenPublicKey | None:
        """Return the public half of a key, or None without the key.

        Raises SignerUnavailable.
        """
        found = self._ask(key, {"action": "find"})["public"]
        return None if found is None else _public(found)

    def describe(self, key: TokenKey) -> KeyFacts:
        """Return the attributes of a key. Raises KeyMissing and SignerUnavailable."""
        return KeyFacts(*self._ask(key, {"action": "describe"})["facts"])

    def delete(self, key: TokenKey) -> None:
        """Delete a key; do nothing if the token lacks it. Raises SignerUnavailable."""
        self._ask(key, {"action": "delete"})

    def import_key(self, key: TokenKey, private: PrivateKey | Ed25519PrivateKey) -> None:
        """Store an existing key pair in the token. Raises SignerUnavailable."""
        self.delete(key)  # what an interrupted attempt left
        octets = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()).hex()
        self._ask(key, {"action": "import", "octets": octets}, tries=1)

    def create_wrapping_key(self, key: TokenKey) -> None:
        """Generate an AES key under the ID and label of `key`. Raises SignerUnavailable."""
        self._ask(key, {"action": "create_wrapping_key"}, limit=self._limits.generating, tries=1)

    def encrypt(self, key: TokenKey, octets: bytes, bound: bytes) -> bytes:
        """Encrypt octets in the token, and authenticate `bound` with them.

        Raises KeyMissing and SignerUnavailable.
        """
        answer = self._ask(key, {"action": "encrypt", "octets": octets.hex(), "bound": bound.hex()})
        return bytes.fromhex(answer["octets"])

    def decrypt(self, key: TokenKey, octets: bytes, bound: bytes) -> bytes:
        """Decrypt in the token what `encrypt` returned.

        Raises KeyMissing and SignerUnavailable.
        """
        answer = self._ask(key, {"action": "decrypt", "octets": octets.hex(), "bound": bound.hex()})
        return bytes.fromhex(answer["octets"])

    def private_key(self, key: TokenKey, public: PublicKey) -> TokenPrivateKey:
        """Return a private key object that signs through the pool."""
        return certificate_key(key, public, self.sign, self._sessions.map)

    def ed25519_key(self, key: TokenKey, public: Ed25519PublicKey) -> TokenEd25519Key:
        """Return an Ed25519 private key object that signs through the pool."""
        return TokenEd25519Key(key, public, self.sign)

    def sign(self, key: TokenKey, wanted: PlainSignature, verifies: Callable[[bytes], bool]) -> bytes:
        """Sign in the token. Raises KeyMissing and SignerUnavailable."""
        request = {"action": "sign", "octets": wanted.octets.hex(), "mechanism": wanted.mechanism, "pss": wanted.pss}
        answer = self._ask(key, request, lambda answer: verifies(bytes.fromhex(answer["signature"])))
        return bytes.fromhex(answer["signature"])

    def close(self) -> None:
        """End all processes of the pool; the next use starts new ones."""
        for process in list(self._running):
            self._end(process)
        self._slots = self._empty()

    def forget(self) -> None:
        """Leave all processes to the parent, in a forked child."""
        for process in self._running:
            process.leave()
        self._running, self._failed, self._slots = set(), {}, self._empty()

    def _empty(self) -> "LifoQueue[_TokenProcess | None]":
        slots: LifoQueue[_TokenProcess | None] = LifoQueue()
        for _ in range(self._limits.processes):
            slots.put(None)
        return slots

    def _ask(
        self,
        key: TokenKey,
        request: Answer,
        accepts: Callable[[Answer], bool] = lambda _answer: True,
        *,
        limit: float | None = None,
        tries: int = 2,
    ) -> Answer:
        """Return the answer of a process that `accepts` accepts.

        If a process that was used before fails, a new one gets the request again.
        """
        place, limit = key.place, self._limits.signing if limit is None else limit
        until, error = self._failed.get((place.module, place.label), (0.0, ""))
        if monotonic_seconds() < until:
            raise SignerUnavailable(error)
        try:
            process = self._slots.get(timeout=limit)
        except Empty:
            raise _unavailable(place, f"it did not answer other requests within {limit:g} s") from None
        request = {**request, "key": _uri(key)}
        try:
            has_hung = False
            for _ in range(tries):
                is_new = process is None
                try:
                    if process is None:
                        process = self._started()
                    answer = process.ask(request, limit)
                    if "error" not in answer and accepts(answer):
                        return answer
                except _ProcessFailed as failed:
                    answer = {"error": str(_unavailable(place, str(failed)))}
                    has_hung = isinstance(failed, _ProcessHung)
                    is_new |= has_hung
                if process is not None:
                    self._end(process)
                process = None
                if is_new:
                    break
            raise self._failure(place, answer, has_hung=has_hung)
        finally:
            self._slots.put(process)

    def _started(self) -> _TokenProcess:
        """Return a new process that takes requests. Raises _ProcessFailed."""
        if find_spec("pkcs11") is None:
            raise _ProcessFailed("this installation lacks the extra pkcs11: install sinetti[authority,pkcs11]")
        process = _TokenProcess(self._marks)
        self._running.add(process)
        try:
            process.receive(self._limits.starting)
        except _ProcessFailed:
            self._end(process)
            raise
        return process

    def _failure(self, place: TokenLocation, answer: Answer, *, has_hung: bool) -> SignerUnavailable:
        """Return the error of an attempt that failed, and begin the pause of its token."""
        if answer.get("missing"):
            return KeyMissing(answer["error"])
        error = answer.get("error") or str(_unavailable(place, "it returned a wrong signature"))
        self._failed[place.module, place.label] = (monotonic_seconds() + self._limits.pause, error)
        return SignerTimeout(error) if has_hung else SignerUnavailable(error)

    def _end(self, process: _TokenProcess) -> None:
        process.end()
        self._running.discard(process)


class TokenSessions:
    """Threads that use a pool's processes at once, each with a session of its own.

    They start at the first use, also after a fork.
    """

    def __init__(self, processes: int = PoolLimits().processes) -> None:
        """Store the number of processes of a pool."""
        self._processes = processes
        self._threads: tuple[int, ThreadPoolExecutor] | None = None

    def map(self, act: Callable[[_Given], _Made], given: Sequence[_Given]) -> list[_Made]:
        """Return the result of a function for each value.

        Raises the first error after all have ended.
        """
        if self._threads is None or self._threads[0] != os.getpid():
            self._threads = (os.getpid(), ThreadPoolExecutor(self._processes, "token"))
        futures = [self._threads[1].submit(act, one) for one in given]
        wait(futures)
        return [future.result() for future in futures]


def _forget(pool: "weakref.ref[TokenPool]") -> None:
    """Let a pool that still exists forget its processes."""
    if (known := pool()) is not None:
        known.forget()


def _unavailable(place: TokenLocation, why: str) -> SignerUnavailable:
    return SignerUnavailable(f"the token {place.label} cannot be used: {why}")


@lru_cache(maxsize=64)
def _uri(key: TokenKey) -> str:
    return pkcs11_uri.dump(key).decode().strip()


def _public(der: str) -> TokenPublicKey:
    return cast("TokenPublicKey", load_der_public_key(bytes.fromhex(der)))
