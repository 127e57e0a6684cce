"""Answers of a bridge: which of them confirm exactly one certificate of a distrusted CA."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from sinetti.ca.ocsp import ErrorStatus, error_answer, parse_request, sign_answer
from sinetti.domain.certificates.ocsp_status import GOOD as GOOD_STATUS
from sinetti.domain.certificates.ocsp_status import UNKNOWN, CertificateStatusInfo, CertStatus, SingleResponse
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.gateway.revocation.bridge import ANSWER_AGE, ASK_AGAIN, Bridge, BridgeQuestion
from sinetti.gateway.revocation.source import FRESHNESS, GOOD, NO_ANSWER, REVOKED
from sinetti.gateway.x509.path_validation import authority_of
from sinetti.pki.encoding import certificate_der
from tests.gateway.material import HOUR, SECOND, holder, issuing, loaded
from tests.support import authority
from tests.support.authority import NOW

CERTIFICATE, OTHER = loaded(holder()), loaded(holder(2))
ADDRESS = "http://status.example/status/bridge/DataProvidersIssuingCAv1"
SERVICES = authority_of(authority.services_issuer().certificate)
REVOKED_STATUS = CertificateStatusInfo(CertStatus.REVOKED, NOW - HOUR, RevocationReason.CA_COMPROMISE)
RESPONDER = authority.ocsp_responder(authority.services_issuer().file_name)
OWN_RESPONDER = authority.ocsp_responder(authority.issuer().file_name)


def digest(certificate):
    return sha256(certificate_der(certificate)).digest()


class BridgeResponder:
    """A bridge that answers each request with one response, of which tests change a part."""

    def __init__(self, *, status=GOOD_STATUS, names=CERTIFICATE, at=NOW, life=HOUR, responder=RESPONDER, **odd):
        self.response = SingleResponse(status, at, at + life, None if names is None else digest(names))
        self.responder, self.odd, self.asked = responder, odd, []

    def __call__(self, address, request):
        self.asked.append(address)
        asked = parse_request(request)
        if "raises" in self.odd:
            raise self.odd["raises"]
        if "answer" in self.odd:
            return self.odd["answer"]
        asked = replace(asked, **{name: self.odd[name] for name in ("nonce", "serial") if name in self.odd})
        return sign_answer(asked, authority.issuer().certificate, self.response, self.responder)


def question(responders=(SERVICES,), certificate=CERTIFICATE):
    return BridgeQuestion(certificate, issuing(), responders, ADDRESS)


def status(service, now=NOW, freshness=FRESHNESS, **changes):
    return Bridge(service).status(question(**changes), now, freshness)


ANSWERS = {
    "good, with the hash of this certificate": ({}, GOOD),
    "good, with the hash of another certificate of this serial": ({"names": OTHER}, REVOKED),
    "good, without a hash": ({"names": None}, REVOKED),
    "revoked": ({"status": REVOKED_STATUS, "names": None}, REVOKED),
    "revoked, with the hash": ({"status": REVOKED_STATUS}, REVOKED),
    "unknown": ({"status": UNKNOWN}, REVOKED),
    "as old as may be": ({"at": NOW - ANSWER_AGE}, GOOD),
    "a second older": ({"at": NOW - ANSWER_AGE - SECOND}, NO_ANSWER),
    "from the future": ({"at": NOW + HOUR}, NO_ANSWER),
    "past its end": ({"at": NOW - 60 * SECOND, "life": 59 * SECOND}, NO_ANSWER),
    "another nonce": ({"nonce": b"0" * 32}, NO_ANSWER),
    "no nonce": ({"nonce": None}, NO_ANSWER),
    "about another serial": ({"serial": "11" * 19}, NO_ANSWER),
    "by the responder of the distrusted CA itself": ({"responder": OWN_RESPONDER}, NO_ANSWER),
    "an error": ({"answer": error_answer(ErrorStatus.TRY_LATER)}, NO_ANSWER),
    "no OCSP": ({"answer": b"good"}, NO_ANSWER),
    "silence": ({"raises": OSError("away")}, NO_ANSWER),
}


@pytest.mark.parametrize(("changes", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_which_answers_confirm_a_certificate(changes, answer):
    assert status(BridgeResponder(**changes)) == answer


def test_the_distrusted_ca_is_no_responder_of_its_own_bridge():
    assert status(BridgeResponder(responder=OWN_RESPONDER), responders=(SERVICES, issuing())) == NO_ANSWER
    assert status(BridgeResponder(), responders=()) == NO_ANSWER


def test_a_critical_extension_of_an_answer_is_not_understood(monkeypatch):
    real = ocsp.load_der_ocsp_response

    class WithCritical:
        """A response with one more extension, which is critical."""

        def __init__(self, octets):
            self._real = real(octets)
            odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"")
            self.single_extensions = [x509.Extension(odd.oid, critical=True, value=odd)]

        def __getattr__(self, name):
            return getattr(self._real, name)

    monkeypatch.setattr(ocsp, "load_der_ocsp_response", WithCritical)
    assert status(BridgeResponder()) == NO_ANSWER


def test_an_answer_is_kept_a_minute_and_then_until_it_is_too_old_without_another():
    service = BridgeResponder()
    bridge = Bridge(service)

    def at(after):
        return bridge.status(question(), NOW + after, FRESHNESS)

    assert [at(timedelta()), at(ASK_AGAIN - SECOND)] == [GOOD, GOOD]
    assert service.asked == [ADDRESS]
    service.odd["raises"] = OSError("away")
    assert [at(ASK_AGAIN), at(ANSWER_AGE)] == [GOOD, GOOD]
    assert at(ANSWER_AGE + SECOND) == NO_ANSWER


def test_a_kept_answer_is_about_one_certificate_and_can_be_forgotten():
    service = BridgeResponder()
    bridge = Bridge(service)
    assert bridge.status(question(), NOW, FRESHNESS) == GOOD
    assert bridge.status(question(certificate=OTHER), NOW, FRESHNESS) == REVOKED
    service.response = SingleResponse(REVOKED_STATUS, NOW, NOW + HOUR)
    assert bridge.status(question(), NOW, FRESHNESS) == GOOD
    bridge.forget()
    assert bridge.status(question(), NOW, FRESHNESS) == REVOKED


def test_the_setting_of_freshness_counts_if_it_is_shorter():
    short = timedelta(seconds=30)
    assert status(BridgeResponder(at=NOW - short), freshness=short) == GOOD
    assert status(BridgeResponder(at=NOW - short - SECOND), freshness=short) == NO_ANSWER


def test_so_many_answers_are_kept(monkeypatch):
    monkeypatch.setattr("sinetti.gateway.revocation.bridge._KEPT_AT_MOST", 1)
    service = BridgeResponder()
    bridge = Bridge(service)
    for certificate in (CERTIFICATE, OTHER, CERTIFICATE):
        bridge.status(question(certificate=certificate), NOW, FRESHNESS)
    assert len(service.asked) == 3
