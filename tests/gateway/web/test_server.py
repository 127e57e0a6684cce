"""Program `sinetti gateway serve`: its socket, its answers, reload and stop."""

import asyncio
import http.client
import json
import signal
import socket
import stat
import threading
from contextlib import closing
from time import sleep

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import sinetti
from sinetti.cli.main import main
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.revocation.source import GOOD, MISSING, NO_ANSWER
from sinetti.gateway.web import server
from sinetti.gateway.web.endpoints import LARGEST_DOCUMENT, AuthService
from sinetti.gateway.web.guard import RequestGuard
from sinetti.gateway.web.server import WAITING, GatewayApp
from sinetti.gateway.web.trusted_proxies import TrustedProxies
from sinetti.infra.atomic_files import write_atomic
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.infra.metrics import recorder
from sinetti.pki.chain import load_bundle
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.support.collectors import attributes, collector
from tests.support.programs import program
from tests.support.relying import material
from tests.support.relying_doors import SETTINGS, gateway_running
from tests.support.web_servers import process

SECRET = "0123456789abcdef" * 2


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, place):
        super().__init__("gateway", timeout=30)
        self._place = str(place)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._place)


def asked(connection, path, kind=None, body=None, headers=None):
    shown = {} if kind is None else {"Client-Cert": f":{material(NOW).rfc9440(kind)}:"}
    connection.request("GET" if body is None else "POST", path, body, {**shown, **(headers or {})})
    reply = connection.getresponse()
    return reply.status, reply.headers, reply.read()


NOW = utc_now()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return material(NOW).written(tmp_path_factory.mktemp("serving") / "m")


@pytest.mark.long
def test_traces_and_headers(tmp_path):
    folder = material(NOW).written(tmp_path / "m")
    parent = {"traceparent": f"00-{'4b' * 16}-{'b7' * 8}-01"}
    with collector() as one:
        telemetry = f'\n[telemetry]\nendpoint = "{one.url}"\nsampled_percent = 0\n'
        with gateway_running(folder, SETTINGS + telemetry) as place, closing(Connection(place)) as caller:
            status, headers, _ = asked(caller, "/check", "good", headers=parent)
            assert (status, headers["server"]) == (204, "")
            assert asked(caller, "/check", "revoked", headers=parent)[0] == 403
            assert asked(caller, "/verify", body=b"<a/>", headers=parent)[0] == 422
            assert asked(caller, "/0123456-7", headers=parent)[0] == 404
            assert asked(caller, "/check", "good")[0] == 204  # without a parent, none is sampled
    roots = [(root.name, attributes(root)["sinetti.outcome"], one.steps(root)) for root in one.roots()]
    assert roots == [
        ("check", "ok", ["judge", "answer"]),
        ("check", "revoked", ["judge", "answer"]),
        ("verify", "signature-missing", ["receive", "wait for a thread", "judge", "answer"]),
        ("other", "HTTP 404", ["judge", "answer"]),
    ]
    assert {root.trace_id.hex() for root in one.roots()} == {"4b" * 16}
    assert one.services == {"sinetti-gateway"}
    secrets = (b"0123456-7", material(NOW).serial("good").encode())
    assert not [octets for octets in one.octets for secret in secrets if secret in octets]
    log = [json.loads(line) for line in (folder / "gateway.log").read_text().splitlines()]
    assert {line.get("trace_id") for line in log if line["event"] == "refused"} == {"4b" * 16}


@pytest.mark.long
def test_with_wrong_settings_of_traces_callers_are_served(tmp_path):
    folder = material(NOW).written(tmp_path / "m")
    with (
        gateway_running(folder, f"{SETTINGS}\n[telemetry]\nendpoint = 5\n") as place,
        closing(Connection(place)) as caller,
    ):
        assert asked(caller, "/check", "good")[0] == 204
    log = (folder / "gateway.log").read_text()
    assert "gateway.toml: [telemetry] endpoint: write a text" in log
    assert "runs without traces" in log


