"""Process that uses PKCS#11 tokens for another one (`token_pool.py`).

A call of a module runs in C: it may hang, crash, or write anywhere in the memory of its process. Therefore the server's
own processes load no module. Requests and answers are lines of JSON on a socket. The process ends with the connection,
and the system ends it if a request exceeds its time.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from sinetti.pki.signers import KeyMissing, SignerUnavailable, pkcs11, pkcs11_uri
from sinetti.pki.signers.pkcs11_uri import TokenKey, TokenLocation
from sinetti.pki.signers.token_keys import PlainSignature

Answer = dict[str, Any]
_READY = b"{}\n"
"""First line, when requests can be answered."""


def main(arguments: list[str]) -> None:
    """Answer requests until the other side closes the connection.

    `arguments` are the number of the socket and the folder of marks about refused PINs.
    """
    handle, marks = arguments
    pkcs11.guard_logins(partial(guard_login, Path(marks)))
    # A service manager and a terminal signal all processes at once, but requests may still need this one.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with socket.socket(fileno=int(handle)) as connection, connection.makefile("rwb") as file:
        file.write(_READY)
        file.flush()
        for line in file:
            request = json.loads(line)
            signal.setitimer(signal.ITIMER_REAL, request["limit"])
            answer = answer_to(request)
            signal.setitimer(signal.ITIMER_REAL, 0)
            file.write(json.dumps(answer).encode() + b"\n")
            file.flush()


def answer_to(request: Mapping[str, Any]) -> Answer:
    """Do what a request asks, and return the answer.

    The answer to a request that failed has the reason as `error`, and `missing` if the token lacks the key.
    """
    try:
        return _ACTIONS[request["action"]](_key(request["key"]), request)
    except SignerUnavailable as bad:
        return {"error": str(bad), "missing": isinstance(bad, KeyMissing)}
    except Exception as bad:  # noqa: BLE001 - the text may contain anything, so only the kind of error leaves
        return {"error": f"the token cannot be used: {type(bad).__name__}", "missing": False}


@contextlib.contextmanager
def guard_login(marks: Path, place: TokenLocation) -> Iterator[Callable[[], None]]:
    """Allow one login at a time, and none with a PIN file that was refused.

    The mark is the identity of the PIN file, not the PIN. It applies to all processes with the same folder, because a
    token locks after a few wrong PINs. Raises SignerUnavailable if the file has the mark.
    """
    name = sha256(f"{place.module}\0{place.label}".encode()).hexdigest()[:16]
    status = place.pin_file.stat()
    mark = f"{status.st_ino} {status.st_size} {status.st_mtime_ns}\n".encode()
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    with os.fdopen(os.open(marks / f"{name}.refused", flags, 0o600), "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        if file.read() == mark:
            raise SignerUnavailable(
                f"the token {place.label} cannot be used: it refused the PIN, which is tried again once "
                f"{place.pin_file} changes"
            )

        def refuse() -> None:
            file.seek(0)
            file.truncate()
            file.write(mark)
            file.flush()

        yield refuse


def _sign(key: TokenKey, request: Mapping[str, Any]) -> Answer:
    pss = request["pss"]
    wanted = PlainSignature(
        bytes.fromhex(request["octets"]), request["mechanism"], None if pss is None else (pss[0], pss[1])
    )
    return {"signature": pkcs11.sign(key, wanted).hex()}


def _generate(key: TokenKey, request: Mapping[str, Any]) -> Answer:
    return {"public": _der(pkcs11.generate(key, request["kind"]))}


def _find(key: TokenKey, _request: Mapping[str, Any]) -> Answer:
    found = pkcs11.find(key)
    return {"public": None if found is None else _der(found)}


def _describe(key: TokenKey, _request: Mapping[str, Any]) -> Answer:
    facts = pkcs11.describe(key)
    return {"facts": [facts.is_local, facts.is_never_extractable, facts.is_sensitive]}


def _delete(key: TokenKey, _request: Mapping[str, Any]) -> Answer:
    pkcs11.delete(key)
    return {}


def _import(key: TokenKey, request: Mapping[str, Any]) -> Answer:
    private = load_der_private_key(bytes.fromhex(request["octets"]), None)
    pkcs11.import_key(key, cast("Any", private))
    return {}


def _create_wrapping_key(key: TokenKey, _request: Mapping[str, Any]) -> Answer:
    pkcs11.create_wrapping_key(key)
    return {}


def _encrypt(key: TokenKey, request: Mapping[str, Any]) -> Answer:
    return {"octets": pkcs11.encrypt(key, bytes.fromhex(request["octets"]), bytes.fromhex(request["bound"])).hex()}


def _decrypt(key: TokenKey, request: Mapping[str, Any]) -> Answer:
    return {"octets": pkcs11.decrypt(key, bytes.fromhex(request["octets"]), bytes.fromhex(request["bound"])).hex()}


_ACTIONS: dict[str, Callable[[TokenKey, Mapping[str, Any]], Answer]] = {
    "sign": _sign,
    "generate": _generate,
    "find": _find,
    "describe": _describe,
    "delete": _delete,
    "import": _import,
    "create_wrapping_key": _create_wrapping_key,
    "encrypt": _encrypt,
    "decrypt": _decrypt,
}


@lru_cache(maxsize=64)
def _key(uri: str) -> TokenKey:
    return pkcs11_uri.load(uri.encode())


def _der(public: PublicKeyTypes) -> str:
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()


if __name__ == "__main__":  # pragma: no cover - tests start it as a process
    main(sys.argv[1:])
