"""Cells of a CSV file: no formulas, wherever a spreadsheet splits the line."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.infra.spreadsheets import guarded, lines_of

DANGEROUS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r")
SEPARATORS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "line break": "\n",
    "carriage return": "\r",
    "both of these": "\r\n",
}
TEXTS = st.text(st.sampled_from("=+-@\uff1d\uff0b\uff0d\uff20,;\t\r\n \"'|a1ä\u00a0\u2028\ufeff"), max_size=12)

CASES = {
    "after a comma": ("Payroll,=cmd|' /C calc'!A1", "Payroll,'=cmd|' /C calc'!A1"),
    "after a semicolon": ("Payroll;+1", "Payroll;'+1"),
    "after a tab": ("a\t@SUM(1)", "a\t'@SUM(1)"),
    "after a line break": ("a\n-1", "a\n'-1"),
    "after a carriage return": ("a\r=1", "a\r'=1"),
    "after a comma and spaces": ("a,  =1", "a,'  =1"),
    "after a comma and a quotation mark": ('a,"=1', "a,'\"=1"),
    "a tab after a comma": ("a,\tb", "a,'\tb"),
    "at the beginning": ("=1", "'=1"),
    "at the beginning, after spaces": ("  =1", "'  =1"),
    "at the beginning, after a quotation mark": ('"=1', "'\"=1"),
    "in full width": ("a,\uff1d1", "a,'\uff1d1"),
    "after a byte order mark": ("\ufeff=1", "'\ufeff=1"),
    "a name with a comma": ("Malli, Oy", "Malli, Oy"),
    "signs that follow a letter": ("a-1 b+2 c=3 d@e.example", "a-1 b+2 c=3 d@e.example"),
    "empty": ("", ""),
    "leading zeros": ("00123", "'00123"),
    "a serial number of digits": ("1234567890123456", "'1234567890123456"),
    "a serial number like a power of ten": ("12e345", "'12e345"),
    "a name like a date": ("1.2.2027", "'1.2.2027"),
    "a name like a fraction": ("1/2", "'1/2"),
    "a Business ID": ("0123456-7", "0123456-7"),
    "a count": ("60", "60"),
    "a time": ("2027-05-02 14:03", "2027-05-02 14:03"),
}


@pytest.mark.parametrize(("cell", "kept"), CASES.values(), ids=CASES)
def test_guarded(cell, kept):
    assert guarded(cell) == kept


@pytest.mark.parametrize("separator", SEPARATORS.values(), ids=SEPARATORS)
@given(row=st.lists(TEXTS, min_size=1, max_size=4))
def test_no_separator_makes_a_formula(separator, row):
    line = lines_of([row])
    for cell in line.removesuffix("\r\n").split(separator):
        # Characters that a program skips before a formula, without the tab and the carriage return themselves.
        begins = re.sub(r'^(?:(?![\t\r])[\s"\ufeff])+', "", cell)
        assert not begins.startswith(DANGEROUS), (cell, line)


@given(row=st.lists(TEXTS, min_size=1, max_size=4))
def test_a_guard_takes_nothing_away(row):
    (found,) = csv.reader(io.StringIO(lines_of([row]), newline=""), delimiter=";", strict=True)
    assert len(found) == len(row)
    for cell, kept in zip(row, found, strict=True):
        assert kept.replace("'", "") == cell.replace("'", "")
