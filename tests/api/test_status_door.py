"""CA certificates and CRLs at the addresses in an issued certificate."""

import re
import subprocess
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.api.publication import PublicationEndpoint
from sinetti.api.router import mount_api
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.pki.trust_lists.lists import parse_signed
from sinetti.server.http import Request, Response
from sinetti.services.authorities.trust_lists import store_list
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.server.test_listening import exchange, head
from tests.support.authority import BASE_URL, NOW, authority, issuer
from tests.support.scene import DAY, REQUEST, SECOND, Held, Scene, enrolled, in_the_window, renewed
from tests.support.trust_lists import anchors_list, by_root, distrust_list

AIA, DP = x509.AuthorityInformationAccess, x509.CRLDistributionPoints


@pytest.fixture
def held(sqlite_scene: Scene) -> Held:
    """Return a certificate in its holder's hands."""
    return enrolled(sqlite_scene)


def fetch(scene: Scene, address: str, method: str = "GET", known: str | None = None) -> Response:
    """Fetch an address as it stands in a certificate."""
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}" == BASE_URL
    headers = {} if known is None else {"if-none-match": known}
    return PublicationEndpoint(scene.ctx)(Request(method, parts.path, parts.query, headers, REQUEST, b""))


def issuer_address(certificate: x509.Certificate) -> str:
    access = certificate.extensions.get_extension_for_class(AIA).value
    (address,) = [
        one.access_location.value
        for one in access
        if one.access_method == x509.AuthorityInformationAccessOID.CA_ISSUERS
    ]
    return address


def list_address(certificate: x509.Certificate) -> str:
    (point,) = certificate.extensions.get_extension_for_class(DP).value
    ((name,), _) = (point.full_name, point.reasons)
    return name.value


def loaded(held: Held) -> x509.Certificate:
    return x509.load_der_x509_certificate(held.der)


def current(scene: Scene, certificate: x509.Certificate) -> x509.CertificateRevocationList:
    """Fetch the CRL that covers this certificate; check it as a relying party does."""
    reply = fetch(scene, list_address(certificate))
    assert (reply.status, reply.content_type) == (200, "application/pkix-crl")
    issuer = x509.load_der_x509_certificate(fetch(scene, issuer_address(certificate)).body)
    crl = x509.load_der_x509_crl(reply.body)
    assert crl.is_signature_valid(issuer.public_key())
    assert crl.issuer == issuer.subject == certificate.issuer
    now = scene.clock()
    assert crl.last_update_utc <= now < crl.next_update_utc
    point = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert point.critical
    assert [name.value for name in point.value.full_name] == [list_address(certificate)]
    return crl


def number_of(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def test_the_chain_is_climbed_by_addresses_alone(sqlite_scene, held):
    certificate, climbed = loaded(held), []
    while certificate.issuer != certificate.subject:
        reply = fetch(sqlite_scene, issuer_address(certificate))
        assert (reply.status, reply.content_type) == (200, "application/pkix-cert")
        issuer = x509.load_der_x509_certificate(reply.body)
        certificate.verify_directly_issued_by(issuer)
        climbed.append(certificate := issuer)
    assert len(climbed) == 3
    roots = [one for one in authority().entries.values() if one[1].subject == one[1].issuer]
    assert climbed[-1] == roots[0][1]


def test_a_revoked_serial_is_listed_at_once(sqlite_scene, held):
    certificate, other = loaded(held), loaded(enrolled(sqlite_scene))
    before = current(sqlite_scene, certificate)
    assert list(before) == []
    sqlite_scene.clock.forward(SECOND)
    revoke(RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE), sqlite_scene.ctx, "operator", REQUEST)
    after = current(sqlite_scene, certificate)
    (entry,) = after
    assert entry.serial_number == certificate.serial_number
    assert entry.revocation_date_utc == sqlite_scene.clock()
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    assert after.get_revoked_certificate_by_serial_number(other.serial_number) is None
    assert number_of(after) > number_of(before)


