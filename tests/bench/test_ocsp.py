"""Parts of the OCSP bench that need no load program.

Small runs keep them working.
"""

from urllib.parse import unquote

from bench import scene, seeding
from bench.ocsp import path_of, per_signature, renewed
from bench.scene import KINDS
from sinetti.api.publication import PublicationEndpoint
from sinetti.domain.values import Channel
from sinetti.server.http import Request
from sinetti.services.status.ocsp import OcspRefresher
from tests.support.registers import all_connections_closed


def test_what_is_measured_is_real(tmp_path):
    with all_connections_closed():
        scene.founded(tmp_path / "authority", KINDS["P-384"], "")
        authority = scene.opened(tmp_path / "authority")
        holders = scene.holders(authority, 2)
        seeding.seed(authority, holders)
        assert OcspRefresher().look(authority.ctx) == len(holders)
        assert min(per_signature(authority, holders[0], times=5)) > 0
        issuer = authority.ctx.issuers[authority.ctx.issuing[Channel.WS]]
        path = unquote(path_of(holders[0], issuer.certificate, issuer.file_name))
        reply = PublicationEndpoint(authority.ctx)(Request("GET", path, "", {}, "0" * 32, b""))
        assert "etag" in reply.headers, "a stored answer"
        assert min(renewed(authority, holders)) > 0
        authority.journal.close()
