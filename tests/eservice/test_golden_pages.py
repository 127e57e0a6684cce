"""Texts of all pages in three languages, byte for byte as tests/golden/pages has them."""

import pytest

from tests.support import golden
from tests.support.page_outcomes import OUTCOMES
from tests.support.page_texts import EVERY, opened_pages, states, visitors
from tests.support.visits import NOT_WALKED, OWN_WALK, patterns


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Yield the pages of a population."""
    with opened_pages(tmp_path_factory.mktemp("population")) as pages:
        yield pages


def test_every_page_and_state_has_its_files():
    assert len(states()) == len(EVERY) + len(OUTCOMES), "two states have one folder"
    assert {visit.route for visit in EVERY.values()} == set(patterns()) - (NOT_WALKED.keys() - OWN_WALK.keys())
    folders = {path.name for path in golden.folder("pages").iterdir()}
    made = {*states(), *(f"around-{who}" for who in visitors())}
    assert folders == made, "make golden FOLDER=pages; delete the folder of a page that is gone"


@pytest.mark.parametrize("state", states())
def test_page(pages, state):
    golden.check(f"pages/{state}", pages.state_files(states()[state]))


@pytest.mark.parametrize("who", visitors())
def test_header_menu_and_footer(pages, who):
    golden.check(f"pages/around-{who}", pages.frame_files(who))
