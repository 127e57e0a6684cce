"""Import files of organisations: parsing, and differences from the database.

Once a difference is applied, it is no longer reported.
"""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sinetti.domain.organisations.csv_import import (
    MOST_LINES,
    MOST_OCTETS,
    ChangeKind,
    ImportFileError,
    RowErrorKind,
    StoredOrganisation,
    compare,
    digest,
    named_ids,
    read_lines,
)
from sinetti.domain.values import Environment, IdentifierType, Language, normalise

HEAD = "customer_id;kind;country;name;language;merged_into;ended"
TODAY = date(2026, 3, 2)
TEST, FI = Environment.TEST, Language.FI
MALLI = StoredOrganisation("A-1", IdentifierType.REGISTER, "FI", "Malli Oy", FI)
NEW = StoredOrganisation("B-2", IdentifierType.REGISTER, "FI", "Uusi Oy", FI)
GONE = StoredOrganisation("C-3", IdentifierType.REGISTER, "FI", "Mennyt Oy", FI, open=False, merged_into="B-2")
REGISTER = {normalise(one.customer_id): one for one in (MALLI, NEW, GONE)}


def compared(*lines, head=HEAD, register=REGISTER):
    return compare(read_lines("\n".join([head, *lines]).encode()), register, TEST, TODAY)


ONE_LINE = {
    "nothing new": ("A-1;register;FI;Malli Oy;fi;;", None),
    "nothing new, in other letters": ("a-1;register;FI;Malli Oy;fi;;", None),
    "a new one": ("D-4;register;FI;Neljäs Oy;sv;;", ChangeKind.ADD),
    "a new name": ("A-1;register;FI;Malli Oyj;fi;;", ChangeKind.CHANGE),
    "another language": ("A-1;register;FI;Malli Oy;sv;;", ChangeKind.CHANGE),
    "merged": ("A-1;register;FI;Malli Oy;fi;b-2;", ChangeKind.MERGE),
    "merged and ended": ("A-1;register;FI;Malli Oy;fi;B-2;2026-01-01", ChangeKind.MERGE),
    "ended today": ("A-1;register;FI;Malli Oy;fi;;2026-03-02", ChangeKind.END),
    "ended before, as it stands": ("C-3;register;FI;Mennyt Oy;fi;b-2;", None),
    "too few cells": ("A-1;register;FI", ("", RowErrorKind.CELLS)),
    "an open quotation mark": ('A-1;register;FI;"Malli;fi;;', ("", RowErrorKind.CELLS)),
    "no kind": ("A-1;;FI;Malli Oy;fi;;", ("kind", RowErrorKind.KIND)),
    "no language": ("A-1;register;FI;Malli Oy;de;;", ("language", RowErrorKind.LANGUAGE)),
    "no id": (";register;FI;Malli Oy;fi;;", ("customer_id", RowErrorKind.ID)),
    "no country": ("A-1;register;fi;Malli Oy;fi;;", ("country", RowErrorKind.COUNTRY)),
    "no name": ("A-1;register;FI;;fi;;", ("name", RowErrorKind.NAME)),
    "ends tomorrow": ("A-1;register;FI;Malli Oy;fi;;2026-03-03", ("ended", RowErrorKind.ENDED)),
    "ended some day": ("A-1;register;FI;Malli Oy;fi;;yes", ("ended", RowErrorKind.ENDED)),
    "another kind": ("A-1;foreign;FI;Malli Oy;fi;;", ("kind", RowErrorKind.OTHER_KIND)),
    "another country": ("A-1;register;SE;Malli Oy;fi;;", ("country", RowErrorKind.OTHER_COUNTRY)),
    "into itself": ("A-1;register;FI;Malli Oy;fi;a-1;", ("merged_into", RowErrorKind.MERGED_SELF)),
    "into nobody": ("A-1;register;FI;Malli Oy;fi;X-9;", ("merged_into", RowErrorKind.MERGED_UNKNOWN)),
    "into one that ended": ("A-1;register;FI;Malli Oy;fi;C-3;", ("merged_into", RowErrorKind.MERGED_CLOSED)),
    "one that is not there ends": ("X-9;register;FI;Ei Oy;fi;;2026-01-01", ("customer_id", RowErrorKind.NOT_THERE)),
    "ended, elsewhere": ("C-3;register;FI;Mennyt Oy;fi;A-1;", ("merged_into", RowErrorKind.MERGED_ELSEWHERE)),
    "ended, and lives again": ("C-3;register;FI;Mennyt Oy;fi;B-2;2030-01-01", ("ended", RowErrorKind.ENDED)),
    "ended, and has a new name": ("C-3;register;FI;Uusi nimi;fi;B-2;", ("customer_id", RowErrorKind.CLOSED)),
}


@pytest.mark.parametrize(("line", "found"), ONE_LINE.values(), ids=ONE_LINE)
def test_a_line(line, found):
    difference = compared(line)
    if isinstance(found, tuple):
        assert [(one.line, one.column, one.slip) for one in difference.wrong] == [(2, *found)]
        assert difference.changes == ()
    else:
        assert [one.kind for one in difference.changes] == ([found] if found else [])
        assert difference.wrong == ()
        assert difference.unchanged == (0 if found else 1)


