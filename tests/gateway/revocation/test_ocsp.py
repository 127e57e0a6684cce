"""OCSP answers as a source of statuses: trust, lifetime, and responder address."""

import contextlib
import socket
import threading
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from sinetti.ca.profiles import key_usage
from sinetti.gateway.revocation.ocsp import ASK_AGAIN, LARGEST_ANSWER, OcspQuery, OcspSource, post, verified_status
from sinetti.gateway.revocation.source import FRESHNESS, GOOD, NO_ANSWER, NOT_KNOWN, REVOKED
from tests.gateway.material import DAY, HOUR, SECOND, Responder, certificate, holder, issuing, key, leaf, loaded
from tests.support import authority
from tests.support.authority import NOW
from tests.support.small_server import small_server

CERTIFICATE = loaded(holder())
ADDRESS = "http://ocsp.example/ocsp/Issuing"
SIGNING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])


def asked(responder, now=NOW, freshness=FRESHNESS):
    responder.about = responder.about or CERTIFICATE
    return OcspSource([ADDRESS], responder).status(CERTIFICATE, issuing(), now, freshness)


def delegate(by=None, *, put=(), leave=(), **odd):
    ca = authority.issuer()
    usual = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage(digital_signature=True), True),
        (SIGNING, False),
        (x509.OCSPNoCheck(), False),
    ]
    given = {value.oid for value, _ in put} | {kind.oid for kind in leave}
    signed = {"issuer": ca.certificate.subject, "signed_by": authority.authority().key(ca.key_name)}
    kept = [one for one in usual if one[0].oid not in given]
    return certificate("Responder", by or (ca.name, ca.name), of="Responder", put=[*kept, *put], **(signed | odd))


def delegated(**changes):
    return {"delegate": delegate(**changes), "signer": key("Responder")}


BELIEVED = {
    "good, by the CA itself": ({}, GOOD),
    "revoked": ({"status": ocsp.OCSPCertStatus.REVOKED}, REVOKED),
    "unknown": ({"status": ocsp.OCSPCertStatus.UNKNOWN}, NOT_KNOWN),
    "by a CertID of SHA-1": ({"hashing": hashes.SHA1()}, GOOD),  # noqa: S303 -- RFC 6960 requires it of every client
    "by a CertID of SHA-384": ({"hashing": hashes.SHA384()}, NO_ANSWER),
    "about another certificate": ({"about": loaded(holder(2))}, NO_ANSWER),
    "another nonce": ({"nonce": b"0" * 32}, NO_ANSWER),
    "no nonce though one was sent": ({"nonce": None}, NO_ANSWER),
    "signed by somebody else": ({"signer": key("Nobody")}, NO_ANSWER),
    "as old as may be": ({"at": NOW - HOUR}, GOOD),
    "a second older": ({"at": NOW - HOUR - SECOND}, NO_ANSWER),
    "from the future": ({"at": NOW + DAY}, NO_ANSWER),
    "past its end": ({"at": NOW - 60 * SECOND, "life": 59 * SECOND}, NO_ANSWER),
    "by a delegate": (delegated(), GOOD),
    "by a delegate, but not with its key": ({"delegate": delegate()}, NO_ANSWER),
    "a delegate of somebody else": (delegated(signed_by=key("Nobody")), NO_ANSWER),
    "a delegate for something else": (
        delegated(put=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)]), NO_ANSWER,
    ),
    "a delegate without a purpose": (delegated(leave=[x509.ExtendedKeyUsage]), NO_ANSWER),
    "a delegate whose status is to be asked": (delegated(leave=[x509.OCSPNoCheck]), NO_ANSWER),
    "a delegate whose key does not sign": (delegated(put=[(key_usage(key_encipherment=True), True)]), NO_ANSWER),
    "a delegate that has ended": (delegated(span=(NOW - DAY, NOW - SECOND)), NO_ANSWER),
    "a delegate that begins later": (delegated(span=(NOW + SECOND, NOW + DAY)), NO_ANSWER),
    "a holder as delegate": ({"delegate": CERTIFICATE, "signer": authority.holder_key(1)}, NO_ANSWER),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "answer"), BELIEVED.values(), ids=BELIEVED)
def test_which_answers_are_believed(changes, answer):
    assert asked(Responder(**changes)) == answer


