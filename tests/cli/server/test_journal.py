"""What lies beside the folder: `journal verify` and `serve` name what is damaged, and nothing is served until then."""

import shutil

import pytest

from tests.cli.server.test_serve import ANY, serving
from tests.support.authority import issuer
from tests.support.journals import listing

NAME = issuer().file_name
LATER = 1 << 60


@pytest.fixture
def served(sqlite_operator):
    """Give an operator whose authority was served once, and the folder of its journals."""
    sqlite_operator.found()
    with serving(sqlite_operator, *ANY):
        pass
    return sqlite_operator, sqlite_operator.root.with_name("authority-journal")


def test_verify_looks_at_lists_too(served):
    operator, place = served
    (place / "stray.crl").write_bytes(b"")
    shutil.copyfile(next(place.glob(f"{NAME}.1.*.crl")), place / f"{NAME}.1.copy.crl")
    said = operator.does("journal", "verify").splitlines()
    assert sum("lines, all as they were written" in line for line in said) >= 1
    assert sum("signed by its CA, 0 revoked" in line for line in said) == 5
    assert sum("it is passed over" in line for line in said) == 2


@pytest.mark.parametrize("octets", [b"", listing("4f" * 19, LATER)], ids=["empty", "a foreign CA's"])
@pytest.mark.parametrize("words", [("journal", "verify"), ("serve", *ANY), ("reconcile",)], ids=lambda words: words[0])
def test_a_list_that_is_none_of_ours_is_named(served, octets, words):
    operator, place = served
    path = place / f"{NAME}.1.{LATER}.crl"
    path.write_bytes(octets)
    code, _, err = operator.run(*words)
    assert code == 5
    assert f"{path} is no list that its CA has signed" in err


@pytest.mark.parametrize("words", [("journal", "verify"), ("serve", *ANY), ("reconcile",)], ids=lambda words: words[0])
def test_a_journal_that_is_gone_while_its_head_is_there_is_named(served, words):
    operator, place = served
    for path in place.glob("*.jsonl"):
        path.unlink()
    code, _, err = operator.run(*words)
    assert code == 5
    assert ".jsonl is missing" in err or "line 1 is missing" in err