def test_a_renewal_that_was_given_up_is_listed(sqlite_scene, held):
    """The service revokes voided certificates as superseded.

    A revocation for keyCompromise includes the renewals.
    """
    in_the_window(sqlite_scene, held)
    new = renewed(sqlite_scene, held)
    revoke(RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE), sqlite_scene.ctx, "operator", REQUEST)
    serials = {entry.serial_number for entry in current(sqlite_scene, loaded(held))}
    assert serials == {loaded(held).serial_number, loaded(new).serial_number}


def test_each_channel_has_a_list_of_its_own(sqlite_scene, held):
    sftp = loaded(enrolled(sqlite_scene, Channel.SFTP))
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    assert list(current(sqlite_scene, sftp)) == []
    assert len(list(current(sqlite_scene, loaded(held)))) == 1


def test_a_list_is_signed_anew_each_half_hour_in_which_it_is_asked_for(sqlite_scene, held):
    certificate = loaded(held)
    first = current(sqlite_scene, certificate)
    sqlite_scene.clock.forward(timedelta(minutes=30) - SECOND)
    assert current(sqlite_scene, certificate) == first
    sqlite_scene.clock.forward(SECOND)
    second = current(sqlite_scene, certificate)
    assert second.last_update_utc == sqlite_scene.clock()
    assert number_of(second) > number_of(first)


ADDRESSES = {
    "a CA": (f"{BASE_URL}/ca/SinettiRootTestCAv1.cer", "application/pkix-cert", 24 * 3600),
    "the whole list": (f"{BASE_URL}/crl/DataProvidersTestIssuingCAv1.crl", "application/pkix-crl", 60),
    "a shard's list": (f"{BASE_URL}/crl/DataProvidersTestIssuingCAv1-1.crl", "application/pkix-crl", 60),
}


@pytest.mark.parametrize(("address", "kind", "seconds"), ADDRESSES.values(), ids=ADDRESSES)
def test_who_has_it_already_is_told_so(sqlite_scene, address, kind, seconds):
    fresh = fetch(sqlite_scene, address)
    tag = fresh.headers["etag"]
    assert (fresh.status, fresh.content_type, fresh.headers["cache-control"]) == (200, kind, f"max-age={seconds}")
    assert re.fullmatch(r'"[0-9a-f-]+"', tag), "a strong one"
    modified = parsedate_to_datetime(fresh.headers["last-modified"])
    assert modified == (NOW - timedelta(hours=1) if kind.endswith("cert") else sqlite_scene.clock())
    for known in (tag, f'"x", W/{tag}', "*"):
        told = fetch(sqlite_scene, address, known=known)
        assert (told.status, told.body) == (304, b"")
        assert told.headers == fresh.headers
    for known in ("", '"x"', tag.strip('"'), f"{tag[:-1]}0"):
        assert fetch(sqlite_scene, address, known=known) == fresh
    assert fetch(sqlite_scene, address, "HEAD") == fresh, "the edge leaves the body out"


def test_a_revocation_is_another_list(sqlite_scene, held):
    address, *_ = ADDRESSES["the whole list"]
    tag = fetch(sqlite_scene, address).headers["etag"]
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    new = fetch(sqlite_scene, address, known=tag)
    assert new.status == 200
    assert {entry.serial_number for entry in x509.load_der_x509_crl(new.body)} == {loaded(held).serial_number}
    shard = fetch(sqlite_scene, list_address(loaded(held)))
    assert shard.headers["etag"] != new.headers["etag"]


def test_a_ca_whose_name_ends_like_a_shard(sqlite_scene):
    one = issuer()
    named = replace(one, file_name=f"{one.file_name}-1")
    ctx = replace(sqlite_scene.ctx, issuers={named.file_name: named})
    door = PublicationEndpoint(ctx)
    assert door._asked(named.file_name) == (named.file_name, 0)
    assert door._asked(f"{named.file_name}-2") == (named.file_name, 2)


