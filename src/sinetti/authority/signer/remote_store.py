"""Store of keys in the separate signer, as the service uses it.

`keys/NAME.remote` has the name of a key in the signer: a leaf's name here ends with the serial of its certificate,
which its key does not have yet when it is created.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from sinetti.authority.key_store import NewKey, SigningKey, StoreKind
from sinetti.authority.signer.client import SignerClient
from sinetti.authority.signer.protocol import SignerOperation
from sinetti.authority.signer.remote_keys import RemoteEcKey, RemoteLogKey, RemoteRsaKey, RemoteSigner, RoleOf
from sinetti.authority.signer.tasks import TaskKind
from sinetti.ca.hierarchy_model import CaSpec
from sinetti.domain.requests import SignatureProof
from sinetti.domain.values import KeyType, Serial
from sinetti.infra.atomic_files import PRIVATE, destroy_file, write_atomic
from sinetti.pki.encoding import certificate_der
from sinetti.pki.signers import ActApproval, KeyMissing, SignatureRefused
from sinetti.pki.signers.token_keys import TokenPublicKey

SUFFIX = ".remote"
_NAME = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]*")
_OCSP = re.compile(r".*_ocsp(-[0-9a-f]+)?")


class RemoteKeyStore:
    """Keys in the signer behind a socket.

    `role_of` returns the role of a CA by its name.
    """

    kind = StoreKind.SIGNER

    def __init__(self, folder: Path, client: SignerClient, role_of: RoleOf) -> None:
        """Store the arguments; the first signature connects."""
        self._folder, self.client = folder, client
        self._approval: ActApproval | None = None
        self._signer = RemoteSigner(client, role_of)

    def is_usable(self) -> bool:
        """Return True: the signer has the pass-phrase."""
        return True

    def has(self, name: str) -> bool:
        """Return True if the signer was given the key of this name."""
        return (self._folder / f"{name}{SUFFIX}").exists()

    def create(self, label: str, kind: KeyType | str) -> NewKey:
        """Have a key created in the signer. Raises SignatureRefused and SignerUnavailable."""
        name, octets = self.client.call(SignerOperation.MAKE, label.encode(), str(kind).encode())
        return NewKey(self._key(name.decode(), cast("TokenPublicKey", load_der_public_key(octets))))

    def keep(self, new: NewKey, name: str) -> None:
        """Write the name that the key has in the signer. Raises OSError."""
        key = cast("RemoteRsaKey | RemoteEcKey | RemoteLogKey", new.key)
        write_remote_name(self._folder, name, key.name)

    def discard(self, new: NewKey) -> None:
        """Do nothing: the signer limits the number of keys without a certificate."""

    def open(self, name: str, public: TokenPublicKey) -> SigningKey:
        """Return the key with this public half, after the signer has tested it.

        Raises KeyMissing if the signer lacks it, as after a restore, SignerUnavailable, ValueError and OSError.
        """
        remote = self.remote_name(name)
        try:
            self.client.call(SignerOperation.CHECK, remote.encode())
        except SignatureRefused as refused:
            raise KeyMissing(str(refused)) from refused
        return self._key(remote, public)

    def sign(self, key_name: str, octets: bytes, public: TokenPublicKey, proof: SignatureProof | None = None) -> bytes:
        """Have a certificate or a list signed.

        Raises SignatureRefused and SignerUnavailable.
        """
        del public  # the caller verifies
        return self._signer.sign(key_name, octets, proof)

    def check(self, key_name: str, public: TokenPublicKey) -> None:
        """Have the signer test one of its keys.

        Raises SignatureRefused and SignerUnavailable.
        """
        del public  # the signer verifies
        self.client.call(SignerOperation.CHECK, key_name.encode())

    def check_named(self, name: str) -> None:
        """Have the signer test any of its keys.

        Raises SignatureRefused, SignerUnavailable, ValueError and OSError.
        """
        self.client.call(SignerOperation.CHECK, self.remote_name(name).encode())

    def delete(self, name: str) -> None:
        """Have a key destroyed, which the signer does for officers alone.

        Raises SignatureRefused, SignerUnavailable, ValueError and OSError.
        """
        if not self.has(name):
            return
        approval = self._approval
        fields = () if approval is None else (approval.proposal, *approval.signatures)
        self.client.call(SignerOperation.DESTROY, self.remote_name(name).encode(), *fields)
        destroy_file(self._folder / f"{name}{SUFFIX}")

    def approve(self, approval: ActApproval) -> None:
        """Keep an approval for the keys of the log, and for the destruction of keys."""
        self._approval = approval

    def begin(self, spec: CaSpec, organisation: str) -> bytes:
        """Have the key of a new CA made, and return its request in DER.

        Raises SignatureRefused, SignerUnavailable and OSError.
        """
        del organisation  # the signer's policy has it
        channel = "" if spec.channel is None else spec.channel.value
        fields = (spec.name, spec.role.value, channel, spec.key_type.value)
        (request,) = self.client.call(SignerOperation.BEGIN, *(field.encode() for field in fields))
        write_remote_name(self._folder, spec.file_name, spec.file_name)
        return request

    def admit(self, name: str, chain: Sequence[x509.Certificate]) -> None:
        """Show a CA's certificate, and those above it, to the signer.

        Raises SignatureRefused and SignerUnavailable.
        """
        self.client.call(SignerOperation.INSTALL, name.encode(), *map(certificate_der, chain))

    def list_unknown(self, certificates: Iterable[tuple[str, Serial]]) -> set[tuple[str, Serial]]:
        """Return those of these certificates that the signer does not know.

        They are named by CA and serial.

        Raises SignerUnavailable.
        """
        names = [f"{ca}/{serial}".encode() for ca, serial in certificates]
        found = self.client.call(SignerOperation.UNKNOWN, *names) if names else []
        parts = (name.decode().partition("/") for name in found)
        return {(ca, Serial(serial)) for ca, _, serial in parts}

    def show(self, certificates: Sequence[bytes]) -> None:
        """Show certificates (DER) that another node's signer signed.

        Raises SignatureRefused and SignerUnavailable.
        """
        self.client.call(SignerOperation.SHOW, *certificates)

    def close(self) -> None:
        """Close the connections to the signer."""
        self.client.close()

    def remote_name(self, name: str) -> str:
        """Return the name of a key in the signer. Raises ValueError and OSError."""
        octets = (self._folder / f"{name}{SUFFIX}").read_bytes().strip()
        if not _NAME.fullmatch(octets):
            raise ValueError(f"{self._folder / name}{SUFFIX} does not name a key")
        return octets.decode()

    def _key(self, name: str, public: TokenPublicKey) -> SigningKey:
        if isinstance(public, Ed25519PublicKey):
            return RemoteLogKey(self.client, name, public, lambda: self._approval)
        kind = TaskKind.STATUS if _OCSP.fullmatch(name) else TaskKind.ANSWER
        if isinstance(public, rsa.RSAPublicKey):
            return RemoteRsaKey(self.client, kind, name, public)
        return RemoteEcKey(self.client, kind, name, public)


def write_remote_name(folder: Path, name: str, remote: str) -> None:
    """Write that the signer has a key, under its name there. Raises OSError."""
    write_atomic(folder / f"{name}{SUFFIX}", f"{remote}\n".encode(), PRIVATE)
