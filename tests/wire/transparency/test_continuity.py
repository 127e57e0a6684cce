"""Two checkpoints of one log: one tree has both, or the log is reported with both."""

import pytest

from sinetti.wire.transparency.continuity import LogForked, check_continues
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import Checkpoint
from tests.support.logs import LOG_KEY, ORIGIN, WRONG_KEY
from tests.wire.transparency.test_merkle import HASHES, mth, tile_of


def head(size, leaves=HASHES, signer=LOG_KEY) -> bytes:
    return Checkpoint(ORIGIN, size, mth(leaves[:size])).signed(signer)


def checked(kept, new, fetch=tile_of):
    return check_continues(kept, new, [LOG_KEY.verifier], fetch)


@pytest.mark.parametrize(("old", "new"), [(1, 1), (1, 300), (256, 512), (300, 700)])
def test_the_larger_of_two_heads_is_kept(old, new):
    assert checked(head(old), head(new)) == head(new)
    assert checked(head(new), head(old)) == head(new)
    assert checked(None, head(new)) == head(new)


OTHER = [HASHES[1], *HASHES[1:]]
FORKED = {
    "another history of the same size": (head(300), head(300, OTHER)),
    "another history that is longer": (head(200, OTHER), head(300)),
    "another history that is shorter": (head(300), head(200, OTHER)),
}


@pytest.mark.parametrize(("kept", "new"), FORKED.values(), ids=FORKED)
def test_a_fork_is_reported_with_both_heads(kept, new):
    with pytest.raises(LogForked) as forked:
        checked(kept, new)
    assert (forked.value.kept, forked.value.new) == (kept, new)


def test_tiles_of_a_wrong_length_are_a_fork():
    with pytest.raises(LogForked, match="octets"):
        checked(head(200), head(300), lambda _name: b"")


def test_a_checkpoint_of_another_key_is_refused():
    for pair in ((head(200), head(300, signer=WRONG_KEY)), (head(200, signer=WRONG_KEY), head(300))):
        with pytest.raises(ProofError, match="not signed by"):
            checked(*pair)
