"""Components of pages: cells of a table that may break in the middle of a word."""

import pytest

from sinetti.eservice.ui.components import Cell

CELLS = {
    "words": ("Tilattu, siirtotunnukset vanhentuneet", False),
    "a word with a mark": ("Överföringskoderna, certifikatutfärdarna.", False),
    "an instant": ("12.12.2028 klo 10.00", False),
    "a Business ID": ("0123456-7", False),
    "an address": ("nimi@sinisiipi.example", True),
    "an id": ("certificate:5a5f05d81e7525a668", True),
    "a name that is one long word": ("Isännöitsijätoimistopalvelut", True),
    "nothing": ("", False),
}


@pytest.mark.parametrize(("words", "breaks"), CELLS.values(), ids=CELLS)
def test_no_column_is_so_narrow_that_common_words_break(words, breaks):
    assert Cell(words).breaks is breaks
    assert Cell("", note=words).note_breaks is breaks
