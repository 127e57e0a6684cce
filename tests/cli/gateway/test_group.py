"""`sinetti gateway check` and `verify` as a program calls them.

The tests cover exit codes, JSON and files.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.cli.main import main
from sinetti.pki.encoding import certificate_der, sha256_hex
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.gateway.material import DAY, HOUR, SECOND, certificate, crl, holder, key, leaf, loaded
from tests.support import authority
from tests.support.authority import NOW

AT = "2026-03-02T12:00:00Z"
DER = holder()
DOCUMENT = b"<report><pay>100</pay></report>"
CA = ("Some Issuing CA", "Some Issuing CA")


@dataclass
class Gate:
    """Runner of a command against the anchors of the test authority.

    It runs at the tests' instant, and paths are relative to its folder.
    """

    folder: Path
    capsys: pytest.CaptureFixture

    def __call__(self, command, name, *more, anchors="holders.pem", at=AT):
        words = [command, Path(name), "--anchors", Path(anchors), "--at", at, *more]
        code = main(["gateway", *(str(self.folder / one) if isinstance(one, Path) else one for one in words)])
        caught = self.capsys.readouterr()
        return code, json.loads(caught.out) if caught.out else None, caught.err


def paths(words):
    return [Path(one) if "." in one else one for one in words]


def above(**changes):
    """Return a CRL of the CA above the issuing one."""
    name = "SinettiIntermediateTestCAv1"
    made = authority.authority()
    return crl(**{"issuer": made.certificate(name), "signer": made.key(name)} | changes)


@pytest.fixture
def gate(tmp_path, capsys):
    root, below = certificate("Root"), certificate(CA[0], ("Root", "Root"))
    chained = (leaf(CA), below)
    files = {
        "holders.pem": authority.authority().holders_bundle,
        "root.pem": root.public_bytes(Encoding.PEM),
        "good.cer": DER,
        "good.pem": loaded(DER).public_bytes(Encoding.PEM),
        "chained.pem": b"".join(one.public_bytes(Encoding.PEM) for one in chained),
        "alone.pem": chained[0].public_bytes(Encoding.PEM),
        "foreign.cer": certificate_der(leaf(("Nobody", "Nobody"))),
        "good.crl": crl(),
        "revoking.crl": crl(revoked=(loaded(DER).serial_number,)),
        "stale.crl": crl(at=NOW - HOUR - SECOND),
        "above.crl": above(),
        "above-revoking.crl": above(revoked=(authority.issuer().certificate.serial_number,)),
        "above-stale.crl": above(at=NOW - 30 * DAY),
        "above-foreign.crl": above(signer=key("Stranger")),
        "foreign.crl": crl(issuer=below, signer=key(CA[1])),
        "hello.txt": b"hello",
        "sealed.xml": sign_document(DOCUMENT, signer_for_key(authority.holder_key(1), DER), SignatureProfile.EXCLUSIVE),
        "plain.xml": DOCUMENT,
        "trust.toml": f'[[issuer]]\nsha256 = "{sha256_hex(certificate_der(below))}"\nchannel = "SFTP"\n'.encode(),
    }
    for name, octets in files.items():
        (tmp_path / name).write_bytes(octets)
    return Gate(tmp_path, capsys)


CHECKS = {
    "DER": (["good.cer"], (0, None, "not-checked", "WS")),
    "PEM": (["good.pem"], (0, None, "not-checked", "WS")),
    "a list": (["good.cer", "--crl", "good.crl"], (0, None, "good", "WS")),
    "two lists, one of them stale": (
        ["good.cer", "--crl", "stale.crl", "--crl", "good.crl"],
        (0, None, "good", "WS"),
    ),
    "a stale list": (["good.cer", "--crl", "stale.crl"], (3, "status-unknown", "not-checked", "WS")),
    "a stale list that is fresh enough": (
        ["good.cer", "--crl", "stale.crl", "--freshness", "PT2H"], (0, None, "good", "WS"),
    ),
    "a foreign list": (["good.cer", "--crl", "foreign.crl"], (3, "status-unknown", "not-checked", "WS")),
    "revoked": (["good.cer", "--crl", "revoking.crl"], (3, "revoked", "revoked", "WS")),
    "lists of two CAs": (["good.cer", "--crl", "good.crl", "--crl", "above.crl"], (0, None, "good", "WS")),
    "a revoked CA": (
        ["good.cer", "--crl", "good.crl", "--crl", "above-revoking.crl"], (3, "revoked", "revoked", None),
    ),
    "a revoked CA, in the other order": (
        ["good.cer", "--crl", "above-revoking.crl", "--crl", "good.crl"], (3, "revoked", "revoked", None),
    ),
    "a stale list of a CA": (
        ["good.cer", "--crl", "good.crl", "--crl", "above-stale.crl"], (3, "status-unknown", "not-checked", "WS"),
    ),
    "a foreign list of a CA": (
        ["good.cer", "--crl", "good.crl", "--crl", "above-foreign.crl"], (3, "status-unknown", "not-checked", "WS"),
    ),
    "its channel": (["good.cer", "--channel", "WS"], (0, None, "not-checked", "WS")),
    "another channel": (["good.cer", "--channel", "SFTP"], (3, "wrong-channel", "not-checked", "WS")),
    "another environment": (["good.cer", "--environment", "PRODUCTION"], (3, "untrusted", "not-checked", None)),
    "a foreign one": (["foreign.cer"], (3, "untrusted", "not-checked", None)),
    "no certificate": (["hello.txt"], (3, "malformed", "not-checked", None)),
}  # fmt: skip


@pytest.mark.parametrize(("words", "told"), CHECKS.values(), ids=CHECKS)
def test_check(words, told, gate):
    code, found, _ = gate("check", *paths(words), "--json")
    assert (code, found["reason"], found["revocation"], found["channel"]) == told
    assert found["verdict"] == ("refused" if code else "accepted")
    assert [*found] == [
        "verdict",
        "reason",
        "revocation",
        "customer_id",
        "name",
        "serial",
        "channel",
        "not_after",
        "text",
    ]
    assert [*found["text"]] == ["fi", "sv", "en"]


def test_check_at_another_instant(gate):
    assert gate("check", "good.cer", "--json", at="2028-03-01T14:00:00+02:00")[0] == 0
    code, found, _ = gate("check", "good.cer", "--json", at="2028-03-01T12:00:01Z")
    assert (code, found["reason"], found["not_after"]) == (3, "expired", "2028-03-01T12:00:00Z")


def test_certificates_behind_the_first_help_to_find_the_way(gate):
    assert gate("check", "chained.pem", anchors="root.pem")[0] == 0
    assert gate("check", "alone.pem", "--json", anchors="root.pem")[1]["reason"] == "untrusted"


def test_the_trust_file_tells_the_channel(gate):
    words = ("check", "chained.pem", "--channel", "SFTP", "--json")
    assert gate(*words, anchors="root.pem")[1]["reason"] == "wrong-channel"
    code, found, _ = gate(*words, "--trust", Path("trust.toml"), anchors="root.pem")
    assert (code, found["channel"]) == (0, "SFTP")


def test_verify_writes_exactly_what_the_signature_covers(gate):
    code, found, _ = gate("verify", "sealed.xml", "--crl", Path("good.crl"), "--out", Path("out.xml"), "--json")
    assert (code, found["customer_id"], found["revocation"]) == (0, "0123456-7", "good")
    assert (gate.folder / "out.xml").read_bytes() == DOCUMENT


VERIFIED = {
    "no signature": (["plain.xml"], "signature-missing"),
    "no XML": (["hello.txt"], "malformed"),
    "revoked": (["sealed.xml", "--crl", "revoking.crl"], "revoked"),
    "another channel": (["sealed.xml", "--channel", "SFTP"], "wrong-channel"),
}


@pytest.mark.parametrize(("words", "reason"), VERIFIED.values(), ids=VERIFIED)
def test_of_what_is_refused_nothing_is_written(words, reason, gate):
    given = paths(words)
    code, found, _ = gate("verify", *given, "--out", Path("out.xml"), "--json")
    assert (code, found["reason"]) == (3, reason)
    assert not (gate.folder / "out.xml").exists()


UNREADABLE = {
    "no such certificate": ["no.cer"],
    "no such list": ["good.cer", "--crl", "no.crl"],
    "a list that is none": ["good.cer", "--crl", "hello.txt"],
    "a trust file that is none": ["good.cer", "--trust", "hello.txt"],
    "no such trust file": ["good.cer", "--trust", "no.toml"],
}


@pytest.mark.parametrize("words", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_told_in_one_sentence(words, gate):
    code, found, err = gate("check", *paths(words), "--json", "--lang", "en")
    assert (code, found["error"]["code"]) == (2, "usage")
    assert len(err.splitlines()) == 1
    assert err.startswith(str(gate.folder))


@pytest.mark.parametrize("anchors", ["hello.txt", "good.pem", "no.pem"])
def test_anchors_that_are_none(anchors, gate):
    code, found, err = gate("check", "good.cer", "--json", anchors=anchors)
    assert (code, found["error"]["code"]) == (2, "usage")
    assert anchors in err


def test_without_json_there_is_a_sentence_in_the_readers_language(gate):
    code, found, err = gate("check", "good.cer", "--crl", Path("revoking.crl"), "--lang", "fi")
    assert (code, found) == (3, None)
    assert err.startswith("Varmenne on suljettu")
    assert gate("verify", "sealed.xml", "--lang", "sv")[2].startswith("Dokumentet är oförändrat")


@pytest.mark.parametrize("options", [["--freshness", "1h"], ["--channel", "MAIL"], ["--at", "yesterday"]])
def test_options_that_cannot_be(options, gate):
    assert gate("check", "good.cer", *options)[0] == 2


@pytest.mark.parametrize("command", ["check", "verify"])
def test_help_has_an_example(command, capsys):
    assert main(["gateway", command, "--help"]) == 0
    assert f"  sinetti gateway {command} " in capsys.readouterr().out
