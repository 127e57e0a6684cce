"""Findings of checks: severity, order, and the parts of a sentence."""

import pytest

from sinetti.domain.operations.monitoring import (
    CheckFinding,
    FindingSeverity,
    Impact,
    finding_of,
    ordered,
    worst_severity,
)

SENTENCES = {
    "reason and step": ("a.cer is missing: restore it.", "a.cer is missing", "restore it"),
    "two colons": ("a: b is wrong: write c", "a: b is wrong", "write c"),
    "a semicolon": ("x must be https, because y; write z", "x must be https, because y", "write z"),
    "an address is no separator": ("it is off: see https://a.example", "it is off", "see https://a.example"),
    "only a file before the step": (
        "authority.toml: environment must be one of A, B",
        "authority.toml: environment must be one of A, B",
        "correct authority.toml",
    ),
    "a table of a file": (
        "authority.toml, approvals: 'x' is not an act",
        "authority.toml, approvals: 'x' is not an act",
        "correct authority.toml",
    ),
    "no step": ("it is broken", "it is broken", "see its page in the documentation for operators"),
}


@pytest.mark.parametrize(("sentence", "why", "fix"), SENTENCES.values(), ids=SENTENCES)
def test_the_last_part_of_a_sentence_is_the_next_step(sentence, why, fix):
    assert finding_of(Impact.SOAP, "it", sentence) == CheckFinding(Impact.SOAP, "it", why, fix)


def test_what_stops_soap_crls_or_ocsp_is_an_error():
    errors = [one for one in Impact if CheckFinding(one, "", "", "").severity is FindingSeverity.ERROR]
    assert errors == [Impact.START, Impact.SOAP, Impact.STATUS]
    assert CheckFinding(Impact.PAGES, "a", "b", "c").as_json() == {
        "severity": "warning",
        "what": "a",
        "why": "b",
        "fix": "c",
    }


def test_the_worst_finding_is_first_and_decides():
    upkeep, soap = (CheckFinding(one, "a", "b", "c") for one in (Impact.UPKEEP, Impact.SOAP))
    assert ordered([upkeep, soap, upkeep]) == (soap, upkeep)
    assert [worst_severity(one) for one in ([upkeep, soap], [upkeep], [])] == [
        FindingSeverity.ERROR,
        FindingSeverity.WARNING,
        None,
    ]
