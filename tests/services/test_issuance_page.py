"""Equal numbered steps of docs/contributors/issuance.md and the code, in the same places."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

from tests.support.tools import ROOT

SERVICES = ROOT / "src" / "sinetti" / "services"
PAGE = (ROOT / "docs" / "contributors" / "issuance.md").read_text(encoding="utf-8")

FILES = ("issuance/enrol.py", "issuance/renew.py", "issuance/issue.py", "issuance/retrieve.py")
"""Files with the numbered steps."""

UNNUMBERED = {
    *("revoked", "retained", "many-stored", "many-approved", "many-revoked", "many-noted", "many-published"),
    *("contact-changed", "early-stored", "early-opened", "early-undone", "early-back", "early-narrowed"),
    *("replacement-ordered", "contacts-handed-over", "load-compared", "load-part", "let-end"),
    *("ca-activated", "ca-stopped", "ca-last-lists", "ca-retired", "ca-revoked", "ca-noted", "distrust-signed"),
    *("log-committed", "journal-compressed", "journals-compared", "journal-entered"),
}
"""Points at which a process may end and which are no step of issuance."""

_NUMBER = re.compile(r"(\d+)(?: and (\d+))?: ")


def steps_of_the_page() -> dict[int, str]:
    """Return the numbers of the steps of the page, each with its text."""
    rows = {int(number): text for number, text in re.findall(r"^\| (\d+) \| (.*)\|$", PAGE, re.MULTILINE)}
    retrieval = PAGE.partition("## GetCertificate")[2]
    return rows | {int(number): text for number, text in re.findall(r"(?:^|· )(\d+) ([^·]+)", retrieval, re.MULTILINE)}


def comments_of(path: Path) -> list[int]:
    """Return the numbers of the numbered comments of a file, in order."""
    numbers = []
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT and (found := _NUMBER.match(token.string.lstrip("# "))):
            numbers += [int(number) for number in found.groups() if number]
    return numbers


def points_of(path: Path) -> list[str]:
    """Return the names given to `ctx.step`, in order."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    steps = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "step"]
    return [step.args[0].value for step in sorted(steps, key=lambda step: step.lineno)]


def points_with_lines(path: Path) -> dict[int, int]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        int(node.args[0].value.partition("-")[0]): node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "step"
    }


def test_the_page_numbers_its_steps_without_a_gap():
    assert list(steps_of_the_page()) == list(range(1, 16))


def test_every_step_that_the_page_places_in_the_core_is_a_numbered_comment():
    numbered = {number for name in FILES for number in comments_of(SERVICES / name)}
    assert numbered == {4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15}
    doors = {number for number, text in steps_of_the_page().items() if "`api/" in text or "`wire/`" in text}
    assert set(steps_of_the_page()) - numbered == doors | {3}, "the rest is done by doors; 3 is the way in"


@pytest.mark.parametrize("name", FILES)
def test_numbers_follow_each_other_in_each_file(name):
    numbers = comments_of(SERVICES / name)
    assert numbers == sorted(set(numbers))


def test_every_point_has_the_number_of_a_step():
    points = [point for path in sorted(SERVICES.rglob("*.py")) for point in points_of(path)]
    numbered = [point for point in points if point not in UNNUMBERED]
    assert set(points) - set(numbered) == UNNUMBERED
    for point in numbered:
        number, _, word = point.partition("-")
        assert int(number) in steps_of_the_page(), point
        assert word.isalpha(), point


@pytest.mark.parametrize("name", FILES)
def test_every_point_stands_after_the_comment_with_its_number(name):
    path = SERVICES / name
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in points_with_lines(path).items():
        before = [index for index, text in enumerate(lines[:line]) if re.search(rf"# {number}: ", text)]
        assert before, f"{name} ends at {number} before a comment says what {number} is"


def test_a_process_may_end_after_each_step_of_the_core():
    points = {int(point.partition("-")[0]) for name in FILES for point in points_of(SERVICES / name)}
    assert points == {4, 8, 9, 10, 11, 13, 14}, "5 to 7 write nothing; 15 is the way out"


@pytest.mark.parametrize("place", re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)`", PAGE))
def test_every_place_that_the_page_names_is_there(place):
    assert (ROOT / "src" / "sinetti" / place).exists()
