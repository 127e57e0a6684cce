"""The response signer's keys and certificates in an authority's folder: one pair of files each, never overwritten."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509

from sinetti.pki.chain import direct_issuer, extension_value, valid_at
from sinetti.pki.formats import (
    PrivateKey,
    certificate_der,
    dump_private_key,
    load_certificate,
    load_private_key,
    serial_hex,
)
from sinetti.settings.folder import Folder, sync, write_secret, write_whole

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SigningPair:
    """A response signer: its certificate and private key."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


def store_pair(folder: Folder, name: str, pair: SigningPair, passphrase: bytes) -> None:
    """Write key and certificate: the key first, so that a certificate in the folder always has its key. Raises OSError.

    When this returns both are on disk, names and all.
    """
    stem = f"{name}-{serial_hex(pair.certificate.serial_number)}"
    write_secret(folder.keys / f"{stem}.pem", dump_private_key(pair.key, passphrase))
    sync(folder.keys)
    write_whole(folder.certificates / f"{stem}.cer", certificate_der(pair.certificate))


def newest_pair(
    folder: Folder, name: str, passphrase: bytes, issuer: x509.Certificate, now: datetime
) -> SigningPair | None:
    """Give the pair that lives longest among those in force at `now` (UTC), None for none.

    Only `ca/NAME-SERIAL.cer` counts, and only what the services CA (`issuer`) itself issued and is no CA: no other key
    may ever sign answers. What cannot be used is passed over with a line in the log: a new pair takes its place.
    """
    found = [
        (path, certificate)
        for path, certificate in _certificates(folder, name)
        if valid_at(certificate, now) and _signs_answers(path, certificate, issuer, now)
    ]
    for path, certificate in sorted(found, key=lambda entry: entry[1].not_valid_after_utc, reverse=True):
        key = _key_of(certificate, folder.keys / f"{path.stem}.pem", passphrase)
        if key is not None:
            return SigningPair(certificate, key)
    return None


def _certificates(folder: Folder, name: str) -> Iterator[tuple[Path, x509.Certificate]]:
    for path in folder.certificates.iterdir():
        named = re.fullmatch(rf"{re.escape(name)}-([0-9a-f]+)\.cer", path.name)
        if named is None:
            continue
        try:
            certificate = load_certificate(path.read_bytes())
        except (OSError, ValueError):
            _log.warning("%s cannot be read: this response signer is passed over", path)
            continue
        if serial_hex(certificate.serial_number) == named[1]:
            yield path, certificate


def _signs_answers(path: Path, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    try:
        constraints = extension_value(certificate, x509.BasicConstraints)
        signs = direct_issuer(certificate, [issuer], now) is not None and not (constraints and constraints.ca)
    except ValueError:
        signs = False
    if not signs:
        _log.error("%s is no certificate for signing answers: it is passed over", path)
    return signs


def _key_of(certificate: x509.Certificate, path: Path, passphrase: bytes) -> PrivateKey | None:
    try:
        key = load_private_key(path.read_bytes(), passphrase)
    except (OSError, ValueError):
        # Without the trace: nothing of what was read gets into the log.
        _log.warning("%s cannot be opened: this response signer is passed over", path)
        return None
    if key.public_key() != certificate.public_key():
        _log.warning("%s is not the key of its certificate: this response signer is passed over", path)
        return None
    return key
