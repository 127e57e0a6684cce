"""Export of a set for another program: PEM, DER, PKCS#12 or JKS.

The key is included only on request.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from cryptography import x509

from sinetti.client.messages import error_reasons, messages
from sinetti.client.results import UsageError
from sinetti.client.store import event_log, files, generations, java_keystores, key_storage
from sinetti.client.store.event_log import EventType
from sinetti.client.store.java_keystores import JavaStoreError
from sinetti.pki import chain, encoding
from sinetti.pki.encoding import PrivateKey


class ExportFormat(StrEnum):
    """Format of an export."""

    PEM = "pem"
    DER = "der"
    PKCS12 = "pkcs12"
    PKCS12_LEGACY = "pkcs12-legacy"
    JKS = "jks"


PACKED = frozenset({ExportFormat.PKCS12, ExportFormat.PKCS12_LEGACY, ExportFormat.JKS})


@dataclass(frozen=True)
class ExportOptions:
    """Options of an export.

    `password` protects PKCS#12 and JKS, or the key in PEM. `serial` None: the certificate in use.
    """

    form: ExportFormat
    with_key: bool
    password: bytes | None = field(default=None, repr=False)
    serial: str | None = None


@dataclass(frozen=True)
class ExportedFile:
    """Content of an export."""

    octets: bytes = field(repr=False)
    form: ExportFormat
    with_key: bool
    serial: str


def copy_of(store: Path, name: str, wanted: ExportOptions) -> ExportedFile:
    """Make an export. Raises UsageError, StoreError."""
    _possible(wanted)
    folder = store / name
    if not files.is_name(name) or not files.is_kept(folder):
        raise UsageError(messages.UNKNOWN_NAME, name=name, store=str(store))
    place = _place(folder, wanted.serial)
    certificate, above = _parsed(place)
    key = _key(folder, place, certificate, wanted) if wanted.with_key else None
    octets = _written(name, key, (certificate, *above), wanted)
    return ExportedFile(octets, wanted.form, wanted.with_key, key_storage.serial_of(certificate))


def note(folder: Path, now: datetime, copy: ExportedFile, out: Path) -> None:
    """Record an export in the name's log. Raises StoreError."""
    with_key = "yes" if copy.with_key else "no"
    facts = {"serial": copy.serial, "format": copy.form.value, "with_key": with_key, "path": str(out.absolute())}
    try:
        event_log.append(folder, now, EventType.EXPORTED, **facts)
    except OSError as bad:
        raise files.StoreError(error_reasons.store_unusable(bad, folder)) from bad


def _possible(wanted: ExportOptions) -> None:
    if wanted.form is ExportFormat.DER and wanted.with_key:
        raise UsageError(messages.EXPORT_NO_KEY_IN_DER)
    if wanted.form in PACKED and wanted.password is None:
        raise UsageError(messages.EXPORT_NEEDS_PASSWORD, format=wanted.form.value)
    if wanted.form is ExportFormat.JKS and not wanted.with_key:
        raise UsageError(messages.EXPORT_JKS_WITH_KEY)
    if wanted.password is not None and wanted.form not in PACKED and not wanted.with_key:
        raise UsageError(messages.EXPORT_PASSWORD_OF_NOTHING)


def _place(folder: Path, serial: str | None) -> Path:
    if serial is None:
        held = generations.current(folder)
        if held is None:
            raise UsageError(messages.NOT_ENROLLED, name=folder.name)
        # Not by `live`: another generation may come into use while files are read.
        own = folder / files.GENERATIONS / held.serial
        return own if files.directory_exists(own) else files.live_path(folder)
    kept = sorted(path.name for path in (folder / files.GENERATIONS).glob("[!.]*"))
    asked = serial.replace(":", "").lower()
    if asked not in kept:
        serial_list = ", ".join(kept) or "-"
        raise UsageError(
            messages.EXPORT_NO_NAME, name=folder.name, serial=messages.strip_control_chars(serial), kept=serial_list
        )
    return folder / files.GENERATIONS / asked


def _parsed(place: Path) -> tuple[x509.Certificate, Sequence[x509.Certificate]]:
    path = place / generations.CERTIFICATE
    try:
        certificate = encoding.load_certificate(files.read(path))
        path = place / generations.CHAIN
        return certificate, chain.load_bundle(files.read(path))
    except ValueError as bad:
        raise files.corruption_error(path, bad) from bad


def _key(folder: Path, place: Path, certificate: x509.Certificate, wanted: ExportOptions) -> PrivateKey:
    path = key_storage.path_of(place)
    if path.name == key_storage.URI:
        raise UsageError(messages.EXPORT_KEY_IN_TOKEN, name=folder.name)
    if wanted.password is None and key_storage.is_encrypted(files.read(path)):
        raise UsageError(messages.EXPORT_KEPT_ENCRYPTED, name=folder.name)
    return key_storage.open_key(place, folder, certificate)


def _written(name: str, key: PrivateKey | None, whole: Sequence[x509.Certificate], wanted: ExportOptions) -> bytes:
    if wanted.form is ExportFormat.DER:
        return encoding.certificate_der(whole[0])
    if wanted.form is ExportFormat.PEM:
        before = b"" if key is None else encoding.dump_private_key(key, wanted.password)
        return before + b"".join(
            encoding.certificate_pem(encoding.certificate_der(certificate)) for certificate in whole
        )
    if wanted.form is ExportFormat.JKS:
        try:
            return java_keystores.make_jks(name, key, whole, wanted.password or b"")
        except JavaStoreError as bad:
            raise UsageError(bad.message) from bad
    legacy = wanted.form is ExportFormat.PKCS12_LEGACY
    return encoding.dump(name, key, whole, wanted.password or b"", legacy=legacy)
