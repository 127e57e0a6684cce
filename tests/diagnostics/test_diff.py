"""First difference between two canonical forms, as a person sees it."""

import pytest

from sinetti.diagnostics.search import first_difference

FAR = b"x" * 5000 + "ö".encode() * 30
DIFFERENCES = {
    "in the first line": (b"<a>1</a>", b"<a>2</a>", (1, 4, 3), "<a>", "1</a>", "2</a>"),
    "in the third": (b"a\nb\ncd", b"a\nb\nce", (3, 2, 5), "a\\nb\\nc", "d", "e"),
    "one is longer": (b"<a/>", b"<a/>\n", (1, 5, 4), "<a/>", "", "\\n"),
    "a line end": (b"a\r\nb", b"a\nb", (1, 2, 1), "a", "\\r\\nb", "\\nb"),
    "within a character": ("xä".encode(), "xå".encode(), (1, 2, 1), "x", "ä", "å"),
    "a letter decomposed": ("Ä".encode(), "A\u0308".encode(), (1, 1, 0), "", "Ä", "A\\u0308"),
    "characters that cannot be seen": (
        "a\u00a0\u200b\U000e0001\x7f".encode(),
        b"a b",
        (1, 2, 1),
        "a",
        "\\xa0\\u200b\\U000e0001\\x7f",
        " b",
    ),
    "no text at all": (b"\xff\\", b"<", (1, 1, 0), "", "\\xff\\\\", "<"),
    "far behind": (FAR + b"1", FAR + b"2", (1, 5031, 5060), "ö" * 20, "1", "2"),
    "context cut in a character": (FAR + b"y1", FAR + b"y2", (1, 5032, 5061), "ö" * 19 + "y", "1", "2"),
}


@pytest.mark.parametrize("case", DIFFERENCES.values(), ids=DIFFERENCES)
def test_the_first_difference(case):
    there, here, *expected = case
    found = first_difference(there, here)
    place = (found.line, found.column, found.offset)
    assert [place, found.before, found.signed, found.received] == expected
    assert first_difference(there, there) is None
