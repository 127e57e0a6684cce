"""Process of the separate signer: its folder, its keys, and its socket.

See docs/operators/signer.md.

The folder belongs to the signer's own user. It has `signer.toml`, `store.sqlite3`, `keys/` as an authority's folder
has them, and beside each key of the service or the log its public half, `keys/NAME.pub` (DER).
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, FolderError
from sinetti.authority.key_store import AuthorityKeys, SigningKey, check_signature, open_keys
from sinetti.authority.passphrases import locate
from sinetti.authority.signer.approvals import check_destruction
from sinetti.authority.signer.protocol import SignerOperation
from sinetti.authority.signer.rules import SigningRules
from sinetti.authority.signer.server import SignerActions, SignerServer
from sinetti.authority.signer.store import SignerStore, SignerStoreDamaged
from sinetti.authority.signer.successors import SignerSuccessors, read_successors, with_successors
from sinetti.ca.profiles import ca_key
from sinetti.domain.values import KeyType
from sinetti.infra.atomic_files import write_atomic
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.infra.unix_socket import listen_on_path
from sinetti.pki.key_policy import key_id
from sinetti.pki.signers import SignatureRefused, SignerUnavailable, pkcs11_uri
from sinetti.pki.signers.pkcs11_uri import TokenLocation
from sinetti.pki.signers.token_keys import ED25519, TokenPublicKey
from sinetti.settings import authority
from sinetti.settings import signer as signer_settings
from sinetti.settings.signer import SignerPolicy
from sinetti.wire.transparency.notes import ED25519 as NOTE_ED25519
from sinetti.wire.transparency.notes import VerifierKey

LOG = "log"
"""Label of the log's keys."""

MOST_NEW_KEYS = 20
"""Keys that the signer creates under one label in a day.

The service needs one every other year, and more after failures.
"""

_PUBLIC = ".pub"
_KEY_ID_DIGITS = 32
_BACKLOG = 1024


@dataclass(frozen=True)
class SignerFolder:
    """Paths of a signer's folder."""

    root: Path

    @property
    def policy(self) -> Path:
        """File with what the signer signs."""
        return self.root / "signer.toml"

    @property
    def store(self) -> Path:
        """File with what the signer has signed."""
        return self.root / "store.sqlite3"

    @property
    def keys(self) -> Path:
        """Folder of keys."""
        return self.root / "keys"

    def read_policy(self) -> SignerPolicy:
        """Read the policy, with the successors that were taken in.

        Raises FolderError if there is no signer, and SettingsError.
        """
        if not self.policy.exists():
            raise FolderError(f"there is no signer in {self.root}: make one with sinetti authority keys separate")
        return with_successors(signer_settings.read(self.policy), read_successors(self.root))


@dataclass(frozen=True)
class OpenedSigner:
    """Signer with its keys."""

    folder: SignerFolder
    keys: AuthorityKeys = field(repr=False)
    store: SignerStore = field(repr=False)
    rules: SigningRules = field(repr=False)

    @property
    def policy(self) -> SignerPolicy:
        """Policy, with the successors that were taken in."""
        return self.rules.policy

    def close(self) -> None:
        """Close the store, and end the processes that use tokens."""
        self.store.close()
        self.keys.close()

    def make_key(self, now: datetime, label_octets: bytes, kind: bytes) -> list[bytes]:
        """Create a key for a leaf of the service or for the log.

        Returns its name and its public half.

        Raises SignatureRefused and SignerUnavailable.
        """
        label = label_octets.decode("ascii", "replace")
        wanted = _wanted(self.policy, label, kind.decode("ascii", "replace"))
        names = [
            path
            for path in self.folder.keys.glob(f"{label}-*{_PUBLIC}")
            if path.stat().st_mtime > (now - timedelta(days=1)).timestamp()
        ]
        if len(names) >= MOST_NEW_KEYS:
            raise SignatureRefused(
                f"{len(names)} keys for {label} were made in a day: find out why before more are made"
            )
        new = self.keys.makes.create(label, wanted)
        public = new.key.public_key()
        name = key_name(label, public, self.policy)
        # The public half is first, so that a key in the folder always has it.
        write_public_half(self.folder, name, public)
        self.keys.makes.keep(new, name)
        self.rules.add_key(name, new.key)
        return [name.encode(), public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)]

    def check_key(self, name: bytes) -> list[bytes]:
        """Sign octets of the signer's own with a key, and verify that.

        Raises SignatureRefused for an unknown key, and SignerUnavailable.
        """
        key = self.rules.find_key(name.decode("ascii", "replace"))
        if key is None:
            raise SignatureRefused("the signer has no key of this name")
        try:
            check_signature(key, key.public_key())
        except ValueError as bad:
            raise SignerUnavailable(str(bad)) from bad
        return []

    def destroy_key(self, now: datetime, name: bytes, *approval: bytes) -> list[bytes]:
        """Destroy a key; one that is gone already stays so.

        Without officers in the policy, as in TEST, it takes no approval. Raises SignatureRefused and SignerUnavailable.
        """
        key_name = name.decode("ascii", "replace")
        key = self.rules.find_key(key_name)
        if key is None:
            return []
        if self.policy.officers:
            check_destruction(key.public_key(), approval, self.policy, now)
        self.rules.remove_key(key_name)
        try:
            self.keys.delete(key_name)
        except ValueError as bad:
            raise SignerUnavailable(str(bad)) from bad
        return []

    def list_unknown(self, *names: bytes) -> list[bytes]:
        """Return those of these certificates that the signer does not know.

        They are named as `CA/SERIAL` in hex.
        """
        pairs = []
        for name in names:
            ca, _, serial = name.decode("ascii").partition("/")
            pairs.append((ca, bytes.fromhex(serial)))
        return [f"{ca}/{serial.hex()}".encode() for ca, serial in self.rules.list_unknown(pairs)]

    def show(self, *certificates: bytes) -> list[bytes]:
        """Remember certificates (DER) that another signer of the CAs signed.

        Raises SignatureRefused.
        """
        self.rules.show(certificates)
        return []


