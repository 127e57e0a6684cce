"""Golden files (tests/support/golden.py): each folder has tests that make it, and `make golden` alone writes it."""

import re

import pytest

from tests.house.tree import ROOT
from tests.support import golden


def test_each_folder_has_a_producer():
    producers = golden.producers()
    assert [name for name in producers if not golden.read(name)] == []
    places = {golden.folder(name) for name in producers}
    made = [path for path in golden.GOLDEN.rglob("*") if path.is_file()]
    assert [path for path in made if places.isdisjoint(path.parents)] == []
    assert golden.PLACES.keys() <= producers.keys()


def test_only_make_golden_writes_them():
    places = [r"tests/golden", r"\bgolden\.write\b", *map(re.escape, golden.PLACES.values())]
    writers = re.compile("|".join((*places, *(r'"docs" / "' + place[5:] + '"' for place in golden.PLACES.values()))))
    tools = [path for path in (ROOT / "scripts").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    found = {path.name for path in tools if writers.search(path.read_text(encoding="utf-8"))}
    assert found == {"golden.py", "changed.py"}  # changed.py names their tests
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"^([a-z]+):(?:.*\n)(?:\t.*\n)*?\t.*scripts/golden\.py", makefile, re.MULTILINE) == ["golden"]


check = golden.check  # under a name of its own, as these folders have no producer


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Golden folders of their own, in which `letters` has three files."""
    monkeypatch.setattr(golden, "ROOT", tmp_path)
    monkeypatch.delenv("GOLDEN_FILES", raising=False)
    golden.write("letters", {"a.txt": "one\ntwo\n", "b.txt": "two\n", "below/c.txt": "three\n"})
    (tmp_path / "tests" / "golden" / "letters" / "README.md").write_text("by hand", encoding="utf-8")
    return tmp_path / "tests" / "golden" / "letters"


def test_equal_files_pass(tree):
    check("letters", {"a.txt": "one\ntwo\n", "b.txt": "two\n", "below/c.txt": "three\n"})
    check("letters/below", {"c.txt": "three\n"})


def test_each_file_that_differs_is_missing_or_left_over_is_named(tree):
    with pytest.raises(pytest.fail.Exception) as failure:
        check("letters", {"a.txt": "one\ntwo\r\n", "b.txt": "two\n", "d.txt": "four\n"})
    assert str(failure.value).splitlines() == [
        "letters/a.txt: differs",
        "--- golden",
        "+++ made",
        "@@ -1,3 +1,3 @@",
        " one",
        "-two",
        r"+'two\r'",
        " ",
        "letters/below/c.txt: left over, no test makes it",
        "letters/d.txt: missing",
        "if meant: make golden FOLDER=letters",
    ]


def test_make_golden_writes_what_differs_and_leaves_pages_written_by_hand(tree, monkeypatch):
    monkeypatch.setenv("GOLDEN_FILES", "write")
    check("letters", {"a.txt": "1\r\n", "d/e.txt": "4"})
    assert golden.read("letters") == {"a.txt": "1\r\n", "d/e.txt": "4"}
    assert (tree / "README.md").exists()
