"""Readers of keys and certificates that were made elsewhere.

They read PEM and DER files, PKCS#12 and Java key stores. The files are only read. keytool exports the content of a
Java key store into a temporary folder.
"""

import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs12

from sinetti.client.messages import adoption_messages, error_reasons, messages
from sinetti.client.messages.messages import strip_control_chars
from sinetti.client.results import UsageError
from sinetti.client.store import java_keystores, key_storage
from sinetti.client.store.java_keystores import KeytoolError
from sinetti.infra import standard_input
from sinetti.infra.standard_input import InputTakenError
from sinetti.pki import chain, encoding, policy_oids
from sinetti.pki.encoding import PrivateKey

LARGEST = 1024 * 1024

_PEM = b"-----BEGIN "


@dataclass(frozen=True)
class KeyMaterial:
    """Private key, its certificate, and the other certificates beside them."""

    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate
    others: tuple[x509.Certificate, ...]


def of_files(key: Path, certificate: Path, more: Path | None, password: bytes | None) -> KeyMaterial:
    """Read key and certificate from separate files. Raises UsageError.

    The certificate's file may hold other certificates too.
    """
    private = _key(key, _read(key), password)
    given = [one for path in (certificate, more) if path is not None for one in _certificates(path)]
    return _fitting(private, given, certificate)


def from_pkcs12(path: Path, password: bytes | None) -> KeyMaterial:
    """Read a PKCS#12 file. Raises UsageError."""
    octets = _read(path)
    if octets[:4] in java_keystores.KINDS:
        raise UsageError(adoption_messages.ADOPT_JAVA, path=str(path))
    return _of_pkcs12(path, octets, password)


def from_java(path: Path, alias: str | None, password: bytes, of_key: bytes | None = None) -> KeyMaterial:
    """Read a Java key store. Raises UsageError.

    keytool is used for Java's own kinds and if an alias is given. `of_key` is the key's own password, if it has one.
    """
    octets = _read(path)
    kind = java_keystores.KINDS.get(octets[:4])
    if kind is None and alias is None:
        return _of_pkcs12(path, octets, password)
    if shutil.which("keytool") is None:
        raise UsageError(adoption_messages.ADOPT_NO_KEYTOOL, path=str(path))
    store = _Java(path, kind or "PKCS12", password, of_key or password)
    return store.taken_out(alias or store.only_alias(octets))


@dataclass(frozen=True)
class _Java:
    """Java key store, read with keytool."""

    path: Path
    kind: str
    password: bytes = field(repr=False)
    of_key: bytes = field(repr=False)

    def only_alias(self, octets: bytes) -> str:
        """Return the alias of the only private key in it; `octets` are its content."""
        try:
            found = sorted(java_entry.alias for java_entry in java_keystores.parse_java(octets) if java_entry.has_key)
        except ValueError as bad:
            why = error_reasons.translate_reason(bad)
            raise UsageError(messages.UNREADABLE_FILE, path=str(self.path), why=why) from bad
        if len(found) != 1:
            wrong = adoption_messages.ADOPT_ALIASES if found else adoption_messages.ADOPT_NO_KEY
            raise UsageError(wrong, path=str(self.path), aliases=", ".join(found))
        return found[0]

    def taken_out(self, alias: str) -> KeyMaterial:
        """Return one key with its certificates."""
        passing = secrets.token_hex(32).encode()
        with tempfile.TemporaryDirectory(prefix="sinetti-") as folder:
            out = Path(folder) / "out.p12"
            words: tuple[str, ...] = (
                "-importkeystore",
                "-noprompt",
                "-srckeystore",
                str(self.path),
                "-srcstoretype",
                self.kind,
            )
            words += ("-srcalias", alias, "-destkeystore", str(out), "-deststoretype", "PKCS12")
            passwords = {"-srcstorepass": self.password, "-deststorepass": passing, "-destkeypass": passing}
            if self.kind != "PKCS12":
                passwords["-srckeypass"] = self.of_key
            try:
                java_keystores.run_keytool(words, passwords)
            except KeytoolError as bad:
                raise self._fault(strip_control_chars(str(bad))) from bad
            return _of_pkcs12(self.path, _read(out), passing)

    def _fault(self, why: str) -> UsageError:
        if "UnrecoverableKeyException" in why and self.of_key == self.password:
            return UsageError(adoption_messages.ADOPT_KEY_PASSWORD, path=str(self.path))
        return UsageError(adoption_messages.ADOPT_KEYTOOL, path=str(self.path), why=why)


