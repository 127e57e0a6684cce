"""`sinetti explain`: its output, its files and its exit codes."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.domain.requests import EnrolRequest, RetrieveRequest
from sinetti.domain.values import Environment
from sinetti.infra import clock
from sinetti.pki.encoding import certificate_der
from sinetti.wire.soap.requests import render_get, render_new
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.house.tree import ROOT
from tests.support import authority, faults, xml_signing
from tests.support.faulty_signing import Faults, canonical, envelope, indented, request, signed
from tests.support.xml_signing import OURS, PLACE

OTHER = replace(OURS, kind="other-p256")
PASSWORD = "aB3dE6gH9jK2mN5p"
GOOD = envelope(signed(request()))
CHANGED = GOOD.replace("isä".encode(), b"pappa")
WHO = (Environment.TEST, "0123456-7", None)
NEW = render_new(EnrolRequest(*WHO, "1" * 32, PASSWORD, faults.der("next-p256")))


def of_this_service():
    key = authority.holder_key()
    seal = signer_for_key(key, certificate_der(authority.holder_certificate(key)))
    return envelope(sign_document(request().replace(PLACE, "").encode(), seal, SignatureProfile.ENVELOPED))


CASES = {
    "fits": (GOOD, (), 0, "The signature matches the message, but its certificate is self-signed"),
    "fits, of this service": (
        of_this_service(),
        ("--anchors", "holders.pem"),
        0,
        "and its certificate was issued by this service",
    ),
    "fits, but not of this service": (GOOD, ("--anchors", "holders.pem"), 3, "was not issued by this service"),
    "expired": (
        of_this_service(),
        ("--anchors", "holders.pem", "--now", "2030-01-01T00:00:00Z"),
        3,
        "has expired",
    ),
    "indented": (indented(GOOD), (), 3, "White space was added between its elements or"),
    "by the name that the page has": (
        indented(GOOD),
        (),
        3,
        "indent or wrap them afterwards. [indented-after-signing]\n",
    ),
    "a declaration added after signing": (
        (ROOT / "tests/vectors/requests/refused-signature-declared-after.xml").read_bytes(),
        (),
        3,
        "A namespace declaration added after signing",
    ),
    "a key of another certificate": (
        envelope(signed(request(), OURS, Faults(sign=lambda octets: xml_signing._sign(OTHER, octets)))),
        ("--certificate", "other.pem"),
        3,
        "the key of a different certificate",
    ),
    "what was logged": (CHANGED, ("--signed", "logged.xml"), 3, "another form, as-logged"),
    "no signature": (b"<report/>", (), 3, "There is no signature"),
    "GetCertificate": (render_get(RetrieveRequest(*WHO, "r-1")), (), 2, "have no signature"),
    "SignNewCertificate": (NEW, (), 2, "have no signature"),
    "no XML": (b"hello", (), 2, "This is not readable XML"),
    "anchors that are none": (GOOD, ("--anchors", "password"), 2, "password cannot be read"),
    "a certificate that is none": (GOOD, ("--certificate", "password"), 2, "password cannot be read"),
    "a log that is not there": (CHANGED, ("--signed", "nowhere"), 2, "nowhere cannot be read"),
}


@pytest.fixture
def explains(shell):
    def run(octets, *options):
        (shell.folder / "sent.xml").write_bytes(octets)
        placed = [one if one.startswith("--") or one[0].isdigit() else shell.folder / one for one in options]
        return shell.run("explain", shell.folder / "sent.xml", "--lang", "en", *placed)

    return run


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_command(explains, shell, case):
    octets, options, code, told = case
    (shell.folder / "other.pem").write_bytes(xml_signing.certificate("other-p256"))
    (shell.folder / "logged.xml").write_bytes(canonical(request()))
    found, out, err = explains(octets, *options)
    assert (found, told in out + err) == (code, True), out + err
    assert PASSWORD not in out + err


def test_in_json_with_the_sentence_beside(explains):
    code, out, err = explains(indented(GOOD), "--json")
    assert (code, json.loads(out)["verdict"]) == (3, "refused")
    assert err.startswith("The message was reformatted")
    code, out, err = explains(NEW, "--json")
    assert (code, json.loads(out)["verdict"]) == (2, "nothing-signed")
    assert PASSWORD not in out + err


def test_nothing_in_json_steers_a_terminal(explains):
    steering = "\x9b31m\u202eX\U000e0001ä"
    code, out, _ = explains(GOOD.replace(b"enveloped-signature", steering.encode(), 1), "--json")
    assert (code, json.loads(out)["signature"]["transforms"][0].endswith(steering)) == (3, True)
    assert out.replace("\n", "").isprintable()


def test_both_sides_into_a_folder(explains, shell):
    assert explains(indented(GOOD), "--octets", "new/folder")[0] == 3
    folder = shell.folder / "new" / "folder"
    assert (folder / "document-signed.xml").read_bytes() == canonical(request())
    assert len(list(folder.iterdir())) == 4
    assert explains(GOOD, "--octets", "password")[0] == 2


def test_no_link_is_followed_out_of_the_folder(explains, shell):
    (shell.folder / "shared").mkdir()
    (shell.folder / "mine").write_bytes(b"mine")
    (shell.folder / "shared" / "document-received.xml").symlink_to(shell.folder / "mine")
    code, _, err = explains(indented(GOOD), "--octets", "shared")
    assert (code, "document-received.xml cannot be written" in err) == (2, True), err
    assert (shell.folder / "mine").read_bytes() == b"mine"


def test_dates_judged_by_this_machine_lead_to_the_time_of_the_bench(explains, monkeypatch):
    """A bench has a clock of its own.

    A certificate that it accepted is not called expired without naming the clock.
    """
    anchors, hint = ("--anchors", "holders.pem"), "give the bench's time with --now"
    sent = of_this_service()
    for days, told in ((1, False), (731, True), (-1, True)):
        monkeypatch.setattr(clock, "utc_now", lambda days=days: authority.NOW + timedelta(days=days))
        assert (hint in explains(sent, *anchors)[2]) is told
        assert (hint in explains(sent, *anchors, "--json")[2]) is told
        assert hint not in explains(sent, *anchors, "--now", "2030-01-01T00:00:00Z")[2]
        assert hint not in explains(sent)[2]
