"""Parts of messages: the same words as text and as HTML.

Values cannot turn, end or hide anything.
"""

import pytest
from lxml import html as reader

from sinetti.domain.validation import has_link
from sinetti.domain.values import Language
from sinetti.notifications.templates import markup
from sinetti.notifications.templates.markup import LinkBlock, RowsBlock

PARTS = (
    "Hei Ääkkönen,",
    RowsBlock(("Varmenne: Palkat & muut", "Voimassa: 2.5.2027")),
    LinkBlock("https://pki.example/m/a"),
    "<b>",
)

SHOWN = {
    "a plain name stays": ("Nimi Nimetty", "Nimi Nimetty"),
    "letters of other languages stay": ("Šárka Ñandú", "Šárka Ñandú"),
    "a line end becomes a space": ("Nimi\r\nBcc: x@evil.example", "Nimi Bcc: x@evil.example"),
    "other line ends too": ("Nimi\u2028\u0085\x0bNimetty", "Nimi Nimetty"),
    "what turns the text round is gone": ("Nimi \u202eyttemiN\u202c", "Nimi yttemiN"),
    "what is not seen is gone": ("Ni\u200bmi\ufeff\x00\x07", "Ni mi"),
    "a name from right to left is isolated": ("שם", "\u2068שם\u2069"),
    "white space at the ends goes": ("  Nimi\u00a0Ä ", "Nimi Ä"),
}

CUT = {
    "what fits stays": ("12345", 5, "12345"),
    "what does not ends with an ellipsis": ("123456", 5, "1234…"),
    "no space before it": ("123 56", 5, "123…"),
    "nothing fits nowhere": ("123", 0, "…"),
}

TEXTED = {
    "Finnish letters are in the alphabet": ("Äänekosken Öljy Oy", "Äänekosken Öljy Oy"),
    "marks that it lacks go": ("Šimek & Čapek", "Simek & Capek"),
    "those that it has stay": ("Café Ñandú Åbo", "Café Ñandu Åbo"),
    "typeset signs become plain": ("”Palkat” – 2027…", '"Palkat" - 2027...'),
    "another script has nothing to offer": ("Фирма", None),
    "nor has what takes two places": ("{x}", None),
}


@pytest.mark.parametrize(("value", "expected"), SHOWN.values(), ids=SHOWN)
def test_shown(value, expected):
    assert markup.sanitise(value) == expected


@pytest.mark.parametrize(("value", "longest", "expected"), CUT.values(), ids=CUT)
def test_cut(value, longest, expected):
    assert markup.truncate(value, longest) == expected


@pytest.mark.parametrize(("value", "expected"), TEXTED.values(), ids=TEXTED)
def test_texted(value, expected):
    assert markup.to_gsm7(value) == expected


def test_plain():
    assert markup.render_text(PARTS) == (
        "Hei Ääkkönen,\n\n- Varmenne: Palkat & muut\n- Voimassa: 2.5.2027\n\nhttps://pki.example/m/a\n\n<b>\n"
    )


def test_html_is_read_by_others():
    tree = reader.document_fromstring(markup.render_html('A "subject" <1>', PARTS, Language.SV))
    assert tree.get("lang") == "sv"
    assert tree.findtext(".//title") == 'A "subject" <1>'
    assert [one.text_content() for one in tree.iter("p", "li")] == [
        "Hei Ääkkönen,",
        "Varmenne: Palkat & muut",
        "Voimassa: 2.5.2027",
        "https://pki.example/m/a",
        "<b>",
    ]
    assert [one.get("href") for one in tree.iter("a")] == ["https://pki.example/m/a"]


def test_an_address_cannot_leave_its_attribute():
    tree = reader.document_fromstring(markup.render_html("", (LinkBlock('https://x/"onclick="y'),), Language.EN))
    (link,) = tree.iter("a")
    assert link.attrib == {"href": 'https://x/"onclick="y'}


LINKED = {
    "an older description": ("Pay at https://evil.example/x", "Pay at https\ua789//evil\u2024example/x"),
    "a company that is called so": ("Kauppa.com Oy", "Kauppa\u2024com Oy"),
    "an address": ("a@b.example", "a\uff20b\u2024example"),
    "a name like others": ("Oy Firma Ab.", "Oy Firma Ab."),
}


@pytest.mark.parametrize(("stored", "expected"), LINKED.values(), ids=LINKED)
def test_of_a_name_no_program_makes_a_link(stored, expected):
    assert markup.named(stored) == expected
    assert markup.named(stored).isprintable()
    texted = markup.to_gsm7(markup.named(stored))
    assert texted is not None
    assert not has_link(texted.replace("@", " "))
