"""Removal of secrets from a folder for PRODUCTION: offline keys and pass-phrase.

Offline keys get a separate folder. It is created atomically, read back, and never overwritten.
"""

import secrets
import shutil
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import DataDirectory, FolderDamaged, FolderError, atomic_directory, locked
from sinetti.authority.key_inventory import ListedKey, holder_of, list_keys
from sinetti.authority.key_store import REQUEST_SUFFIX, FileKeyStore, NewKey, TokenKeyStore, check_signature
from sinetti.authority.passphrases import read_passphrase, write_passphrase
from sinetti.authority.secret_files import SecretsClosed
from sinetti.domain.secret_keys import Keyring
from sinetti.domain.values import Environment
from sinetti.infra.atomic_files import sync_path, write_synced
from sinetti.pki.encoding import PrivateKey, dump_private_key, load_private_key
from sinetti.pki.signers import SignerUnavailable
from sinetti.pki.signers.pkcs11_uri import TokenLocation
from sinetti.pki.signers.token_keys import located
from sinetti.pki.signers.token_pool import TokenPool
from sinetti.services.status.crl import OFFLINE_LIFE, publish
from sinetti.settings.authority import write_token


@dataclass(frozen=True)
class OfflineKeys:
    """Folder of offline keys.

    It contains `DIR2/NAME.pem`, encrypted under a separate pass-phrase, and `DIR2/NAME.cer.pem` to identify them.
    During an initialisation, a file `founding` in it holds the path of the authority's folder.
    """

    place: Path
    passphrase: bytes = field(repr=False)

    def key_file(self, name: str) -> Path:
        """Return the path of a CA's key."""
        return self.place / f"{name}.pem"

    def check_place(self, folder: DataDirectory, journal: Path) -> None:
        """Raise FolderError for a place that overlaps the authority's folder or journals."""
        place = self.place.resolve()
        for other in (folder.root.resolve(), journal.resolve()):
            if place.is_relative_to(other) or other.is_relative_to(place):
                raise FolderError(
                    f"keys in {self.place} would not be separate from {other}: choose a folder on another disk"
                )

    def is_there(self) -> bool:
        """Return whether the path is in use. Raises FolderError."""
        try:
            return self.place.exists() and (not self.place.is_dir() or any(self.place.iterdir()))
        except OSError as closed:
            raise FolderError(f"{self.place} cannot be read: {closed.strerror}") from closed

    def clear_what_was_begun(self, folder: DataDirectory) -> None:
        """Remove the keys of an initialisation that was killed before it had its folder.

        Raises FolderError if the folder has any other content.
        """
        if not self.is_there():
            return
        mark = self.place / "founding"
        if not mark.is_file() or mark.read_text(encoding="utf-8") != str(folder.root):
            raise FolderError(f"{self.place} is not empty; keys are never overwritten. Choose another folder")
        shutil.rmtree(self.place)

    def write(
        self, keys: Mapping[str, PrivateKey], certificates: Mapping[str, x509.Certificate], mark: str = ""
    ) -> None:
        """Create the folder with these keys, and write it to disk. Raises FolderError."""
        with atomic_directory(self.place, inside=()) as new:
            for name, key in keys.items():
                write_synced(new.root / f"{name}.pem", dump_private_key(key, self.passphrase))
                write_synced(new.root / f"{name}.cer.pem", certificates[name].public_bytes(Encoding.PEM))
            if mark:
                (new.root / "founding").write_text(mark, encoding="utf-8")

    def check(self, certificates: Mapping[str, x509.Certificate]) -> None:
        """Read each key with the pass-phrase, and compare it with its certificate.

        Raises FolderDamaged.
        """
        for name, certificate in certificates.items():
            path = self.key_file(name)
            try:
                key = load_private_key(path.read_bytes(), self.passphrase)
            except OSError as missing:
                raise FolderDamaged(f"{path} cannot be read ({missing.strerror}): it is the key of {name}") from missing
            except ValueError:
                raise FolderDamaged(f"the pass-phrase does not open {path}") from None
            if key.public_key() != certificate.public_key():
                raise FolderDamaged(f"{path} is not the key of {name} of this authority")

    def finish(self) -> None:
        """Remove the mark of an initialisation. Raises OSError."""
        (self.place / "founding").unlink(missing_ok=True)
        sync_path(self.place)


