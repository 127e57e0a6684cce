"""The CAs of `--trust-services` and `--trust-holders` that count."""

import pytest
from cryptography import x509

from sinetti.ca.profiles import key_usage
from sinetti.cli.client import verify_report
from sinetti.client.documents import receipt_check
from sinetti.client.documents.receipt_check import ReceiptError
from sinetti.client.messages import messages
from sinetti.client.requests.soap_client import distrust_reason
from sinetti.client.store import generations
from sinetti.gateway.verdicts.verdict import VerdictReason
from sinetti.pki.chain import anchors_of
from sinetti.pki.encoding import certificate_der
from sinetti.wire.receipts import Receipt, render_receipt
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.gateway.material import DAY, SECOND, certificate, key, leaf
from tests.support.authority import NOW

ROOT, ABOVE = certificate("Root"), certificate("Above", ("Root", "Root"))
CA = certificate("CA", ("Above", "Above"))
ENDED = certificate("Root", span=(NOW - DAY, NOW - SECOND))
SHORT = certificate("Root", put=[(x509.BasicConstraints(ca=True, path_length=0), True)])
HOLDER = leaf(("CA", "CA"))
SIGNER = certificate(
    "Signer",
    ("CA", "CA"),
    put=[
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage(digital_signature=True), True),
    ],
)

TRUSTED, UNTRUSTED, DATES = "trusted", "untrusted", "dates"
BUNDLES = {
    "root, intermediate and issuing": ([ROOT, ABOVE, CA], TRUSTED),
    "in the other order": ([CA, ABOVE, ROOT], TRUSTED),
    "intermediate and issuing": ([ABOVE, CA], TRUSTED),
    "issuing alone": ([CA], TRUSTED),
    "the root alone": ([ROOT], UNTRUSTED),
    "a root that has ended": ([ENDED, ABOVE, CA], DATES),
    "a root that has ended beside its successor": ([ENDED, ROOT, ABOVE, CA], TRUSTED),
    "a root that allows no CA below another": ([SHORT, ABOVE, CA], UNTRUSTED),
    "a namesake of the root": ([certificate("Root", of="Another"), ABOVE, CA], TRUSTED),
    "CAs that certify each other": (
        [certificate("CA", ("Above", "Above")), certificate("Above", ("CA", "CA"))], UNTRUSTED,
    ),
}  # fmt: skip
CASES = pytest.mark.parametrize(("bundle", "expected"), BUNDLES.values(), ids=BUNDLES)


@CASES
def test_signers_of_answers(bundle, expected):
    told = distrust_reason(SIGNER, bundle, NOW)
    kind = {(): TRUSTED, (messages.ANSWER_NOT_TRUSTED,): UNTRUSTED, (messages.VALID_UNTIL,): DATES}
    assert kind[tuple(one.text for one in told)] == expected


@CASES
def test_certificates_that_were_fetched(bundle, expected):
    told = generations.reason_not_installable(HOLDER, "0123456-7", bundle, NOW)
    kind = {None: TRUSTED, messages.NOT_OUR_ISSUER: UNTRUSTED, messages.VALID_UNTIL: DATES}
    assert kind[None if told is None else told.text] == expected


@CASES
def test_signers_of_receipts(bundle, expected):
    receipt = render_receipt(
        Receipt("1", "0" * 64, NOW, "0123456-7", "Name", "01"), signer_for_key(key("Signer"), certificate_der(SIGNER))
    )
    fault = receipt_check.check(receipt, b"", "file", bundle, NOW).fault
    assert (
        fault
        is {
            TRUSTED: ReceiptError.OTHER_OCTETS,
            UNTRUSTED: ReceiptError.NOT_TRUSTED,
            DATES: ReceiptError.SIGNER_NOT_THEN,
        }[expected]
    )


@CASES
def test_signers_of_documents(bundle, expected):
    sealed = sign_document(
        b"<report/>", signer_for_key(key("0123456-7"), certificate_der(HOLDER)), SignatureProfile.EXCLUSIVE
    )
    if not anchors_of(bundle):
        with pytest.raises(ValueError, match="none of its certificates"):
            verify_report.check(sealed, bundle, NOW)
        return
    faults = {TRUSTED: None, UNTRUSTED: VerdictReason.UNTRUSTED, DATES: VerdictReason.EXPIRED}
    assert verify_report.check(sealed, bundle, NOW).fault is faults[expected]
