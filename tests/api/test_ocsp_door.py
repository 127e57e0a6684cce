"""OCSP over HTTP: requests by GET and POST, and headers for caches."""

import re
from base64 import b64encode
from datetime import timedelta
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from sinetti.api import ocsp as api_ocsp
from sinetti.api.ocsp import LARGEST_REQUEST, REQUEST_TYPE, RESPONSE_TYPE, OnDemandSigningBudget
from sinetti.api.publication import PublicationEndpoint
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.pki.encoding import load_certificate
from sinetti.server.http import Request, Response
from sinetti.server.rate_limits import Rate
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.server.test_listening import exchange, head
from tests.support.asking import asked, believed
from tests.support.authority import BASE_URL, services_issuer
from tests.support.distrust import declared, with_services
from tests.support.scene import REQUEST, Held, Scene, ca_certificate, enrolled

NAME = "DataProvidersTestIssuingCAv1"
TRY_LATER = bytes.fromhex("30030a0103")


@pytest.fixture
def held(sqlite_scene: Scene) -> Held:
    return enrolled(sqlite_scene)


@pytest.fixture
def octets(held) -> bytes:
    """Return a request whose base64 has every character that is lost on the way.

    These are `+`, `/` and `=`.
    """
    certificate = load_certificate(held.der)
    for number in range(4096):
        found = asked(certificate, ca_certificate(), nonce=b"\xff\xef%d" % number)
        if {"+", "/", "="} <= set(b64encode(found).decode()):
            return found
    raise AssertionError


def got(scene: Scene, path: str, method: str = "GET") -> Response:
    return PublicationEndpoint(scene.ctx)(Request(method, path, "", {}, REQUEST, b""))


def posted(
    scene: Scene, body: bytes, content_type: str = REQUEST_TYPE, door: PublicationEndpoint | None = None
) -> Response:
    door = door or PublicationEndpoint(scene.ctx)
    return door(Request("POST", f"/ocsp/{NAME}", "", {"content-type": content_type}, REQUEST, body))


def written(octets: bytes) -> str:
    return b64encode(octets).decode()


