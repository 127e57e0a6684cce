"""Decision of a witness on `add-checkpoint` (C2SP tlog-witness).

A witness cosigns a head only if it continues the one that it cosigned before. The caller stores the new head before it
answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sinetti.wire.transparency.merkle import EMPTY_ROOT, ProofError, check_consistency
from sinetti.wire.transparency.notes import Checkpoint, NoteError, NoteSigner, SignedNote, VerifierKey
from sinetti.wire.transparency.proofs import WitnessRequest

SIZE_TYPE, TEXT_TYPE = "text/x.tlog.size", "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """Answer to a request: status, body and its type.

    `head` is the note to store, if the head was cosigned.
    """

    status: int
    body: str
    kind: str = TEXT_TYPE
    head: bytes | None = None


def read_origin(body: bytes) -> str | None:
    """Return the origin of the checkpoint in a request.

    Returns None for a request that cannot be read.
    """
    try:
        return Checkpoint.parse(SignedNote.parse(WitnessRequest.parse(body).checkpoint).text).origin
    except NoteError:
        return None


def decide_cosignature(
    body: bytes, logs: Mapping[str, VerifierKey], stored: bytes | None, signer: NoteSigner, now: datetime
) -> WitnessAnswer:
    """Decide on a request.

    `logs` are the known keys by origin, `stored` is the note cosigned last for this origin.
    """
    try:
        asked = WitnessRequest.parse(body)
        note = SignedNote.parse(asked.checkpoint)
        head = Checkpoint.parse(note.text)
    except NoteError as bad:
        return WitnessAnswer(400, f"{bad}\n")
    if (key := logs.get(head.origin)) is None:
        return WitnessAnswer(404, "this log is not known here\n")
    try:
        is_signed = bool(note.signers([key]))
    except ProofError:
        is_signed = False
    if not is_signed:
        return WitnessAnswer(403, "the log has not signed the checkpoint\n")
    if asked.old > head.size:
        return WitnessAnswer(400, "the old size is larger than the checkpoint's\n")
    try:
        known = (0, EMPTY_ROOT) if stored is None else Checkpoint.parse(SignedNote.parse(stored).text).head
    except NoteError as bad:
        return WitnessAnswer(500, f"the stored checkpoint of {head.origin} is damaged: {bad}\n")
    if asked.old != known[0] or (asked.old == head.size and head.root != known[1]):
        return WitnessAnswer(409, f"{known[0]}\n", SIZE_TYPE)
    try:
        check_consistency(known, head.head, asked.path)
    except ProofError as bad:
        return WitnessAnswer(422, f"{bad}\n")
    return WitnessAnswer(200, signer.sign(note.text, now), head=asked.checkpoint)
