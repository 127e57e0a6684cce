"""Frames between the service and its signer, over a Unix socket.

A frame is a length of four octets and a body. A body is a sequence of fields, each with a length of four octets. The
first field of a request names the operation; that of an answer says whether it succeeded. Neither side reads anything
else, so no general decoder runs beside the keys.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import Enum

from sinetti.authority.signer.tasks import ConsistencyProof, SigningTask, TaskKind
from sinetti.pki.signers import ActApproval, SignatureProof

LARGEST_FRAME = 96 * 1024 * 1024
"""Octets of a body at most: a revocation list with two million entries has 80 MB."""

MOST_FIELDS = 16_384
_LENGTH = struct.Struct(">I")


class ProtocolError(Exception):
    """Octets that are not a frame of this protocol."""


class SignerOperation(Enum):
    """Operations of the signer."""

    SIGN = b"sign"
    MAKE = b"make"
    CHECK = b"check"
    HEAD = b"head"
    UNKNOWN = b"unknown"
    SHOW = b"show"
    STATUS = b"status"
    DESTROY = b"destroy"
    BEGIN = b"begin"
    INSTALL = b"install"
    LEARN = b"learn"
    OFFICERS = b"officers"
    SIGNED_SINCE = b"signed-since"


class Outcome(Enum):
    """Outcome of a request or of one signature."""

    DONE = b"done"
    REFUSED = b"refused"
    UNAVAILABLE = b"unavailable"


def encode_frame(fields: Iterable[bytes]) -> bytes:
    """Return the frame with these fields."""
    body = b"".join(_LENGTH.pack(len(field)) + field for field in fields)
    return _LENGTH.pack(len(body)) + body


def frame_length(head: bytes | bytearray | memoryview) -> int:
    """Return the length of the body from the first four octets. Raises ProtocolError."""
    (length,) = _LENGTH.unpack_from(head)
    if length > LARGEST_FRAME:
        raise ProtocolError(f"a frame of {length} octets is longer than {LARGEST_FRAME}")
    return int(length)


def decode_fields(body: bytes) -> list[bytes]:
    """Return the fields of a body. Raises ProtocolError."""
    found: list[bytes] = []
    at = 0
    while at < len(body):
        if at + _LENGTH.size > len(body) or len(found) == MOST_FIELDS:
            break
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        if at + length > len(body):
            break
        found.append(body[at : at + length])
        at += length
    else:
        if found:
            return found
    raise ProtocolError("the body of a frame does not consist of fields")


_FIXED = 6
"""Fields of a task: kind, key, octets, and three numbers.

They are the numbers of fields of its proof, consistency and approval.
"""


def encode_tasks(tasks: Sequence[SigningTask]) -> list[bytes]:
    """Return the fields of tasks."""
    fields: list[bytes] = []
    for task in tasks:
        proof = (
            ()
            if task.proof is None
            else (task.proof.certificate, task.proof.signed_info, task.proof.signature, task.proof.digested)
        )
        path = () if task.consistency is None else (b"", *task.consistency.path)
        approval = () if task.approval is None else (task.approval.proposal, *task.approval.signatures)
        counts = (b"%d" % len(pair) for pair in (proof, path, approval))
        fields += [task.kind.encode(), task.key.encode(), task.octets, *counts, *proof, *path, *approval]
    return fields


def decode_tasks(fields: Sequence[bytes]) -> list[SigningTask]:
    """Return the tasks of such fields. Raises ProtocolError."""
    tasks: list[SigningTask] = []
    at = 0
    try:
        while at < len(fields):
            kind, key, octets, *counts = fields[at : at + _FIXED]
            at += _FIXED
            parts: list[Sequence[bytes]] = []
            for count in map(_count, counts):
                parts.append(fields[at : at + count])
                at += count
            proof, path, approval = parts
            _check(at <= len(fields))
            task = SigningTask(TaskKind(kind.decode()), key.decode(), octets, _proof(proof))
            tasks.append(
                replace(
                    task,
                    consistency=ConsistencyProof(tuple(path[1:])) if path else None,
                    approval=ActApproval(approval[0], tuple(approval[1:])) if approval else None,
                )
            )
    except ValueError:
        raise ProtocolError("the fields of a frame are not tasks") from None
    return tasks


def _proof(fields: Sequence[bytes]) -> SignatureProof | None:
    if not fields:
        return None
    certificate, signed_info, signature, digested = fields
    return SignatureProof(certificate, signed_info, signature, digested)


def _check(fits: bool) -> None:  # noqa: FBT001 - reads as a sentence
    if not fits:
        raise ValueError


def _count(field: bytes) -> int:
    """Return the number of a field in decimal digits. Raises ValueError."""
    if not field.isdigit() or len(field) > 19:  # noqa: PLR2004 - digits of 2**63
        raise ValueError
    return int(field)
