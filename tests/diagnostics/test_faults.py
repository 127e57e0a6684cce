"""Corpus of messages with one fault each: `explain` names the fault in its headline.

`tests/support/faults.py` makes the files and knows each fault.
"""

import json

import pytest

from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.explain import DiagnosisResult, diagnose
from sinetti.diagnostics.search import DiagnosisContext
from tests.diagnostics.explained import anchors
from tests.support import faults

FAULTS = json.loads((faults.FOLDER / "faults.json").read_text(encoding="utf-8"))
LEAST = 0.95
"""Share of the corpus that has to be named."""


def headline(octets):
    found = diagnose(octets, DiagnosisContext())
    assert found.verdict is not DiagnosisResult.FITS
    return found.guesses[0].value


@pytest.mark.long
def test_the_headline_names_the_fault(capsys):
    said = {one["file"]: headline((faults.FOLDER / one["file"]).read_bytes()) for one in FAULTS}
    wrong = {one["file"]: (one["fault"], said[one["file"]]) for one in FAULTS if said[one["file"]] != one["fault"]}
    lines = [f"explain: {len(FAULTS) - len(wrong)} of {len(FAULTS)} named in the headline"]
    lines += [f"  {file}: {named} instead of {fault}" for file, (fault, named) in wrong.items()]
    with capsys.disabled():
        print("\n".join(["", *lines]))  # noqa: T201 - the score is what a reader of the test looks for
    assert len(FAULTS) - len(wrong) >= LEAST * len(FAULTS)


def test_the_corpus_is_large_and_of_many_toolkits():
    assert len(FAULTS) >= 120
    assert {one["language"] for one in FAULTS} == {"Java", ".NET", "PHP", "Node", "Python", "C"}
    assert {one["fault"] for one in FAULTS} <= set(Cause)


def test_each_file_is_made_by_its_recipe():
    made = faults.files()
    assert made.keys() == {path.name for path in faults.FOLDER.iterdir()}
    assert [name for name, octets in made.items() if (faults.FOLDER / name).read_bytes() != octets] == []


NAMED = {
    "rsa-sha1.xml": {"place": "SignatureMethod", "method": f"{faults.DS}rsa-sha1"},
    "digest-method-sha1.xml": {"place": "DigestMethod", "method": f"{faults.DS}sha1"},
    "c14n-11.xml": {"place": "CanonicalizationMethod", "method": "http://www.w3.org/2006/12/xml-c14n11"},
    "c14n-without-number-sign.xml": {
        "place": "CanonicalizationMethod",
        "method": "http://www.w3.org/2001/10/xml-exc-c14n",
    },
    "xpath-transform.xml": {"place": "Transform", "method": "http://www.w3.org/TR/1999/REC-xpath-19991116"},
    "value-base64url.xml": {"element": "SignatureValue"},
    "value-plus-lost.xml": {"element": "SignatureValue"},
}


@pytest.mark.parametrize(("file", "named"), NAMED.items(), ids=NAMED)
def test_the_headline_names_the_place(file, named):
    assert dict(diagnose((faults.FOLDER / file).read_bytes(), DiagnosisContext()).named) == named


def test_a_guess_that_no_digest_proves_is_called_one():
    lost = (faults.FOLDER / "required-element-lost-with-its-value.xml").read_bytes()
    assert diagnose(lost, DiagnosisContext()).probable == {Cause.FIELD_DROPPED}
    proven = (faults.FOLDER / "empty-element-dropped.xml").read_bytes()
    assert diagnose(proven, DiagnosisContext()).probable == frozenset()


@pytest.mark.parametrize("file", ["csr-pem.xml", "no-environment.xml"])
def test_a_fault_of_the_request_comes_before_those_of_the_certificate(file):
    found = diagnose((faults.FOLDER / file).read_bytes(), DiagnosisContext(anchors=anchors()))
    expected = next(one["fault"] for one in FAULTS if one["file"] == file)
    assert found.guesses == (expected, Cause.NOT_OURS)
