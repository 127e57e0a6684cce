"""Offline medium: encrypted keys of offline CAs, and their register.

`NAME.pem` is PKCS#8 under the medium's key in hex, so `openssl pkey` opens it. `NAME.cer.pem` identifies it. `register`
has everything that the keys signed, and is authenticated with the medium's key. It must run without the database.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.authority.data_directory import FolderDamaged, FolderError, atomic_directory
from sinetti.ca.ceremony.registry import MadeItem, MadeKind, OfflineSigner, Registry, parse_registry
from sinetti.ca.ceremony.sets import RequestSet
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.hierarchy_model import CaSpec
from sinetti.infra.atomic_files import PRIVATE, write_atomic, write_synced
from sinetti.pki.encoding import (
    PrivateKey,
    PublicKey,
    certificate_der,
    dump_private_key,
    generate_key,
    load_certificate,
    load_private_key,
    sha256_hex,
    sign,
)
from sinetti.pki.key_policy import key_type

_REGISTER = "register"
_DIGITS = 64


@dataclass(frozen=True)
class OpenedMedium:
    """Opened medium: its folder, register and keys. `key` is that of the custodians."""

    place: Path
    registry: Registry
    key: bytes = field(repr=False)
    keys: Mapping[str, PrivateKey] = field(repr=False)

    @property
    def public_keys(self) -> dict[str, PublicKey]:
        """Public keys of the medium's CAs, by name."""
        return {name: key.public_key() for name, key in self.keys.items()}

    def with_keys(self, specs: Iterable[CaSpec]) -> "OpenedMedium":
        """Return the medium with a key for each of these CAs.

        Missing keys are made. Raises CeremonyError if the medium has a key of another type.
        """
        keys = dict(self.keys)
        for spec in specs:
            if spec.file_name not in keys:
                keys[spec.file_name] = generate_key(spec.key_type)
                octets = dump_private_key(keys[spec.file_name], _passphrase(self.key))
                write_atomic(self.place / f"{spec.file_name}.pem", octets, PRIVATE)
            elif key_type(keys[spec.file_name].public_key()) is not spec.key_type:
                raise CeremonyError(
                    f"the medium has a key of {spec.name} that is no {spec.key_type}: name that type in the plan"
                )
        return replace(self, keys=keys)

    def signer(self, step: Callable[[str], None]) -> OfflineSigner:
        """Return what signs with these keys, and keeps the register on the medium."""
        return OfflineSigner(self.registry, lambda name, octets: sign(self.keys[name], octets), self._store, step)

    def _store(self, registry: Registry) -> None:
        write_atomic(self.place / _REGISTER, _sealed(registry, self.key), PRIVATE)

    def write_certificates(self, registry: Registry) -> None:
        """Write the certificates of the medium's keys beside them, for people and openssl."""
        for name, certificate in registry.certificates().items():
            if name in self.keys:
                write_atomic(self.place / f"{name}.cer.pem", certificate.public_bytes(Encoding.PEM))


def check_new(place: Path) -> None:
    """Raise FolderError unless a new medium can be created in this place."""
    try:
        is_taken = place.exists() and (not place.is_dir() or any(place.iterdir()))
    except OSError as closed:
        raise FolderError(f"{place} cannot be read: {closed.strerror}") from closed
    if is_taken:
        raise FolderError(f"{place} is not empty; keys are never overwritten. Choose a new folder on an empty medium")


def create_medium(place: Path, registry: Registry, key: bytes, keys: Mapping[str, PrivateKey]) -> OpenedMedium:
    """Create the folder of a medium as a whole, and read it back. Raises FolderError."""
    check_new(place)
    with atomic_directory(place, inside=()) as new:
        for name, private in keys.items():
            write_synced(new.root / f"{name}.pem", dump_private_key(private, _passphrase(key)))
        write_synced(new.root / _REGISTER, _sealed(registry, key))
    return open_medium(place, key)


def has_medium(place: Path) -> bool:
    """Return whether a medium is in this place."""
    return (place / _REGISTER).is_file()


def read_registry(place: Path, request: RequestSet | None = None) -> Registry:
    """Read the register without the key, to check a request early.

    A folder that `--offline-dir` made has none until its first ceremony: then it is the root of the request, without
    custodians. Raises FolderDamaged and CeremonyError.
    """
    if request is None or has_medium(place):
        return parse_registry(_read(place / _REGISTER)[:-_DIGITS])
    for path in sorted(place.glob("*.cer.pem")):
        certificate, name = load_certificate(_read(path)), path.name.removesuffix(".cer.pem")
        der = certificate_der(certificate)
        if sha256_hex(der) == request.authority:
            root = MadeItem("", MadeKind.CERTIFICATE, name, name, made=der)
            return Registry(place.name, request.environment, request.base_url, (), {name: name}, (root,))
    raise FolderDamaged(f"{place} has neither a register nor the root of this request: check --medium")


def open_medium(place: Path, key: bytes, request: RequestSet | None = None) -> OpenedMedium:
    """Open a medium, or a folder of `--offline-dir` with its pass-phrase.

    Raises CeremonyError if the key is another medium's or the register was changed, and FolderDamaged.
    """
    registry = read_registry(place, request)
    octets = _read(place / _REGISTER) if has_medium(place) else _sealed(registry, key)
    if not hmac.compare_digest(_mac(octets[:-_DIGITS], key), octets[-_DIGITS:]):
        raise CeremonyError(
            f"the shares do not open the medium {registry.medium}, or its register was changed: take the sheets of "
            "this medium, or its other copy"
        )
    keys = {}
    for path in sorted(place.glob("*.pem")):
        if not path.name.endswith(".cer.pem"):
            try:
                keys[path.stem] = load_private_key(_read(path), _passphrase(key) if registry.custodians else key)
            except ValueError:
                if not registry.custodians:
                    raise CeremonyError(f"the pass-phrase does not open {path}") from None
                raise FolderDamaged(f"{path} is damaged: take the other copy of the medium") from None
    return OpenedMedium(place, registry, key, keys)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as missing:
        raise FolderDamaged(
            f"{path} cannot be read ({missing.strerror}): check --medium, or take the other copy of the medium"
        ) from missing


def _sealed(registry: Registry, key: bytes) -> bytes:
    return registry.octets + _mac(registry.octets, key)


def _mac(octets: bytes, key: bytes) -> bytes:
    return hmac.new(key, b"sinetti-medium-register-v1" + octets, hashlib.sha256).hexdigest().encode()


def _passphrase(key: bytes) -> bytes:
    return key.hex().encode()