def test_openssl_verifies_a_certificate_against_the_list(sqlite_scene, held, tmp_path):
    certificate = loaded(held)

    def verified() -> tuple[bool, str]:
        reply = fetch(sqlite_scene, list_address(certificate))
        (tmp_path / "list.pem").write_bytes(x509.load_der_x509_crl(reply.body).public_bytes(Encoding.PEM))
        at = str(int(sqlite_scene.clock().timestamp()))
        command = ["openssl", "verify", "-attime", at, "-crl_check", "-extended_crl", "-x509_strict", "-no-CApath"]
        files = ["-CAfile", "anchors.pem", "-CRLfile", "list.pem", "leaf.pem"]
        done = subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode == 0, done.stdout + done.stderr

    pems = [one.public_bytes(Encoding.PEM) for _, one in authority().entries.values()]
    (tmp_path / "anchors.pem").write_bytes(b"".join(pems))
    (tmp_path / "leaf.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    good, said = verified()
    assert good, said
    sqlite_scene.clock.forward(SECOND)
    revoke(
        RevocationRequest(held.serial, RevocationReason.CESSATION_OF_OPERATION), sqlite_scene.ctx, "operator", REQUEST
    )
    good, said = verified()
    assert not good
    assert "certificate revoked" in said


NOTHING = {
    "the root": "/",
    "an unknown CA": "/ca/Unknown.cer",
    "an unknown list": "/crl/Unknown-1.crl",
    "another shard": "/crl/DataProvidersTestIssuingCAv1-2.crl",
    "a shard that is no number": "/crl/DataProvidersTestIssuingCAv1-x.crl",
    "a shard of many digits": f"/crl/DataProvidersTestIssuingCAv1-{'1' * 5000}.crl",
    "a shard in other digits": "/crl/DataProvidersTestIssuingCAv1-\u0661.crl",
    "a shard with zeroes before it": "/crl/DataProvidersTestIssuingCAv1-01.crl",
    "the whole list as a shard": "/crl/DataProvidersTestIssuingCAv1-0.crl",
    "a way up": "/ca/../keys/SinettiRootTestCAv1.pem",
    "a way up, encoded": "/ca/%2e%2e/keys/SinettiRootTestCAv1.pem",
    "a way up within a name": "/ca/..cer",
    "a backslash": "/ca/..\\keys\\SinettiRootTestCAv1.cer",
    "a NUL": "/ca/SinettiRootTestCAv1\0.cer",
    "a line end behind": "/ca/SinettiRootTestCAv1.cer\n",
    "a name with blanks": "/ca/Sinetti Root Test CA v1.cer",
    "two slashes": "//ca/SinettiRootTestCAv1.cer",
    "something behind": "/ca/SinettiRootTestCAv1.cer/x",
    "a key": "/keys/SinettiRootTestCAv1.pem",
    "another kind of file": "/ca/SinettiRootTestCAv1.pem",
    "a name of 100,000 letters": f"/ca/{'a' * 100_000}.cer",
    "the SOAP door's path": "/2017/10/CertificateServices",
}


@pytest.mark.parametrize("path", NOTHING.values(), ids=NOTHING)
def test_what_is_not_there(path, sqlite_scene):
    reply = PublicationEndpoint(sqlite_scene.ctx)(Request("GET", path, "", {}, REQUEST, b""))
    assert (reply.status, reply.content_type) == (404, "text/plain; charset=utf-8")
    assert b"keys" not in reply.body


def test_the_names_in_the_table_are_real_ones(sqlite_scene):
    """Else the table above would prove nothing."""
    door = PublicationEndpoint(sqlite_scene.ctx)
    for path in ("/ca/SinettiRootTestCAv1.cer", "/crl/DataProvidersTestIssuingCAv1-1.crl"):
        assert door(Request("GET", path, "", {}, REQUEST, b"")).status == 200


def test_while_the_signer_is_away_the_last_list_is_served_until_its_end(sqlite_scene, held):
    certificate = loaded(held)
    signed = current(sqlite_scene, certificate)
    sqlite_scene.signer.away = True
    assert current(sqlite_scene, certificate) == signed, "one that is not due is served"
    sqlite_scene.clock.forward(7 * DAY - SECOND)
    assert current(sqlite_scene, certificate) == signed, "one that is due, as long as it lives"
    sqlite_scene.clock.forward(2 * SECOND)
    reply = fetch(sqlite_scene, list_address(certificate))
    assert (reply.status, reply.headers["retry-after"]) == (503, "60")
    sqlite_scene.signer.away = False
    assert number_of(current(sqlite_scene, certificate)) > number_of(signed)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods(method, sqlite_scene, held):
    reply = fetch(sqlite_scene, list_address(loaded(held)), method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


def test_over_the_real_server(service):
    """Names as in the folder's certificates, and paths that a server may normalise."""
    with service.opened() as authority:
        names = list(authority.ctx.issuers)
    assert len(names) == len(authority.hierarchy.authorities), "the root's and the services CA's lists too"
    for name in names:
        status, headers, body = exchange(service.status, head(0, method="GET", path=f"/ca/{name}.cer"))
        assert (status, headers["content-type"]) == (200, "application/pkix-cert")
        issuer = x509.load_der_x509_certificate(body)
        status, headers, body = exchange(service.status, head(0, method="GET", path=f"/crl/{name}-1.crl"))
        assert (status, headers["content-type"]) == (200, "application/pkix-crl")
        assert x509.load_der_x509_crl(body).is_signature_valid(issuer.public_key())
        whole = f"/crl/{name}.crl"
        status, headers, body = exchange(service.status, head(0, method="GET", path=whole))
        assert (status, headers["content-type"]) == (200, "application/pkix-crl")
        assert x509.load_der_x509_crl(body).is_signature_valid(issuer.public_key())
    with closing(HTTPConnection("127.0.0.1", service.status, timeout=60)) as connection:
        connection.request("GET", whole, headers={"If-None-Match": headers["etag"]})
        told = connection.getresponse()
        assert (told.status, told.headers["etag"], told.read()) == (304, headers["etag"], b"")
        assert told.headers.get("content-length") is None, "it would be that of the list"
    for path in (
        "/ca/../keys/x.pem",
        "/ca/%2e%2e%2fkeys.cer",
        "/ca/%00.cer",
        "/ca/%ff.cer",
        "/crl/%0a-1.crl",
        "/ca/x.cer?y",
    ):
        assert exchange(service.status, head(0, method="GET", path=path))[0] == 404


@pytest.mark.parametrize("make", [anchors_list, distrust_list])
def test_the_newest_trust_list_is_served(sqlite_scene: Scene, make):
    for number in (1, 2):
        found = make(authority(), number)
        address = f"{BASE_URL}/trust/{found.kind}"
        if number == 1:
            assert fetch(sqlite_scene, address).status == 404
        store_list(found, by_root(found, authority()), number - 1, sqlite_scene.ctx, ("operator", REQUEST))
    answer = fetch(sqlite_scene, address)
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert parse_signed(answer.body).payload == found.payload
    assert answer.headers == {"cache-control": "max-age=10", "etag": '"2"'}
    assert fetch(sqlite_scene, address, known='"2"').status == 304
    assert fetch(sqlite_scene, address, known='"1"').status == 200
    assert fetch(sqlite_scene, f"{BASE_URL}/trust/other").status == 404
    assert fetch(sqlite_scene, address, "POST").status == 405


def test_programs_of_holders_read_trust_lists_at_the_address_of_the_service(sqlite_scene):
    door = mount_api(lambda _: Response(404, "text/plain", b""), sqlite_scene.ctx)

    def get(kind, known=""):
        return door(Request("GET", f"/api/v1/trust/{kind}", "", {"if-none-match": known}, REQUEST, b""))

    assert [get(one).status for one in ("anchors", "distrust", "other")] == [404, 404, 404]
    new = anchors_list(authority(), 7)
    octets = by_root(new, authority())
    store_list(new, octets, 0, sqlite_scene.ctx, ("operator", REQUEST))
    assert get("anchors").body == octets
    assert (get("anchors", '"7"').status, get("distrust").status) == (304, 404)
