"""Components of pages: places where words break, heights of a chart, parts of a check page."""

import pytest
from django.utils.html import conditional_escape

from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import Bar, Cell, Chart, DescriptionItem, Form, Letter

CELLS = {
    "words": ("Tilattu, siirtotunnukset vanhentuneet", False),
    "a word with a mark": ("Överföringskoderna, certifikatutfärdarna.", False),
    "an instant": ("12.12.2028 klo 10.00", False),
    "a Business ID": ("0123456-7", False),
    "an e-mail address, which has places of its own": ("nimi@sinisiipi.example", False),
    "a web address": ("https://sinisiipi.example/palkat", True),
    "an id": ("certificate:5a5f05d81e7525a668", True),
    "a name that is one long word": ("Isännöitsijätoimistopalvelut", True),
    "nothing": ("", False),
}


@pytest.mark.parametrize(("words", "breaks"), CELLS.values(), ids=CELLS)
def test_no_column_is_so_narrow_that_common_words_break(words, breaks):
    assert Cell(words).breaks is breaks
    assert Cell("", note=words).note_breaks is breaks


ADDRESSES = {
    "an address": ("terho.tekninen@malli.example", "terho<wbr>.tekninen@<wbr>malli<wbr>.example"),
    "an address in a sentence": ("To a@b.example, d. 1", "To a@<wbr>b<wbr>.example, d. 1"),
    "no address": ("Malli Oy, 1.2.2027", "Malli Oy, 1.2.2027"),
    "code in an address": ("<b>@malli.example", "&lt;b&gt;@<wbr>malli<wbr>.example"),
}


@pytest.mark.parametrize(("words", "shown"), ADDRESSES.values(), ids=ADDRESSES)
def test_addresses_break_at_their_signs_only(words, shown):
    assert conditional_escape(Cell(words).shown) == shown
    assert conditional_escape(Cell("", note=words).shown_note) == shown
    assert conditional_escape(DescriptionItem("", words).shown) == shown


def test_code_is_escaped_where_nothing_breaks():
    assert conditional_escape(Cell("<b>").shown) == "&lt;b&gt;"


BARS = [Bar(f"{month} 2027", month, value) for month, value in (("1", 0), ("2", 200), ("3", 1), ("4", 50))]


def test_a_chart_has_heights_and_the_same_numbers_as_a_table():
    chart = Chart("Ends", BARS, "Certificates", "Month")
    assert [height for _bar, height in chart.columns] == [0, 100, 3, 25], "a small number is seen"
    rows = [[cell.text for cell in row] for row in chart.table.rows]
    assert rows == [["1 2027", "0"], ["2 2027", "200"], ["3 2027", "1"], ["4 2027", "50"]]
    assert [height for _bar, height in Chart("Ends", [Bar("1", "1", 0)], "").columns] == [0]


def test_a_check_page_states_effects_and_letters():
    letter = Letter("Subject", ["Text"], "a@malli.example")
    form = Form([], [])
    page = check_page("Revoke?", form, effects=["First.", "Second."], letters=[letter])
    alert, effects, letters, last = page.blocks
    assert (alert.text, effects.blocks[0].paragraphs, letters.blocks, last) == ("First.", ["Second."], [letter], form)
    (none, _form) = check_page("Let end?", form, letters=[]).blocks
    assert len(none.blocks[0].paragraphs) == 1
    assert check_page("Let end?", form).blocks == [form]
