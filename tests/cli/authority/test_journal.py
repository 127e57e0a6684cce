"""Damaged files beside the folder of the authority.

`journal verify` and `serve` name them, and nothing is served until they are repaired.
"""

import shutil

import pytest

from tests.cli.authority.conftest import ADDRESSES, Operator
from tests.cli.authority.test_serve import ANY, serving
from tests.support import golden
from tests.support.authority import issuer
from tests.support.journals import listing

pytestmark = pytest.mark.long

NAME = issuer().file_name
LATER = 1 << 60


@pytest.fixture
def served(sqlite_operator):
    """Return an operator whose authority was served once, and its folder of journals."""
    sqlite_operator.found()
    with serving(sqlite_operator, *ANY):
        pass
    return sqlite_operator, sqlite_operator.root.with_name("authority-journal")


def test_verify_looks_at_lists_too(served):
    operator, place = served
    (place / "stray.crl").write_bytes(b"")
    shutil.copyfile(next(place.glob(f"{NAME}.1.*.crl")), place / f"{NAME}.1.copy.crl")
    said = operator.does("journal", "verify").splitlines()
    assert sum("lines, complete and unchanged" in line for line in said) >= 1
    assert sum("signed by its CA, 0 revoked" in line for line in said) == 10, "each CA's whole list and its shard's"
    assert sum("skipped, its name" in line for line in said) == 2


@pytest.mark.parametrize("words", [("journal", "verify"), ("serve", *ANY), ("reconcile",)], ids=lambda words: words[0])
def test_another_authority_s_journal_is_named(served, tmp_path, words):
    operator, place = served
    operator.does(None, "init", "--dir", tmp_path / "other", "--environment", "TEST", *ADDRESSES)
    with serving(Operator(tmp_path / "other", operator.capsys, {}), *ANY):
        pass
    (foreign,) = (tmp_path / "other-journal").glob("*.jsonl")
    for path in (foreign, foreign.with_name(f"{foreign.name}.head")):
        if path.exists():
            shutil.copyfile(path, place / f"foreign-{path.name}")
    code, _, err = operator.run(*words)
    assert code == 5
    assert f"foreign-{foreign.name} is not a journal of this authority" in err


@pytest.mark.parametrize("octets", [b"", listing("4f" * 19, LATER)], ids=["empty", "a foreign CA's"])
@pytest.mark.parametrize("words", [("journal", "verify"), ("serve", *ANY), ("reconcile",)], ids=lambda words: words[0])
def test_a_list_that_is_none_of_ours_is_named(served, octets, words):
    operator, place = served
    path = place / f"{NAME}.1.{LATER}.crl"
    path.write_bytes(octets)
    code, _, err = operator.run(*words)
    assert code == 5
    assert f"{path} is not a revocation list signed by its CA" in err


@pytest.mark.parametrize("words", [("journal", "verify"), ("serve", *ANY), ("reconcile",)], ids=lambda words: words[0])
def test_a_journal_that_is_gone_while_its_head_is_there_is_named(served, words):
    operator, place = served
    for path in place.glob("*.jsonl"):
        path.unlink()
    code, _, err = operator.run(*words)
    assert code == 5
    assert ".jsonl is missing" in err or "line 1 is missing" in err


@pytest.mark.parametrize("words", [("serve", *ANY), ("reconcile",), ("journal", "verify")], ids=lambda words: words[0])
def test_a_journal_folder_that_is_not_there_is_told(served, words):
    operator, place = served
    place.rename(place.with_name("elsewhere"))
    sentence = operator.refused(5, *words)
    assert f"{place} contains no journal of this authority, but this node has written a journal before" in sentence
    assert f"sinetti authority reconcile --dir {operator.root} --without-journal" in sentence
    place.with_name("elsewhere").rename(place)
    operator.does("reconcile")


def test_journals_that_are_lost_for_good_are_begun_anew_by_a_command_of_its_own(served):
    operator, place = served
    operator.refused(2, "reconcile", "--without-journal")
    shutil.rmtree(place)
    code, out, err = operator.run("reconcile", "--without-journal")
    assert code == 0
    assert "0 certificates restored" in out
    assert "certificates that were revoked later are valid" in err
    with serving(operator, *ANY):
        pass
    golden.check(
        "sentences/journal/journals-that-are-lost-for-good-are-begun-anew-by-a-command-of-its-own",
        operator.said(),
    )


def test_a_restored_register_waits_for_its_journals_on_whichever_machine(served, tmp_path):
    operator, place = served
    operator.does("backup", "--out", tmp_path / "night")
    for path in operator.root.glob("register.sqlite3*"):
        path.unlink()
    # A copy of the folder, as on another machine: nothing else shows that it is not of a further node.
    shutil.copytree(operator.root, tmp_path / "new")
    shutil.rmtree(operator.root)
    (tmp_path / "new").rename(operator.root)
    place.rename(place.with_name("elsewhere"))
    operator.does("restore", "--from", tmp_path / "night")
    operator.refused(5, "serve", *ANY)
    place.mkdir()
    for path in place.with_name("elsewhere").glob("*.jsonl"):
        shutil.copyfile(path, place / f"copy-of-{path.name}")
    operator.does("reconcile")
    golden.check("sentences/journal/a-restored-register-waits-for-its-journals-on-whichever-machine", operator.said())


def test_a_further_node_begins_a_journal_of_its_own(served):
    operator, _ = served
    copy = operator.root.with_name("further")
    shutil.copytree(operator.root, copy)
    code, _, err = operator.run("reconcile", root=copy)
    assert code == 0, err
    assert list(copy.with_name("further-journal").glob("*.jsonl"))