def test_on_a_unix_socket(folder):
    made = material(NOW)
    document = sign_document(
        b"<a>" + b"x" * 500_000 + b"</a>", signer_for_key(made.key, made.der("good")), next(iter(SignatureProfile))
    )
    with (
        gateway_running(folder, SETTINGS, "--metrics-bind", "127.0.0.1:0") as place,
        closing(Connection(place)) as caller,
    ):
        assert stat.S_IMODE(place.stat().st_mode) == 0o660
        assert asked(caller, "/readyz")[0] == asked(caller, "/healthz")[0] == 200
        status, headers, body = asked(caller, "/check", "good")
        assert (status, headers["sinetti-channel"], body) == (204, "WS", b"")
        assert asked(caller, "/check", "revoked")[1]["sinetti-reason"] == "revoked"
        for given in (document, iter([document[:9], document[9:]])):
            status, headers, body = asked(caller, "/verify", body=given)
            assert (status, json.loads(body)["verdict"]) == (200, "accepted")
        assert asked(caller, "/verify", body=b"x" * (LARGEST_DOCUMENT + 1))[0] == 413
        assert asked(caller, "/metrics")[0] == 404
        check_metrics(json.loads((folder / "gateway.log").read_text().splitlines()[0])["metrics"])
    log = (folder / "gateway.log").read_text()
    events = [json.loads(line) for line in log.splitlines()]
    assert [one["event"] for one in events] == ["ready", "refused"]
    assert events[1] | {"time": "", "duration_ms": 0} == {
        "time": "", "level": "info", "event": "refused", "path": "/check", "status": 403, "reason": "revoked",
        "duration_ms": 0,
    }  # fmt: skip
    assert not place.exists()


def check_metrics(address):
    """Scrape the gateway after the calls of the test, and compare its metrics."""
    host, port = address.rsplit(":", 1)
    with closing(http.client.HTTPConnection(host, int(port), timeout=60)) as caller:
        caller.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        text = caller.getresponse().read().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            found[one.name, tuple(value for key, value in sorted(one.labels.items()) if key != "le")] = one.value
    assert found["sinetti_gateway_decisions_total", ("accepted", "none")] == 3
    assert found["sinetti_gateway_decisions_total", ("refused", "revoked")] == 1
    assert found["sinetti_requests_total", ("gateway", "verify", "4xx")] == 1
    assert found["sinetti_requests_total", ("gateway", "other", "4xx")] == 1
    assert found["sinetti_request_seconds_count", ("gateway", "check")] == 2
    assert found["sinetti_gateway_ocsp_failures_total", ()] == 0
    assert found["sinetti_ready", ()] == found["sinetti_build_info", ("gateway", sinetti.build_version())] == 1
    ages = {labels: age for (name, labels), age in found.items() if name == "sinetti_gateway_list_age_seconds"}
    assert ages
    assert all(0 <= age < 86_400 for age in ages.values())
    assert all(value > 0 for (name, _), value in found.items() if name == "sinetti_gateway_list_next_update_seconds")
    assert "0123456-7" not in text


def test_metrics_that_cannot_be_served(capsys, monkeypatch):
    words = ["gateway", "serve", "--settings", "gateway.toml", "--metrics-bind"]
    assert main([*words, "9465"]) == 2
    assert "is not an address" in capsys.readouterr().err
    monkeypatch.setattr(recorder, "is_installed", lambda: False)
    assert main([*words, "127.0.0.1:9465"]) == 2
    assert "needs prometheus-client" in capsys.readouterr().err


