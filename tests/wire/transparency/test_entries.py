"""Entries of the log: canonical octets, and what is none."""

import json
from datetime import UTC, datetime

import pytest

from sinetti.domain.operations.log_entries import EntryKind, kind_of
from sinetti.wire.transparency.entries import format_entry, parse_entry
from sinetti.wire.transparency.notes import NoteError

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BY = ("operator", NOW, "ab" * 16)
FACTS = {"b": None, "a": 7, "c": "é"}


def entry() -> bytes:
    return format_entry("order-made", "order:1", BY, FACTS)


def test_the_canonical_form():
    octets = entry()
    nonce = json.loads(octets)["nonce"]
    assert octets.decode() == (
        '{"action":"order-made","actor":"operator","at":"2026-03-02T12:00:00Z",'
        '"facts":{"a":7,"b":null,"c":"\\u00e9"},"kind":"order",'
        f'"nonce":"{nonce}","object":"order:1","request":"abababababababababababababababab"}}'
    )


def test_an_entry_is_read_as_written():
    found = parse_entry(entry())
    assert (found.kind, found.action, found.object, found.actor) == ("order", "order-made", "order:1", "operator")
    assert (found.at, found.request, found.facts) == ("2026-03-02T12:00:00Z", "ab" * 16, FACTS)


def test_no_two_entries_are_equal():
    assert entry() != entry()


def changed(**members) -> bytes:
    return json.dumps(json.loads(entry()) | members, sort_keys=True, separators=(",", ":")).encode()


NO_ENTRIES = {
    "nothing": b"",
    "no JSON": b"{",
    "no table": b"[]",
    "white space": json.dumps(json.loads(entry()), sort_keys=True).encode(),
    "a member more": changed(more="1"),
    "a member of another type": changed(actor=1),
    "facts of another type": changed(facts=[]),
    "a short nonce": changed(nonce="AAAA"),
    "too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("octets", NO_ENTRIES.values(), ids=NO_ENTRIES)
def test_octets_are_no_entry(octets):
    with pytest.raises(NoteError):
        parse_entry(octets)


KINDS = {
    "certificate-issued": EntryKind.ISSUED,
    "certificate-reserved": EntryKind.ISSUED,
    "certificate-fetched": EntryKind.FETCHED,
    "certificate-revoked": EntryKind.REVOKED,
    "request-refused": EntryKind.REFUSED,
    "request-approved": EntryKind.ROLE,
    "authorisation-given": EntryKind.ROLE,
    "contact-changed": EntryKind.CONTACT,
    "bulk-approved": EntryKind.STAFF,
    "looked": EntryKind.LOOK,
    "clock-accepted": EntryKind.SETTING,
    "crl-published": EntryKind.LIST,
    "founded": EntryKind.CA,
    "approval-given": EntryKind.APPROVAL,
    "log-key-changed": EntryKind.LOG,
}


@pytest.mark.parametrize(("action", "kind"), KINDS.items(), ids=KINDS)
def test_kind_of_an_action(action, kind):
    assert kind_of(action) is kind
