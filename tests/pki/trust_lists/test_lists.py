"""Trust lists: one spelling of each, and everything else is refused."""

import json
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.domain.authorities.lifecycle import CaState
from sinetti.pki.trust_lists.lists import (
    LARGEST,
    MOST_AUTHORITIES,
    InvalidTrustList,
    TrustListKind,
    octets_to_sign,
    parse_anchors,
    parse_distrust,
    parse_octets_to_sign,
    parse_signed,
)
from tests.support.authority import NOW, authority
from tests.support.trust_lists import anchors_list, by_root, distrust_list

ANCHORS, DISTRUST = anchors_list(authority()), distrust_list(authority())


def test_what_is_written_is_read():
    assert parse_anchors(ANCHORS.payload) == ANCHORS
    assert parse_distrust(DISTRUST.payload) == DISTRUST
    assert parse_signed(by_root(ANCHORS, authority())).payload == ANCHORS.payload


def test_the_signed_octets_name_the_kind():
    assert octets_to_sign(TrustListKind.ANCHORS, b"{}") == b"sinetti-anchors@v1\n{}"
    assert octets_to_sign(TrustListKind.DISTRUST, b"{}") == b"sinetti-distrust@v1\n{}"


def test_a_signer_reads_what_it_is_to_sign():
    for found in (ANCHORS, DISTRUST):
        assert parse_octets_to_sign(octets_to_sign(found.kind, found.payload)) == found
    for octets in (b"", ANCHORS.payload, b"sinetti-officers-v1\n{}", octets_to_sign(ANCHORS.kind, DISTRUST.payload)):
        with pytest.raises(InvalidTrustList):
            parse_octets_to_sign(octets)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def changed(payload, **members):
    return canonical(json.loads(payload) | members)


def in_row(payload, **members):
    value = json.loads(payload)
    value["authorities"][0] |= members
    return canonical(value)


ROW = json.loads(DISTRUST.payload)["authorities"][0]
BOTH = {
    "no JSON": lambda _: b"sinetti",
    "no object": lambda _: b"[]",
    "nested without end": lambda _: b"[" * 100_000,
    "a line end behind it": lambda octets: octets + b"\n",
    "white space": lambda octets: json.dumps(json.loads(octets), sort_keys=True).encode(),
    "another order": lambda octets: json.dumps(
        dict(reversed(json.loads(octets).items())), separators=(",", ":")
    ).encode(),
    "a repeated member": lambda octets: octets[:-1] + b',"number":1}',
    "an unknown member": lambda octets: changed(octets, more=1),
    "a missing member": lambda octets: canonical({k: v for k, v in json.loads(octets).items() if k != "issued"}),
    "the format of the other kind": lambda octets: changed(octets, format="sinetti-trust@v1"),
    "number 0": lambda octets: changed(octets, number=0),
    "a negative number": lambda octets: changed(octets, number=-1),
    "a number of 64 bits": lambda octets: changed(octets, number=1 << 63),
    "a number as text": lambda octets: changed(octets, number="1"),
    "true as a number": lambda octets: changed(octets, number=True),
    "a number with a fraction": lambda octets: changed(octets, number=1.0),
    "another environment": lambda octets: changed(octets, environment="STAGING"),
    "no SHA-256": lambda octets: changed(octets, authority="ab"),
    "an instant with a zone": lambda octets: changed(octets, issued="2026-03-02T12:00:00+00:00"),
    "an instant with short parts": lambda octets: changed(octets, issued="2026-3-2T12:00:00Z"),
    "CAs as a text": lambda octets: changed(octets, authorities="x"),
    "a CA that is no object": lambda octets: changed(octets, authorities=[1]),
    "half a surrogate": lambda octets: octets.replace(b'"TEST"', b'"\\ud800"'),
    "no UTF-8": lambda octets: octets.replace(b"TEST", b"TES\xff"),
}


@pytest.mark.parametrize("change", BOTH.values(), ids=BOTH)
def test_anything_else_is_no_list(change):
    for payload, parse in ((ANCHORS.payload, parse_anchors), (DISTRUST.payload, parse_distrust)):
        with pytest.raises(InvalidTrustList):
            parse(change(payload))