_PRIVATE_KEY, _CERTIFICATE = b"PRIVATE KEY-----", b"-----BEGIN CERTIFICATE-----"
_PUBLIC = {".cer", ".crl", REQUEST_SUFFIX}
_LARGEST = 1024 * 1024
"""Largest file that is searched for secrets, in octets.

Keys, and files with several of them, are far smaller. A database is skipped.
"""


def check_key_separation(authority: Authority, tls_key: Path | None = None) -> None:
    """Raise FolderDamaged if a PRODUCTION folder holds secrets that belong elsewhere.

    They are the pass-phrase, secret keys in clear, and keys of root and intermediate CAs, under any name and at any
    depth. A copy is as good
    as the key. The CA of an encrypted key cannot be determined. So every private key (PEM) counts, except those at the
    service's own paths. `tls_key` is the server's.
    """
    folder = authority.folder
    if authority.settings.environment is not Environment.PRODUCTION:
        return
    if pairs := _key_files(authority, tls_key):
        path, named = pairs[0]
        whose = "the key of a root or intermediate CA" if named else "a private key that does not belong to the service"
        move = f"run sinetti authority offline --dir {folder.root} --offline-dir DIR2"
        known = named and path.parent == folder.keys and path.suffix == ".pem"
        what = move if known else f"destroy it if it is a copy, or move it out of {folder.root}"
        raise FolderDamaged(f"{whose} is in {path}, where PRODUCTION has none: {what}")
    if folder.passphrase.exists():
        command = f"sinetti authority passphrase --dir {folder.root} --to FILE"
        raise FolderDamaged(
            f"the keys' pass-phrase is beside them in {folder.root}, where it protects nothing: run {command}"
        )
    _check_no_clear_secret(authority)


def _check_no_clear_secret(authority: Authority) -> None:
    """Raise FolderDamaged if a file of the folder has the pass-phrase or a secret key."""
    folder = authority.folder
    forms: list[bytes] = []
    with suppress(SecretsClosed):  # `serve` opens them afterwards, and reports that
        forms = list(_clear_forms(authority.ctx.keyring))
    for path, octets in _small_files(folder.root):
        # A link out of the folder is harmless: a copy of the folder does not contain its target.
        if not path.resolve().is_relative_to(folder.root.resolve()):
            continue
        if authority.passphrase in octets.splitlines():
            raise FolderDamaged(
                f"the keys' pass-phrase is in {path}, beside them, where it protects nothing: destroy it if it is a "
                f"copy, or move it out of {folder.root} and name it with --passphrase-file"
            )
        if any(form in octets for form in forms):
            raise FolderDamaged(
                f"{path} contains a secret key that is not encrypted: destroy it, then run sinetti authority secrets "
                "rotate for every purpose (docs/operators/keys.md)"
            )


def _clear_forms(ring: Keyring) -> Iterator[bytes]:
    """Yield each secret key as it is, in hex and in base64."""
    for key in (key for keys in ring.keys.values() for key in keys):
        yield from (key.octets, key.octets.hex().encode(), b64encode(key.octets))


