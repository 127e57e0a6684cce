"""Keys of the log in an authority's folder (docs/evidence.md).

`log-ID` is the name of a private key (Ed25519), which is stored as the others. `keys/log-ID.vkey` is its public half
with its name, the origin of the log.
"""

import logging
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sinetti.authority.data_directory import DataDirectory, locked
from sinetti.authority.key_store import AuthorityKeys
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.pki.signers import SignerUnavailable
from sinetti.pki.signers.token_keys import ED25519
from sinetti.wire.transparency.notes import NoteError, NoteSigner, VerifierKey

_log = logging.getLogger(__name__)


def origin_of(base_url: str) -> str:
    """Return the origin of the log at a status address.

    It is the address without its scheme.
    """
    parts = urlsplit(base_url)
    return f"{parts.netloc}{parts.path}".rstrip("/") + "/log"


def create_log_key(folder: DataDirectory, origin: str, keys: AuthorityKeys) -> NoteSigner:
    """Create a key of the log and write it to disk.

    Raises OSError and SignerUnavailable.
    """
    new = keys.makes.create("log", ED25519)
    signer = NoteSigner(origin, cast("Ed25519PrivateKey", new.key))
    keys.makes.keep(new, _named(signer))
    write_atomic(folder.keys / f"{_named(signer)}.vkey", f"{signer.verifier}\n".encode(), PRIVATE)
    return signer


def log_signers(folder: DataDirectory, origin: str, keys: AuthorityKeys) -> Callable[[], tuple[NoteSigner, ...]]:
    """Return a function that returns the log's keys in the folder.

    It returns none without the pass-phrase of keys in files. If there is none in the folder, it creates one.
    """
    known: dict[str, NoteSigner] = {}

    def signers() -> tuple[NoteSigner, ...]:
        if not keys.makes.is_usable():
            return ()
        names = _names(folder)
        if not names:
            with locked(folder.keys, wait=True):
                names = _names(folder) or [_named(create_log_key(folder, origin, keys))]
        for name in names:
            if name not in known and (signer := _load(folder, name, keys)) is not None:
                known[name] = signer
        return tuple(known[name] for name in names if name in known)

    return signers


def _named(signer: NoteSigner) -> str:
    return f"log-{signer.verifier.key_id.hex()}"


def _names(folder: DataDirectory) -> list[str]:
    return sorted(path.stem for path in folder.keys.glob("log-*.vkey"))


def log_verifiers(folder: DataDirectory) -> dict[str, VerifierKey]:
    """Return the public halves of the log's keys in the folder, by name.

    Unreadable ones are left out.
    """
    found = {}
    for name in _names(folder):
        path = folder.keys / f"{name}.vkey"
        try:
            found[name] = VerifierKey.parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, NoteError):
            _log.warning("%s cannot be read and is ignored", path)
    return found


def _load(folder: DataDirectory, name: str, keys: AuthorityKeys) -> NoteSigner | None:
    verifier = log_verifiers(folder).get(name)
    if verifier is None:
        return None
    try:
        key = keys.open(name, Ed25519PublicKey.from_public_bytes(verifier.public))
    except (OSError, ValueError, SignerUnavailable) as bad:
        _log.warning("the key %s cannot be used and is ignored: %s", name, bad)
        return None
    return NoteSigner(verifier.name, cast("Ed25519PrivateKey", key))
