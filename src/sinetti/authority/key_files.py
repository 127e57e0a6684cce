"""Leaf certificates of the service itself, keys of the log, and their files.

They are pairs of a key and a file, and are never overwritten. `log-ID` is the name of a private key of the log
(Ed25519), and `keys/log-ID.vkey` its public half with its name, the origin of the log (docs/evidence.md).
"""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sinetti.authority.data_directory import DataDirectory, locked
from sinetti.authority.key_store import AuthorityKeys, NewKey
from sinetti.ca.issuance_request import LeafProfile
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.pki.chain import extension_value, is_valid_at, issuers_of
from sinetti.pki.encoding import PrivateKey, PublicKey, certificate_der, load_certificate, serial_hex
from sinetti.pki.policy_oids import is_ocsp_responder
from sinetti.pki.signers import KeyMissing, SignerUnavailable
from sinetti.pki.signers.token_keys import ED25519, TokenEcKey, TokenRsaKey
from sinetti.wire.transparency.notes import NoteError, NoteSigner, VerifierKey

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeyPair:
    """Leaf of the service itself: its certificate and private key."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)

    @property
    def is_lost(self) -> bool:
        """True after the key's token was found to lack it."""
        return isinstance(self.key, TokenRsaKey | TokenEcKey) and self.key.is_missing


@dataclass(frozen=True)
class ServiceKeyFiles:
    """Prefix of the files of a leaf and its successors, and the purpose of the leaf."""

    name: str
    kind: LeafProfile


def store_pair(
    folder: DataDirectory, name: str, certificate: x509.Certificate, new: NewKey, keys: AuthorityKeys
) -> KeyPair:
    """Name the key, write the certificate, and return both.

    The key is first, so that a certificate in the folder always has its key. On return both files and their names are
    on disk. Raises OSError.
    """
    stem = f"{name}-{serial_hex(certificate.serial_number)}"
    keys.makes.keep(new, stem)
    write_atomic(folder.certificates / f"{stem}.cer", certificate_der(certificate))
    return KeyPair(certificate, cast("PrivateKey", new.key))


def current_pair(
    folder: DataDirectory, files: ServiceKeyFiles, keys: AuthorityKeys, issuer: x509.Certificate, now: datetime
) -> KeyPair | None:
    """Return the pair with the latest end among those valid at `now` (UTC), or None.

    Only `ca/NAME-SERIAL.cer` counts. The CA (`issuer`) itself must have issued the certificate, and it must be no CA
    and have the right purpose, because no other key may sign responses. Unusable files are logged and skipped; a new
    pair replaces them. Raises SignerUnavailable if a token cannot be used.
    """
    pairs = [
        (path, certificate)
        for path, certificate in _certificates(folder, files.name)
        if is_valid_at(certificate, now) and _fits(path, certificate, issuer, files.kind)
    ]
    for path, certificate in sorted(pairs, key=lambda entry: entry[1].not_valid_after_utc, reverse=True):
        key = _key_of(certificate, path.stem, keys)
        if key is not None:
            return KeyPair(certificate, key)
    return None


def certificates_of(
    folder: DataDirectory, files: ServiceKeyFiles, issuer: x509.Certificate
) -> tuple[x509.Certificate, ...]:
    """Return every certificate of such a leaf that the CA (`issuer`) issued.

    Expired ones are included. Keys are not read.
    """
    pairs = _certificates(folder, files.name)
    return tuple(certificate for path, certificate in pairs if _fits(path, certificate, issuer, files.kind))


def _certificates(folder: DataDirectory, name: str) -> Iterator[tuple[Path, x509.Certificate]]:
    for path in folder.certificates.iterdir():
        named = re.fullmatch(rf"{re.escape(name)}-([0-9a-f]+)\.cer", path.name)
        if named is None:
            continue
        try:
            certificate = load_certificate(path.read_bytes())
        except (OSError, ValueError):
            _log.warning("%s cannot be read and is ignored", path)
            continue
        if serial_hex(certificate.serial_number) == named[1]:
            yield path, certificate


def _fits(path: Path, certificate: x509.Certificate, issuer: x509.Certificate, kind: LeafProfile) -> bool:
    if certificate.issuer != issuer.subject:
        return False  # of another generation of the services CA
    try:
        constraints = extension_value(certificate, x509.BasicConstraints)
        fits = bool(issuers_of(certificate, [issuer])) and not (constraints and constraints.ca)
        # OCSP responders and response signers are separate.
        fits = fits and is_ocsp_responder(certificate) is (kind is LeafProfile.RESPONDER)
    except ValueError:
        fits = False
    if not fits:
        _log.error("%s is not a certificate for signing answers and is ignored", path)
    return fits


def _key_of(certificate: x509.Certificate, name: str, keys: AuthorityKeys) -> PrivateKey | None:
    try:
        return cast("PrivateKey", keys.open(name, cast("PublicKey", certificate.public_key())))
    except (OSError, ValueError, KeyMissing) as bad:
        # Logged without a traceback, so that no content of a file gets into the log.
        _log.warning("the key %s cannot be used and is ignored: %s", name, bad)
        return None


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
    verifier_keys = {}
    for name in _names(folder):
        path = folder.keys / f"{name}.vkey"
        try:
            verifier_keys[name] = VerifierKey.parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, NoteError):
            _log.warning("%s cannot be read and is ignored", path)
    return verifier_keys


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
