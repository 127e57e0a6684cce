"""Output files of a set: formats beside PEM, owner and mode.

See docs/holders/agent.md.
"""

import contextlib
import importlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs7,
)

from sinetti.client.messages import error_reasons, messages
from sinetti.client.model import WITH_PASSWORD, Format, OutputOptions
from sinetti.client.store import files, java_keystores, key_storage
from sinetti.client.store.java_keystores import JavaStoreError
from sinetti.pki import encoding
from sinetti.pki.encoding import PrivateKey

CERTIFICATE_DER, CHAIN_DER, KEY_DER = "certificate.der", "chain.p7b", "key.der"
PKCS12, PKCS12_LEGACY, JKS = "certificate.p12", "certificate-legacy.p12", "certificate.jks"

_WITH_KEY = frozenset({KEY_DER, PKCS12, PKCS12_LEGACY, JKS})
"""Files that contain the key."""

_HEAD, _SEQUENCE, _JKS_MAGIC = 8, 0x30, b"\xfe\xed\xfe\xed"
"""Octets read of a file, and how a file in DER or a JKS begins."""

_THROUGH = 0o011
"""Mode bits with which other users may pass through a folder.

They can open a file whose name they know, but cannot list the folder.
"""


def check(name: str, wanted: OutputOptions) -> None:
    """Check that the output options can be met, before any request.

    Raises StoreError.
    """
    key_storage.passphrase_of(wanted)
    if wanted.password_file is not None and wanted.formats & WITH_PASSWORD:
        key_storage.pkcs12_password(wanted.password_file)
    for database, function, wish in (("pwd", "getpwnam", wanted.owner), ("grp", "getgrnam", wanted.group)):
        if wish is not None and not _knows(database, function, wish):
            raise files.StoreError(messages.UNKNOWN_OWNER, name=name, owner=wish)


def names_of(wanted: OutputOptions) -> Iterator[str]:
    """List the wanted files of a set beside PEM."""
    if Format.DER in wanted.formats:
        yield from (CERTIFICATE_DER, CHAIN_DER)
        yield KEY_DER
    if Format.PKCS12 in wanted.formats:
        yield PKCS12
    if Format.PKCS12_LEGACY in wanted.formats:
        yield PKCS12_LEGACY
    if Format.JKS in wanted.formats:
        yield JKS


def missing_formats(folder: Path, wanted: OutputOptions) -> tuple[str, ...]:
    """List the wanted files that a generation lacks or has incomplete.

    Incomplete: empty, cut short or of another format.

    Cheap: only the beginning of a file is read. A key in a token has no copies.
    """
    copies = frozenset() if files.exists(folder / key_storage.URI) else _WITH_KEY
    found = (text for text in names_of(wanted) if text in copies or text not in _WITH_KEY)
    return tuple(text for text in found if not _is_whole(folder / text))


def _is_whole(path: Path) -> bool:
    """Return whether a file has the start and the length of DER (X.690, 8.1.3) or JKS."""
    try:
        begin, size = files.octets_of(path, _HEAD), path.stat().st_size
    except OSError:
        return False
    if path.name == JKS and begin.startswith(_JKS_MAGIC):
        return size > _HEAD
    if len(begin) < _HEAD or begin[0] != _SEQUENCE:
        return False
    count = begin[1] & 0x7F if begin[1] & 0x80 else 0
    return count < _HEAD - 1 and size == 2 + count + (int.from_bytes(begin[2 : 2 + count]) if count else begin[1])


def make_formats(
    name: str,
    key: PrivateKey | None,
    chain: Sequence[x509.Certificate],
    wanted: OutputOptions,
    only: Collection[str] | None = None,
) -> dict[str, bytes]:
    """Make the wanted files beside PEM, or `only` some of them.

    A key in a token (None) has no copies. `chain`: the certificate, then those above it. Raises StoreError.
    """
    names = [text for text in names_of(wanted) if only is None or text in only]
    if key is None:
        names = [name for name in names if name not in _WITH_KEY]
    return {text: _written(name, text, key, chain, wanted) for text in names}


