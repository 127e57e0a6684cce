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
from sinetti.settings.folder import Folder, write_secret


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
    """The pair that lives longest among those in force at `now`; None where there is none."""
    found: list[tuple[datetime, Path, x509.Certificate]] = []
    for path in folder.certificates.glob(f"{name}-*.cer"):
        certificate = load_certificate(path.read_bytes())
        if certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            found.append((certificate.not_valid_after_utc, path, certificate))
    if not found:
        return None
    _, path, certificate = max(found, key=lambda entry: entry[0])
    key = load_private_key((folder.keys / f"{path.stem}.pem").read_bytes(), passphrase)
    return SigningPair(certificate, key)
