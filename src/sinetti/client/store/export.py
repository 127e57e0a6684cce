"""A copy of a set for a program elsewhere: PEM, DER or PKCS#12, with the key only where asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from cryptography import x509

from sinetti.client.messages import error_reasons, messages, words
from sinetti.client.messages.messages import say
from sinetti.client.results import UsageError
from sinetti.client.store import event_log, files, generations, key_storage, keys
from sinetti.client.store.event_log import Event
from sinetti.pki import chain, encoding, pkcs12
from sinetti.pki.encoding import PrivateKey


class Form(StrEnum):
    """How a copy is written."""

    PEM = "pem"
    DER = "der"
    PKCS12 = "pkcs12"
    PKCS12_LEGACY = "pkcs12-legacy"


PACKED = frozenset({Form.PKCS12, Form.PKCS12_LEGACY})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. `password` protects PKCS#12, or the key in PEM; `serial` None: the certificate in use."""

    form: Form
    with_key: bool
    password: bytes | None = field(default=None, repr=False)
    serial: str | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """What is written."""

    octets: bytes = field(repr=False)
    form: Form
    with_key: bool
    serial: str


def copy_of(store: Path, name: str, wanted: Wanted) -> Copy:
    """Put a copy together. Raises UsageError, StoreError."""
    _possible(wanted)
    folder = store / name
    if not files.is_name(name) or not files.is_kept(folder):
        raise UsageError(say(messages.UNKNOWN_NAME, name=name, store=str(store)))
    place = _place(folder, wanted.serial)
    certificate, above = _parsed(place)
    key = _key(folder, place, certificate, wanted) if wanted.with_key else None
    octets = _written(name, key, (certificate, *above), wanted)
    return Copy(octets, wanted.form, wanted.with_key, keys.serial_of(certificate))


def note(folder: Path, now: datetime, copy: Copy, out: Path) -> None:
    """Write down in the name's log that a copy is made. Raises StoreError."""
    with_key = "yes" if copy.with_key else "no"
    facts = {"serial": copy.serial, "format": copy.form.value, "with_key": with_key, "path": str(out.absolute())}
    try:
        event_log.note(folder, now, Event.EXPORTED, **facts)
    except OSError as bad:
        path = str(bad.filename or folder)
        raise files.StoreError(say(messages.STORE_UNUSABLE, path=path, why=error_reasons.of(bad))) from bad


def _possible(wanted: Wanted) -> None:
    if wanted.form is Form.DER and wanted.with_key:
        raise UsageError(say(words.EXPORT_NO_KEY_IN_DER))
    if wanted.form in PACKED and wanted.password is None:
        raise UsageError(say(words.EXPORT_NEEDS_PASSWORD, format=wanted.form.value))
    if wanted.password is not None and wanted.form not in PACKED and not wanted.with_key:
        raise UsageError(say(words.EXPORT_PASSWORD_OF_NOTHING))


def _place(folder: Path, serial: str | None) -> Path:
    if serial is None:
        held = generations.live(folder)
        if held is None:
            raise UsageError(say(messages.NOT_ENROLLED, name=folder.name))
        # Not by `live`: another may come into use while files are read.
        own = folder / files.GENERATIONS / held.serial
        return own if files.is_there(own) else files.live_of(folder)
    kept = sorted(one.name for one in (folder / files.GENERATIONS).glob("[!.]*"))
    asked = serial.replace(":", "").lower()
    if asked not in kept:
        said = ", ".join(kept) or "-"
        raise UsageError(say(words.EXPORT_NO_NAME, name=folder.name, serial=messages.plain(serial), kept=said))
    return folder / files.GENERATIONS / asked


def _parsed(place: Path) -> tuple[x509.Certificate, Sequence[x509.Certificate]]:
    path = place / generations.CERTIFICATE
    try:
        certificate = encoding.load_certificate(files.read(path))
        path = place / generations.CHAIN
        return certificate, chain.load_bundle(files.read(path))
    except ValueError as bad:
        raise files.damaged(path, bad) from bad


def _key(folder: Path, place: Path, certificate: x509.Certificate, wanted: Wanted) -> PrivateKey:
    path = key_storage.path_of(place)
    if path.name == key_storage.URI:
        raise UsageError(say(words.EXPORT_KEY_IN_TOKEN, name=folder.name))
    if wanted.password is None and key_storage.is_encrypted(files.read(path)):
        raise UsageError(say(words.EXPORT_KEPT_ENCRYPTED, name=folder.name))
    return key_storage.open_key(place, folder, certificate)


def _written(name: str, key: PrivateKey | None, whole: Sequence[x509.Certificate], wanted: Wanted) -> bytes:
    if wanted.form is Form.DER:
        return encoding.certificate_der(whole[0])
    if wanted.form is Form.PEM:
        before = b"" if key is None else encoding.dump_private_key(key, wanted.password)
        return before + b"".join(encoding.certificate_pem(encoding.certificate_der(one)) for one in whole)
    legacy = wanted.form is Form.PKCS12_LEGACY
    return pkcs12.dump(name, key, whole, wanted.password or b"", legacy=legacy)
