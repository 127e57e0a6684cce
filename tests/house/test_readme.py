"""First screen of README.md.

In at most 40 lines, a stranger reads what the project is and where to start.
"""

import re

import pytest

from tests.house.tree import ROOT

FIRST_SCREEN = 40
SCREEN = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:FIRST_SCREEN])

PARTS = {
    "its name": r"\A# Sinetti",
    "what it is": r"(?i)certificate service",
    "for whom": r"(?i)organisations",
    "independent work": r"(?i)independent",
    "no authority's product": r"(?i)no authority's product",
    "no qualified trust service": r"(?i)no qualified trust service",
    "the first command": r"git clone",
    "the second command": r"make demo",
    "a table from who you are to where you start": r"(?i)\| *you are[^|]*\| *you want[^|]*\| *start here[^|]*\|",
    "what works today": r"(?i)works today",
    "what does not yet": r"(?i)not yet",
    "Finnish": r"(?i)suomeksi",
    "Swedish": r"(?i)på svenska",
    "one picture": r"!\[[^\]]+\]\([^)]+\)|```mermaid",
}


@pytest.mark.parametrize("pattern", PARTS.values(), ids=PARTS)
def test_the_first_screen_has(pattern):
    assert re.search(pattern, SCREEN)


def test_there_is_one_picture():
    assert len(re.findall(r"!\[[^\]]+\]\([^)]+\)|```mermaid", SCREEN)) == 1


def test_the_picture_is_in_the_repository():
    for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", SCREEN):
        assert (ROOT / target).is_file()