def test_a_listed_proxy_reading_anew_and_stopping(folder):
    (folder / "secret").write_text(SECRET)
    (folder / "secret").chmod(0o600)
    own = 'bind = "127.0.0.1:0"\nproxies = ["127.0.0.1"]\nsecret = "secret"\n'
    text = SETTINGS.replace('socket = "gateway.sock"\n', own)
    file, log = folder / "gateway.toml", folder / "gateway.log"
    file.write_text(text)
    known = {"Sinetti-Proxy-Secret": SECRET}
    with log.open("w") as errors, process(*program("gateway", "serve", "--settings", file), stderr=errors) as one:
        _until(log, '"ready"')
        port = int(json.loads(log.read_text().splitlines()[0])["listens"].rpartition(":")[2])
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as caller:
            assert asked(caller, "/check", "good", headers=known)[0] == 204
            assert asked(caller, "/check", "good")[0] == 403
            file.write_text("anchors = 1\n" + text)
            one.send_signal(signal.SIGHUP)
            _until(log, "settings stay as they were")
            assert asked(caller, "/check", "good", headers=known)[0] == 204
            file.write_text(text.replace("anchors.pem", "good.pem"))
            one.send_signal(signal.SIGHUP)
            _until(log, "none of its certificates")
            assert asked(caller, "/check", "good", headers=known)[0] == 204
            file.write_text(text.replace('"WS"', '"SFTP"'))
            one.send_signal(signal.SIGHUP)
            _until(log, "settings were read anew")
            assert asked(caller, "/check", "good", headers=known)[1]["sinetti-reason"] == "wrong-channel"
        one.send_signal(signal.SIGTERM)
        assert one.wait(60) == 0
    assert "Traceback" not in log.read_text()


def answered(edge, path, *, method="GET", peer="192.0.2.1", body=None):
    """Return a coroutine that asks an edge and returns status and headers.

    The edge runs in this process.
    """
    sent = []

    async def receive():
        assert body is not None, "nothing of the body may be waited for"
        return {"type": "http.request", "body": body}

    async def send(message):
        sent.append(message)

    async def ask():
        shown = [(b"client-cert", f":{material(NOW).rfc9440('good')}:".encode())]
        await edge(
            {
                "type": "http",
                "http_version": "1.0",
                "method": method,
                "path": path,
                "headers": shown,
                "client": (peer, 1),
            },
            receive,
            send,
        )
        return sent[0]["status"], dict(sent[0]["headers"])

    return ask()


def edge_of(source, proxies, unready=list):
    gateway = Gateway(load_bundle(material(NOW).anchors()), source=source)
    return GatewayApp(AuthService(RequestGuard(gateway, proxies, now=lambda: NOW), unready), unix=proxies.unix)


def test_nobody_but_its_own_proxy_gets_a_document_into_memory():
    edge = edge_of(CrlSource(), TrustedProxies.listed(["192.0.2.7"], SECRET.encode()))
    for path, status in (("/verify", 403), ("/check", 405), ("/readyz", 405), ("/no", 404)):
        assert asyncio.run(answered(edge, path, method="POST"))[0] == status


def test_a_document_that_does_not_come_frees_its_place(monkeypatch):
    monkeypatch.setattr(server, "BODY_WITHIN", 0.01)
    edge = edge_of(CrlSource(), TrustedProxies.on_unix_socket())

    async def stalled():
        sent, scope = (
            [],
            {"type": "http", "http_version": "1.0", "method": "POST", "path": "/verify", "headers": [], "client": None},
        )

        async def send(message):
            sent.append(message)

        await asyncio.wait_for(edge(scope, lambda: asyncio.sleep(600), send), 60)
        return sent[0]["status"]

    async def one_after_the_other():
        return [await stalled() for _ in range(server.BODIES + 1)]

    assert set(asyncio.run(one_after_the_other())) == {408}


def test_who_asks_for_readiness_holds_nobody_up():
    looked, order = threading.Event(), []

    def unready():
        return [] if looked.wait(60) else ["held up"]

    async def note(path):
        order.append((path, (await answered(edge, path))[0]))
        looked.set()

    async def both():
        await asyncio.gather(note("/readyz"), note("/check"))

    edge = edge_of(CrlSource([material(NOW).crl()]), TrustedProxies.on_unix_socket(), unready)
    asyncio.run(both())
    assert order == [("/check", 204), ("/readyz", 200)]


