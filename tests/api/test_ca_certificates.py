"""Endpoint for CA certificates: all of them in force, in PEM, for caches."""

from datetime import timedelta

import pytest

from sinetti.api.ca_certificates import PATH, CaCertificatesEndpoint
from sinetti.api.router import mount_api
from sinetti.client.requests import trust_anchors
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.pki import chain, encoding
from sinetti.server.http import Request, text_response
from tests.support.scene import REQUEST


def ask(scene, method="GET", **headers):
    request = Request(method, PATH, "", {name.replace("_", "-"): one for name, one in headers.items()}, REQUEST, b"")
    return mount_api(lambda _request: text_response(404, "other"), scene.ctx)(request)


def test_every_ca_from_the_root_down(sqlite_scene):
    reply = ask(sqlite_scene)
    found = chain.load_bundle(reply.body)
    assert (reply.status, reply.content_type) == (200, "application/pem-certificate-chain")
    assert [encoding.certificate_der(one) for one in found] == list(sqlite_scene.ctx.certificates.values())
    assert chain.is_self_signed(found[0])
    assert trust_anchors.PATH == PATH
    assert ask(sqlite_scene, "HEAD") == reply


def test_a_cache_gets_304(sqlite_scene):
    reply = ask(sqlite_scene)
    assert reply.headers["cache-control"] == "max-age=300"
    again = ask(sqlite_scene, if_none_match=reply.headers["etag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods(sqlite_scene, method):
    reply = ask(sqlite_scene, method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


def test_a_ca_that_has_ended_is_left_out(sqlite_scene):
    certificates = [encoding.load_certificate(one) for one in sqlite_scene.ctx.certificates.values()]
    first = min(one.not_valid_after_utc for one in certificates)
    sqlite_scene.clock.now = first + timedelta(seconds=1)
    found = chain.load_bundle(CaCertificatesEndpoint(sqlite_scene.ctx)(Request("GET", PATH, "", {}, REQUEST, b"")).body)
    assert set(found) == {one for one in certificates if one.not_valid_after_utc > first}


def test_a_revoked_ca_is_left_out(sqlite_scene):
    name = next(reversed(sqlite_scene.ctx.certificates))
    revoked = sqlite_scene.but(states={name: CaState.REVOKED})
    found = chain.load_bundle(ask(revoked).body)
    der = sqlite_scene.ctx.certificates[name]
    assert len(found) == len(sqlite_scene.ctx.certificates) - 1
    assert der not in map(encoding.certificate_der, found)
