"""Phone numbers as people write them, in the one form that providers take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.domain.validation import international

NUMBERS = {
    "a Finnish number with blanks": ("040 123 4567", "+358401234567"),
    "a Finnish number with hyphens": ("040-123-4567", "+358401234567"),
    "a Finnish area code in parentheses": ("(09) 1234 567", "+35891234567"),
    "with the country's code": ("+358 40 123 4567", "+358401234567"),
    "with the digit for callers at home": ("+358 (0)40 123 4567", "+358401234567"),
    "with two zeros for a plus": ("00358 40 1234567", "+358401234567"),
    "of another country": ("+46 70-123 45 67", "+46701234567"),
    "the longest": ("+123456789012345", "+123456789012345"),
    "one digit too long": ("+1234567890123456", None),
    "the shortest": ("+1234567", "+1234567"),
    "too short": ("+358 4", None),
    "anybody's": ("1234567", None),
    "no country begins with 0": ("+0401234567", None),
    "three zeros": ("000401234567", None),
    "letters": ("call me", None),
    "digits of another script": ("+٣٥٨٤٠١٢٣٤٥٦٧", None),
    "none": ("", None),
}


@pytest.mark.parametrize(("written", "called"), NUMBERS.values(), ids=NUMBERS)
def test_international(written, called):
    assert international(written) == called


@given(st.text(alphabet="+0123456789 ()-", max_size=30))
def test_whatever_is_written_is_in_that_form_or_none(written):
    called = international(written)
    assert called is None or (called[0] == "+" and called[1:].isdigit() and 7 <= len(called[1:]) <= 15)
    assert called is None or international(called) == called
