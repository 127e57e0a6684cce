"""Keys of the log in an authority's folder (docs/evidence.md).

`keys/log-ID.pem` is a private key (Ed25519), encrypted as the others. `keys/log-ID.vkey` beside it is its public half
with its name, the origin of the log.
"""

import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from sinetti.authority.data_directory import DataDirectory, locked
from sinetti.infra.atomic_files import PRIVATE, sync_path, write_atomic, write_synced
from sinetti.wire.transparency.notes import NoteError, NoteSigner, VerifierKey

_log = logging.getLogger(__name__)


def origin_of(base_url: str) -> str:
    """Return the origin of the log at a status address.

    It is the address without its scheme.
    """
    parts = urlsplit(base_url)
    return f"{parts.netloc}{parts.path}".rstrip("/") + "/log"


def create_log_key(folder: DataDirectory, origin: str, passphrase: bytes) -> NoteSigner:
    """Create a key of the log and write it to disk. Raises OSError."""
    signer = NoteSigner(origin, Ed25519PrivateKey.generate())
    stem = folder.keys / f"log-{signer.verifier.key_id.hex()}"
    how = BestAvailableEncryption(passphrase)
    write_synced(stem.with_suffix(".pem"), signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    sync_path(folder.keys)
    write_atomic(stem.with_suffix(".vkey"), f"{signer.verifier}\n".encode(), PRIVATE)
    return signer


def log_signers(folder: DataDirectory, origin: str, passphrase: bytes | None) -> Callable[[], tuple[NoteSigner, ...]]:
    """Return a function that returns the log's keys in the folder.

    It returns none without the pass-phrase. If there is none in the folder, it creates one.
    """
    known: dict[str, NoteSigner] = {}

    def signers() -> tuple[NoteSigner, ...]:
        if passphrase is None:
            return ()
        names = _names(folder)
        if not names:
            with locked(folder.keys, wait=True):
                names = _names(folder) or [_named(create_log_key(folder, origin, passphrase))]
        for name in names:
            if name not in known and (signer := _load(folder, name, passphrase)) is not None:
                known[name] = signer
        return tuple(known[name] for name in names if name in known)

    return signers


def _named(signer: NoteSigner) -> str:
    return f"log-{signer.verifier.key_id.hex()}"


def _names(folder: DataDirectory) -> list[str]:
    return sorted(path.stem for path in folder.keys.glob("log-*.vkey"))


def _load(folder: DataDirectory, name: str, passphrase: bytes) -> NoteSigner | None:
    path = folder.keys / f"{name}.pem"
    try:
        verifier = VerifierKey.parse(path.with_suffix(".vkey").read_text(encoding="utf-8"))
        key = load_pem_private_key(path.read_bytes(), passphrase)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm, NoteError):
        _log.warning("%s cannot be opened and is ignored", path)
        return None
    signer = NoteSigner(verifier.name, key) if isinstance(key, Ed25519PrivateKey) else None
    if signer is None or signer.verifier != verifier:
        _log.warning("%s does not match its public half and is ignored", path)
        return None
    return signer