def _of_pkcs12(path: Path, octets: bytes, password: bytes | None) -> KeyMaterial:
    try:
        key, certificate, more = pkcs12.load_key_and_certificates(octets, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as bad:
        raise UsageError(_pkcs12_fault(octets, password, bad), path=str(path)) from bad
    if key is None:
        raise UsageError(adoption_messages.ADOPT_NO_KEY, path=str(path))
    if not isinstance(key, PrivateKey):
        raise UsageError(
            messages.UNREADABLE_FILE,
            path=str(path),
            why=error_reasons.translate_reason("the key is neither RSA nor EC"),
        )
    try:
        given = [encoding.checked(one) for one in (certificate, *more) if one is not None]
    except ValueError as bad:
        raise UsageError(messages.UNREADABLE_FILE, path=str(path), why=error_reasons.translate_reason(bad)) from bad
    key_material = _fitting(key, given, path)
    _refuse_several(key_material, path)
    return key_material


def is_pkcs12(octets: bytes) -> bool:
    """Return True for a PFX: a SEQUENCE that begins with version 3 (RFC 7292, 4)."""
    return octets[:1] == b"\x30" and b"\x02\x01\x03" in octets[:12]


def _pkcs12_fault(octets: bytes, password: bytes | None, bad: Exception) -> str:
    """Return the message for a file that could not be read as PKCS#12.

    Its password is wrong or missing, or it has another format.
    """
    if not is_pkcs12(octets) or "password" not in str(bad).casefold():
        return adoption_messages.ADOPT_NO_PKCS12
    return adoption_messages.ADOPT_NO_PASSWORD if password is None else adoption_messages.ADOPT_WRONG_PASSWORD


def _refuse_several(key_material: KeyMaterial, path: Path) -> None:
    """Raise UsageError for a file with certificates of other holders.

    Of several keys, OpenSSL silently returns the first.
    """
    also = [certificate for certificate in key_material.others if policy_oids.is_holder_certificate(certificate)]
    if also:
        serials = ", ".join(
            encoding.serial_hex(certificate.serial_number) for certificate in (key_material.certificate, *also)
        )
        raise UsageError(adoption_messages.ADOPT_SEVERAL, path=str(path), serials=serials)


def _fitting(key: PrivateKey, given: Sequence[x509.Certificate], path: Path) -> KeyMaterial:
    own = [certificate for certificate in given if key_storage.belongs(certificate, key)]
    if not own:
        raise UsageError(adoption_messages.ADOPT_MISFIT, path=str(path))
    # Of several for one key, the last to expire: the others are its predecessors.
    newest = max(own, key=lambda one: one.not_valid_after_utc)
    return KeyMaterial(key, newest, tuple(certificate for certificate in given if certificate not in own))


def _key(path: Path, octets: bytes, password: bytes | None) -> PrivateKey:
    load: Callable[[bytes, bytes | None], object] = (
        encoding.load_private_key if _PEM in octets else load_der_private_key
    )
    try:
        key = load(octets, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as bad:
        needs_password = password is None and (isinstance(bad, TypeError) or b"ENCRYPTED" in octets)
        wrong = adoption_messages.ADOPT_ENCRYPTED if needs_password else messages.UNREADABLE_FILE
        why = str(bad) if _PEM in octets else _der_fault(bad)
        raise UsageError(wrong, path=str(path), why=error_reasons.translate_reason(why)) from bad
    if not isinstance(key, PrivateKey):
        raise UsageError(
            messages.UNREADABLE_FILE,
            path=str(path),
            why=error_reasons.translate_reason("the key is neither RSA nor EC"),
        )
    return key


def _der_fault(bad: Exception) -> str:
    if isinstance(bad, TypeError):
        return "the key is not encrypted, so it needs no passphrase"
    is_wrong = "password" in str(bad).casefold()
    return "the passphrase is wrong" if is_wrong else "this is not a private key in DER or PEM"


def _certificates(path: Path) -> tuple[x509.Certificate, ...]:
    octets = _read(path)
    try:
        return chain.load_bundle(octets) if _PEM in octets else (encoding.load_certificate(octets),)
    except ValueError as bad:
        raise UsageError(messages.UNREADABLE_FILE, path=str(path), why=error_reasons.translate_reason(bad)) from bad


def _read(path: Path) -> bytes:
    try:
        return standard_input.read_file(path, LARGEST)
    except (OSError, InputTakenError) as bad:
        raise UsageError(messages.UNREADABLE_FILE, path=str(path), why=error_reasons.translate_reason(bad)) from bad
