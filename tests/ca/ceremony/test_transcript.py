"""Transcripts: what people sign, and the protocol on paper."""

import json
from dataclasses import replace

import pytest

from sinetti.ca.ceremony.plan import NAMESPACE, CeremonyAct, CeremonyRole
from sinetti.ca.ceremony.sets import canonical
from sinetti.ca.ceremony.transcript import (
    ACTS,
    FACTS,
    ROLES,
    begin_transcript,
    check_signature,
    parse_transcript,
    printed,
)
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.domain.values import Language
from tests.ca.ceremony.making import PLAN
from tests.support.ceremonies import NOW, PEOPLE
from tests.support.officers import key_of


def transcript():
    begun = begin_transcript(PLAN, ("1.0", "0" * 64), is_rehearsal=False).with_present(PLAN.participants)
    return begun.with_step(PLAN.steps[0], NOW, (("request", "1" * 64), ("void", "runori")))


def test_what_was_written_is_read():
    assert parse_transcript(transcript().octets) == transcript()
    assert transcript().fact("request") == "1" * 64
    assert transcript().fact("result") == ""


def test_tables_are_complete():
    assert ACTS.keys() == set(CeremonyAct)
    assert ROLES.keys() == set(CeremonyRole)
    assert "request" in FACTS


@pytest.mark.parametrize("name", PEOPLE)
def test_each_person_signs_it(name):
    (person,) = (one for one in transcript().present if one.name == name)
    signature = key_of(name).sign(transcript().octets, NAMESPACE)
    check_signature(transcript(), person, signature)
    for other, wrong in (
        (replace(transcript(), title="Another"), signature),
        (transcript(), key_of(name).sign(transcript().octets)),
        (transcript(), key_of("other").sign(transcript().octets, NAMESPACE)),
        (transcript(), b""),
    ):
        with pytest.raises(CeremonyError, match=f"the signature of {name} does not count"):
            check_signature(other, person, wrong)


PRINTED = {
    Language.EN: ("Protocol of a key ceremony", "REHEARSAL", "witness"),
    Language.FI: ("Avainseremonian pöytäkirja", "HARJOITUS", "todistaja"),
    Language.SV: ("Protokoll över en nyckelceremoni", "ÖVNING", "vittne"),
}


@pytest.mark.parametrize(("language", "words"), PRINTED.items(), ids=[one.value for one in PRINTED])
def test_the_protocol_in_each_language(language, words):
    rehearsed = printed(replace(transcript(), is_rehearsal=True), "2" * 64, language)
    real = printed(transcript(), "2" * 64, language)
    assert all(word in rehearsed for word in words)
    assert words[1] not in real
    for text in (PLAN.sha256, "1" * 64, "2" * 64, "runori", "2026-03-02T12:00:00Z", PLAN.steps[0].check, *PEOPLE):
        assert text in real


def with_value(**changes):
    return canonical({**json.loads(transcript().octets), **changes})


STEP = json.loads(transcript().octets)["steps"][0]
BAD = {
    "not JSON": b"",
    "no object": b"[]",
    "white space": transcript().octets.replace(b":", b": "),
    "an unknown act": with_value(steps=[{**STEP, "act": "x"}]),
    "an unknown fact": with_value(steps=[{**STEP, "facts": [["x", "y"]]}]),
    "a key that is none": with_value(present=[{"name": "x", "role": "witness", "key": "x", "fingerprint": "x"}]),
    "a fingerprint of another key": transcript().octets.replace(b"SHA256:", b"SHA256:x", 1),
}


@pytest.mark.parametrize("octets", BAD.values(), ids=BAD)
def test_other_octets_are_refused(octets):
    with pytest.raises(CeremonyError, match="not a transcript"):
        parse_transcript(octets)