ANCHOR_ROW = json.loads(ANCHORS.payload)["authorities"][2]
BROKEN_ANCHORS = {
    "no CA": changed(ANCHORS.payload, authorities=[]),
    "a CA twice": changed(ANCHORS.payload, authorities=[ANCHOR_ROW, ANCHOR_ROW]),
    "too many CAs": changed(ANCHORS.payload, authorities=[ANCHOR_ROW] * (MOST_AUTHORITIES + 1)),
    "a channel of a root": in_row(ANCHORS.payload, channel="WS"),
    "an issuing CA without channel": changed(ANCHORS.payload, authorities=[ANCHOR_ROW | {"channel": None}]),
    "an unknown role": in_row(ANCHORS.payload, role="holder"),
    "an unknown state": in_row(ANCHORS.payload, state="fine"),
    "a pending CA": in_row(ANCHORS.payload, state=CaState.PENDING),
    "no certificate": in_row(ANCHORS.payload, certificate=b64encode(b"x").decode()),
    "base64 with a blank": in_row(ANCHORS.payload, certificate=" " + ANCHOR_ROW["certificate"]),
    "a number as certificate": in_row(ANCHORS.payload, certificate=1),
    "links as a text": changed(ANCHORS.payload, links=""),
    "a link twice": changed(ANCHORS.payload, links=[ANCHOR_ROW["certificate"]] * 2),
}


@pytest.mark.parametrize("payload", BROKEN_ANCHORS.values(), ids=BROKEN_ANCHORS)
def test_a_broken_list_of_anchors_is_refused(payload):
    with pytest.raises(InvalidTrustList):
        parse_anchors(payload)


BROKEN_DISTRUST = {
    "a CA twice": changed(DISTRUST.payload, authorities=[ROW, ROW]),
    "one CA by two names": changed(DISTRUST.payload, authorities=[ROW, ROW | {"name": "Other"}]),
    "two CAs of one name": changed(DISTRUST.payload, authorities=[ROW, ROW | {"sha256": "ab" * 32}]),
    "a path as name": in_row(DISTRUST.payload, name="../x"),
    "a number as name": in_row(DISTRUST.payload, name=1),
    "a bridge that ends before the theft": in_row(DISTRUST.payload, bridge_until="2026-03-01T12:00:00Z"),
}


@pytest.mark.parametrize("payload", BROKEN_DISTRUST.values(), ids=BROKEN_DISTRUST)
def test_a_broken_list_of_distrust_is_refused(payload):
    with pytest.raises(InvalidTrustList):
        parse_distrust(payload)


def test_a_list_of_distrust_may_be_empty_and_have_a_bridge_of_no_length():
    assert parse_distrust(replace(DISTRUST, authorities=()).payload).authorities == ()
    row = replace(DISTRUST.authorities[0], since=NOW, bridge_until=NOW)
    assert parse_distrust(replace(DISTRUST, authorities=(row,)).payload).authorities == (row,)


def test_a_file_has_a_few_signatures_of_short_chains():
    file = json.loads(by_root(DISTRUST, authority()))
    one = file["signatures"][0]
    for signatures in ([one] * 5, [one | {"chain": [one["certificate"]] * 7}], [one | {"more": 1}]):
        with pytest.raises(InvalidTrustList):
            parse_signed(canonical(file | {"signatures": signatures}))


def test_a_file_that_is_too_large_is_not_read():
    row = DISTRUST.authorities[0]
    rows = tuple(
        replace(row, name=f"CA-{number}", sha256=f"{number:064x}", since=NOW - timedelta(seconds=number))
        for number in range(MOST_AUTHORITIES)
    )
    payload = replace(DISTRUST, authorities=rows).payload
    assert len(parse_distrust(payload).authorities) == MOST_AUTHORITIES
    with pytest.raises(InvalidTrustList):
        parse_distrust(payload + b" " * LARGEST)