def test_what_the_register_has_instead_is_told():
    kind, country, other = compared(
        "A-1;foreign;FI;Malli Oy;fi;;", "B-2;register;SE;Uusi Oy;fi;;", "C-3;register;FI;Uusi nimi;fi;B-2;"
    ).wrong
    assert (kind.known, country.known, other.known) == ("register", "FI", "")


def test_one_that_ended_does_not_live_again():
    closed = replace(GONE, merged_into="")
    (wrong,) = compared("C-3;register;FI;Mennyt Oy;fi;;", register={"c-3": closed}).wrong
    assert wrong.slip is RowErrorKind.CLOSED


def test_lines_of_one_file_are_seen_together():
    difference = compared(
        "A-1;register;FI;Malli Oy;fi;D-4;",
        "D-4;register;FI;Neljäs Oy;fi;;",
        "d-4;register;FI;Neljäs Oy;fi;;",
        "B-2;register;FI;Uusi Oy;fi;A-1;",
        "",
        ";;;;;;",
    )
    assert [(one.kind, one.line) for one in difference.changes] == [(ChangeKind.ADD, 3), (ChangeKind.MERGE, 2)]
    assert [(one.line, one.slip) for one in difference.wrong] == [
        (4, RowErrorKind.TWICE),
        (5, RowErrorKind.MERGED_CLOSED),
    ]
    assert difference.unchanged == 0


FILES = {
    "a byte order mark, commas, CRLF and another order": (
        "\ufeffname,kind,customer_id,language,country\r\nMalli Oy,register,A-1,fi,FI\r\n".encode(),
        None,
    ),
    "Latin-1": ("name;ä".encode("latin-1"), RowErrorKind.ENCODING),
    "too large": (b"x" * (MOST_OCTETS + 1), RowErrorKind.SIZE),
    "too many lines": (f"{HEAD}\n{'x;' * 7}\n".encode() + b"x\n" * MOST_LINES, RowErrorKind.LINES),
    "empty": (b"", RowErrorKind.COLUMNS),
    "a column is lacking": (b"customer_id;kind;country;name\n", RowErrorKind.COLUMNS),
    "a column stands twice": (f"{HEAD};name\n".encode(), RowErrorKind.COLUMNS),
    "a column too many": (f"{HEAD};phone\n".encode(), RowErrorKind.COLUMNS),
}


@pytest.mark.parametrize(("octets", "slip"), FILES.values(), ids=FILES)
def test_a_file(octets, slip):
    if slip is None:
        (line,) = read_lines(octets)
        assert (line.number, line.cells["name"], line.cells["country"]) == (2, "Malli Oy", "FI")
        return
    with pytest.raises(ImportFileError) as refused:
        read_lines(octets)
    assert refused.value.slip is slip


def test_what_has_to_be_looked_up():
    lines = read_lines(f"{HEAD}\nA-1;register;FI;Malli Oy;fi;B-2;\nx\n".encode())
    assert named_ids(lines) == {"a-1", "b-2"}


def test_the_digest_tells_files_and_differences_apart():
    one, other = compared("A-1;register;FI;Malli;fi;;").changes, compared("A-1;register;FI;Muu;fi;;").changes
    assert len({digest("a", one), digest("b", one), digest("a", other), digest("a", ())}) == 4
    assert digest("a", one) == digest("a", list(one))


def applied(register, changes):
    """Return the organisations after these changes.

    It applies them as database/organisations/administration.py does.
    """
    after = dict(register)
    for one in changes:
        into = register[normalise(one.into)].customer_id if normalise(one.into) in register else one.into
        after[normalise(one.customer_id)] = StoredOrganisation(
            one.customer_id,
            one.id_kind,
            one.country,
            one.name,
            Language(one.language),
            one.kind in {ChangeKind.ADD, ChangeKind.CHANGE},
            into,
        )
    return after


IDS = some.sampled_from(["A-1", "a-1", "B-2", "C-3", "D-4", "E-5"])
LINES = some.lists(
    some.builds(
        ";".join,
        some.tuples(
            IDS,
            some.sampled_from(["register", "register", "foreign"]),
            some.sampled_from(["FI", "FI", "SE"]),
            some.sampled_from(["Malli Oy", "Uusi Oy", "Mennyt Oy", "Toinen, Oy"]),
            some.sampled_from(["fi", "sv"]),
            some.one_of(some.just(""), some.just(""), IDS),
            some.sampled_from(["", "", "2026-01-01", "2027-01-01"]),
        ),
    ),
    max_size=7,
)


@settings(max_examples=60)
@given(LINES)
def test_an_applied_difference_is_none_the_next_time(lines):
    first = compared(*lines)
    again = compared(*lines, register=applied(REGISTER, first.changes))
    assert again.changes == ()
    # A faulty line may have another reason now; no valid line has become faulty.
    assert {one.line for one in again.wrong} <= {one.line for one in first.wrong}
    assert len(first.changes) + len(first.wrong) + first.unchanged == len(lines)
