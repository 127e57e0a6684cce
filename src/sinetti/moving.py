"""Moves out of an authority's folder what PRODUCTION may not have there: root keys, and the others' pass-phrase."""

import secrets
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sinetti.actions.publish import OFFLINE_LIFE, publish
from sinetti.domain.values import Environment
from sinetti.pki.formats import PrivateKey, load_private_key
from sinetti.settings.folder import FolderDamaged, FolderError, locked, sync
from sinetti.settings.offline_keys import OfflineKeys
from sinetti.settings.passphrases import read_passphrase, write_passphrase
from sinetti.wiring import Authority


def check_apart(authority: Authority) -> None:
    """Refuse PRODUCTION with the key of a root or intermediate CA, or the pass-phrase, in DIR. Raises FolderDamaged."""
    folder = authority.folder
    if authority.settings.environment is not Environment.PRODUCTION:
        return
    if found := _key_files(authority):
        move = f"run sinetti authority offline --dir {folder.root} --offline-dir DIR2"
        what = move if found[0].suffix == ".pem" else "destroy it if it is a copy, or move it away"
        sentence = f"the key of a root or intermediate CA lies in {found[0]}, where PRODUCTION has none: {what}"
        raise FolderDamaged(sentence)
    if folder.passphrase.exists():
        command = f"sinetti authority passphrase --dir {folder.root} --to FILE"
        sentence = f"the keys' pass-phrase lies beside them in {folder.root}, where it protects nothing: run {command}"
        raise FolderDamaged(sentence)


def move_offline(authority: Authority, passphrase: bytes, offline: OfflineKeys) -> tuple[str, ...]:
    """Move the keys of root and intermediate CAs out of the folder, encrypted anew; gives their names.

    Their lists are signed first, for a year. The keys are written and on disk there, read back and compared, and only
    then removed here: after a kill at any point the same call goes on. `passphrase` opens the keys in the folder.
    Raises FolderError, FolderDamaged and what `publish` raises.
    """
    folder, office = authority.folder, authority.office
    with locked(folder.root):
        names = [spec.file_name for spec in authority.hierarchy.kept_offline]
        keys = {name: _key(authority, name, passphrase) for name in names if name not in office.offline}
        if not keys:
            sentence = f"the keys of root and intermediate CAs are not in {folder.root}: there is nothing to move"
            raise FolderError(sentence)
        offline.check_place(folder, authority.journal.folder)
        if len(keys) < len(names) and not offline.is_there():
            sentence = f"{', '.join(sorted(office.offline))} went elsewhere before: give the folder that has its key"
            raise FolderError(sentence)
        for name in keys:
            publish(name, office.issuers[name].shard, office, secrets.token_hex(16), OFFLINE_LIFE)
        office.step("published")
        certificates = {name: office.issuers[name].certificate for name in names}
        if not offline.is_there():
            offline.write(keys, certificates)
        office.step("written")
        # What lies there already is an earlier run's, or it does not pass this: nothing there is ever overwritten.
        offline.check(certificates)
        for name, key in keys.items():
            if _octets(load_private_key(offline.key_file(name).read_bytes(), offline.passphrase)) != _octets(key):
                sentence = f"{offline.key_file(name)} is another key than the one in {folder.keys}: nothing was removed"
                raise FolderDamaged(sentence)
        office.step("compared")
        for name in keys:
            (folder.keys / f"{name}.pem").unlink()
            office.step("removed one")
        sync(folder.keys)
    return tuple(keys)


def move_passphrase(authority: Authority, to: Path) -> None:
    """Move the pass-phrase out of the folder: written and on disk there, read back, and only then removed here.

    Raises FolderError and PassphraseError.
    """
    folder = authority.folder
    with locked(folder.root):
        if not folder.passphrase.exists():
            sentence = f"there is no pass-phrase in {folder.root}: it was kept elsewhere from the start, or moved"
            raise FolderError(sentence)
        if to.resolve().is_relative_to(folder.root.resolve()):
            sentence = f"{to} lies in {folder.root}, beside the keys: choose a place outside"
            raise FolderError(sentence)
        phrase = folder.read(folder.passphrase)
        if not to.exists():
            write_passphrase(to, phrase)
        if read_passphrase(to) != phrase:
            sentence = f"{to} holds something else than this pass-phrase: nothing was removed; choose another file"
            raise FolderError(sentence)
        folder.passphrase.unlink()
        sync(folder.passphrase.parent)


def _key_files(authority: Authority) -> list[Path]:
    """The key files of root and intermediate CAs in the folder, and copies beside them: NAME.pem.old."""
    return [
        path
        for spec in authority.hierarchy.kept_offline
        for path in sorted(authority.folder.keys.glob(f"{spec.file_name}.*"))
    ]


def _key(authority: Authority, name: str, passphrase: bytes) -> PrivateKey:
    path = authority.folder.keys / f"{name}.pem"
    try:
        return load_private_key(authority.folder.read(path), passphrase)
    except ValueError as bad:
        sentence = f"{path} cannot be opened: {bad}"
        raise FolderDamaged(sentence) from None


def _octets(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
