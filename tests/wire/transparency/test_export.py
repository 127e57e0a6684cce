"""Exported ranges of a log: every range verifies, and nothing that differs from it does."""

import json
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sinetti.wire.transparency.entries import format_entry
from sinetti.wire.transparency.export import (
    EntryWrong,
    ExportError,
    ExportHeader,
    KnownCheckpointError,
    entry_line,
    verify_export,
)
from sinetti.wire.transparency.key_rotation import ACTION, rotation_facts
from sinetti.wire.transparency.merkle import ProofError, Subtree, cover, extend, leaf_hash, root_of
from sinetti.wire.transparency.notes import Checkpoint, NoteSigner
from tests.support.logs import LOG_KEY, NEXT_KEY, ORIGIN, WRONG_KEY

NOW = datetime(2027, 3, 1, tzinfo=UTC)
MOST = 40


def entry(action: str, number: int, **facts) -> bytes:
    return format_entry(action, f"thing:{number}", ("operator", NOW, "00" * 16), facts)


ENTRIES = [entry("certificate-issued" if number % 3 else "looked", number) for number in range(MOST)]


def edge(entries) -> list[Subtree]:
    found: list[Subtree] = []
    extend(found, (Subtree(0, index, leaf_hash(octets)) for index, octets in enumerate(entries)))
    return found


def root(entries) -> bytes:
    return root_of(edge(entries))


def checkpoint(entries, *signers) -> bytes:
    return Checkpoint(ORIGIN, len(entries), root(entries)).signed(*(signers or (LOG_KEY,)))


def subtree(entries, level: int, index: int) -> bytes:
    return root(entries[index << level : (index + 1) << level])


def exported(entries, start=0, end=None, note=None) -> list[bytes]:
    """Return the lines of a file."""
    last = len(entries) if end is None else end
    left, right = (tuple(subtree(entries, *one) for one in cover(*span)) for span in ((0, start), (last, len(entries))))
    header = ExportHeader(start, last, note or checkpoint(entries), left, right)
    lines = [entry_line(index, leaf_hash(entries[index]), entries[index]) for index in range(start, last)]
    return [header.line(), *lines]


def verified(lines, known=None, key=LOG_KEY):
    return verify_export(lines, key.verifier, known)


@given(st.data())
def test_every_range_verifies(data):
    size = data.draw(st.integers(1, MOST))
    start = data.draw(st.integers(0, size))
    end = data.draw(st.integers(start, size))
    report = verified(exported(ENTRIES[:size], start, end))
    assert (report.start, report.end, report.checkpoint.size, report.absent) == (start, end, size, ())
    assert sum(report.kinds.values()) == end - start
    assert report.signers == (LOG_KEY.verifier,)


@given(st.data())
def test_a_range_is_compared_with_a_checkpoint_inside_it(data):
    size = data.draw(st.integers(1, MOST))
    start = data.draw(st.integers(0, size))
    older = data.draw(st.integers(start, size))
    lines = exported(ENTRIES[:size], start)
    verified(lines, checkpoint(ENTRIES[:older]) if older else None)
    if older:
        other = [entry("looked", 99), *ENTRIES[1:older]]
        with pytest.raises(ProofError, match="rewritten"):
            verified(lines, checkpoint(other))


def test_a_log_that_was_rewound_is_found():
    with pytest.raises(ProofError, match="it had 9 entries and has 7"):
        verified(exported(ENTRIES[:7]), checkpoint(ENTRIES[:9]))


def test_a_checkpoint_outside_the_range_cannot_be_compared():
    with pytest.raises(ExportError, match="cannot be compared"):
        verified(exported(ENTRIES, 10, 20), checkpoint(ENTRIES[:5]))


NO_CHECKPOINTS = {
    "nothing": (b"", ExportError),
    "no checkpoint": (b"text\n", ExportError),
    "not UTF-8": (b"\xff", ExportError),
    "without a signature": (Checkpoint(ORIGIN, 5, root(ENTRIES[:5])).text.encode(), ExportError),
    "signed by another key": (checkpoint(ENTRIES[:5], WRONG_KEY), KnownCheckpointError),
    "of another log": (Checkpoint("other.example/log", 5, root(ENTRIES[:5])).signed(LOG_KEY), KnownCheckpointError),
}


@pytest.mark.parametrize(("known", "error"), NO_CHECKPOINTS.values(), ids=NO_CHECKPOINTS)
def test_a_known_checkpoint_that_is_none(known, error):
    with pytest.raises(error):
        verified(exported(ENTRIES), known)


def changed(lines, at, **members) -> list[bytes]:
    line = json.dumps(json.loads(lines[at]) | members, separators=(",", ":")).encode() + b"\n"
    return [*lines[:at], line, *lines[at + 1 :]]


def forged(lines, at) -> list[bytes]:
    other = entry("looked", 99)
    leaf = b64encode(leaf_hash(other)).decode()
    return changed(lines, at, entry=b64encode(other).decode(), leaf=leaf)