def test_only_so_many_wait_for_a_responder():
    released = threading.Event()

    class Slow:
        def status(self, *_):
            return GOOD if released.wait(60) else NO_ANSWER

        def above(self, *_):
            return MISSING

    async def crowd():
        asking = [asyncio.create_task(answered(edge, "/check")) for _ in range(WAITING)]
        await asyncio.sleep(0)
        status, headers = await answered(edge, "/check")
        released.set()
        assert {(await one)[0] for one in asking} == {204}
        assert (await answered(edge, "/check"))[0] == 204
        return status, headers[b"retry-after"]

    edge = edge_of(Slow(), TrustedProxies.on_unix_socket())
    assert asyncio.run(crowd()) == (503, b"1")


def test_lists_that_come_and_go_are_noticed_and_said(folder, tmp_path):
    text = SETTINGS.replace('"lists"', f'"{tmp_path / "lists"}"')
    (tmp_path / "lists").mkdir()
    log, fresh = folder / "gateway.log", (folder / "lists" / "issuing.crl").read_bytes()
    with gateway_running(folder, text) as place, closing(Connection(place)) as caller:
        _until(log, '"missing": ["Data Providers')
        assert asked(caller, "/check", "good")[1]["sinetti-reason"] == "status-unknown"
        assert asked(caller, "/readyz")[0] == 503
        write_atomic(tmp_path / "lists" / "issuing.crl", fresh)
        _until(log, '"missing": []')
        assert asked(caller, "/check", "good")[0] == 204
        assert asked(caller, "/readyz")[0] == 200


def _until(log, event):
    deadline = monotonic_seconds() + 60
    while event not in log.read_text():
        assert monotonic_seconds() < deadline, log.read_text()
        sleep(0.02)


REFUSED = {
    "no source": ('revocation = "crl"', "", "revocation must be one of"),
    "anchors that issue nothing": ("anchors.pem", "good.pem", "none of its certificates"),
    "a list of no CA that is there": (
        'crls = "lists"',
        'crls = "lists"\nlist = [{url = "http://a.example", file = "a", issuer = "no.pem"}]',
        "no.pem",
    ),
    "no place": ('[serve]\nsocket = "gateway.sock"\n', "", "either socket"),
    "a file in the socket's place": ("gateway.sock", "anchors.pem", "cannot be used"),
    "no folder": ("gateway.sock", "none/gateway.sock", "cannot be used"),
}


@pytest.mark.parametrize(("was", "becomes", "why"), REFUSED.values(), ids=REFUSED)
def test_it_does_not_start(folder, capsys, was, becomes, why):
    assert was in SETTINGS
    (folder / "other.toml").write_text(SETTINGS.replace(was, becomes))
    anchors = (folder / "anchors.pem").read_bytes()
    assert main(["gateway", "serve", "--settings", str(folder / "other.toml")]) == 2
    assert why in capsys.readouterr().err
    assert (folder / "anchors.pem").read_bytes() == anchors


def test_it_does_not_start_where_another_listens(folder, capsys):
    (folder / "other.toml").write_text(SETTINGS.replace("gateway.sock", "taken.sock"))
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(folder / "taken.sock"))
        other.listen()
        assert main(["gateway", "serve", "--settings", str(folder / "other.toml")]) == 2
        assert "something listens there" in capsys.readouterr().err
        assert (folder / "taken.sock").exists(), "what another listens on is not taken away"


def test_without_the_extra_one_line_names_it(folder, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["gateway", "serve", "--settings", str(folder / "gateway.toml")]) == 2
    assert capsys.readouterr().err == (
        "“sinetti gateway serve” needs an HTTP server: install the Debian package sinetti-gateway, "
        "or run pip install '.[gateway]' in a clone of this repository\n"
    )
