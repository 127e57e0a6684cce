"""Files that are carried: their form, and what is refused."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sinetti.ca.ceremony.sets import (
    LARGEST,
    CeremonyKind,
    ListData,
    OfficerLine,
    RequestSet,
    ResultSet,
    canonical,
    officers_statement,
    parse_request_set,
    parse_result_set,
)
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.issuance_request import RevokedEntry
from sinetti.domain.values import Environment, Serial

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
OFFICER = OfficerLine("dora", "approver", "ssh-ed25519 AAAA")
ENTRIES = (
    RevokedEntry(Serial("01ab"), AT, "keyCompromise", AT),
    RevokedEntry(Serial("02"), AT, "superseded"),
)
REQUEST = RequestSet(
    CeremonyKind.LISTS,
    Environment.TEST,
    "http://pki.example",
    AT,
    "0" * 64,
    "1" * 64,
    "instance-1",
    {"RootCA": b"csr"},
    (ListData("RootCA", 0, 7, ENTRIES, 2),),
    (OFFICER,),
)
RESULT = ResultSet(
    CeremonyKind.LISTS, "2" * 64, False, {"RootCA": b"der"}, {("RootCA", 0): b"list"}, (OFFICER,), b"signature"
)


def test_what_was_written_is_read():
    assert parse_request_set(REQUEST.octets) == REQUEST
    assert parse_result_set(RESULT.octets) == RESULT
    bare = RequestSet(CeremonyKind.FOUNDING, Environment.TEST, "http://pki.example", AT, "0" * 64)
    assert parse_request_set(bare.octets) == bare


def test_one_request_has_one_digest():
    assert replace(REQUEST, nonce="3" * 64).sha256 != REQUEST.sha256


def test_a_statement_is_neither_a_certificate_nor_a_list():
    statement = officers_statement(REQUEST, (OFFICER,))
    assert statement[0] != 0x30
    assert statement != officers_statement(replace(REQUEST, nonce="4" * 64), (OFFICER,))


def with_value(octets, **changes):
    return canonical({**json.loads(octets), **changes})


ROW = json.loads(REQUEST.octets)["lists"][0]
BAD = {
    "not JSON": b"{",
    "no object": b"[]\n",
    "nothing": b"",
    "too deep": b"[" * 100_000,
    "too large": b" " * (LARGEST + 1),
    "a result": RESULT.octets,
    "white space": REQUEST.octets.replace(b":", b": "),
    "an unknown member": with_value(REQUEST.octets, more=1),
    "no kind": with_value(REQUEST.octets, kind="all"),
    "a date of another form": with_value(REQUEST.octets, created="2026-03-02"),
    "a nonce that is short": with_value(REQUEST.octets, nonce="00"),
    "a nonce that is a number": with_value(REQUEST.octets, nonce=1),
    "a name with a slash": with_value(REQUEST.octets, requests={"../RootCA": "AAAA"}),
    "a CSR that is a number": with_value(REQUEST.octets, requests={"RootCA": 7}),
    "a CSR that is not base64": with_value(REQUEST.octets, requests={"RootCA": "?"}),
    "requests in a list": with_value(REQUEST.octets, requests=[]),
    "a list without a name": with_value(REQUEST.octets, lists=[{}]),
    "a negative number": with_value(REQUEST.octets, lists=[{**ROW, "number": -1}]),
    "a number that is true": with_value(REQUEST.octets, lists=[{**ROW, "shard": True}]),
    "a serial that is no hex": with_value(
        REQUEST.octets, lists=[{**ROW, "entries": [{**ROW["entries"][0], "serial": "x"}]}]
    ),
    "a control character": with_value(REQUEST.octets, base_url="http://a\n"),
}


@pytest.mark.parametrize("octets", BAD.values(), ids=BAD)
def test_other_octets_are_refused(octets):
    with pytest.raises(CeremonyError, match=r"not a request set|damaged or was changed"):
        parse_request_set(octets)


def test_a_result_that_was_changed():
    for octets in (REQUEST.octets, with_value(RESULT.octets, rehearsal=1), with_value(RESULT.octets, lists=7)):
        with pytest.raises(CeremonyError, match=r"not a result set|damaged or was changed"):
            parse_result_set(octets)
