"""Cosignatures of witnesses, to which the newest head is pushed.

The protocol is C2SP tlog-witness.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sinetti.database.connection import Database
from sinetti.database.evidence import log_tree
from sinetti.domain.operations.clock_check import LONGEST_GAP
from sinetti.infra.http_client import HttpError, HttpRequest, HttpResponse, send_request
from sinetti.wire.transparency.merkle import ProofError, consistency_proof
from sinetti.wire.transparency.notes import (
    Checkpoint,
    NoteError,
    SignedNote,
    VerifierKey,
    parse_number,
    parse_signatures,
)
from sinetti.wire.transparency.proofs import WitnessRequest
from sinetti.wire.transparency.witness import SIZE_TYPE

_log = logging.getLogger(__name__)
_WITHIN = 10.0
_OK, _CONFLICT = 200, 409
_FAILURES = (HttpError, NoteError, ProofError, ValueError)
_ANOTHER = "it has seen another log, or an earlier state of this one: compare its checkpoint with audit verify"
_REFUSALS = {
    403: "it does not know the log's key: give its operator the verifier key at /log/key",
    404: "it does not know this log, or its address is wrong: check witnesses in authority.toml",
    409: _ANOTHER,
    422: _ANOTHER,
}


@dataclass(frozen=True)
class WitnessAddress:
    """Address of a witness, before `/add-checkpoint`, and its key."""

    url: str
    key: VerifierKey

    @staticmethod
    def parse(text: str) -> "WitnessAddress":
        """Parse `URL VERIFIERKEY`. Raises NoteError."""
        url, _, key = text.partition(" ")
        return WitnessAddress(url.rstrip("/"), VerifierKey.parse(key))


def cosign_head(db: Database, witnesses: Sequence[WitnessAddress]) -> int:
    """Push the newest head to each witness that has not cosigned it.

    Returns the number of new cosignatures. A witness that fails stops no other; the next head is pushed to it again.
    """
    count = 0
    for witness in witnesses:
        note = log_tree.find_head(db)
        if note is None or note.cosigned_at(witness.key) is not None:
            continue
        try:
            count += _push(db, witness, note) is not None
        except _FAILURES as failed:
            _log.warning("the witness %s did not cosign the log: %s", witness.key.name, failed)
    return count


def is_confirmed(db: Database, witnesses: Sequence[WitnessAddress], now: datetime) -> bool:
    """Return True if a witness cosigns the newest head with this time, to an hour."""
    if (note := log_tree.find_head(db)) is None:
        return False
    for witness in witnesses:
        with suppress(*_FAILURES):
            at = _push(db, witness, note)
            if at is not None and abs(at - now) < LONGEST_GAP:
                return True
    return False


def _push(db: Database, witness: WitnessAddress, note: SignedNote) -> datetime | None:
    """Return the instant of the cosignature, or None if the witness refuses."""
    head = Checkpoint.parse(note.text)
    own = tuple(signature for signature in note.signatures if signature[0] == head.origin)
    old = log_tree.cosigned_size(db, witness.key.name)
    for _ in range(2):
        proof = tuple(consistency_proof(old, head.size, log_tree.lookup(db, head.size)))
        body = bytes(WitnessRequest(old, proof, bytes(SignedNote(note.text, own))))
        reply = send_request(HttpRequest(f"{witness.url}/add-checkpoint", "POST", body=body, within=_WITHIN))
        if reply.status == _OK:
            return _keep(db, witness.key, head, reply)
        if reply.status != _CONFLICT or reply.headers.get("content-type", "") != SIZE_TYPE:
            break
        # The witness has another size than we know, for example after this database was restored.
        old = parse_number(reply.body.decode("ascii", "replace").strip())
    why = _REFUSALS.get(reply.status, "look at its log")
    _log.error(
        "the witness %s refuses the head of %d entries (HTTP %d): %s", witness.key.name, head.size, reply.status, why
    )
    return None


def _keep(db: Database, key: VerifierKey, head: Checkpoint, reply: HttpResponse) -> datetime | None:
    """Store the witness's own signature; others in its answer are ignored."""
    own = [signature for signature in parse_signatures(reply.body.decode()) if signature[:2] == (key.name, key.key_id)]
    cosigned = SignedNote(head.text, tuple(own[:1]))
    if cosigned.signers([key]) != (key,):
        raise ProofError("its answer has no cosignature by its key")
    line = bytes(cosigned).decode().rpartition("\n\n")[2]
    log_tree.insert_cosignature(db, head.size, key.name, line)
    return cosigned.cosigned_at(key)
