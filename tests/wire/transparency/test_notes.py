"""Notes, checkpoints and proofs: published examples, and everything that differs from one."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sinetti.wire.transparency.merkle import ProofError, leaf_hash, node_hash
from sinetti.wire.transparency.notes import (
    COSIGNATURE,
    Checkpoint,
    NoteError,
    NoteSigner,
    SignedNote,
    VerifierKey,
    decode64,
    open_checkpoint,
    parse_signatures,
)
from sinetti.wire.transparency.proofs import EntryProof, WitnessRequest

# The key and the note of the documentation of golang.org/x/mod/sumdb/note.
PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6Ryy"
    "BwJnAM=\n"
).encode()
# The checkpoint with a cosignature of C2SP tlog-cosignature; the text has no keys.
PUBLISHED_CHECKPOINT = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "\N{EM DASH} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9"
    "nTo+zyWE+xeMcTOAYQ8=\n"
    "\N{EM DASH} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZ"
    "qhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()
NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
LOG = NoteSigner("pki.example/log", Ed25519PrivateKey.from_private_bytes(b"\1" * 32))
OTHER = NoteSigner("pki.example/log", Ed25519PrivateKey.from_private_bytes(b"\2" * 32))
WITNESS = NoteSigner("witness.example", Ed25519PrivateKey.from_private_bytes(b"\3" * 32), COSIGNATURE)
LEAVES = (leaf_hash(b"first"), leaf_hash(b"second"))
HEAD = Checkpoint(LOG.name, 2, node_hash(*LEAVES))


@pytest.mark.parametrize("text", ["A", "AAA", "AAA=AAAA", "AAAA\n", "AA-_", "ÄÄÄÄ", "AB=="])
def test_text_is_no_base64(text):
    """Also with letters beyond ASCII, and with bits that mean nothing."""
    with pytest.raises(NoteError, match="is not base64"):
        decode64(text)


def test_base64_of_another_length():
    assert decode64("AAAA", 3) == bytes(3)
    with pytest.raises(NoteError, match="of the expected length"):
        decode64("AAAA", 4)


def test_published_note_verifies():
    key = VerifierKey.parse(PUBLISHED_KEY)
    note = SignedNote.parse(PUBLISHED_NOTE)
    assert note.signers([key]) == (key,)
    assert bytes(note) == PUBLISHED_NOTE
    assert str(key) == PUBLISHED_KEY


@given(st.integers(0, len(PUBLISHED_NOTE) - 1), st.integers(1, 255))
def test_no_changed_octet_of_a_note_verifies(place, change):
    key = VerifierKey.parse(PUBLISHED_KEY)
    octets = bytearray(PUBLISHED_NOTE)
    octets[place] ^= change
    try:
        signers = SignedNote.parse(bytes(octets)).signers([key])
    except (NoteError, ProofError):
        signers = ()
    assert not signers


def test_published_checkpoint_is_read():
    note = SignedNote.parse(PUBLISHED_CHECKPOINT)
    checkpoint = Checkpoint.parse(note.text)
    assert checkpoint.size == 20_852_163
    assert checkpoint.text == note.text
    assert [name for name, _, _ in note.signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert bytes(note) == PUBLISHED_CHECKPOINT


def test_checkpoint_with_a_cosignature():
    octets = HEAD.signed(LOG)
    note = SignedNote.parse(octets)
    cosigned = note.with_signatures(parse_signatures(WITNESS.sign(HEAD.text, NOW)))
    checkpoint, found = open_checkpoint(bytes(cosigned), LOG.verifier)
    assert checkpoint == HEAD
    assert found.signers([WITNESS.verifier]) == (WITNESS.verifier,)
    assert found.cosigned_at(WITNESS.verifier) == NOW
    assert note.cosigned_at(WITNESS.verifier) is None
    assert cosigned.with_signatures(cosigned.signatures) == cosigned


def test_a_log_dates_its_head_by_a_cosignature_of_its_own_key():
    _, note = open_checkpoint(HEAD.signed(LOG, OTHER, now=NOW), LOG.verifier)
    assert note.signers([LOG.verifier, OTHER.verifier]) == (LOG.verifier, OTHER.verifier)
    assert note.cosigned_at(LOG.verifier.dating) == NOW
    assert note.cosigned_at(OTHER.verifier.dating) is None
    later = SignedNote.parse(HEAD.signed(LOG, now=NOW + timedelta(hours=1)))
    assert note.with_signatures(later.signatures).cosigned_at(LOG.verifier.dating) == NOW + timedelta(hours=1)
    with pytest.raises(ProofError, match="does not match"):
        open_checkpoint(bytes(note).replace(b"\n2\n", b"\n3\n"), LOG.verifier)
    with pytest.raises(ProofError, match="is not signed by"):  # a date alone is no signature of the head
        open_checkpoint(bytes(SignedNote(HEAD.text, note.signatures[2:])), LOG.verifier)


def test_a_cosignature_holds_for_its_time_alone():
    line = WITNESS.sign(HEAD.text, NOW)
    ((name, number, rest),) = parse_signatures(line)
    later = (int.from_bytes(rest[:8]) + 1).to_bytes(8) + rest[8:]
    for changed in (later, rest[:-1]):
        with pytest.raises(ProofError):
            SignedNote(HEAD.text, ((name, number, changed),)).signers([WITNESS.verifier])


REFUSED = {
    "another key of the same name": (OTHER.verifier, ProofError),
    "a key of another name": (VerifierKey("other.example", 1, LOG.verifier.public), ProofError),
    "a witness alone": (WITNESS.verifier, ProofError),
}


@pytest.mark.parametrize(("key", "error"), REFUSED.values(), ids=REFUSED)
def test_checkpoint_is_refused(key, error):
    octets = SignedNote.parse(HEAD.signed(LOG)).with_signatures(parse_signatures(WITNESS.sign(HEAD.text, NOW)))
    with pytest.raises(error, match="not signed by"):
        open_checkpoint(bytes(octets), key)


def test_a_wrong_signature_beside_a_right_one_is_refused():
    """A known key whose signature is wrong spoils the note (C2SP signed-note)."""
    right = SignedNote.parse(HEAD.signed(LOG)).signatures
    wrong = SignedNote.parse(Checkpoint(LOG.name, 1, LEAVES[0]).signed(OTHER)).signatures
    with pytest.raises(ProofError, match="does not match"):
        open_checkpoint(bytes(SignedNote(HEAD.text, right + wrong)), LOG.verifier, OTHER.verifier)


NO_NOTES = {
    "nothing": b"",
    "no signature": b"text\n\n",
    "no blank line": b"text\n\xe2\x80\x94 name AAAAAAA=\n",
    "a control character": b"te\txt\n\n\xe2\x80\x94 name AAAAAAA=\n",
    "not UTF-8": b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAA=\n",
    "a hyphen for the dash": b"text\n\n- name AAAAAAA=\n",
    "a short signature": b"text\n\n\xe2\x80\x94 name AAAAAA==\n",
    "a plus in the name": b"text\n\n\xe2\x80\x94 na+me AAAAAAA=\n",
    "no end of the line": b"text\n\n\xe2\x80\x94 name AAAAAAA=",
    "too large": b"t" * 70_000 + b"\n\n\xe2\x80\x94 name AAAAAAA=\n",
    "too many signatures": b"text\n\n" + b"\xe2\x80\x94 name AAAAAAA=\n" * 65,
}


@pytest.mark.parametrize("octets", NO_NOTES.values(), ids=NO_NOTES)
def test_octets_are_no_note(octets):
    with pytest.raises(NoteError):
        SignedNote.parse(octets)


NO_KEYS = {
    "nothing": "",
    "another id": PUBLISHED_KEY.replace("c74f20a3", "c74f20a4"),
    "an unknown type": "name+00000000+" + b64encode(b"\x05" + b"\0" * 32).decode(),
    "a short key": "name+00000000+" + b64encode(b"\x01" + b"\0" * 31).decode(),
    "a space in the name": PUBLISHED_KEY.replace("PeterNeumann", "Peter Neumann"),
}


@pytest.mark.parametrize("text", NO_KEYS.values(), ids=NO_KEYS)
def test_text_is_no_verifier_key(text):
    with pytest.raises(NoteError):
        VerifierKey.parse(text)


@pytest.mark.parametrize(
    "text", ["", "origin\n", "origin\n01\nAAAA\n", "origin\n1\nAAAA\n", "origin\n\n1\n", "o\n-1\nA\n"]
)
def test_text_is_no_checkpoint(text):
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


PROOF = EntryProof(0, (LEAVES[1],), HEAD.signed(LOG), b"first")


@pytest.mark.parametrize("proof", [PROOF, EntryProof(1, (LEAVES[0],), HEAD.signed(LOG))], ids=["extra", "none"])
def test_proof_of_an_entry(proof):
    read = EntryProof.parse(bytes(proof))
    assert read == proof
    checkpoint, _ = read.verify(LEAVES[proof.index], LOG.verifier)
    assert checkpoint == HEAD


@pytest.mark.parametrize(
    "proof",
    [
        EntryProof(1, PROOF.path, PROOF.checkpoint),
        EntryProof(0, (LEAVES[0],), PROOF.checkpoint),
        EntryProof(0, PROOF.path, HEAD.signed(OTHER)),
    ],
    ids=["another index", "another path", "another key"],
)
def test_proof_is_refused(proof):
    with pytest.raises(ProofError):
        proof.verify(LEAVES[0], LOG.verifier)


NO_PROOFS = {
    "another first line": bytes(PROOF).replace(b"@v1", b"@v2"),
    "no checkpoint": bytes(PROOF).partition(b"\n\n")[0],
    "no index": bytes(PROOF).replace(b"index 0\n", b""),
    "an index with a zero": bytes(PROOF).replace(b"index 0\n", b"index 00\n"),
    "a short hash": bytes(PROOF).replace(b64encode(LEAVES[1]), b"AAAA"),
    "too many hashes": bytes(EntryProof(0, (LEAVES[0],) * 64, b"")),
    "only extra": b"c2sp.org/tlog-proof@v1\nextra AAAA\n\n",
}


@pytest.mark.parametrize("octets", NO_PROOFS.values(), ids=NO_PROOFS)
def test_octets_are_no_proof(octets):
    with pytest.raises(NoteError):
        EntryProof.parse(octets)


def test_request_of_a_witness():
    request = WitnessRequest(1, (LEAVES[1],), HEAD.signed(LOG))
    assert WitnessRequest.parse(bytes(request)) == request
    for wrong in (b"", b"new 1\n\n", b"old 01\n\n"):
        with pytest.raises(NoteError):
            WitnessRequest.parse(wrong)