def key_name(label: str, public: TokenPublicKey, policy: SignerPolicy) -> str:
    """Return the name of a key in the signer.

    It ends with the id of the public half.
    """
    if isinstance(public, Ed25519PublicKey):
        verifier = VerifierKey(policy.log_origin, NOTE_ED25519, public.public_bytes_raw())
        return f"{label}-{verifier.key_id.hex()}"
    return f"{label}-{key_id(public)[:_KEY_ID_DIGITS]}"


def write_public_half(folder: SignerFolder, name: str, public: TokenPublicKey) -> None:
    """Write the public half of a key. Raises OSError."""
    octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    write_atomic(folder.keys / f"{name}{_PUBLIC}", octets)


def _wanted(policy: SignerPolicy, label: str, kind: str) -> KeyType | str:
    """Return the type of a key that the service may have created.

    Raises SignatureRefused.
    """
    labels = {policy.response_signer_file_name, *(authority.responder_file_name for authority in policy.authorities)}
    if label == LOG and kind == ED25519:
        return ED25519
    if label in labels:
        with suppress(ValueError):
            return KeyType(kind)
    raise SignatureRefused("keys are created for response signers, OCSP responders and the log alone")


def open_signer(root: Path, passphrase: bytes | None = None) -> OpenedSigner:
    """Open a signer's folder and its keys.

    Without `passphrase`, the unit's credential or the folder's own is used. Raises FolderError, SettingsError,
    SignerStoreDamaged and SignerUnavailable.
    """
    folder = SignerFolder(root)
    policy = folder.read_policy()
    if passphrase is None and (source := locate(DataDirectory(root), DirectoryKind.AUTHORITY)) is not None:
        passphrase = source.octets
    certificate_keys = {authority.file_name: ca_key(authority.certificate) for authority in policy.authorities}
    ca_keys: dict[str, TokenPublicKey] = {**certificate_keys}
    keys = open_keys(folder.keys, _token_of(folder), passphrase, certificate_keys)
    opened: dict[str, SigningKey] = {}
    for name, public in {**ca_keys, **_public_halves(folder)}.items():
        if not keys.store_of(name).has(name):
            continue  # a root's key is elsewhere, and a killed process left a public half alone
        try:
            opened[name] = keys.open(name, public)
        except (OSError, ValueError) as bad:
            raise FolderDamaged(f"the key {name} of the signer in {root} cannot be used: {bad}") from None
    try:
        store = SignerStore(folder.store, is_new=False)
    except SignerStoreDamaged as bad:
        raise FolderDamaged(str(bad)) from bad
    return OpenedSigner(folder, keys, store, SigningRules(policy, store, opened))


def _public_halves(folder: SignerFolder) -> dict[str, TokenPublicKey]:
    found = {}
    for path in sorted(folder.keys.glob(f"*{_PUBLIC}")):
        try:
            found[path.stem] = cast("TokenPublicKey", load_der_public_key(path.read_bytes()))
        except ValueError:
            raise FolderDamaged(f"{path} is not a public key: restore it from a backup of the signer") from None
    return found


def _token_of(folder: SignerFolder) -> TokenLocation | None:
    """Return the token of the signer's keys.

    New keys are created there. None: the keys are files.
    """
    names = sorted(path.stem for path in folder.keys.glob("*.uri"))
    return pkcs11_uri.load((folder.keys / f"{names[0]}.uri").read_bytes()).place if names else None


@dataclass(frozen=True)
class SignerOptions:
    """Socket of a signer, and the numbers of the users that may use it.

    With `until_stdin_closes` it stops when its standard input ends, as when the process that started it does.
    """

    socket: Path
    users: Collection[int]
    now: Callable[[], datetime] = utc_now
    until_stdin_closes: bool = False


