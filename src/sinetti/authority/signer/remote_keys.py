"""Keys of the signer, as the service uses them: each signature is a request.

They have the private key interfaces of cryptography, so that a caller need not know where a key is.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding

from sinetti.authority.signer.certificates import read_fields
from sinetti.authority.signer.client import SignerClient
from sinetti.authority.signer.log_heads import FULL_HEAD
from sinetti.authority.signer.protocol import SignerOperation
from sinetti.authority.signer.store import LOGGED
from sinetti.authority.signer.tasks import ConsistencyProof, SigningTask, TaskKind
from sinetti.ca.hierarchy_model import CaRole
from sinetti.ca.ocsp import Responder
from sinetti.database.connection import Database
from sinetti.database.evidence import log_tree
from sinetti.domain.requests import SignatureProof
from sinetti.pki.signers import ActApproval, SignatureRefused, SignerUnavailable
from sinetti.pki.signers.key_elsewhere import EcKeyElsewhere, KeyElsewhere, RsaKeyElsewhere, SignedOctets
from sinetti.pki.trust_lists.lists import TrustListKind
from sinetti.services.context import IssueRequest
from sinetti.wire.transparency.merkle import Lookup, cover, range_hash
from sinetti.wire.transparency.notes import Checkpoint, NoteSigner, SignedNote

_OCSP_SIGNING = bytes.fromhex("06082b06010505070309")
"""OID id-kp-OCSPSigning in DER, which only responders' certificates contain."""
_ANCHORS = f"{TrustListKind.ANCHORS.label}\n".encode()

RoleOf = Callable[[str], CaRole | None]
"""Function that returns the role of a CA by its name, or None for an unknown one."""


def sign_one(client: SignerClient, task: SigningTask) -> bytes:
    """Return the signature of one task. Raises SignatureRefused and SignerUnavailable."""
    (octets,) = _sign_all(client, [task])
    return octets


def _sign_all(client: SignerClient, tasks: Sequence[SigningTask]) -> list[bytes]:
    """Return the signatures of tasks. Raises SignatureRefused and SignerUnavailable."""
    signatures = []
    for refused in client.sign(tasks):
        if isinstance(refused, SignatureRefused):
            raise refused
        signatures.append(refused)
    return signatures


class RemoteSigner:
    """Signer with the CAs' keys, which are in the signer's process."""

    def __init__(self, client: SignerClient, role_of: RoleOf) -> None:
        """Store the client; the first signature connects."""
        self._client, self._role_of = client, role_of

    def sign(self, key_name: str, octets: bytes, proof: SignatureProof | None = None) -> bytes:
        """Have a certificate or a list signed.

        Raises SignatureRefused and SignerUnavailable.
        """
        return sign_one(self._client, SigningTask(self._kind(key_name, octets), key_name, octets, proof))

    def _kind(self, key_name: str, octets: bytes) -> TaskKind:
        """Return the kind that the octets appear to be; the signer reads them itself."""
        if octets.startswith(_ANCHORS):
            return TaskKind.ANCHORS
        if not _begins_with_version(octets):
            return TaskKind.LIST
        role = self._role_of(key_name)
        if role in {CaRole.ROOT, CaRole.INTERMEDIATE}:
            return TaskKind.AUTHORITY
        # All certificates of a services CA are leaves of the service.
        return TaskKind.LEAF if role is CaRole.SERVICES or _OCSP_SIGNING in octets else TaskKind.CERTIFICATE


def _begins_with_version(octets: bytes) -> bool:
    """Return True if the first element of a SEQUENCE is [0].

    It is that of a TBSCertificate (RFC 5280, 4.1).
    """
    inside = 2 + (octets[1] & 0x7F if octets[1:2] > b"\x80" else 0)
    return octets[inside : inside + 1] == b"\xa0"