def test_a_service_short_of_time_is_asked_once_more_without_a_nonce():
    responder = Responder(busy=1)
    assert asked(responder) == GOOD
    assert [len(request.extensions) for _, request in responder.asked] == [1, 0]
    assert asked(Responder(busy=2)) == NO_ANSWER


def test_nothing_but_the_configured_address_is_asked():
    responder = Responder()
    asked(responder)
    assert {address for address, _ in responder.asked} == {ADDRESS}
    assert authority.issuer().ocsp_url != ADDRESS


def test_an_answer_is_reused_for_five_minutes_and_longer_only_without_a_newer_one():
    responder = Responder(about=CERTIFICATE)
    answers = OcspSource([ADDRESS], responder)

    def at(now):
        return answers.status(CERTIFICATE, issuing(), now, FRESHNESS)

    assert [at(NOW), at(NOW + ASK_AGAIN - SECOND)] == [GOOD, GOOD]
    assert len(responder.asked) == 1
    responder.at = NOW + ASK_AGAIN
    assert at(NOW + ASK_AGAIN) == GOOD
    responder.signer = key("Nobody")
    assert at(NOW + ASK_AGAIN + HOUR) == GOOD, "no newer one is to be had"
    assert at(NOW + ASK_AGAIN + HOUR + SECOND) == NO_ANSWER


REVOKING = {
    "at once": ({}, NOW),
    "once the answer is stale": ({}, NOW + DAY),
    "by an answer that was stale when it came": ({"at": NOW - 2 * DAY}, NOW),
    "by an answer from ahead of our clock": ({"at": NOW + DAY}, NOW),
}


@pytest.mark.parametrize(("changes", "now"), REVOKING.values(), ids=REVOKING)
def test_a_certificate_that_was_revoked_stays_so(changes, now):
    """REVOKED stays: no later answer with GOOD is requested (docs/relying/gateway.md)."""
    responder = Responder(about=CERTIFICATE, status=ocsp.OCSPCertStatus.REVOKED, **changes)
    answers = OcspSource([ADDRESS], responder)
    assert answers.status(CERTIFICATE, issuing(), NOW, FRESHNESS) == REVOKED
    responder.status, responder.at = ocsp.OCSPCertStatus.GOOD, now
    assert answers.status(CERTIFICATE, issuing(), now, FRESHNESS) == REVOKED
    assert len(responder.asked) == 1


def test_of_two_facts_in_one_answer_the_revocation_counts():
    responder = Responder(about=CERTIFICATE)
    good, revoked = (replace(responder, status=one) for one in (ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED))
    question = OcspQuery(CERTIFICATE, issuing(), None)
    first, second = (ocsp.load_der_ocsp_response(one(ADDRESS, question.request())) for one in (good, revoked))

    class CombinedResponse:
        """A response whose single answers are those of two."""

        responses = (*first.responses, *second.responses)

        def __getattr__(self, name):
            return getattr(first, name)

    assert verified_status(CombinedResponse(), question, NOW).is_revoked


def test_the_next_address_is_asked_where_one_does_not_answer():
    responder = Responder(about=CERTIFICATE)

    def ask(address, request):
        if address == "http://down.example/":
            raise ConnectionRefusedError
        return responder(address, request)

    answers = OcspSource(["http://down.example/", ADDRESS], ask)
    assert answers.status(CERTIFICATE, issuing(), NOW, FRESHNESS) == GOOD
    assert OcspSource([], ask).status(CERTIFICATE, issuing(), NOW, FRESHNESS) == NO_ANSWER
    assert OcspSource([ADDRESS], lambda *_: b"hello").status(CERTIFICATE, issuing(), NOW, FRESHNESS) == NO_ANSWER


def test_only_so_many_answers_are_kept(monkeypatch):
    monkeypatch.setattr("sinetti.gateway.revocation.ocsp._KEPT_AT_MOST", 2)
    answers = OcspSource([ADDRESS], Responder(about=CERTIFICATE))
    for one in (CERTIFICATE, *(loaded(holder(number)) for number in (2, 3))):
        answers.ask.about = one
        assert answers.status(one, issuing(), NOW, FRESHNESS) == GOOD
    assert len(answers._kept) == 2