def socket_misplaced(path: Path, folder: Path) -> str:
    """Return the sentence about a socket in a folder of data."""
    return f"the socket {path} would be in {folder}: choose one in the runtime directory, below /run"


def run_signer(opened: OpenedSigner, options: SignerOptions, ready: Callable[[], None]) -> None:
    """Answer requests until SIGTERM or SIGINT.

    `ready` is called once the socket listens. Raises FolderError if it cannot be used.
    """
    if options.socket.resolve().is_relative_to(opened.folder.root.resolve()):
        raise FolderError(socket_misplaced(options.socket, opened.folder.root))
    # A core dump would have the keys.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with _stop_descriptor() as stop:
        try:
            listener = listen_on_path(options.socket, _BACKLOG)
        except OSError as bad:
            raise FolderError(f"the socket {options.socket} cannot be used: {bad.strerror or bad}") from bad
        try:
            ready()
            stops = (stop, sys.stdin.fileno()) if options.until_stdin_closes else (stop,)
            SignerServer(listener, options.users, signer_actions(opened, options.now)).run(*stops)
        finally:
            listener.close()
            with suppress(OSError):
                os.unlink(options.socket)  # noqa: PTH108 - as bind made it
            opened.close()


@contextmanager
def _stop_descriptor() -> Iterator[int]:
    """Make a descriptor at which SIGTERM and SIGINT arrive."""
    stop, stopping = socket.socketpair()
    stopping.settimeout(0)
    signal.set_wakeup_fd(stopping.fileno(), warn_on_full_buffer=False)
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in numbers}
    try:
        yield stop.fileno()
    finally:
        for signals, handler in before.items():
            signal.signal(signals, handler)
        signal.set_wakeup_fd(-1)
        stop.close()
        stopping.close()


def signer_actions(opened: OpenedSigner, now: Callable[[], datetime]) -> SignerActions:
    """Return the actions of an opened signer."""
    rules = opened.rules
    successors = SignerSuccessors(opened.folder.root, opened.keys, rules)
    others: dict[SignerOperation, Callable[..., list[bytes]]] = {
        SignerOperation.MAKE: lambda label, kind: opened.make_key(now(), label, kind),
        SignerOperation.CHECK: opened.check_key,
        SignerOperation.HEAD: lambda: [b"%d" % rules.head_size()],
        SignerOperation.UNKNOWN: opened.list_unknown,
        SignerOperation.SHOW: opened.show,
        SignerOperation.SIGNED_SINCE: lambda number: rules.list_issued(int(number)),
        SignerOperation.DESTROY: lambda *fields: opened.destroy_key(now(), *fields),
        SignerOperation.BEGIN: successors.begin,
        SignerOperation.INSTALL: lambda name, *ders: successors.install(now(), name, *ders),
        SignerOperation.LEARN: lambda octets: rules.learn_distrust(octets, now()),
        SignerOperation.OFFICERS: lambda: [
            line.encode() for line in signer_settings.approval_lines(rules.policy.officers, rules.policy.approvals)
        ],
        SignerOperation.STATUS: lambda: [json.dumps(asdict(rules.status(now()))).encode()],
    }
    return SignerActions(opened.rules.sign, others, now)


STARTED_WITHIN = 30.0
"""Seconds in which the signer must listen; it opens its keys before."""

_STOPPED_WITHIN = 5.0
_PAUSE = 0.05


@contextmanager
def signer_running(root: Path, signer_dir: Path | None) -> Iterator[None]:
    """Run a signer during the block, on the socket of an authority.

    None: another process runs it, or the service has the keys itself. Raises FolderError and FolderDamaged.
    """
    if signer_dir is None:
        yield
        return
    folder = DataDirectory(root)
    path = authority.read(folder.settings).signer
    if not path:
        raise FolderError(
            f"the keys of the authority in {root} are not in a signer: run sinetti authority keys separate first"
        )
    command = [sys.executable, "-m", "sinetti", "authority", "signer", "--signer-dir", str(signer_dir)]
    command += ["--socket", path, "--until-stdin-closes"]
    # In a session of its own, it does not get the signals of the terminal: it answers until the service has stopped.
    child = subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait(child, Path(path), signer_dir)
        yield
    finally:
        assert child.stdin is not None  # noqa: S101 - it is a pipe
        child.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            child.wait(_STOPPED_WITHIN)
        child.kill()
        child.wait()


def _wait(child: "subprocess.Popen[bytes]", path: Path, signer_dir: Path) -> None:
    """Wait until the signer listens. Raises FolderDamaged."""
    end = monotonic_seconds() + STARTED_WITHIN
    while monotonic_seconds() < end and child.poll() is None:
        with socket.socket(socket.AF_UNIX) as trial, suppress(OSError):
            trial.connect(str(path))
            return
        sleep(_PAUSE)
    raise FolderDamaged(f"the signer in {signer_dir} does not start: its reason is above")