def check_relocation(
    authority: Authority, passphrase: bytes, offline: OfflineKeys
) -> tuple[dict[str, PrivateKey], dict[str, x509.Certificate]]:
    """Return the keys to move out of the folder, and the certificates of offline CAs.

    Raises the errors of `relocate_offline_keys`.
    """
    folder, ctx = authority.folder, authority.ctx
    in_tokens = sorted(path.stem for path in folder.keys.rglob("*.uri"))
    names = [spec.file_name for spec in authority.hierarchy.kept_offline if spec.file_name not in in_tokens]
    keys = {name: _key(authority, name, passphrase) for name in names if name not in ctx.offline}
    if not keys:
        raise FolderError(f"no file in {folder.root} has a key of a root or intermediate CA: there is nothing to move")
    offline.check_place(folder, authority.journal.folder)
    certificates = {name: ctx.issuers[name].certificate for name in names}
    if offline.is_there():
        # Existing files must be those of an earlier run; other files fail this check. Files are never overwritten.
        offline.check(certificates)
    elif len(keys) < len(names):
        raise FolderError(
            f"{', '.join(sorted(ctx.offline - set(in_tokens)))} was moved before: give the folder that has its key"
        )
    return keys, certificates


def relocate_offline_keys(authority: Authority, passphrase: bytes, offline: OfflineKeys) -> tuple[str, ...]:
    """Move the keys of root and intermediate CAs out of the folder.

    Returns the names of the CAs. `passphrase` opens the keys in the folder. The CAs' lists are signed first, for a
    year. The keys are encrypted again, written to disk, read back and compared. Only then are they removed here. After
    a kill at any point, the same call continues. Raises FolderError, FolderDamaged and the errors of `publish`.
    """
    folder, ctx = authority.folder, authority.ctx
    with locked(folder.root):
        keys, certificates = check_relocation(authority, passphrase, offline)
        for name in keys:
            publish(name, ctx, secrets.token_hex(16), ctx.now() + OFFLINE_LIFE)
        ctx.step("published")
        if not offline.is_there():
            offline.write(keys, certificates)
        ctx.step("written")
        offline.check(certificates)
        for name, key in keys.items():
            if _octets(load_private_key(offline.key_file(name).read_bytes(), offline.passphrase)) != _octets(key):
                raise FolderDamaged(
                    f"{offline.key_file(name)} is another key than the one in {folder.keys}: nothing was removed"
                )
        ctx.step("compared")
        for name in keys:
            (folder.keys / f"{name}.pem").unlink()
            ctx.step("removed one")
        sync_path(folder.keys)
    return tuple(keys)


def check_passphrase_move(folder: DataDirectory, to: Path) -> bytes:
    """Return the pass-phrase in the folder.

    Raises FolderError and PassphraseError if it cannot move to the file.
    """
    if not folder.passphrase.exists():
        raise FolderError(f"there is no pass-phrase in {folder.root}: it is in another place")
    if to.resolve().is_relative_to(folder.root.resolve()):
        raise FolderError(f"{to} is in {folder.root}, beside the keys: choose a place outside")
    phrase = folder.read(folder.passphrase)
    if to.exists() and read_passphrase(to) != phrase:
        raise FolderError(
            f"{to} contains something other than this pass-phrase: nothing was removed; choose another file"
        )
    return phrase


def move_passphrase(authority: Authority, to: Path) -> None:
    """Move the pass-phrase out of the folder.

    It is written to disk and read back before it is removed here. Raises FolderError and PassphraseError.
    """
    folder = authority.folder
    with locked(folder.root):
        phrase = check_passphrase_move(folder, to)
        if not to.exists():
            write_passphrase(to, phrase)
        check_passphrase_move(folder, to)
        folder.passphrase.unlink()
        sync_path(folder.passphrase.parent)