WRONG = {
    "an entry's octets": (lambda lines: changed(lines, 5, entry=b64encode(ENTRIES[9]).decode()), 4),
    "an entry's hash": (lambda lines: changed(lines, 5, leaf=b64encode(leaf_hash(b"")).decode()), 4),
    "an entry missing": (lambda lines: [*lines[:5], *lines[6:]], 4),
    "entries exchanged": (lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]], 4),
    "an entry twice": (lambda lines: [*lines[:6], lines[5], *lines[6:]], 5),
    "the end missing": (lambda lines: lines[:-1], MOST - 1),
    "an entry more": (lambda lines: [*lines, entry_line(MOST, leaf_hash(b"x"), b"x")], MOST),
    "a line that is none": (lambda lines: [*lines[:5], b"{\n", *lines[6:]], 4),
    "a line of another type": (lambda lines: [*lines[:5], b"[]\n", *lines[6:]], 4),
}


@pytest.mark.parametrize(("change", "index"), WRONG.values(), ids=WRONG)
def test_the_first_wrong_entry_is_named(change, index):
    with pytest.raises(EntryWrong, match=f"entry {index}:") as wrong:
        verified(change(exported(ENTRIES)))
    assert wrong.value.index == index


def test_an_entry_that_fits_its_hash_does_not_fit_the_tree():
    with pytest.raises(ProofError, match="do not make the tree"):
        verified(forged(exported(ENTRIES), 5))


def test_another_key_is_refused():
    with pytest.raises(ProofError, match="not signed by"):
        verified(exported(ENTRIES, note=checkpoint(ENTRIES, WRONG_KEY)))
    with pytest.raises(ProofError, match="not signed by"):
        verified(exported(ENTRIES), key=WRONG_KEY)


NO_FILES = {
    "nothing": [],
    "no JSON": [b"{"],
    "no table": [b"[]"],
    "another format": changed(exported(ENTRIES), 0, format="sinetti-log@v2"),
    "a range backwards": changed(exported(ENTRIES), 0, to=-1),
    "a range of texts": changed(exported(ENTRIES), 0, to="40"),
    "hashes missing": changed(exported(ENTRIES, 10, 20), 0, left=[]),
    "a short hash": changed(exported(ENTRIES, 10, 20), 0, left=["AAAA"]),
    "no checkpoint": changed(exported(ENTRIES), 0, checkpoint=None),
}


@pytest.mark.parametrize("lines", NO_FILES.values(), ids=NO_FILES)
def test_a_file_that_proves_nothing(lines):
    with pytest.raises(ExportError):
        verified(lines)


def test_an_entry_of_which_only_the_hash_is_known():
    lines = exported(ENTRIES)
    lines[5] = entry_line(4, leaf_hash(ENTRIES[4]), None)
    assert verified(lines).absent == (4,)


def test_a_row_of_earlier_code_is_counted_as_other():
    assert verified(exported([*ENTRIES, b'{"action":"ordered"}'])).kinds["other"] == 1


def rotation(old=LOG_KEY, new=NEXT_KEY, **facts) -> bytes:
    return format_entry(ACTION, "log", ("operator", NOW, "00" * 16), rotation_facts(old, new) | facts)


def test_a_key_that_both_keys_vouch_for_is_trusted():
    entries = [*ENTRIES, rotation()]
    report = verified(exported(entries, note=checkpoint(entries, NEXT_KEY)))
    assert report.signers == (NEXT_KEY.verifier,)


THIRD_KEY = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"3" * 32))


def test_a_checkpoint_from_before_two_changes_of_the_key_counts_with_the_newest_key():
    entries = [*ENTRIES, rotation(LOG_KEY, NEXT_KEY), rotation(NEXT_KEY, THIRD_KEY)]
    lines = exported(entries, note=checkpoint(entries, THIRD_KEY))
    assert verified(lines, checkpoint(ENTRIES[:5]), THIRD_KEY).signers == (THIRD_KEY.verifier,)
    with pytest.raises(KnownCheckpointError):
        verified(lines, checkpoint(ENTRIES[:5], WRONG_KEY), THIRD_KEY)


UNTRUSTED = {
    "by a key that is not trusted": rotation(WRONG_KEY, NEXT_KEY),
    "with a signature of another key": rotation(signed_by_old=rotation_facts(WRONG_KEY, NEXT_KEY)["signed_by_old"]),
    "with a signature of the old key alone": rotation(
        signed_by_new=rotation_facts(LOG_KEY, WRONG_KEY)["signed_by_new"]
    ),
    "without a signature": rotation(signed_by_new=None),
    "to a key of another log": rotation(new=type(NEXT_KEY)("other.example/log", NEXT_KEY.key)),
}


@pytest.mark.parametrize("change", UNTRUSTED.values(), ids=UNTRUSTED)
def test_a_change_of_the_key_is_not_trusted(change):
    entries = [*ENTRIES, change]
    with pytest.raises(ProofError):
        verified(exported(entries, note=checkpoint(entries, NEXT_KEY)))