def test_requests_over_http():
    def answers(asked):
        body = {"/long": b"x" * (LARGEST_ANSWER + 1)}.get(
            asked.path, asked.headers["content-type"].encode() + asked.body
        )
        return {"/down": 503, "/moved": 302}.get(asked.path, 200), {"location": "/elsewhere"}, body

    with small_server(answers) as server:
        assert post(f"{server.url}/ocsp", b"request") == b"application/ocsp-requestrequest"
        for path in ("down", "moved", "long"):
            with pytest.raises(OSError, match=r"."):
                post(f"{server.url}/{path}", b"request")
    with pytest.raises(OSError, match=r"."):
        post(server.url, b"request")


def test_who_sends_octet_by_octet_gets_no_more_time(monkeypatch):
    monkeypatch.setattr("sinetti.gateway.revocation.ocsp.PATIENCE", 0.3)
    ended = threading.Event()

    def drip(listening):
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
            for _ in range(500):  # 25 seconds, and then the answer is complete
                connection.sendall(b"x")
                if ended.wait(0.05):
                    break

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,), daemon=True)
        thread.start()
        with pytest.raises(OSError, match=r"."):
            post(f"http://127.0.0.1:{listening.getsockname()[1]}/ocsp", b"request")
        ended.set()
        thread.join()


def test_a_certificate_of_another_ca_gets_no_answer_of_this_one():
    stranger = leaf(("CA", "CA"))
    responder = Responder(about=CERTIFICATE)
    assert OcspSource([ADDRESS], responder).status(stranger, issuing(), NOW, FRESHNESS) == NO_ANSWER


NONCES = {
    "a busy responder, without": ({"busy": 1}, False, GOOD, 2),
    "a busy responder": ({"busy": 1}, True, NO_ANSWER, 1),
    "an answer with the nonce": ({}, True, GOOD, 1),
    "an answer without it": ({"nonce": None}, True, NO_ANSWER, 1),
}


@pytest.mark.parametrize(("changes", "needs_nonce", "answer", "count"), NONCES.values(), ids=NONCES)
def test_a_setting_demands_nonces(changes, needs_nonce, answer, count):
    responder = Responder(about=CERTIFICATE, **changes)
    source = OcspSource([ADDRESS], responder, needs_nonce=needs_nonce)
    assert source.status(CERTIFICATE, issuing(), NOW, FRESHNESS) == answer
    assert len(responder.asked) == count


def test_an_answer_without_a_nonce_counts_for_the_freshness_at_most():
    responder = Responder(about=CERTIFICATE, at=NOW - HOUR, life=30 * DAY, busy=1)
    source = OcspSource([ADDRESS], responder)
    assert source.status(CERTIFICATE, issuing(), NOW, FRESHNESS) == GOOD
    responder.busy = 1
    assert source.status(CERTIFICATE, issuing(), NOW + SECOND, FRESHNESS) == NO_ANSWER


ANEW = {"this serial number": (CERTIFICATE.serial_number, 2), "another one": (1, 1), "any": (None, 2)}


@pytest.mark.parametrize(("serial", "count"), ANEW.values(), ids=ANEW)
def test_after_a_wake_up_the_responder_is_asked_again(serial, count):
    responder = Responder(about=CERTIFICATE)
    source = OcspSource([ADDRESS], responder)
    assert source.status(CERTIFICATE, issuing(), NOW, FRESHNESS) == GOOD
    source.ask_anew(serial)
    assert source.status(CERTIFICATE, issuing(), NOW, FRESHNESS) == GOOD
    assert len(responder.asked) == count


def test_a_wake_up_makes_nothing_more_acceptable():
    """Neither REVOKED nor the end of a GOOD is forgotten, and an older answer replaces none."""
    responder = Responder(about=CERTIFICATE, status=ocsp.OCSPCertStatus.REVOKED)
    source = OcspSource([ADDRESS], responder)
    assert source.status(CERTIFICATE, issuing(), NOW, FRESHNESS) == REVOKED
    source.ask_anew()
    responder.status, responder.at = ocsp.OCSPCertStatus.GOOD, NOW - SECOND
    assert source.status(CERTIFICATE, issuing(), NOW, FRESHNESS) == REVOKED


def test_an_answer_from_before_a_wake_up_is_not_kept():
    responder = Responder(about=CERTIFICATE)

    def ask(address, request):
        answer = responder(address, request)
        if len(responder.asked) == 1:
            source.ask_anew(CERTIFICATE.serial_number)
        return answer

    source = OcspSource([ADDRESS], ask)
    for count in (1, 2, 2):
        assert source.status(CERTIFICATE, issuing(), NOW, FRESHNESS) == GOOD
        assert len(responder.asked) == count
