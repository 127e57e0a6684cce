"""`sinetti receipt`: proof of a delivery for a third party."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.client.documents import receipt_check
from sinetti.client.messages import document_messages
from sinetti.pki import chain
from sinetti.pki.encoding import sha256_hex
from sinetti.wire.receipts import Receipt, render_receipt
from tests.client import double
from tests.support import authority

SENT = b"<report/>"
SAID = Receipt("one", sha256_hex(SENT), authority.NOW, authority.CUSTOMER_ID, "Oy", "ab" * 19)
GOOD = render_receipt(SAID, double.services_seal())
SECOND = timedelta(seconds=1)
FEW_MINUTES = timedelta(minutes=5)


def receipt(seal=None, **changes):
    return render_receipt(replace(SAID, **changes), seal or double.services_seal())


CHECKS = {
    "a good one": (GOOD, SENT, timedelta(0), document_messages.RECEIPT_GOOD),
    "a good one whose signer has ended since": (GOOD, SENT, timedelta(days=8000), document_messages.RECEIPT_GOOD),
    "from a clock that goes a little fast": (GOOD, SENT, -FEW_MINUTES, document_messages.RECEIPT_GOOD),
    "from the future": (GOOD, SENT, -FEW_MINUTES - SECOND, document_messages.RECEIPT_OF_THE_FUTURE),
    "of a time when its signer had ended": (
        receipt(received=authority.NOW + timedelta(days=8000)),
        SENT,
        timedelta(days=8000),
        document_messages.RECEIPT_SIGNER_NOT_THEN,
    ),
    "for other octets": (GOOD, b"<report />", timedelta(0), document_messages.RECEIPT_NOT_FOR_THIS),
    "changed": (GOOD.replace(b">one<", b">two<"), SENT, timedelta(0), document_messages.RECEIPT_INVALID),
    "signed by a holder": (receipt(double.holder_seal()), SENT, timedelta(0), document_messages.RECEIPT_NOT_TRUSTED),
    "not signed": (SENT, SENT, timedelta(0), document_messages.RECEIPT_INVALID),
}


@pytest.mark.parametrize(("octets", "sent", "later", "text"), CHECKS.values(), ids=CHECKS)
def test_what_a_receipt_proves(octets, sent, later, text):
    anchors = chain.load_bundle(double.anchors("services").encode())
    found = receipt_check.check(octets, sent, "sealed.xml", anchors, authority.NOW + later)
    assert (found.message.text, found.good) == (text, text == document_messages.RECEIPT_GOOD)


COMMANDS = {
    "good": (GOOD, SENT, "services.pem", 0, "The receipt is valid"),
    "for other octets": (GOOD, b"<b/>", "services.pem", 3, "Refused: the receipt is not for"),
    "no XML": (b"thanks", SENT, "services.pem", 2, "receipt.xml cannot be read"),
    "anchors that are none": (GOOD, SENT, "password", 2, "password cannot be read"),
}


@pytest.mark.parametrize("case", COMMANDS.values(), ids=COMMANDS)
def test_the_command(shell, case):
    octets, sent, bundle, code, told = case
    (shell.folder / "receipt.xml").write_bytes(octets)
    (shell.folder / "sent.xml").write_bytes(sent)
    files = [shell.folder / name for name in ("receipt.xml", "sent.xml")]
    found, _, err = shell.run("receipt", *files, "--trust-services", shell.folder / bundle, "--lang", "en")
    assert found == code, err
    assert told in err


TOLD = {
    "delivery_id": "one",
    "sha256": sha256_hex(SENT),
    "received": "2026-03-02T12:00:00Z",
    "customer_id": authority.CUSTOMER_ID,
    "name": "Oy",
    "serial": "ab" * 19,
}
FOR_PROGRAMS = {
    "good": (GOOD, SENT, 0, ("accepted", None), TOLD),
    "for other octets": (GOOD, b"<b/>", 3, ("refused", "other-octets"), TOLD),
    "from the future": (
        receipt(received=authority.NOW + timedelta(days=30)),
        SENT,
        3,
        ("refused", "in-the-future"),
        TOLD | {"received": "2026-04-01T12:00:00Z"},
    ),
    "signed by a holder": (receipt(double.holder_seal()), SENT, 3, ("refused", "not-trusted"), dict.fromkeys(TOLD)),
    "not signed": (SENT, SENT, 3, ("refused", "not-trusted"), dict.fromkeys(TOLD)),
    "of a time when its signer had ended": (
        receipt(received=authority.NOW + timedelta(days=8000)),
        SENT,
        3,
        ("refused", "signer-not-valid-then"),
        dict.fromkeys(TOLD),
    ),
}


@pytest.mark.parametrize("case", FOR_PROGRAMS.values(), ids=FOR_PROGRAMS)
def test_for_programs(shell, case):
    octets, sent, code, (verdict, reason), members = case
    (shell.folder / "receipt.xml").write_bytes(octets)
    (shell.folder / "sent.xml").write_bytes(sent)
    files = [shell.folder / name for name in ("receipt.xml", "sent.xml")]
    found, out, _ = shell.run("receipt", *files, "--trust-services", shell.folder / "services.pem", "--json")
    assert (found, json.loads(out)) == (code, {"verdict": verdict, "reason": reason, **members})
