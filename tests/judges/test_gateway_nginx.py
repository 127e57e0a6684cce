"""nginx with deploy/gateway-nginx.conf before an application.

The tests check which clients get through and what the others read.
"""

from contextlib import ExitStack, contextmanager

import pytest

from sinetti.infra.clock import utc_now
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate
from tests.house.tree import ROOT
from tests.support.ports import reserve_ports
from tests.support.relying import material
from tests.support.relying_doors import Caller, application_running, gateway_running
from tests.support.relying_judging import REFUSED, Judged
from tests.support.web_servers import changed, nginx_running

CONFIGURATION = ROOT / "deploy" / "gateway-nginx.conf"


@contextmanager
def nginx_before(place, folder, application, changes=None):
    """Run nginx before an application and the gateway of a folder; yield a caller."""
    (port,) = reserve_ports(1)
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
            **(changes or {}),
        },
    )
    with nginx_running(place, site, port):
        yield Caller(port, pair.trust, folder)


@pytest.fixture(scope="module")
def made():
    return material(utc_now())


@pytest.fixture(scope="module")
def caller(made, tmp_path_factory):
    top = tmp_path_factory.mktemp("gateway-nginx")
    folder = made.written(top / "material")
    with ExitStack() as stack:
        stack.enter_context(gateway_running(folder))
        application = stack.enter_context(application_running())
        yield stack.enter_context(nginx_before(top / "nginx", folder, application))


class TestNginx(Judged):
    """Tests of nginx."""


def test_without_the_gateway_nobody_gets_through(made, tmp_path):
    folder = made.written(tmp_path / "material")
    with application_running() as application, nginx_before(tmp_path / "nginx", folder, application) as caller:
        for kind in ("good", "expired", None):
            answered = caller.calls(kind)
            assert (answered.status, answered.problem["reason"]) == (503, "gateway-away")


def test_nginx_may_check_our_lists_itself(made, tmp_path):
    """The comment in the file describes this setting.

    The texts of refusals are still the gateway's.
    """
    folder = made.written(tmp_path / "material")
    authorities, lists = made.whole()
    (tmp_path / "holders.pem").write_bytes(authorities)
    (tmp_path / "lists.pem").write_bytes(lists)
    changes = {
        "    ssl_verify_client optional_no_ca;\n": "",
        "    #   ssl_": "    ssl_",
        "/etc/sinetti/holders.pem": f"{tmp_path}/holders.pem",
        "/etc/sinetti/lists.pem": f"{tmp_path}/lists.pem",
    }
    with (
        gateway_running(folder),
        application_running() as application,
        nginx_before(tmp_path / "nginx", folder, application, changes) as caller,
    ):
        assert caller.calls("good").status == 200
        for kind, outcome in REFUSED.items():
            answered = caller.calls(kind)
            assert (answered.status, answered.problem["reason"]) == outcome


def test_what_nginx_refuses_though_the_gateway_accepts_it_is_not_let_through(made, tmp_path):
    """Here the chain is too long for nginx."""
    folder = made.written(tmp_path / "material")
    authorities, _ = made.whole()
    (tmp_path / "holders.pem").write_bytes(authorities)
    changes = {
        "    ssl_verify_client optional_no_ca;\n": "    ssl_verify_client on;\n    ssl_verify_depth 0;\n",
        "    #   ssl_client_certificate /etc/sinetti/holders.pem": f"    ssl_client_certificate {tmp_path}/holders.pem",
    }
    with (
        gateway_running(folder),
        application_running() as application,
        nginx_before(tmp_path / "nginx", folder, application, changes) as caller,
    ):
        answered = caller.calls("good")
        assert (answered.status, answered.problem["reason"]) == (503, "send-again")
