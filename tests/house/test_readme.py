"""README.md: a stranger reads on the first screen what Sinetti is and how to start."""

import re

import pytest

from tests.house.tree import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
SCREEN = "\n".join(TEXT.splitlines()[:30])
LONGEST = 120
OUTPUT_LINES = 10

FIRST_SCREEN = {
    "its name": r"\A# Sinetti\n",
    "one sentence": r"(?i)^get, renew and test organisation certificates",
    "whose certificates": r"Finnish Incomes Register",
    "that it is unofficial": r"(?i)unofficial",
    "four bullets": r"(?m)(^- .+\n){4}",
    "the first command": r"(?m)^git clone",
    "the second command": r"(?m)^make demo$",
    "one picture": r"!\[[^\]]+\]\([^)]+\)",
}
PARTS = {
    "where each reader starts": r"\| You are \| You want \| Start here \|",
    "the real service": r"## Does it work with the real service\?",
    "what was not tried": r"has not been run against the real service",
    "the trust of answers": r"`--trust-services`: the CAs",
    "the trust of certificates": r"`--trust-holders`: the CAs",
    "status and limits": r"## Status and limits",
    "no authority's product": r"no authority's product",
    "no qualified trust service": r"no qualified trust service",
    "three lines in Finnish": r"## Suomeksi\n\n(.+\n){3}\n",
    "three lines in Swedish": r"## På svenska\n\n(.+\n){3}\n",
}


@pytest.mark.parametrize("pattern", FIRST_SCREEN.values(), ids=FIRST_SCREEN)
def test_first_screen(pattern):
    assert re.search(pattern, SCREEN, re.MULTILINE)


@pytest.mark.parametrize("pattern", PARTS.values(), ids=PARTS)
def test_parts(pattern):
    assert re.search(pattern, TEXT)


def test_length():
    assert len(TEXT.splitlines()) <= LONGEST


def test_output_on_the_first_screen():
    (output,) = re.findall(r"^```text\n(.*?)^```$", SCREEN, re.DOTALL | re.MULTILINE)
    assert len(output.splitlines()) == OUTPUT_LINES


def test_picture_is_in_the_repository():
    (target,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT)
    assert (ROOT / target).is_file()
