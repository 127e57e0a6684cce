"""nginx, as deploy/gateway-nginx.conf says, before an application: who gets through, and what the others read."""

from contextlib import ExitStack, contextmanager

import pytest

from sinetti.clock import machine_now
from sinetti.testbench.server_certificate import ServerFiles, make_server_certificate
from tests.house.tree import ROOT
from tests.support.relying import material
from tests.support.relying_doors import Caller, application_running, gateway_running
from tests.support.relying_judging import Judged
from tests.support.web_servers import changed, free_ports, nginx_running

CONFIGURATION = ROOT / "deploy" / "gateway-nginx.conf"


@contextmanager
def nginx_before(place, folder, application):
    """Run nginx before an application and the gateway of a folder; gives a caller."""
    (port,) = free_ports(1)
    place.mkdir()
    pair = ServerFiles(place / "certificate.pem", place / "key.pem", place / "anchor.pem")
    make_server_certificate(pair)
    site = changed(
        CONFIGURATION.read_text(encoding="utf-8"),
        {
            "unix:/run/sinetti-gateway/gateway.sock": f"unix:{folder}/gateway.sock",
            "127.0.0.1:8000": f"127.0.0.1:{application}",
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "/etc/sinetti/tls/certificate.pem": str(pair.certificate),
            "/etc/sinetti/tls/key.pem": str(pair.key),
        },
    )
    with nginx_running(place, site, port):
        yield Caller(port, pair.trust, folder)


@pytest.fixture(scope="module")
def made():
    return material(machine_now())


@pytest.fixture(scope="module")
def caller(made, tmp_path_factory):
    top = tmp_path_factory.mktemp("gateway-nginx")
    folder = made.written(top / "material")
    with ExitStack() as stack:
        stack.enter_context(gateway_running(folder))
        application = stack.enter_context(application_running())
        yield stack.enter_context(nginx_before(top / "nginx", folder, application))


class TestNginx(Judged):
    """nginx."""


def test_without_the_gateway_nobody_gets_through(made, tmp_path):
    folder = made.written(tmp_path / "material")
    with application_running() as application, nginx_before(tmp_path / "nginx", folder, application) as caller:
        for kind in ("good", "expired", None):
            answered = caller.calls(kind)
            assert (answered.status, answered.problem["reason"]) == (503, "gateway-away")
