"""Separation of an authority from its keys: they move to a signer's folder.

See docs/operators/signer.md.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC
from hashlib import sha256
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import FolderDamaged, FolderError, atomic_directory, locked
from sinetti.authority.key_files import certificates_of, log_verifiers, origin_of
from sinetti.authority.key_store import REQUEST_SUFFIX, NewKey, SigningKey, TokenKeyStore, open_keys
from sinetti.authority.secret_files import read_secrets
from sinetti.authority.secret_wrappings import TokenWrapping
from sinetti.authority.service_certificates import managed_leaves
from sinetti.authority.signer.lists import AdoptedList, adopt
from sinetti.authority.signer.protocol import SignerOperation
from sinetti.authority.signer.remote_store import SUFFIX, RemoteKeyStore, write_remote_name
from sinetti.authority.signer.store import AdoptedCertificate, SignerStore, SignerStoreDamaged
from sinetti.authority.signer_process import (
    SignerFolder,
    key_name,
    open_signer,
    socket_misplaced,
    write_public_half,
)
from sinetti.ca.profiles import ca_key
from sinetti.database.approvals import officers
from sinetti.database.evidence import log_tree
from sinetti.database.issuance import crls, ocsp_responses
from sinetti.database.operations import authorities
from sinetti.domain.approvals.acts import OF_SIGNER, ApprovalPolicy
from sinetti.domain.values import Environment
from sinetti.infra.atomic_files import sync_path, write_atomic, write_synced
from sinetti.infra.file_permissions import ROOT, User, acting_as
from sinetti.pki.encoding import serial_hex
from sinetti.pki.signers import pkcs11_uri
from sinetti.pki.signers.token_keys import TokenPublicKey
from sinetti.settings import signer as signer_settings
from sinetti.settings.authority import write_signer
from sinetti.settings.signer import PolicyOfficer, SignerPolicy, policy_for
from sinetti.wire.transparency.notes import Checkpoint

SIGNER_FIX = "correct signer.toml in the signer's folder, and restart the signer (docs/operators/signer.md)"
"""Repair of differences between the officers of service and signer."""


@dataclass(frozen=True)
class SeparationOptions:
    """Folder, socket and user of a signer.

    `passphrase` opens its keys in files; None: it is generated in the folder. `owner` is the number of the user and of
    the group that own the folder afterwards, or None.
    """

    root: Path
    socket: Path
    orders_per_day: int
    passphrase: bytes | None = field(default=None, repr=False)
    owner: User | None = None


@dataclass(frozen=True)
class _MovedKey:
    """Key of the service: its name here, its name in the signer, and its public half."""

    name: str
    remote: str
    public: TokenPublicKey


def separate_keys(authority: Authority, options: SeparationOptions) -> tuple[str, ...]:
    """Move all keys to the folder of a signer, and return their names there.

    The folder is built beside its place, with what the authority has signed so far. Its keys are opened again and
    compared. Then `authority.toml` names the socket, and the keys are removed here. After a kill, the same call
    continues. Raises FolderError, FolderDamaged, SettingsError, SignerUnavailable and OSError.
    """
    folder, ctx = authority.folder, authority.ctx
    with locked(folder.root):
        moved = _keys_of(authority)
        if not authority.settings.signer:
            check_separation(authority, options)
            with acting_as(ROOT):
                _remove_unused(options.root, moved)
                _build(authority, options, moved)
            ctx.step("built")
            with _handed_over(authority, options):
                ctx.step("handed over")
                _compare(options, moved)
            for moved_key in moved:
                write_remote_name(folder.keys, moved_key.name, moved_key.remote)
            sync_path(folder.keys)
            ctx.step("named")
            write_signer(folder.settings, options.socket)
            ctx.step("switched")
        else:
            _compare(options, moved)
        for moved_key in moved:
            for path in (folder.keys / f"{moved_key.name}.pem", folder.keys / f"{moved_key.name}.uri"):
                path.unlink(missing_ok=True)
            ctx.step("removed one")
        sync_path(folder.keys)
    return tuple(moved_key.remote for moved_key in moved)


def check_separation(authority: Authority, options: SeparationOptions) -> None:
    """Raise FolderError unless the keys can move to a signer in this place."""
    if authority.settings.signer:
        return
    root, place, path = options.root, options.root.resolve(), options.socket.resolve()
    for other in (authority.folder.root.resolve(), authority.journal.folder.resolve()):
        if place.is_relative_to(other) or other.is_relative_to(place):
            raise FolderError(f"the signer's folder {root} would not be separate from {other}: choose another place")
        if path.is_relative_to(other):
            raise FolderError(socket_misplaced(options.socket, other))
    if path.is_relative_to(place):
        raise FolderError(socket_misplaced(options.socket, place))
    folder, instance = SignerFolder(root), authority.folder.instance_id()
    # The service's user, who signs a proposal, cannot look into the folder of the signer's.
    with acting_as(ROOT), suppress(PermissionError):
        is_taken = root.exists() and any(root.iterdir())
        if is_taken and not (folder.policy.exists() and folder.read_policy().instance_id == instance):
            raise FolderError(f"{root} is not empty, and it is not a signer of this authority: choose another folder")
    _check_secrets(authority, options)
    _check_nothing_begun(authority)


def _remove_unused(root: Path, moved: list[_MovedKey]) -> None:
    """Remove the folder that a killed call built.

    The authority does not know that signer yet, or it is an old copy that does not know it any more. Raises FolderError
    if the signer was in use, and FolderDamaged.
    """
    folder = SignerFolder(root)
    if not folder.policy.exists():
        return
    try:
        store = SignerStore(folder.store, is_new=False)
    except SignerStoreDamaged as bad:
        raise FolderDamaged(str(bad)) from bad
    with store.transaction():
        is_used = store.has_signed()
    store.close()
    if is_used or {path.stem for path in folder.keys.glob("*.pub")} - {moved_key.remote for moved_key in moved}:
        raise FolderError(
            f"the signer in {root} is in use, and this copy of the authority is from before: restore the newest copy "
            "of its folder"
        )
    shutil.rmtree(root)


def _pin_files(authority: Authority, options: SeparationOptions) -> set[Path]:
    """Return the files with PINs that a signer of another user gets."""
    stores = authority.keys.tokens() if options.owner is not None else ()
    names = [moved_key.name for moved_key in _keys_of(authority)]
    return {store.location(name).place.pin_file for store in stores for name in names if store.has(name)}


@contextmanager
def _handed_over(authority: Authority, options: SeparationOptions) -> Iterator[None]:
    """Give the files of PINs to the signer's user, or back if the block fails.

    The service can use the tokens no more.
    """
    paths, status = _pin_files(authority, options), authority.folder.root.stat()
    service, signer = (status.st_uid, status.st_gid), options.owner or ROOT
    give_files(paths, service, signer)
    try:
        yield
    except Exception:
        give_files(paths, signer, service)
        raise


def give_files(paths: Iterable[Path], before: User, after: User) -> None:
    """Give files of one user to another.

    The service's user names the paths, so files of other users stay theirs.
    """
    with acting_as(ROOT):
        for path in paths:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_uid == before[0]:
                    os.fchown(file.fileno(), *after)


def _check_secrets(authority: Authority, options: SeparationOptions) -> None:
    """Raise FolderError if the service would need the PIN of the signer's token.

    In TEST it may, if both have one user. With that PIN the service could use the keys that are taken from it.
    """
    folder, token = authority.folder, authority.settings.token
    is_shared = authority.settings.environment is not Environment.PRODUCTION and options.owner is None
    if is_shared or token is None:
        return
    for wrapping in read_secrets(folder).wrappings.values():
        if isinstance(wrapping, TokenWrapping) and wrapping.at.place.label == token.label:
            raise FolderError(
                f"the token {token.label} opens the secret keys of the service, which would keep its PIN: run sinetti "
                "authority secrets wrap passphrase --alone first, or give another token with wrap token --alone"
            )


def _check_nothing_begun(authority: Authority) -> None:
    """Raise FolderError if a CA has a key, but no certificate.

    The signer knows CAs by their certificates.
    """
    begun = sorted(path.stem for path in authority.folder.keys.glob(f"*{REQUEST_SUFFIX}"))
    if begun:
        raise FolderError(f"{begun[0]} has no certificate yet: finish it with sinetti authority ca install first")


def _keys_of(authority: Authority) -> list[_MovedKey]:
    """Return the keys that are here or were moved before.

    They have the names that they get in the signer.
    """
    folder, hierarchy, policy = authority.folder, authority.hierarchy, _policy(authority, 1)
    moved_keys = [
        _MovedKey(spec.file_name, spec.file_name, ca_key(authority.ctx.issuers[spec.file_name].certificate))
        for spec in hierarchy.authorities
        if spec.file_name not in authority.ctx.offline
    ]
    for spec in managed_leaves(hierarchy, authority.ctx.issuers):
        for certificate in certificates_of(folder, spec.files, spec.issuer.certificate):
            public = cast("TokenPublicKey", certificate.public_key())
            name = f"{spec.files.name}-{serial_hex(certificate.serial_number)}"
            moved_keys.append(_MovedKey(name, key_name(spec.files.name, public, policy), public))
    for name, verifier in log_verifiers(folder).items():
        moved_keys.append(_MovedKey(name, name, Ed25519PublicKey.from_public_bytes(verifier.public)))
    here = {path.stem for path in folder.keys.iterdir() if path.suffix in {".pem", ".uri", SUFFIX}}
    return [moved_key for moved_key in moved_keys if moved_key.name in here]


def _build(authority: Authority, options: SeparationOptions, moved: list[_MovedKey]) -> None:
    options.root.parent.mkdir(parents=True, exist_ok=True)
    with atomic_directory(options.root, inside=("keys", "secrets")) as new:
        signer = SignerFolder(new.root)
        policy = _policy(authority, options.orders_per_day)
        write_atomic(signer.policy, signer_settings.render(policy).encode())
        phrase = options.passphrase
        if phrase is None:
            phrase = os.urandom(32).hex().encode()
            write_synced(new.passphrase, phrase + b"\n")
        for moved_key in moved:
            write_public_half(signer, moved_key.remote, moved_key.public)
            _copy_key(authority, moved_key, signer, phrase)
        store = SignerStore(signer.store)
        try:
            adopt(store, _certificates(authority), _lists(authority, policy), _head(authority))
        finally:
            store.close()
        if options.owner is not None:
            for path in [new.root, *new.root.rglob("*")]:
                os.chown(path, *options.owner, follow_symlinks=False)


def _copy_key(authority: Authority, moved_key: _MovedKey, signer: SignerFolder, passphrase: bytes) -> None:
    """Write a key into the signer's folder, encrypted anew.

    For a key in a token, its URI is written.
    """
    store = authority.keys.store_of(moved_key.name)
    if isinstance(store, TokenKeyStore):
        write_atomic(signer.keys / f"{moved_key.remote}.uri", pkcs11_uri.dump(store.location(moved_key.name)))
        return
    target = open_keys(signer.keys, None, passphrase, {})
    try:
        key: SigningKey = store.open(moved_key.name, moved_key.public)
    except (OSError, ValueError) as bad:
        raise FolderDamaged(f"the key {moved_key.name} cannot be used: {bad}") from None
    target.makes.keep(NewKey(key), moved_key.remote)


def _compare(options: SeparationOptions, moved: list[_MovedKey]) -> None:
    """Open the signer's folder as its user, and sign with each key.

    Raises FolderDamaged unless it has all keys, and SignerUnavailable.
    """
    with acting_as(options.owner):
        opened = open_signer(options.root, options.passphrase)
        try:
            if missing := {moved_key.remote for moved_key in moved} - set(opened.rules.key_names):
                raise FolderDamaged(f"the signer in {options.root} lacks the key {min(missing)}: nothing was removed")
            for key in moved:
                opened.check_key(key.remote.encode())
        finally:
            opened.close()


def _policy(authority: Authority, orders_per_day: int) -> SignerPolicy:
    pinned, rules = _approvals(authority)
    certificates = {name: issuer.certificate for name, issuer in authority.ctx.issuers.items()}
    origin = origin_of(authority.settings.base_url)
    policy = policy_for(authority.hierarchy, certificates, authority.folder.instance_id(), origin, pinned)
    return replace(policy, keys=authority.ctx.policy, orders_per_day=orders_per_day, approvals=rules)


def compare_officers(authority: Authority) -> Iterator[str]:
    """Yield each difference of the separate signer's officers from those in force.

    The rules of approvals are compared, too. Without such a signer there is none. Raises SignerUnavailable.
    """
    expected = signer_settings.approval_lines(*_approvals(authority))
    for store in authority.keys.stores:
        if isinstance(store, RemoteKeyStore):
            pinned = [line.decode() for line in store.client.call(SignerOperation.OFFICERS)]
            yield from (f"signer.toml lacks what is in force: {line}" for line in expected if line not in pinned)
            yield from (f"signer.toml has what is not in force: {line}" for line in pinned if line not in expected)


def _approvals(authority: Authority) -> tuple[tuple[PolicyOfficer, ...], ApprovalPolicy]:
    """Return the officers in force, and the rules of acts that the signer verifies."""
    rules = authority.ctx.approvals
    pinned = tuple(
        PolicyOfficer(officer.name, officer.role, officer.key) for officer in officers.list_officers(authority.ctx.db)
    )
    return pinned, ApprovalPolicy({act: rules.people_for(act) for act in OF_SIGNER}, rules.keys)


def _certificates(authority: Authority) -> Iterator[AdoptedCertificate]:
    for ca, serial, not_after, tbs in ocsp_responses.list_signed(authority.ctx.db):
        digest = sha256(tbs).digest() if tbs else b""
        yield AdoptedCertificate(ca, bytes.fromhex(serial), not_after.astimezone(UTC), digest)


def _lists(authority: Authority, policy: SignerPolicy) -> Iterator[AdoptedList]:
    db = authority.ctx.db
    for ca in policy.authorities:
        for shard in range(authorities.open_shard(db, ca.file_name) + 1):
            newest = crls.latest_crl(db, ca.file_name, shard)
            if newest is not None:
                yield AdoptedList(ca, newest.der)


def _head(authority: Authority) -> tuple[int, bytes] | None:
    note = log_tree.find_head(authority.ctx.db)
    return None if note is None else Checkpoint.parse(note.text).head
