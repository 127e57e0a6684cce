"""HAProxy with deploy/gateway-haproxy.cfg before an application.

The tests check which clients get through and what the others read.
"""

import ssl
import subprocess
from contextlib import ExitStack, contextmanager

import pytest

from sinetti.infra.clock import utc_now
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate
from tests.house.tree import ROOT
from tests.support.ports import reserve_ports
from tests.support.relying import material
from tests.support.relying_doors import Caller, application_running, gateway_running
from tests.support.relying_judging import REFUSED, Judged
from tests.support.web_servers import changed, process, tool, until_listening

CONFIGURATION = ROOT / "deploy" / "gateway-haproxy.cfg"
SCRIPT = ROOT / "deploy" / "gateway-haproxy.lua"


@contextmanager
def haproxy_before(place, folder, application, script_changes=None, before=None):
    """Run HAProxy before an application and the gateway of a folder; yield a caller."""
    (port,) = reserve_ports(1)
    place.mkdir()
    pair = ServerFiles(place / "certificate.pem", place / "key.pem", place / "anchor.pem")
    make_server_certificate(pair)
    (place / "pair.pem").write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    places = {"/run/sinetti-gateway/gateway.sock": f"{folder}/gateway.sock", **(script_changes or {})}
    (place / "gateway.lua").write_text(changed(SCRIPT.read_text(encoding="utf-8"), places), encoding="utf-8")
    places = {
        **(before or {}),
        "/etc/haproxy/gateway-haproxy.lua": f"{place}/gateway.lua",
        "/etc/sinetti/tls/pair.pem": f"{place}/pair.pem",
        **({} if before else {"/etc/sinetti/holders.pem": f"{folder}/anchors.pem"}),
        "bind :443": f"bind 127.0.0.1:{port}",
        "127.0.0.1:8000": f"127.0.0.1:{application}",
    }
    file = place / "haproxy.cfg"
    file.write_text(changed(CONFIGURATION.read_text(encoding="utf-8"), places), encoding="utf-8")
    command = [tool("haproxy"), "-f", str(file)]
    checked = subprocess.run([*command, "-c"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr, checked.stderr
    with (place / "errors").open("w") as errors, process(*command, "-db", stderr=errors) as one:
        until_listening(port, one)
        yield Caller(port, pair.trust, folder)


@pytest.fixture(scope="module")
def made():
    return material(utc_now())


@pytest.fixture(scope="module")
def caller(made, tmp_path_factory):
    top = tmp_path_factory.mktemp("gateway-haproxy")
    folder = made.written(top / "material")
    with ExitStack() as stack:
        stack.enter_context(gateway_running(folder))
        application = stack.enter_context(application_running())
        yield stack.enter_context(haproxy_before(top / "haproxy", folder, application))


class TestHaproxy(Judged):
    """Tests of HAProxy."""


@pytest.mark.parametrize("named", ["Sinetti-Customer-Id", "close, sinetti-serial", "keep-alive,Client-Cert"])
def test_nobody_has_our_headers_taken_off_on_the_way_to_the_application(caller, named):
    assert caller.calls("good", [("Connection", named)]).status == 400
    assert caller.calls("good", [("Connection", "close")]).status == 200


BROKEN = {
    "the gateway is away": {},
    "the script ends in an error": {"core.httpclient():get": "nobody():get"},
}


@pytest.mark.parametrize("changes", BROKEN.values(), ids=BROKEN)
def test_where_something_is_broken_nobody_gets_through(made, tmp_path, changes):
    folder = made.written(tmp_path / "material")
    with (
        application_running() as application,
        haproxy_before(tmp_path / "haproxy", folder, application, changes) as caller,
    ):
        for kind in ("good", "expired", None):
            answered = caller.calls(kind)
            assert (answered.status, answered.problem["reason"]) == (503, "gateway-away")


def test_haproxy_may_check_our_lists_itself(made, tmp_path):
    """The comment in the file describes this setting.

    A refused client gets an alert of TLS.
    """
    folder = made.written(tmp_path / "material")
    authorities, lists = made.whole()
    (tmp_path / "holders.pem").write_bytes(authorities)
    (tmp_path / "lists.pem").write_bytes(lists)
    text = CONFIGURATION.read_text(encoding="utf-8")
    (lenient,) = (line for line in text.splitlines() if line.startswith("    bind "))
    (strict,) = (line for line in text.splitlines() if line.startswith("    #   bind "))
    of_its_own = strict.replace("#   ", "").replace("/etc/sinetti/holders.pem", f"{tmp_path}/holders.pem")
    before = {strict: "", lenient: of_its_own.replace("/etc/sinetti/lists.pem", f"{tmp_path}/lists.pem")}
    with (
        gateway_running(folder),
        application_running() as application,
        haproxy_before(tmp_path / "haproxy", folder, application, before=before) as caller,
    ):
        assert caller.calls("good").status == 200
        for kind in REFUSED:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                caller.calls(kind)
