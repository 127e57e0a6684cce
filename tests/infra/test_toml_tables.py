"""Parsing of TOML: it succeeds or raises ValueError, nothing else."""

import pytest

from sinetti.infra.toml_tables import parse_toml

REFUSED = {
    "lists without end": ("a = " + "[" * 5000, "."),
    "tables without end": ("a = " + "{a=" * 1000, "."),
    "a key alone": ("a", "."),
    "a day that is none": ("a = 2024-99-99", "."),
    "NUL in a path": ('a = 1\nb = "crl\\u0000s"\n', "NUL .at line 2"),
    "NUL in its long form, in a list": ('a = [\n"x",\n"\\\\\\U00000000"]', "NUL .at line 3"),
    "NUL in a key": ('"a\\u0000" = 1', "NUL .at line 1"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_toml_that_is_none(text, why):
    with pytest.raises(ValueError, match=why):
        parse_toml(text)


def test_an_escaped_backslash_escapes_nothing_else():
    assert parse_toml(r'a = "C:\\u0000"') == {"a": r"C:\u0000"}