def make_new_set(
    name: str, key: PrivateKey | None, chain: Sequence[x509.Certificate], wanted: OutputOptions
) -> dict[str, bytes]:
    """Make the wanted files beside PEM for a set that is not in use yet.

    Without a JKS if keytool fails: a renewal does not depend on Java, and the next run makes the missing file. Raises
    StoreError.
    """
    made = make_formats(name, key, chain, wanted, {text for text in names_of(wanted) if text != JKS})
    with contextlib.suppress(JavaStoreError):
        made |= make_formats(name, key, chain, wanted, {JKS})
    return made


def key_der(key: PrivateKey, passphrase: bytes | None) -> bytes:
    """Return PKCS#8 in DER, encrypted with the passphrase if there is one, as key.pem."""
    how: KeySerializationEncryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, how)


def apply_permissions(name: str, path: Path, wanted: OutputOptions) -> None:
    """Set owner, group and mode of a file before it gets its name. Raises StoreError."""
    whose = " / ".join(one for one in (wanted.owner, wanted.group) if one is not None)
    try:
        if wanted.owner is not None:
            shutil.chown(path, user=wanted.owner)
        if wanted.group is not None:
            shutil.chown(path, group=wanted.group)
        path.chmod(wanted.mode)
    except LookupError as bad:
        raise files.StoreError(messages.UNKNOWN_OWNER, name=name, owner=whose) from bad
    except OSError as bad:
        raise files.StoreError(
            messages.OWNER_NOT_GIVEN, name=name, owner=whose or "-", why=error_reasons.translate_reason(bad)
        ) from bad


def dress_folder(name: str, folder: Path, wanted: OutputOptions) -> None:
    """Set owner, group and mode of every file of a new set; open its folder.

    Raises StoreError, OSError.
    """
    for path in folder.iterdir():
        apply_permissions(name, path, wanted)
    _open_to_others((folder,), wanted)


def grant_traversal(name_folder: Path, wanted: OutputOptions) -> None:
    """Let the owner and group of the files pass through the folders above them.

    Raises OSError.
    """
    _open_to_others((name_folder / files.GENERATIONS, name_folder, name_folder.parent), wanted)


def is_dressed(folder: Path, wanted: OutputOptions) -> bool:
    """Return whether the key of a generation has the wanted owner, group and mode.

    Raises OSError.
    """
    path = key_storage.path_of(folder)
    if (path.stat().st_mode & 0o777) != wanted.mode and os.name == "posix":
        return False
    return wanted.owner in {None, _name_or_empty(path.owner)} and wanted.group in {None, _name_or_empty(path.group)}


def _open_to_others(folders: tuple[Path, ...], wanted: OutputOptions) -> None:
    if wanted.owner is None and wanted.group is None:
        return
    for folder in folders:
        mode = folder.stat().st_mode & 0o7777
        if mode & _THROUGH != _THROUGH:
            folder.chmod(mode | _THROUGH)


def _written(
    name: str, wish: str, key: PrivateKey | None, chain: Sequence[x509.Certificate], wanted: OutputOptions
) -> bytes:
    if wish == CERTIFICATE_DER:
        return encoding.certificate_der(chain[0])
    if wish == CHAIN_DER:
        return pkcs7.serialize_certificates(list(chain[1:]), Encoding.DER)
    if wish == KEY_DER and key is not None:
        return key_der(key, key_storage.passphrase_of(wanted))
    # The settings guarantee a password for a PKCS#12 file.
    password = key_storage.pkcs12_password(wanted.password_file) if wanted.password_file is not None else b""
    if wish == JKS:
        return java_keystores.make_jks(name, key, chain, password)
    return encoding.dump(name, key, chain, password, legacy=wish == PKCS12_LEGACY)


def _name_or_empty(name_of: Callable[[], str]) -> str:
    try:
        return name_of()
    except (KeyError, NotImplementedError):  # an owner without a name; Windows
        return ""


def _knows(database: str, function: str, name: str) -> bool:
    try:
        getattr(importlib.import_module(database), function)(name)
    except (KeyError, ImportError):  # Windows has neither module
        return False
    return True
