"""Exported logs against a verifier in another language, which was written from the specifications alone."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from sinetti.wire.transparency.export import ExportError, verify_export
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import NoteError
from tests.support.logs import LOG_KEY, NEXT_KEY, WRONG_KEY
from tests.wire.transparency.test_export import ENTRIES, checkpoint, exported, rotation

PROGRAM = Path(__file__).parent / "log" / "verify.mjs"
SIZE = len(ENTRIES)


def judged(folder, lines, known, key) -> bool:
    """Return the verdict of the other program."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    file, kept = folder / "log.jsonl", folder / "kept"
    file.write_bytes(b"".join(lines))
    kept.write_bytes(known or b"")
    words = ["node", PROGRAM, file, str(key.verifier), *([kept] if known else [])]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 3}, done.stderr
    return done.returncode == 0


def ours(lines, known, key) -> bool:
    try:
        verify_export(lines, key.verifier, known)
    except (ExportError, ProofError, NoteError):
        return False
    return True


CASES = {
    "all": (exported(ENTRIES), None, LOG_KEY, True),
    "the beginning": (exported(ENTRIES, 0, 13), None, LOG_KEY, True),
    "the middle": (exported(ENTRIES, 7, 30), None, LOG_KEY, True),
    "the end": (exported(ENTRIES, 33), None, LOG_KEY, True),
    "none": (exported(ENTRIES, 20, 20), None, LOG_KEY, True),
    "after an earlier checkpoint": (exported(ENTRIES, 5), checkpoint(ENTRIES[:9]), LOG_KEY, True),
    "the same checkpoint": (exported(ENTRIES, 5), checkpoint(ENTRIES), LOG_KEY, True),
    "after another checkpoint": (exported(ENTRIES), checkpoint(ENTRIES[1:9]), LOG_KEY, False),
    "rewound": (exported(ENTRIES[:9]), checkpoint(ENTRIES), LOG_KEY, False),
    "another key": (exported(ENTRIES), None, WRONG_KEY, False),
    "signed by another key": (exported(ENTRIES, note=checkpoint(ENTRIES, WRONG_KEY)), None, LOG_KEY, False),
    "an entry missing": (exported(ENTRIES)[:-1], None, LOG_KEY, False),
}


@pytest.mark.parametrize(("lines", "known", "key", "holds"), CASES.values(), ids=CASES)
def test_both_verifiers_agree(tmp_path, lines, known, key, holds):
    assert ours(lines, known, key) is judged(tmp_path, lines, known, key) is holds


def test_both_verifiers_trust_a_key_that_both_keys_vouch_for(tmp_path):
    entries = [*ENTRIES, rotation()]
    lines = exported(entries, note=checkpoint(entries, NEXT_KEY))
    assert ours(lines, None, LOG_KEY) is judged(tmp_path, lines, None, LOG_KEY) is True


@pytest.mark.parametrize("seed", range(20))
def test_both_verifiers_refuse_the_same_changed_octets(tmp_path, seed):
    draw = random.Random(seed)  # noqa: S311 - chance that can be repeated
    lines = exported(ENTRIES, draw.randint(0, 10), draw.randint(20, SIZE))
    at = draw.randrange(len(lines))
    place = draw.randrange(len(lines[at]) - 1)
    octets = bytearray(lines[at])
    octets[place] ^= 1
    lines[at] = bytes(octets)
    assert ours(lines, None, LOG_KEY) is judged(tmp_path, lines, None, LOG_KEY) is False
