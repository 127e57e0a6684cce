"""Reports on a message whose signature does not verify.

They are for people, for programs, and for files.
"""

import pytest

from sinetti.diagnostics.advice import GUESSES
from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.explain import diagnose
from sinetti.diagnostics.report import Report
from sinetti.diagnostics.search import DiagnosisContext
from sinetti.domain.values import Language
from sinetti.i18n.translate import translate
from tests.house.tree import DOCS, rows
from tests.support import authority, faulty_signing
from tests.support.faulty_signing import Faults, canonical, envelope, indented, request, signed
from tests.support.xml_signing import OURS

GOOD = signed(request())
CHANGED = GOOD.replace("isä".encode(), b"pappa")
PREFIX = f' xmlns:cer="{faulty_signing.SERVICE}"'
HEX = signed(request(), OURS, Faults(stated=lambda digest: digest.hex().encode()))


def lines(octets, language=Language.EN, **known):
    return "\n".join(Report(diagnose(octets, DiagnosisContext(**known))).lines(language))


LINES = {
    "fits": (
        envelope(GOOD),
        {},
        (
            "The signature matches the message, but its certificate is self-signed",
            "exactly the bytes",
            "The digest of the document matches",
            "The signature of SignedInfo matches",
        ),
    ),
    "a document": (GOOD, {}, ("RenewCertificateRequest, the whole document", "Its issuer was not checked")),
    "declarations of the envelope": (
        envelope(GOOD.replace(PREFIX.encode(), b""), PREFIX),
        {},
        ("with the envelope's declarations of xmlns:cer",),
    ),
    "indented": (
        indented(envelope(GOOD)),
        {},
        (
            "White space was added between its elements or",
            "(the signature does not match)",
            "line 1, column 98 (byte 97)",
            'signed:   es.vero.fi/2017/10/certificateservices"><Environment>',
            'received: es.vero.fi/2017/10/certificateservices">\\n      <Environment>',
            "enveloped-signature, xml-exc-c14n. SignedInfo: xml-exc-c14n. Digest: sha256. Signature: ecdsa-sha256.",
        ),
    ),
    "changed": (
        envelope(CHANGED),
        {},
        ("The digest does not match this text", "The signature has ", "computed here is ", "SignedInfo matches"),
    ),
    "changed, with a log": (
        envelope(CHANGED),
        {"signed": canonical(request())},
        ("another form, as-logged",),
    ),
    "a log of something else": (envelope(CHANGED), {"signed": b"x"}, ("does not match the --signed file either",)),
    "a digest in hex": (envelope(HEX), {}, ("digest was computed differently: sha256", "hexadecimal digits")),
    "ECDSA in DER": (
        envelope(signed(request(), OURS, Faults(value=faulty_signing.in_der))),
        {},
        ("it was signed differently: der",),
    ),
    "of others": (envelope(GOOD), {"anchors": [authority.issuer().certificate]}, ("not issued by any CA",)),
    "no XML": (b"hello", {}, ("This is not readable XML", "(the XML is not well-formed in line 1)")),
    "nothing is signed": (envelope(b"<x/>"), {}, ("There is no signature",)),
}


@pytest.mark.parametrize(("octets", "known", "told"), LINES.values(), ids=LINES)
def test_what_people_read(octets, known, told):
    said = lines(octets, **known)
    assert [one for one in told if one not in said] == []
    for language in Language:
        assert len(lines(octets, language, **known).splitlines()) == len(said.splitlines())


def test_the_mark_stands_below_the_first_difference():
    for language in Language:
        said = lines(envelope(CHANGED), language, signed=canonical(request())).splitlines()
        at = next(place for place, line in enumerate(said) if line.strip() == "^")
        column = said[at].index("^")
        assert [line[column] for line in said[at - 2 : at]] == ["i", "p"]


def test_every_guess_has_a_text_in_each_language_and_a_row_on_the_page():
    assert list(GUESSES) == list(Cause)
    for message in GUESSES.values():
        values = {name: "x" for name in ("element", "place", "method", "content") if f"{{{name}}}" in message}
        said = [translate(message, language, **values) for language in Language]
        assert len(set(said)) == len(said)
    page = {cells[0].strip("`"): cells[1:] for cells in rows(DOCS / "integrators" / "explain.md", "guess")}
    assert list(page) == [guess.value for guess in Cause]
    assert all(len(cells) == 2 and all(cells) for cells in page.values())


def test_what_programs_read():
    said = Report(diagnose(indented(envelope(GOOD)), DiagnosisContext())).as_json()
    page = [
        cells[1].partition(", ")[0].strip("`").split() for cells in rows(DOCS / "integrators" / "explain.md", "object")
    ]
    parts = (
        said, said["guesses"][0], said["element"], said["signature"], said["certificate"], said["document"],
        said["document"]["difference"],
    )  # fmt: skip
    assert [list(one) for one in parts] == page
    assert list(said["signed_info"]) == list(said["document"])
    assert said["guesses"][0]["guess"] == "indented-after-signing"
    assert list(said["guesses"][0]["text"]) == ["fi", "sv", "en"]
    assert said["document"]["signed_octets"] == len(canonical(request()))
    assert (said["document"]["fits"], said["document"]["difference"]["column"]) == (False, 98)
    assert said["certificate"]["not_after"] == "2028-01-01T00:00:00Z"
    assert Report(diagnose(b"hello", DiagnosisContext())).as_json()["element"] is None


def test_it_says_that_time_was_up():
    assert "Not every form was tried" in lines(envelope(CHANGED), enough=lambda: True)
    assert "Not every form was tried" not in lines(envelope(CHANGED))


def test_both_sides_as_files():
    found = Report(diagnose(indented(envelope(GOOD)), DiagnosisContext())).files()
    assert list(found) == [
        "document-received.xml", "document-signed.xml", "signed-info-received.xml", "signed-info-signed.xml",
    ]  # fmt: skip
    assert found["document-signed.xml"] == canonical(request())
    assert "document-signed.xml" not in Report(diagnose(envelope(CHANGED), DiagnosisContext())).files()
    assert Report(diagnose(b"hello", DiagnosisContext())).files() == {}


def test_of_a_message_with_a_password_nothing_is_shown():
    secret = indented(envelope(signed(request("<!-- <TransferPassword>aB3dE6gH9jK2mN5p</TransferPassword> -->"))))
    report = Report(diagnose(secret, DiagnosisContext()))
    assert report.files() == {}
    assert "aB3dE6" not in "\n".join(report.lines(Language.EN)) + str(report.as_json())
    assert "they may contain a one-time password" in lines(secret)