class _RemoteKeyBase(KeyElsewhere):
    """Signatures of a key in the signer; `name` is that of the key there."""

    where = "in the signer"
    _client: SignerClient
    _kind: TaskKind
    _name: str

    @property
    def name(self) -> str:
        """Name of the key in the signer."""
        return self._name

    def sign_all(self, several: Sequence[bytes]) -> list[bytes]:
        """Have several octets signed in one request.

        Raises SignatureRefused and SignerUnavailable.
        """
        return _sign_all(self._client, [SigningTask(self._kind, self._name, octets) for octets in several])

    def _signed(self, data: bytes) -> bytes:
        (octets,) = self.sign_all([data])
        return octets


class RemoteRsaKey(_RemoteKeyBase, RsaKeyElsewhere):
    """RSA key of a leaf in the signer."""

    def __init__(self, client: SignerClient, kind: TaskKind, name: str, public: rsa.RSAPublicKey) -> None:
        """Store the name of the key and its public half."""
        self._client, self._kind, self._name, self._public = client, kind, name, public

    def sign(
        self,
        data: SignedOctets,
        padding: AsymmetricPadding,  # noqa: ARG002 - the signer chooses it by the key, as `pki.encoding.sign` does
        algorithm: utils.Prehashed | utils.NoDigestInfo | hashes.HashAlgorithm,
    ) -> bytes:
        """Have octets signed.

        Raises UnsupportedAlgorithm for a digest, and SignatureRefused and SignerUnavailable.
        """
        _check_whole(algorithm)
        return self._signed(bytes(data))


