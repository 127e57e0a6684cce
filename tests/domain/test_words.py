"""Texts that people give: what is taken, what is refused and how the sentence names it."""

import pytest

from sinetti.domain import words
from sinetti.domain.words import WordError

TAKEN = {
    "a name is trimmed": (words.check_text, ("name", " Malli Oy ", 100), "Malli Oy"),
    "as long as may be": (words.check_text, ("name", "x" * 100, 100), "x" * 100),
    "letters of every language": (words.check_text, ("name", "Åäö Öljy 株式会社", 100), "Åäö Öljy 株式会社"),
    "an empty description": (words.check_text_or_none, ("description", "  ", 200), ""),
    "a description": (words.check_text_or_none, ("description", "Payroll ", 200), "Payroll"),
    "an address": (
        words.check_email,
        (
            "email",
            " contact@customer.example ",
        ),
        "contact@customer.example",
    ),
    "no phone": (words.check_phone, ("phone", ""), ""),
    "a phone": (words.check_phone, ("phone", "+358 (0)40 123-4567"), "+358 (0)40 123-4567"),
    "a country": (words.check_country, ("country", "FI"), "FI"),
    "one of something": (words.amount, (1, "list"), "1 list"),
    "none of something": (words.amount, (0, "list"), "0 lists"),
}

REFUSED = {
    "an empty name": (words.check_text, ("name", " ", 100), "name is a text of 1 to 100 printable characters"),
    "a name too long": (words.check_text, ("name", "x" * 101, 100), "name is a text of 1 to 100"),
    "a line break inside": (words.check_text, ("name", "a\nb", 100), "name is a text of 1 to 100"),
    "half a character": (words.check_text, ("name", "\ud800", 100), "name is a text of 1 to 100"),
    "a description too long": (
        words.check_text_or_none,
        ("description", "x" * 9, 8),
        "description is a text of 1 to 8",
    ),
    "no at sign": (words.check_email, ("email", "contact"), "email is an address like"),
    "a header injected": (words.check_email, ("email", "a@b.example\r\nBcc: c@d.example"), "email is an address like"),
    "two addresses": (words.check_email, ("email", "a@b.example,c@d.example"), "email is an address like"),
    "an address too long": (words.check_email, ("email", "x" * 250 + "@b.fi"), "email is an address like"),
    "an address with a control character": (words.check_email, ("email", "a\0@b.example"), "email is an address like"),
    "letters in a phone": (words.check_phone, ("phone", "call me"), "phone is a number like"),
    "a phone too long": (words.check_phone, ("phone", "1" * 31), "phone is a number like"),
    "a country in words": (words.check_country, ("country", "Finland"), "country is a country's two capitals"),
    "a country in small letters": (words.check_country, ("country", "fi"), "country is a country's two capitals"),
}


@pytest.mark.parametrize(("check", "given", "expected"), TAKEN.values(), ids=TAKEN)
def test_taken(check, given, expected):
    assert check(*given) == expected


@pytest.mark.parametrize(("check", "given", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused(check, given, sentence):
    with pytest.raises(WordError, match=sentence):
        check(*given)
