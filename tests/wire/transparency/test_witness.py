"""Decisions of a witness, by the cases of C2SP tlog-witness."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sinetti.wire.transparency.merkle import EMPTY_ROOT, consistency_proof
from sinetti.wire.transparency.notes import COSIGNATURE, Checkpoint, NoteSigner, SignedNote, parse_signatures
from sinetti.wire.transparency.proofs import WitnessRequest
from sinetti.wire.transparency.witness import SIZE_TYPE, decide_cosignature, read_origin
from tests.support.logs import LOG_KEY, ORIGIN, WRONG_KEY
from tests.wire.transparency.test_merkle import HASHES, lookup, mth

NOW = datetime(2027, 3, 1, tzinfo=UTC)
WITNESS = NoteSigner("witness.example", Ed25519PrivateKey.from_private_bytes(b"\x05" * 32), COSIGNATURE)
LOGS = {ORIGIN: LOG_KEY.verifier}


def head(size, signer=LOG_KEY, origin=ORIGIN, root=None) -> bytes:
    return Checkpoint(origin, size, root or mth(HASHES[:size])).signed(signer)


def request(old, size, **changes) -> WitnessRequest:
    return replace(WitnessRequest(old, tuple(consistency_proof(old, size, lookup(size))), head(size)), **changes)


def decided(asked, stored=None):
    return decide_cosignature(bytes(asked), LOGS, stored, WITNESS, NOW)


@pytest.mark.parametrize("stored", [b"", b"{}", head(3)[:-40]])
def test_a_damaged_checkpoint_is_no_new_beginning(stored):
    for asked in (request(0, 9), request(3, 9)):
        answer = decided(asked, stored)
        assert (answer.status, answer.head) == (500, None)
        assert "is damaged" in answer.body


@pytest.mark.parametrize(("old", "size"), [(0, 1), (0, 9), (3, 9), (8, 9), (9, 9)])
def test_a_head_that_continues_the_last_one_is_cosigned(old, size):
    asked = request(old, size)
    answer = decided(asked, head(old) if old else None)
    assert (answer.status, answer.head) == (200, asked.checkpoint)
    note = SignedNote.parse(asked.checkpoint).with_signatures(parse_signatures(answer.body))
    assert note.signers([WITNESS.verifier]) == (WITNESS.verifier,)
    assert note.cosigned_at(WITNESS.verifier) == NOW


OTHER = Checkpoint(ORIGIN, 9, HASHES[0]).signed(LOG_KEY)
REFUSED = {
    "an unreadable body": (b"nothing", None, 400),
    "no checkpoint": (b"old 0\n\nnothing", None, 400),
    "an unknown log": (request(0, 9, checkpoint=head(9, origin="other.example/log")), None, 404),
    "another key": (request(0, 9, checkpoint=head(9, WRONG_KEY)), None, 403),
    "no signature of the log": (request(0, 9, checkpoint=head(9).replace(b"\x94 pki", b"\x94 xki")), None, 403),
    "an old size beyond the head": (replace(request(0, 9), old=10), None, 400),
    "another old size, first": (request(3, 9), None, 409),
    "another old size": (request(3, 9), head(5), 409),
    "a smaller head": (request(3, 5), head(9), 409),
    "the same size, another root": (request(9, 9, checkpoint=OTHER), head(9), 409),
    "a proof of another tree": (request(5, 9, checkpoint=OTHER), head(5), 422),
    "no proof": (request(5, 9, path=()), head(5), 422),
    "a proof for the first head": (request(0, 9, path=(HASHES[0],)), None, 422),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "stored", "status"), REFUSED.values(), ids=REFUSED)
def test_no_other_head_is(asked, stored, status):
    answer = decided(asked, stored)
    assert (answer.status, answer.head) == (status, None)
    if status == 409:
        size = 0 if stored is None else Checkpoint.parse(SignedNote.parse(stored).text).size
        assert (answer.body, answer.kind) == (f"{size}\n", SIZE_TYPE)


def test_a_wrong_signature_by_the_name_of_the_key_is_refused():
    note = SignedNote.parse(head(9))
    forged = bytes(SignedNote(Checkpoint(ORIGIN, 8, mth(HASHES[:8])).text, note.signatures))
    assert decided(request(0, 9, checkpoint=forged)).status == 403


def test_an_empty_log():
    asked = WitnessRequest(0, (), Checkpoint(ORIGIN, 0, EMPTY_ROOT).signed(LOG_KEY))
    assert decided(asked).status == 200


def test_origin_of_a_request():
    assert read_origin(bytes(request(0, 9))) == ORIGIN
    assert read_origin(b"nothing") is None
