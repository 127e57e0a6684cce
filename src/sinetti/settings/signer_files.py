"""The response signer's keys and certificates in an authority's folder: one pair of files each, never overwritten."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509

from sinetti.pki.formats import (
    PrivateKey,
    certificate_der,
    dump_private_key,
    load_certificate,
    load_private_key,
    serial_hex,
)
from sinetti.settings.folder import Folder, FolderDamaged, write_secret


@dataclass(frozen=True, slots=True)
class SigningPair:
    """A response signer: its certificate and private key."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


def store_pair(folder: Folder, name: str, pair: SigningPair, passphrase: bytes) -> None:
    """Write key and certificate: the key first, so that a certificate in the folder always has its key."""
    stem = f"{name}-{serial_hex(pair.certificate.serial_number)}"
    write_secret(folder.keys / f"{stem}.pem", dump_private_key(pair.key, passphrase))
    partial = folder.certificates / f".{stem}.cer"
    partial.write_bytes(certificate_der(pair.certificate))
    partial.rename(folder.certificates / f"{stem}.cer")


def newest_pair(folder: Folder, name: str, passphrase: bytes, now: datetime) -> SigningPair | None:
    """Give the pair that lives longest among those in force at `now`, None for none. Raises FolderDamaged."""
    found: list[tuple[datetime, Path, x509.Certificate]] = []
    for path in folder.certificates.glob(f"{name}-*.cer"):
        certificate = load_certificate(path.read_bytes())
        if certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            found.append((certificate.not_valid_after_utc, path, certificate))
    if not found:
        return None
    _, path, certificate = max(found, key=lambda entry: entry[0])
    return SigningPair(certificate, _key(folder, path.stem, passphrase))


def _key(folder: Folder, stem: str, passphrase: bytes) -> PrivateKey:
    path = folder.keys / f"{stem}.pem"
    octets = folder.read(path)
    try:
        return load_private_key(octets, passphrase)
    except ValueError:
        sentence = f"{path} cannot be opened: bring it and {folder.passphrase} back from one copy of the folder"
    # Raised outside the handler: no trace carries what was read.
    raise FolderDamaged(sentence)