WAYS = {
    "as it is": lambda text: f"/{text}",
    "one slash too many": lambda text: f"//{text}",
    "three slashes": lambda text: f"///{text}",
    "a blank for a plus sign": lambda text: f"/{text.replace('+', ' ')}",
    "without its padding": lambda text: f"/{text.rstrip('=')}",
    "with line ends": lambda text: f"/{text[:64]}\r\n{text[64:]}\n",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_programs_make_of_base64_in_a_path(way, sqlite_scene, octets):
    reply = got(sqlite_scene, f"/ocsp/{NAME}{way(written(octets))}")
    assert (reply.status, reply.content_type) == (200, RESPONSE_TYPE)
    assert believed(reply.body, ca_certificate(), sqlite_scene.clock()).certificate_status is ocsp.OCSPCertStatus.GOOD


def test_at_the_address_that_stands_in_the_certificate(sqlite_scene, held):
    certificate = load_certificate(held.der)
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    (address,) = [
        one.access_location.value for one in access if one.access_method == x509.AuthorityInformationAccessOID.OCSP
    ]
    assert address == f"{BASE_URL}/ocsp/{NAME}"
    for content_type in (REQUEST_TYPE, "Application/OCSP-Request; x=y"):
        reply = posted(sqlite_scene, asked(certificate, ca_certificate()), content_type)
        assert (reply.status, reply.content_type, reply.headers) == (200, RESPONSE_TYPE, {"cache-control": "no-store"})
        assert believed(reply.body, ca_certificate(), sqlite_scene.clock()).serial_number == certificate.serial_number


def test_caches_keep_an_answer_for_a_minute_at_the_most(sqlite_scene, held):
    path = f"/ocsp/{NAME}/{written(asked(load_certificate(held.der), ca_certificate()))}"
    sqlite_scene.clock.forward(timedelta(minutes=10))
    sqlite_scene.machine.forward(timedelta(minutes=10))
    reply = got(sqlite_scene, path)
    assert reply.headers["cache-control"] == "max-age=60, public, no-transform, must-revalidate"
    assert reply.headers["last-modified"] == "Mon, 02 Mar 2026 12:00:00 GMT"
    assert reply.headers["expires"] == "Mon, 02 Mar 2026 12:11:00 GMT"
    assert re.fullmatch(r'"[0-9a-f]{32}"', reply.headers["etag"])
    assert got(sqlite_scene, path, "HEAD").headers == reply.headers
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    assert got(sqlite_scene, path).headers["etag"] != reply.headers["etag"]
    assert reply.log_fields is None, "who asks about whom is no line in the log"


def test_caches_keep_none_past_its_end_and_none_from_a_clock_that_is_ahead(sqlite_scene, held):
    path = f"/ocsp/{NAME}/{written(asked(load_certificate(held.der), ca_certificate()))}"
    sqlite_scene.responders.away = True
    sqlite_scene.clock.forward(timedelta(hours=24, seconds=-10))
    assert got(sqlite_scene, path).headers["cache-control"].startswith("max-age=10,")
    sqlite_scene.machine.forward(timedelta(days=-1))
    assert got(sqlite_scene, path).headers["last-modified"] == "Sun, 01 Mar 2026 12:00:00 GMT"


def test_caches_keep_nothing_that_is_for_one_or_no_answer(sqlite_scene, octets):
    for request in (octets, asked(5, ca_certificate()), b"x"):
        assert got(sqlite_scene, f"/ocsp/{NAME}/{written(request)}").headers == {"cache-control": "no-store"}


MALFORMED = {
    "no request": "",
    "a slash": "/",
    "no base64": "/!!!!",
    "base64 of nothing": "/====",
    "one letter": "/M",
    "letters of no alphabet": "/\u00e4\u00e4\u00e4\u00e4",
    "another request behind": "/MAA=/MAA=",
}


@pytest.mark.parametrize("rest", MALFORMED.values(), ids=MALFORMED)
def test_a_path_without_a_request(rest, sqlite_scene):
    reply = got(sqlite_scene, f"/ocsp/{NAME}{rest}")
    assert (reply.status, reply.body) == (200, bytes.fromhex("30030a0101"))


NOT_FOUND = {
    "an unknown CA": "/ocsp/NobodysCAv1",
    "the root": "/ocsp/SinettiRootTestCAv1/MAA=",
    "no name": "/ocsp/",
    "a way up": "/ocsp/../MAA=",
    "a name with a blank": "/ocsp/Data Providers",
    "a very long path": f"/ocsp/{NAME}/{'M' * 100_000}",
}


@pytest.mark.parametrize("path", NOT_FOUND.values(), ids=NOT_FOUND)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_answers_there(path, method, sqlite_scene):
    door = PublicationEndpoint(sqlite_scene.ctx)
    reply = door(Request(method, path, "", {"content-type": REQUEST_TYPE}, REQUEST, b"x"))
    assert (reply.status, reply.content_type) == (404, "text/plain; charset=utf-8")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods(method, sqlite_scene):
    reply = got(sqlite_scene, f"/ocsp/{NAME}", method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, POST")


def test_what_is_posted_is_a_request_of_bounded_size(sqlite_scene):
    assert posted(sqlite_scene, b"x", "text/plain").status == 415
    assert posted(sqlite_scene, b"x", "").status == 415
    assert posted(sqlite_scene, b"x" * LARGEST_REQUEST).status == 200
    assert posted(sqlite_scene, b"x" * (LARGEST_REQUEST + 1)).status == 413


def test_beyond_the_rate_nothing_is_signed_on_the_spot_and_stored_answers_go_on(sqlite_scene, held, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(api_ocsp, "monotonic_seconds", lambda: now[0])
    door = PublicationEndpoint(sqlite_scene.ctx, OnDemandSigningBudget(Rate(2, 3)))
    unknown, known = asked(5, ca_certificate()), asked(load_certificate(held.der), ca_certificate())

    def later(request: bytes) -> bool:
        return posted(sqlite_scene, request, door=door).body == TRY_LATER

    assert [later(unknown) for _ in range(4)] == [False, False, False, True]
    assert not later(known)
    now[0] += 0.5
    assert [later(unknown) for _ in range(2)] == [False, True]


def test_a_fault_of_ours_is_told_in_ocsp_and_nothing_of_it(sqlite_scene, monkeypatch):
    def broken(*_rest):
        why = "a secret that must not leave"
        raise RuntimeError(why)

    monkeypatch.setattr(api_ocsp, "respond", broken)
    assert posted(sqlite_scene, b"x").body == bytes.fromhex("30030a0102")


def test_over_the_real_server(service):
    """With percent signs and without, as far as a path can carry it."""
    with service.opened() as authority:
        issuers, now = dict(authority.ctx.issuers), authority.ctx.now()
        names = list(authority.ctx.responders)
    assert len(names) == 3
    for name in names:
        issuer = issuers[name].certificate
        octets = asked(5, issuer, nonce=b"\xff\xef\xbe")
        for text in (quote(written(octets), safe=""), written(octets)):
            path = f"/ocsp/{name}/{text}"
            status, headers, body = exchange(service.status, head(0, method="GET", path=path))
            assert (status, headers["content-type"]) == (200, RESPONSE_TYPE)
            assert believed(body, issuer, now).certificate_status is ocsp.OCSPCertStatus.UNKNOWN
        sent = head(len(octets), method="POST", path=f"/ocsp/{name}")
        sent = sent.replace(b"text/xml; charset=utf-8", REQUEST_TYPE.encode())
        status, _, body = exchange(service.status, sent + octets)
        assert believed(body, issuer, now).serial_number == 5


def test_the_bridge_of_a_distrusted_ca_by_both_methods(sqlite_scene):
    office = with_services(sqlite_scene)
    held = enrolled(office)
    certificate = load_certificate(held.der)
    octets, path = asked(certificate, ca_certificate(), nonce=b"n" * 32), f"/status/bridge/{NAME}"
    door = PublicationEndpoint(office.ctx)

    def bridge(method, place, body=b""):
        return door(Request(method, place, "", {"content-type": REQUEST_TYPE}, REQUEST, body))

    assert bridge("POST", path, octets).status == 404, "it is not distrusted"
    office.clock.now += timedelta(seconds=1)
    declared(office, NAME, office.clock.now)
    for reply in (bridge("POST", path, octets), bridge("GET", f"{path}/{written(octets)}")):
        assert (reply.status, reply.content_type) == (200, RESPONSE_TYPE)
        assert reply.headers["cache-control"] == "no-store"
        response = believed(reply.body, services_issuer().certificate, office.clock.now)
        assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
    busy = PublicationEndpoint(office.ctx, OnDemandSigningBudget(Rate(1, 1)))
    unknown = asked(5, ca_certificate())
    assert [posted(office, unknown, door=busy).body == TRY_LATER for _ in range(2)] == [False, True]
    found = busy(Request("POST", path, "", {"content-type": REQUEST_TYPE}, REQUEST, octets))
    assert believed(found.body, services_issuer().certificate, office.clock.now), "the bridge has a budget of its own"
    assert bridge("PUT", path).status == 405
    assert bridge("POST", "/status/bridge/Other", octets).status == 404
