"""Import of a TEST authority's key files into a PKCS#11 token."""

from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import FolderDamaged, FolderError, locked
from sinetti.authority.key_inventory import ListedKey, holder_of, list_keys
from sinetti.authority.key_store import FileKeyStore, NewKey, TokenKeyStore, check_signature
from sinetti.domain.values import Environment
from sinetti.infra.atomic_files import sync_path
from sinetti.pki.signers import SignerUnavailable
from sinetti.pki.signers.pkcs11_uri import TokenLocation
from sinetti.pki.signers.token_keys import located
from sinetti.pki.signers.token_pool import TokenPool
from sinetti.settings.authority import write_token


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
        listed = [one for one in list_keys(holder_of(authority)) if (folder.keys / f"{one.name}.pem").exists()]
        if not listed and settings.token is not None:
            raise FolderError(f"no key of this authority is in a file in {folder.keys}: there is nothing to move")
        pool = TokenPool(folder.keys)
        try:
            store = TokenKeyStore(folder.keys, token, pool)
            store.delete_reserved()
            for one in listed:
                _move(one, store, FileKeyStore(folder.keys, authority.passphrase), authority)
        finally:
            pool.close()
        write_token(folder.settings, token)
    return tuple(one.name for one in listed)


def _move(one: ListedKey, store: TokenKeyStore, files: FileKeyStore, authority: Authority) -> None:
    """Move one key. Raises FolderDamaged and SignerUnavailable."""
    keys, step = authority.folder.keys, authority.ctx.step
    try:
        if not store.has(one.name):
            key, at = files.open(one.name, one.public), store.reserve(one.name)
            new = NewKey(key, located(at, one.public))
            try:
                store.pool.import_key(at, key)
                step("imported")
            except SignerUnavailable:
                store.discard(new)
                raise
            store.keep(new, one.name)
            step("named")
        check_signature(store.open(one.name, one.public), one.public)
    except ValueError as bad:
        raise FolderDamaged(f"the key {one.name} was not moved: {bad}") from None
    (keys / f"{one.name}.pem").unlink()
    sync_path(keys)
    step("removed one")
