"""Marks of foreign places: the project speaks of itself alone.

There are no leftovers, no paths of one machine and no hosts of a package registry.
"""

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, text_files

LEFT_OVER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
MACHINE = re.compile(r"/(?:work|farm|root|Users)/[a-z.]|/home/[a-z]+/")
REGISTRIES = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|deb\.debian\.org|proxy\.golang\.org")

MARKS = {"left over": LEFT_OVER, "a machine's path": MACHINE, "a registry's host": REGISTRIES}


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
def test_nothing_of_this_kind_stands_anywhere(mark):
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in text_files()
        if path != Path(__file__)  # which names them
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if mark.search(line)
    ]
    assert not found


def test_text_files_are_utf_8_with_a_line_end():
    for path in text_files():
        octets = path.read_bytes()
        if path.suffix in {".py", ".md", ".toml", ".po"} and octets:
            assert octets.decode("utf-8").endswith("\n"), path