class RemoteEcKey(_RemoteKeyBase, EcKeyElsewhere):
    """EC key of a leaf in the signer."""

    def __init__(self, client: SignerClient, kind: TaskKind, name: str, public: ec.EllipticCurvePublicKey) -> None:
        """Store the name of the key and its public half."""
        self._client, self._kind, self._name, self._public = client, kind, name, public

    def sign(self, data: SignedOctets, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Have octets signed.

        Raises UnsupportedAlgorithm for a digest, and SignatureRefused and SignerUnavailable.
        """
        _check_whole(signature_algorithm.algorithm)
        return self._signed(bytes(data))


class RemoteLogKey(_RemoteKeyBase, Ed25519PrivateKey):
    """Key of the log in the signer.

    Heads are signed by `remote_head_signer`. `approval` returns that of a change of the key, or None.
    """

    def __init__(
        self, client: SignerClient, name: str, public: Ed25519PublicKey, approval: Callable[[], ActApproval | None]
    ) -> None:
        """Store the name of the key and its public half."""
        self._client, self._kind, self._name, self._public = client, TaskKind.CHECKPOINT, name, public
        self._approval = approval

    def public_key(self) -> Ed25519PublicKey:
        """Return the public half."""
        return self._public

    def sign(self, data: SignedOctets) -> bytes:
        """Have a statement about a change of the key signed.

        Raises SignatureRefused and SignerUnavailable.
        """
        task = SigningTask(TaskKind.CHECKPOINT, self._name, bytes(data), approval=self._approval())
        return sign_one(self._client, task)


def remote_issue_signer(
    client: SignerClient, db: Database
) -> Callable[[object, Sequence[IssueRequest]], Sequence[list[bytes] | SignerUnavailable]]:
    """Return a function for `ServiceContext.sign_issue`: one request for all."""

    def sign(_signer: object, requests: Sequence[IssueRequest]) -> Sequence[list[bytes] | SignerUnavailable]:
        """Return the signatures of each request, or why it has none."""
        tasks = [_tasks_of(request, db) for request in requests]
        try:
            results = iter(client.sign([task for each in tasks for task in each]))
        except SignerUnavailable as away:
            return [away] * len(requests)
        return [_signatures([next(results) for _ in each]) for each in tasks]

    return sign


def _tasks_of(request: IssueRequest, db: Database) -> list[SigningTask]:
    proof = request.proof
    if proof is None:
        subject = f"certificate:{read_fields(request.octets).serial.hex()}"
        rows = log_tree.rows_about(db, subject, "certificate-reserved")
        proof = next((SignatureProof(b"", b"", b"", octets) for octets, _ in rows), None)
    tasks = [SigningTask(TaskKind.CERTIFICATE, request.key_name, request.octets, proof)]
    return tasks + [SigningTask(TaskKind.STATUS, cast("RemoteEcKey", key).name, data) for key, data in request.answers]


def _signatures(results: Sequence[bytes | SignatureRefused]) -> list[bytes] | SignerUnavailable:
    signature, *others = results
    if isinstance(signature, SignatureRefused):
        return signature
    signed = [octets for octets in others if not isinstance(octets, SignatureRefused)]
    return [signature, *signed] if len(signed) == len(others) else [signature]


def remote_distrust_signer(client: SignerClient) -> Callable[[Responder, bytes, ActApproval | None], bytes]:
    """Return a function for `ServiceContext.sign_distrust`."""

    def sign(responder: Responder, octets: bytes, approval: ActApproval | None) -> bytes:
        """Return the signature. Raises SignatureRefused and SignerUnavailable."""
        name = cast("RemoteEcKey", responder.key).name
        return sign_one(client, SigningTask(TaskKind.DISTRUST, name, octets, approval=approval))

    return sign


def remote_bridge_signer(
    client: SignerClient, newest: Callable[[], bytes | None]
) -> Callable[[Responder, bytes, bytes | None], bytes]:
    """Return a function for `ServiceContext.sign_bridge`.

    `newest` returns the newest list of distrust. The signer is shown it after a refusal, since that of another node may
    have signed it.
    """

    def sign(responder: Responder, data: bytes, certificate: bytes | None) -> bytes:
        """Return the signature. Raises SignatureRefused and SignerUnavailable."""
        name = cast("RemoteEcKey", responder.key).name
        proof = None if certificate is None else SignatureProof(certificate, b"", b"", b"")
        task = SigningTask(TaskKind.BRIDGE, name, data, proof)
        try:
            return sign_one(client, task)
        except SignatureRefused:
            octets = newest()
            if octets is None:
                raise
            with suppress(SignatureRefused):  # it knows the list
                client.call(SignerOperation.LEARN, octets)
            return sign_one(client, task)

    return sign


def remote_head_signer(
    client: SignerClient, db: Database
) -> Callable[[Checkpoint, Sequence[NoteSigner], Lookup, datetime], bytes]:
    """Return a function for `ServiceContext.sign_head` that has heads signed."""

    def sign(head: Checkpoint, signers: Sequence[NoteSigner], lookup: Lookup, now: datetime) -> bytes:
        """Return the note of a head. Raises SignatureRefused and SignerUnavailable."""
        # The last head of this signer may be older than the newest one, which another node's signer signed.
        # It is led there by full heads, whose signatures are not used.
        start, signatures = min(int(client.call(SignerOperation.HEAD)[0]), head.size), list[tuple[str, bytes, bytes]]()
        for end in (*range(start + FULL_HEAD, head.size, FULL_HEAD), head.size):
            part = head if end == head.size else Checkpoint(head.origin, end, range_hash(0, end, lookup))
            edge = (lookup(*place) for place in cover(0, start))
            growth = ConsistencyProof((*edge, *log_tree.list_shown(db, start, end, LOGGED)))
            start, signatures = end, []
            for signer in (*signers, signers[0].dating):
                assert isinstance(signer.key, RemoteLogKey)  # noqa: S101 - all keys of the log are in the signer
                octets, prefix = signer.form(part.text, now)
                task = SigningTask(TaskKind.CHECKPOINT, signer.key.name, octets, consistency=growth)
                signatures.append((signer.name, prefix, sign_one(client, task)))
        return bytes(SignedNote(head.text, tuple(signatures)))

    return sign


def _check_whole(algorithm: object) -> None:
    if isinstance(algorithm, utils.Prehashed | utils.NoDigestInfo):
        raise UnsupportedAlgorithm("the signer signs no digests, since it reads what it signs")
