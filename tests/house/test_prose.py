"""Prose of docstrings, comments and English texts (scripts/prose.py).

CONTRIBUTING.md has the rules.
"""

import pytest

from tests.support.tools import script

PROSE = script("prose")


@pytest.mark.long
@pytest.mark.parametrize("folder", PROSE.FOLDERS)
def test_prose(folder):
    paths = [path for path in PROSE.modules() if path.is_relative_to(PROSE.ROOT / folder)]
    assert paths
    assert [fault for path in paths for fault in PROSE.faults(path)] == []


CASES = {
    "a question": ('"""What is stored."""', 1),
    "a question in lower case": ('"""whether it is stored."""', 1),
    "a long line": (f'"""Return {"x" * 80}."""', 1),
    "a hidden actor": ('"""Return None where nobody asked."""', 1),
    "a comment": ("# somebody else writes it", 1),
    "an English text": ('raise ValueError("whoever wrote this")', 1),
    "a word alone is a value": ('kind = "nobody"', 0),
    "a message id": ('translate("Nobody is told.", language)', 0),
    "a constant's docstring": ('A = 1\n"""Which one it is."""', 1),
    "a parameter": ("def f(told): ...", 1),
    "a field": ("a.is_owed = True", 1),
    "a word within a word": ("is_allowed = followed = 1", 0),
    "as it should be": ('"""Return the latest CRL of a shard."""', 0),
}


@pytest.mark.parametrize(("text", "count"), CASES.values(), ids=CASES)
def test_what_is_found(text, count, tmp_path, monkeypatch):
    assert PROSE.message_ids()
    path = tmp_path / "module.py"
    path.write_text(f"{text}\n", encoding="utf-8")
    monkeypatch.setattr(PROSE, "ROOT", tmp_path)
    assert len(PROSE.faults(path)) == count
