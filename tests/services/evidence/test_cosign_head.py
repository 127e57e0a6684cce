"""Cosignatures: heads are pushed over HTTP to a witness, which decides as the protocol says."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sinetti.database.evidence import log_tree
from sinetti.services.evidence import read_log
from sinetti.services.evidence.cosign_head import WitnessAddress, cosign_head, is_confirmed
from sinetti.wire.transparency.notes import COSIGNATURE, Checkpoint, NoteError, NoteSigner, SignedNote
from sinetti.wire.transparency.witness import SIZE_TYPE, decide_cosignature
from tests.support.authority import NOW
from tests.support.logs import LOG_KEY, ORIGIN, WRONG_KEY, logging, sequenced, write_rows
from tests.support.small_server import small_server

WITNESS, OTHER = (
    NoteSigner(name, Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32), COSIGNATURE)
    for number, name in enumerate(("witness.example", "other.example"), 21)
)
NOWHERE = WitnessAddress("http://127.0.0.1:1", OTHER.verifier)


class Witness:
    """Witness of the log; `seen` is the note that it cosigned last."""

    def __init__(self, seen=None, log=LOG_KEY):
        self.seen, self._logs = seen, {ORIGIN: log.verifier}

    def __call__(self, question):
        """Answer a request over HTTP."""
        assert (question.method, question.path) == ("POST", "/add-checkpoint")
        answer = decide_cosignature(question.body, self._logs, self.seen, WITNESS, NOW)
        self.seen = answer.head or self.seen
        return answer.status, {"content-type": answer.kind}, answer.body.encode()


@contextmanager
def witnessing(answers):
    """Run a witness, and yield its address and the requests to it."""
    with small_server(answers) as server:
        yield WitnessAddress(server.url, WITNESS.verifier), server.asked


def signers(ctx):
    return SignedNote.parse(read_log.head(ctx.db)).signers([LOG_KEY.verifier, WITNESS.verifier, OTHER.verifier])


COSIGNED = (LOG_KEY.verifier, WITNESS.verifier)


@pytest.fixture
def begun(sqlite_scene):
    """Return a context with a log of a few entries."""
    ctx = logging(sqlite_scene.ctx)
    write_rows(ctx.db, 5)
    sequenced(ctx)
    return ctx


def test_address_of_a_witness():
    assert WitnessAddress.parse(f"http://w.example/a/ {WITNESS.verifier}") == WitnessAddress(
        "http://w.example/a", WITNESS.verifier
    )
    with pytest.raises(NoteError):
        WitnessAddress.parse("http://w.example/a/")


def test_each_head_is_cosigned_once(scene):
    ctx = logging(scene.ctx)
    with witnessing(Witness()) as (address, asked):
        assert cosign_head(ctx.db, [address]) == 0
        assert not asked
        for number in (1, 2, 3):
            write_rows(ctx.db, 5)
            sequenced(ctx)
            assert signers(ctx) == COSIGNED[:1]
            assert cosign_head(ctx.db, [address]) == 1
            assert signers(ctx) == COSIGNED
            assert cosign_head(ctx.db, [address]) == 0
            assert len(asked) == number
    assert log_tree.cosigned_size(ctx.db, WITNESS.name) == log_tree.head_size(ctx.db)


def test_a_witness_confirms_the_time_of_day_to_an_hour(scene):
    ctx = logging(scene.ctx)
    with witnessing(Witness()) as (address, asked):
        assert not is_confirmed(ctx.db, [address], NOW)
        write_rows(ctx.db, 5)
        sequenced(ctx)
        assert cosign_head(ctx.db, [address]) == 1
        assert is_confirmed(ctx.db, [NOWHERE, address], NOW + timedelta(minutes=59))
        assert not is_confirmed(ctx.db, [address, NOWHERE], NOW + timedelta(days=40))
        assert len(asked) == 3


def test_a_witness_that_is_away_stops_no_other(begun, caplog):
    with witnessing(Witness()) as (address, _):
        assert cosign_head(begun.db, [NOWHERE, address]) == 1
    assert signers(begun) == COSIGNED
    assert "the witness other.example did not cosign the log" in caplog.text


def test_a_witness_that_saw_more_than_the_register_knows(begun):
    """As after a restore of the database."""
    witness = Witness(read_log.head(begun.db))
    write_rows(begun.db, 3)
    sequenced(begun)
    with witnessing(witness) as (address, asked):
        assert cosign_head(begun.db, [address]) == 1
    assert len(asked) == 2
    assert signers(begun) == COSIGNED


REFUSING = {
    "it saw another tree of this size": (lambda size: Witness(forked(size)), 2, "has seen another log"),
    "it saw a smaller one of another log": (lambda _: Witness(forked(2)), 2, "has seen another log"),
    "it saw a larger one": (lambda size: Witness(forked(size + 5)), 1, "did not cosign the log"),
    "it knows another key": (lambda _: Witness(log=WRONG_KEY), 1, "(HTTP 403): it does not know the log's key"),
}


def forked(size):
    return Checkpoint(ORIGIN, size, bytes(32)).signed(LOG_KEY)


@pytest.mark.parametrize(("witness", "requests", "logged"), REFUSING.values(), ids=REFUSING)
def test_a_witness_that_refuses(begun, caplog, witness, requests, logged):
    with witnessing(witness(log_tree.head_size(begun.db))) as (address, asked):
        assert cosign_head(begun.db, [address]) == 0
    assert len(asked) == requests
    assert logged in caplog.text
    assert signers(begun) == COSIGNED[:1]


def test_the_status_of_a_refusal_says_what_to_check(begun, caplog):
    with witnessing(lambda _: (404, {}, b"")) as (address, _):
        assert cosign_head(begun.db, [address]) == 0
    assert "(HTTP 404): it does not know this log, or its address is wrong" in caplog.text
    assert "another log" not in caplog.text
    with witnessing(lambda _: (500, {}, b"")) as (address, _):
        cosign_head(begun.db, [address])
    assert "(HTTP 500): look at its log" in caplog.text


ANSWERS = {
    "nothing": (200, b""),
    "no signature": (200, b"thanks\n"),
    "not UTF-8": (200, b"\xff\n"),
    "the signature of another witness": (200, OTHER.sign("text\n", NOW).encode()),
    "its signature of another text": (200, WITNESS.sign("text\n", NOW).encode()),
    "a size that is no number": (409, b"many\n"),
}


@pytest.mark.parametrize(("status", "body"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_no_cosignature_is_not_kept(begun, caplog, status, body):
    with witnessing(lambda _: (status, {"content-type": SIZE_TYPE}, body)) as (address, _):
        assert cosign_head(begun.db, [address]) == 0
    assert "the witness witness.example did not cosign the log" in caplog.text
    assert log_tree.cosigned_size(begun.db, WITNESS.name) == 0


def test_of_an_answer_the_witness_own_signature_is_kept(begun):
    witness = Witness()

    def answer(question):
        status, headers, body = witness(question)
        return status, headers, OTHER.sign(SignedNote.parse(witness.seen).text, NOW).encode() + body

    with witnessing(answer) as (address, _):
        assert cosign_head(begun.db, [address]) == 1
    assert signers(begun) == COSIGNED
