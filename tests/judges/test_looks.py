"""What readers see of chips, empty tables, previews of letters and charts in Chromium."""

import pytest

from tests.judges.walk import open_visit, served_population, windows
from tests.support.chromium import started_chromium
from tests.support.visits import VISITS

SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}
CROSS = "\N{MULTIPLICATION SIGN}"
_CHIPS = """[...document.querySelectorAll('.chips a')].map(one =>
    one.textContent + getComputedStyle(one, '::after').content)"""


@pytest.fixture(scope="module")
def look(request, tmp_path_factory):
    with started_chromium() as browser, served_population(request, tmp_path_factory.mktemp("looks")) as population:
        context, window = windows(browser, population.address)

        def opened(name, size="wide"):
            window.set_viewport_size(SIZES[size])
            open_visit(window, population, VISITS[name], "en")
            return window

        yield opened
        context.close()


@pytest.mark.parametrize("size", SIZES)
def test_a_chip_has_one_cross_and_an_empty_table_says_so_below_its_caption(look, size):
    page = look("certificates, chosen", size)
    assert [one.count(CROSS) for one in page.evaluate(_CHIPS)] == [1, 1, 1]
    assert page.locator(".empty").inner_text().startswith("Certificates and orders\nNo matches.")


def test_a_letter_keeps_its_list(look):
    text = look("checking another contact person").locator(".letter").first.inner_text()
    assert "\n- Certifikat: payroll\n- Organisation: " in text


@pytest.mark.parametrize("size", SIZES)
def test_months_of_a_chart_have_their_names(look, size):
    first = look("clerks' pages", size).locator(".chart li").first
    assert "March 2026" in first.text_content()
    is_named = first.locator("[aria-hidden]:has(b)").is_hidden()
    assert is_named is (size == "narrow"), "where there is room, the name stands there"
