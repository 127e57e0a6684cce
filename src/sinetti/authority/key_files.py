"""Key and certificate files of the service's own leaves in an authority's folder.

They are pairs of files and are never overwritten.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509

from sinetti.authority.data_directory import DataDirectory
from sinetti.ca.issuance_request import LeafProfile
from sinetti.infra.atomic_files import sync_path, write_atomic, write_synced
from sinetti.pki.chain import extension_value, is_valid_at, issuers_of
from sinetti.pki.encoding import (
    PrivateKey,
    certificate_der,
    dump_private_key,
    load_certificate,
    load_private_key,
    serial_hex,
)
from sinetti.pki.policy_oids import is_ocsp_responder

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Leaf of the service itself: its certificate and private key."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServiceKeyFiles:
    """Prefix of the files of a leaf and its successors, and the purpose of the leaf."""

    name: str
    kind: LeafProfile


def store_pair(folder: DataDirectory, name: str, pair: KeyPair, passphrase: bytes) -> None:
    """Write key and certificate.

    The key is first, so that a certificate in the folder always has its key. On return both files and their names are
    on disk. Raises OSError.
    """
    stem = f"{name}-{serial_hex(pair.certificate.serial_number)}"
    write_synced(folder.keys / f"{stem}.pem", dump_private_key(pair.key, passphrase))
    sync_path(folder.keys)
    write_atomic(folder.certificates / f"{stem}.cer", certificate_der(pair.certificate))


def current_pair(
    folder: DataDirectory, files: ServiceKeyFiles, passphrase: bytes, issuer: x509.Certificate, now: datetime
) -> KeyPair | None:
    """Return the pair with the latest end among those valid at `now` (UTC), or None.

    Only `ca/NAME-SERIAL.cer` counts. The CA (`issuer`) itself must have issued the certificate, and it must be no CA
    and have the right purpose, because no other key may sign responses. Unusable files are logged and skipped; a new
    pair replaces them.
    """
    found = [
        (path, certificate)
        for path, certificate in _certificates(folder, files.name)
        if is_valid_at(certificate, now) and _fits(path, certificate, issuer, files.kind)
    ]
    for path, certificate in sorted(found, key=lambda entry: entry[1].not_valid_after_utc, reverse=True):
        key = _key_of(certificate, folder.keys / f"{path.stem}.pem", passphrase)
        if key is not None:
            return KeyPair(certificate, key)
    return None


def certificates_of(
    folder: DataDirectory, files: ServiceKeyFiles, issuer: x509.Certificate
) -> tuple[x509.Certificate, ...]:
    """Return every certificate of such a leaf that the CA (`issuer`) issued.

    Expired ones are included. Keys are not read.
    """
    found = _certificates(folder, files.name)
    return tuple(certificate for path, certificate in found if _fits(path, certificate, issuer, files.kind))


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


def _key_of(certificate: x509.Certificate, path: Path, passphrase: bytes) -> PrivateKey | None:
    try:
        key = load_private_key(path.read_bytes(), passphrase)
    except (OSError, ValueError):
        # Logged without a traceback, so that no content of the file gets into the log.
        _log.warning("%s cannot be opened and is ignored", path)
        return None
    if key.public_key() != certificate.public_key():
        _log.warning("%s does not match its certificate and is ignored", path)
        return None
    return key
