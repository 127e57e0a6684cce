"""Damaged files beside the folder of the authority.

`journal verify` and `serve` name them, and nothing is served until they are repaired.
"""

import re
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


OPENING = (("journal", "verify"), ("serve", *ANY), ("reconcile",))
"""Commands that read the journals first."""


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
    assert sum("complete and unchanged" in line for line in said) >= 1
    assert sum("signed by its CA, 0 revoked" in line for line in said) == 10, "each CA's whole list and its shard's"
    assert sum("skipped, its name" in line for line in said) == 2


def refusals(operator):
    """Return what commands said, but files that are whole, and the words of the parser of ASN.1."""
    ((name, text),) = operator.said().items()
    text = re.sub(r"^\S+: (?:signed by its CA|\d+ lines, complete).*\n", "", text, flags=re.MULTILINE)
    return {name: re.sub(r"\(error parsing .*\)(?=: restore)", "(…)", text)}


def test_another_authority_s_journal_is_named(served, tmp_path):
    operator, place = served
    operator.does(None, "init", "--dir", tmp_path / "other", "--environment", "TEST", *ADDRESSES)
    with serving(Operator(tmp_path / "other", operator.capsys, {}), *ANY):
        pass
    (foreign,) = (tmp_path / "other-journal").glob("*.jsonl")
    for path in (foreign, foreign.with_name(f"{foreign.name}.head")):
        if path.exists():
            shutil.copyfile(path, place / path.name.replace(foreign.name, "foreign.jsonl"))
    for words in OPENING:
        assert operator.noted(*words)[0] == 5
    golden.check("sentences/journal/another-authority-s", refusals(operator))


def test_a_list_that_is_none_of_ours_is_named(served):
    operator, place = served
    for octets in (b"", listing("4f" * 19, LATER)):
        (place / f"{NAME}.1.{LATER}.crl").write_bytes(octets)
        for words in OPENING:
            assert operator.noted(*words)[0] == 5
    golden.check("sentences/journal/a-list-that-is-none-of-ours", refusals(operator))


@pytest.mark.parametrize("words", OPENING, ids=lambda words: words[0])
def test_a_journal_that_is_gone_while_its_head_is_there_is_named(served, words):
    operator, place = served
    for path in place.glob("*.jsonl"):
        path.unlink()
    code, _, err = operator.run(*words)
    assert code == 5
    assert ".jsonl is missing" in err or "line 1 is missing" in err


def test_a_journal_folder_that_is_not_there_is_told(served):
    operator, place = served
    place.rename(place.with_name("elsewhere"))
    for words in OPENING:
        operator.refused(5, *words)
    golden.check("sentences/journal/a-folder-that-is-not-there", operator.said())
    place.with_name("elsewhere").rename(place)
    operator.does("reconcile")


def test_journals_that_are_lost_for_good_are_begun_anew_by_a_command_of_its_own(served):
    operator, place = served
    operator.refused(2, "reconcile", "--without-journal")
    shutil.rmtree(place)
    assert operator.noted("reconcile", "--without-journal")[0] == 0
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
