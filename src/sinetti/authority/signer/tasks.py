"""Tasks of the separate signer: octets to be signed, with their proofs."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sinetti.pki.encoding import PrivateKey
from sinetti.pki.signers import ActApproval, SignatureProof

SigningKey = PrivateKey | Ed25519PrivateKey
"""Keys of the signer; those of the log are Ed25519."""


AROUND_NOW = timedelta(minutes=5)
"""Greatest difference between a date in the octets and the signer's clock."""


class TaskKind(StrEnum):
    """Kinds of octets that the signer signs. A closed list."""

    CERTIFICATE = "certificate"
    LEAF = "leaf"
    AUTHORITY = "authority"
    ANCHORS = "anchors"
    LIST = "list"
    STATUS = "status"
    ANSWER = "answer"
    CHECKPOINT = "checkpoint"
    DISTRUST = "distrust"
    BRIDGE = "bridge"


@dataclass(frozen=True)
class ConsistencyProof:
    """Growth of the log from its last signed head to the new one.

    It has the hashes of the largest subtrees of the last tree. Then it has the octets of each new entry, or only its
    hash where the signer needs no more.
    """

    path: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class SigningTask:
    """Octets for one signature with the key of this name.

    `proof` proves a renewal, or has the certificate that an answer of a bridge is about. Without a certificate and a
    signature, it has the entry of the log about the reservation in its place. `consistency` belongs to a
    head of the log, `approval` to a change of its key or to a declaration of a compromise.
    """

    kind: TaskKind
    key: str
    octets: bytes = field(repr=False)
    proof: SignatureProof | None = field(default=None, repr=False)
    consistency: ConsistencyProof | None = field(default=None, repr=False)
    approval: ActApproval | None = field(default=None, repr=False)