def _key_files(authority: Authority, tls_key: Path | None) -> list[tuple[Path, bool]]:
    """Return the keys in the folder that are not the service's own.

    The second value is True if the name is that of a root's key.
    """
    folder, hierarchy = authority.folder, authority.hierarchy
    offline = tuple(f"{spec.file_name}." for spec in hierarchy.kept_offline)
    own = {
        folder.keys / f"{spec.file_name}.pem" for spec in hierarchy.authorities if spec not in hierarchy.kept_offline
    }
    # A CA that was begun has its request beside its key, until it has its certificate.
    own |= {path.with_suffix(".pem") for path in folder.keys.glob(f"*{REQUEST_SUFFIX}")}
    own |= {*folder.keys.glob("log-*.pem")}
    own |= {*folder.keys.glob(f"{hierarchy.response_signer.file_name}-*.pem")}
    own |= {path for spec in hierarchy.answering for path in folder.keys.glob(f"{spec.responder_file_name}-*.pem")}
    served = tls_key.resolve() if tls_key is not None else None
    pairs = []
    for path, octets in _small_files(folder.root):
        public = path.suffix in _PUBLIC or octets.startswith(_CERTIFICATE)
        named = path.name.startswith(offline) and path not in own
        if (named and not public) or (_PRIVATE_KEY in octets and path not in own and path.resolve() != served):
            pairs.append((path, named))
    return pairs


def _small_files(root: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield the files of the folder, at any depth, with their octets.

    Files that are too large for a key or a pass-phrase are skipped.
    """
    for path in sorted(root.rglob("*")):
        # Temporary files of a database or a writer may have disappeared. Unreadable files are skipped.
        with suppress(OSError):
            if path.is_file() and path.stat().st_size <= _LARGEST:
                yield path, path.read_bytes()


def _key(authority: Authority, name: str, passphrase: bytes) -> PrivateKey:
    path = authority.folder.keys / f"{name}.pem"
    try:
        return load_private_key(authority.folder.read(path), passphrase)
    except ValueError as bad:
        raise FolderDamaged(f"{path} cannot be opened: {bad}") from None


def _octets(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def move_keys_to_token(authority: Authority, token: TokenLocation) -> tuple[str, ...]:
    """Import all keys in files into a token, and delete the files.

    Every process of the service is stopped. Each key is imported, found again and tested before its file is deleted.
    After a kill at any point, the same call continues. New keys are then created in the token.

    Raises FolderError, FolderDamaged and SignerUnavailable.
    """
    folder, settings = authority.folder, authority.settings
    if settings.environment is Environment.PRODUCTION:
        raise FolderError(
            "a key that was in a file may have copies, so PRODUCTION imports none: create a new generation of the "
            "CA in the token"
        )
    if settings.token not in {None, token}:
        raise FolderError(f"the keys of this authority are created in the token {settings.pkcs11_token}: name that one")
    with locked(folder.root):
        listed = [
            listed_key
            for listed_key in list_keys(holder_of(authority))
            if (folder.keys / f"{listed_key.name}.pem").exists()
        ]
        if not listed and settings.token is not None:
            raise FolderError(f"no key of this authority is in a file in {folder.keys}: there is nothing to move")
        pool = TokenPool(folder.keys)
        try:
            store = TokenKeyStore(folder.keys, token, pool)
            store.delete_reserved()
            for key in listed:
                _move(key, store, FileKeyStore(folder.keys, authority.passphrase), authority)
        finally:
            pool.close()
        write_token(folder.settings, token)
    return tuple(listed_key.name for listed_key in listed)


def _move(listed_key: ListedKey, store: TokenKeyStore, files: FileKeyStore, authority: Authority) -> None:
    """Move one key. Raises FolderDamaged and SignerUnavailable."""
    keys, step = authority.folder.keys, authority.ctx.step
    try:
        if not store.has(listed_key.name):
            key, at = files.open(listed_key.name, listed_key.public), store.reserve(listed_key.name)
            new = NewKey(key, located(at, listed_key.public))
            try:
                store.pool.import_key(at, key)
                step("imported")
            except SignerUnavailable:
                store.discard(new)
                raise
            store.keep(new, listed_key.name)
            step("named")
        check_signature(store.open(listed_key.name, listed_key.public), listed_key.public)
    except ValueError as bad:
        raise FolderDamaged(f"the key {listed_key.name} was not moved: {bad}") from None
    (keys / f"{listed_key.name}.pem").unlink()
    sync_path(keys)
    step("removed one")
