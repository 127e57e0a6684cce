"""Schema of journal lines.

A line that is chained correctly but lacks members of its kind is reported with file and line number.
"""

from pathlib import Path

import pytest

from sinetti.journal import reader
from sinetti.journal.reader import JournalDamaged, first_invalid_member
from sinetti.journal.writer import Journal, JournalEntry, JournalHeader
from tests.support.authority import NOW

AT = "2026-03-02T08:00:00Z"
SERIAL = "05" * 19
ORGANISATION = dict.fromkeys(("organisation_id", "customer_id", "kind", "country", "name", "language"), "x")
ORDER = {
    "order_id": "o",
    "created": AT,
    "replaces": None,
    "transfer_ids": [{"transfer_id": "1", "password_mac": "00", "created": AT, "expires": AT, "ended": None}],
    "organisation": {**ORGANISATION, "created": AT},
}
ISSUED = {
    "serial": SERIAL,
    "sha256": "00" * 32,
    "authority": "CAv1",
    "key": "k",
    "retrieval_id": "1",
    **dict.fromkeys(("not_before", "not_after", "renewable_from", "recorded_at"), AT),
    "crl_shard": 1,
    "predecessor": None,
    "holding": dict.fromkeys(("holding_id", "subject_serial", "channel", "customer_id"), "h"),
    "order": ORDER,
    "der": "MAA=",
}
FETCHED = {"serial": SERIAL, "at": AT}
REVOKED = {"serial": SERIAL, "at": AT, "reason": "superseded", "invalidity_date": None, "void": False}

WHOLE = {
    "issued": ("issued", ISSUED),
    "issued for a renewal": ("issued", {**ISSUED, "order": None, "predecessor": SERIAL}),
    "fetched": ("fetched", FETCHED),
    "revoked, by earlier code": ("revoked", REVOKED),
    "revoked": ("revoked", {**REVOKED, "issued": False, "invalidity_date": AT}),
    "more than we know": ("fetched", {**FETCHED, "later": 1}),
    "a kind of later code": ("sealed-off", {}),
}


@pytest.mark.parametrize(("kind", "facts"), WHOLE.values(), ids=WHOLE)
def test_what_says_all(kind, facts):
    assert first_invalid_member(kind, facts) is None


MISSING = [
    (kind, facts, name)
    for kind, facts in (("issued", ISSUED), ("fetched", FETCHED), ("revoked", REVOKED))
    for name in facts
]


@pytest.mark.parametrize(("kind", "facts", "name"), MISSING, ids=[f"{kind}, {name}" for kind, _, name in MISSING])
def test_a_member_that_is_missing_or_of_another_kind_is_named(kind, facts, name):
    assert first_invalid_member(kind, {one: value for one, value in facts.items() if one != name}) == name
    assert first_invalid_member(kind, {**facts, name: 1.5}) == name


WRONG = {
    "a serial that is none": ("fetched", {**FETCHED, "serial": "5G"}, "serial"),
    "a time that is none": ("fetched", {**FETCHED, "at": "yesterday"}, "at"),
    "a time without its zone": ("fetched", {**FETCHED, "at": "2026-03-02T08:00:00"}, "at"),
    "a reason that RFC 5280 does not know": ("revoked", {**REVOKED, "reason": "whim"}, "reason"),
    "a certificate that is no base64": ("issued", {**ISSUED, "der": "!"}, "der"),
    "no certificate at all": ("issued", {**ISSUED, "der": ""}, "der"),
    "a number that is true": ("issued", {**ISSUED, "crl_shard": True}, "crl_shard"),
    "an order without its ids": ("issued", {**ISSUED, "order": {**ORDER, "transfer_ids": None}}, "order"),
    "ids that are none": ("issued", {**ISSUED, "order": {**ORDER, "transfer_ids": [1]}}, "order"),
    "a password that is no hex": (
        "issued",
        {**ISSUED, "order": {**ORDER, "transfer_ids": [{**ORDER["transfer_ids"][0], "password_mac": "x"}]}},
        "order",
    ),
    "an organisation without a name": (
        "issued",
        {**ISSUED, "order": {**ORDER, "organisation": {**ORGANISATION, "created": AT, "name": None}}},
        "order",
    ),
    "issued that is neither": ("revoked", {**REVOKED, "issued": None}, "issued"),
}


@pytest.mark.parametrize(("kind", "facts", "name"), WRONG.values(), ids=WRONG)
def test_a_member_of_another_shape_is_named(kind, facts, name):
    assert first_invalid_member(kind, facts) == name


def test_file_and_line_are_named_by_whoever_reads_and_by_whoever_verifies(tmp_path: Path):
    one = Journal(tmp_path, JournalHeader("0" * 32, "TEST", "north"), lambda: NOW)
    one.append([JournalEntry("revoked", {"serial": SERIAL})])
    one.close()
    with pytest.raises(JournalDamaged, match=r"north\.jsonl: line 2 .*'at' in a line of kind revoked"):
        reader.verify(tmp_path / "north.jsonl")
    with pytest.raises(JournalDamaged, match="line 2"):
        list(reader.read(tmp_path / "north.jsonl"))
