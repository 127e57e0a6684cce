"""NIST's certification path tests: the results that they state.

docs/relying/pkits.md lists the deviations.
"""

from itertools import groupby

import pytest

from tests.gateway import pkits
from tests.house.tree import DOCS, rows

DEVIATIONS = {cells[0] for cells in rows(DOCS / "relying" / "pkits.md", "test")}
CHAPTERS = {chapter: [*numbers] for chapter, numbers in groupby(pkits.TESTS, lambda number: number.rpartition(".")[0])}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter(chapter):
    numbers = CHAPTERS[chapter]
    found = {number for number in numbers if pkits.accepted(number) is not pkits.should_be_valid(number)}
    assert found == {number for number in numbers if number in DEVIATIONS}


def test_every_deviation_refuses_and_is_a_test():
    assert set(pkits.TESTS) >= DEVIATIONS
    assert all(pkits.should_be_valid(number) for number in DEVIATIONS)


def test_every_test_has_its_file():
    assert [name for name in pkits.TESTS.values() if not (pkits.FOLDER / "certs" / f"{name}.crt").is_file()] == []
    assert len(pkits.TESTS) == 159
