"""Retrieval in the browser for a user who pastes a certificate request.

The tests cover the results of both operations, each with its chain.
"""

from dataclasses import replace
from datetime import timedelta

from cryptography import x509

from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import RENEWAL_WINDOW, Channel
from sinetti.pki.csr import CsrUploadError
from sinetti.pki.encoding import load_certificate
from sinetti.services.issuance.browser_enrolment import (
    BrowserEnrolment,
    EnrolledCertificate,
    enrol_in_browser,
    parse_upload,
    retrieve_again,
)
from sinetti.services.revocation.early_replacement import EarlyReplacementRequest, call_early
from tests.support.authority import CUSTOMER_ID
from tests.support.scene import REQUEST, ca_certificate, csr, new_key, ordered


def an_ask(ids, key):
    request = parse_upload(csr(key))
    assert not isinstance(request, CsrUploadError)
    return BrowserEnrolment(CUSTOMER_ID, ids.transfer_id, ids.transfer_password, request)


def test_the_certificate_comes_with_its_chain_and_again_by_its_retrieval_id(sqlite_scene):
    ask = an_ask(ordered(sqlite_scene), new_key())
    found = enrol_in_browser(ask, sqlite_scene.ctx, REQUEST)
    assert isinstance(found, EnrolledCertificate)
    certificate = load_certificate(found.der)
    issuing, above = x509.load_pem_x509_certificates(found.chain.encode())
    certificate.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(above)
    assert issuing == ca_certificate(Channel.WS)
    assert above.issuer != above.subject, "the root is not in it"
    assert found.renewable_from == certificate.not_valid_after_utc - RENEWAL_WINDOW
    assert enrol_in_browser(ask, sqlite_scene.ctx, REQUEST) == found
    assert retrieve_again(CUSTOMER_ID, found.retrieval_id, sqlite_scene.ctx, REQUEST) == found


def test_what_was_called_for_early_replacement_says_so_when_it_is_fetched_again(sqlite_scene):
    found = enrol_in_browser(an_ask(ordered(sqlite_scene), new_key()), sqlite_scene.ctx, REQUEST)
    ask = EarlyReplacementRequest(
        CertificateSelection(serials=(found.serial,)), "a17", "incident", Explanation(), timedelta(hours=1)
    )
    call_early(ask, sqlite_scene.ctx, REQUEST)
    again = retrieve_again(CUSTOMER_ID, found.retrieval_id, sqlite_scene.ctx, REQUEST)
    assert again == replace(found, renewable_from=sqlite_scene.clock.now)


def test_refusals_are_those_of_the_operations(sqlite_scene):
    ids = ordered(sqlite_scene)
    wrong = replace(an_ask(ids, new_key()), transfer_password="wrong")
    assert enrol_in_browser(wrong, sqlite_scene.ctx, REQUEST) == Rejection(RejectionReason.TRANSFER_IDS_WRONG)
    unknown = retrieve_again(CUSTOMER_ID, "0" * 32, sqlite_scene.ctx, REQUEST)
    assert unknown == Rejection(RejectionReason.RETRIEVAL_ID_UNKNOWN)


def test_what_is_being_issued_is_not_ready_and_comes_later(sqlite_scene):
    leniency = replace(sqlite_scene.ctx.leniency, retrieval_delay=timedelta(minutes=1))
    slow = sqlite_scene.but(leniency=leniency)
    ask = an_ask(ordered(sqlite_scene), new_key())
    answer = enrol_in_browser(ask, slow.ctx, REQUEST)
    assert isinstance(answer, Rejection)
    assert answer.reason is RejectionReason.NOT_READY
    sqlite_scene.machine.forward(timedelta(minutes=1))
    assert isinstance(enrol_in_browser(ask, slow.ctx, REQUEST), EnrolledCertificate)
