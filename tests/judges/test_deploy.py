"""Tests of deploy/: the systemd units and the nginx configuration.

systemd judges the units. nginx stands between the client and the service.
"""

import ctypes
import json
import re
import select
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509

from sinetti.ca.hierarchy_config import load_preset
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate
from tests.house.tree import ROOT
from tests.support.asking import asked, believed
from tests.support.ports import reserve_ports
from tests.support.programs import CUSTOMER, program, ran, surroundings
from tests.support.web_servers import WITHIN, changed, nginx_running, process, tool

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]
EXPOSURE = 1.5
"""Highest exposure that the units may have by `systemd-analyze security`.

deploy/README.md names it for the service. The other units have 1.1, by systemd 257.
"""

PATH = "/2017/10/CertificateServices"
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 38, 65


def test_systemd_takes_the_units(tmp_path):
    for path in UNITS:
        text = path.read_text(encoding="utf-8").replace("/opt/sinetti/bin/sinetti", sys.executable)
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    units = [str(tmp_path / path.name) for path in UNITS]
    # The manual pages that the units name are not installed here.
    command = [tool("systemd-analyze"), "verify", "--man=no", *units]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_systemd_finds_little_exposed(path):
    command = [tool("systemd-analyze"), "security", "--offline=true", "--no-pager", f"--threshold={int(EXPOSURE * 10)}"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def without_writable_code() -> None:
    """Set in the kernel what MemoryDenyWriteExecute= and NoNewPrivileges= set."""
    ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0)
    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


@contextmanager
def nginx(
    folder: Path, soap: int, status: int, changes: dict[str, str] | None = None
) -> Iterator[tuple[int, int, Path]]:
    """Run nginx with deploy/nginx.conf on free ports; yield ports and TLS anchor.

    The ports are those for TLS and for http. `changes` are the test's own changes, beside those of places.
    """
    secure, plain = reserve_ports(2)
    folder.mkdir()
    pair = ServerFiles(folder / "certificate.pem", folder / "key.pem", folder / "anchor.pem")
    make_server_certificate(pair)
    site = changed(
        (DEPLOY / "nginx.conf").read_text(encoding="utf-8"),
        {
            "127.0.0.1:8443": f"127.0.0.1:{soap}",
            "127.0.0.1:8080": f"127.0.0.1:{status}",
            "listen 443 ssl": f"listen 127.0.0.1:{secure} ssl",
            "listen 80;": f"listen 127.0.0.1:{plain};",
            "/etc/sinetti/tls/certificate.pem": str(pair.certificate),
            "/etc/sinetti/tls/key.pem": str(pair.key),
            "/var/cache/sinetti-status": str(folder / "status"),
            **(changes or {}),
        },
    )
    with nginx_running(folder, site, secure):
        yield secure, plain, pair.trust


@pytest.fixture
def served(tmp_path):
    """Serve an authority as in PRODUCTION."""
    root, etc = tmp_path / "authority", tmp_path / "etc"
    etc.mkdir()
    (etc / "hierarchy.toml").write_text(load_preset("default"), encoding="utf-8")
    soap, status = reserve_ports(2)
    words = ["--hierarchy", etc / "hierarchy.toml", "--base-url", f"http://127.0.0.1:{status}"]
    words += ["--soap-url", "https://127.0.0.1", "--passphrase-file", etc / "sinetti-passphrase"]
    words += ["--offline-dir", tmp_path / "vault", "--offline-passphrase-file", etc / "vault"]
    did("init", "--dir", root, "--environment", "TEST", *words)
    command = program("authority", "serve", "--behind-proxy", "--dir", root)
    command += ["--bind", f"127.0.0.1:{soap}", "--status-bind", f"127.0.0.1:{status}"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(WITHIN)
        known = surroundings({"CREDENTIALS_DIRECTORY": str(etc), "NOTIFY_SOCKET": str(tmp_path / "notify")})
        with process(*command, env=known, preexec_fn=without_writable_code, stderr=subprocess.DEVNULL):
            assert manager.recv(100) == b"READY=1"
            yield root, soap, status


def did(*words: object) -> str:
    """Run a command of the authority, which has to succeed; return standard output."""
    done = ran("authority", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_enrolled_and_renewed_through_nginx_over_tls(served, tmp_path):
    root, soap, status = served
    customer = CUSTOMER["customer_id"]
    did("organisation", "add", "--dir", root, "--customer-id", customer, "--kind", "artificial", "--name", "Malli Oy")
    contact = ("--contact-name", "The Contact", "--contact-email", "contact@customer.example")
    phrase = ("--passphrase-file", tmp_path / "etc" / "sinetti-passphrase")
    ids = json.loads(did("order", "--dir", root, "--customer-id", customer, *contact, *phrase, "--json"))
    (tmp_path / "password").write_text(ids["transfer_password"], encoding="utf-8")
    (tmp_path / "password").chmod(0o600)
    with nginx(tmp_path / "nginx", soap, status) as (secure, plain, anchor):
        store = tmp_path / "store"
        trust = ("--trust-services", root / "trust" / "services.pem", "--trust-holders", root / "trust" / "holders.pem")
        address = f"https://127.0.0.1:{secure}{PATH}"
        enrolled = ran(
            *("enrol", "payroll", "--store", store, "--service", address, *trust, "--tls-ca", anchor),
            *("--environment", "TEST", "--customer-id", customer, "--transfer-id", ids["transfer_id"]),
            *("--transfer-password-file", tmp_path / "password", "--key", "ec-p256", "--json"),
        )
        assert enrolled.returncode == 0, enrolled.stderr
        (mine := tmp_path / "mine").mkdir()
        typed = json.loads(ran("inspect", root / "trust" / "services.pem", "--json").stdout)["sha256"]
        words = ("--service", address, "--fingerprint", typed, "--tls-ca", anchor, "--out-dir", mine)
        fetched = ran("trust", "fetch", *words)
        assert fetched.returncode == 0, fetched.stderr
        assert (mine / "holders.pem").read_bytes() == (root / "trust" / "holders.pem").read_bytes()
        why = ("--over", "1m", "--reason", "renewal before its time")
        did("call-early", "--dir", root, "--customer-id", customer, *why)
        renewed = ran("renew", "payroll", "--store", store, "--force", "--json")
        assert renewed.returncode == 0, renewed.stderr
        (row,) = json.loads(renewed.stdout)
        assert row["result"] == "renewed"
        for name in ("SinettiRootTestCAv1", "DataProvidersTestIssuingCAv1"):
            for path in (f"/ca/{name}.cer", f"/crl/{name}-1.crl"):
                with urllib.request.urlopen(f"http://127.0.0.1:{plain}{path}", timeout=60) as reply:
                    assert reply.read(1) == b"\x30"
        answers_come_through(f"http://127.0.0.1:{plain}", root / "ca" / "DataProvidersTestIssuingCAv1.cer")
        events_come_through(plain)


def events_come_through(port: int) -> None:
    """Read the status feed through a proxy, which passes each event on at once.

    64 readers of one address do not count among its other requests.
    """
    with ExitStack() as stack:
        statuses = []
        for _ in range(65):
            reader = stack.enter_context(closing(HTTPConnection("127.0.0.1", port, timeout=WITHIN)))
            reader.request("GET", "/status/feed")
            reply = reader.getresponse()
            statuses.append(reply.status)
            if reply.status == 200:
                assert b"event: reset\n" in reply.read1()
        assert statuses == [200] * 64 + [503]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/crl/SinettiRootTestCAv1.crl", timeout=60) as page:
            assert page.status == 200


def answers_come_through(address: str, ca: Path) -> None:
    """Send OCSP requests through nginx by GET and by POST.

    The base64 of a GET request has adjacent slashes.
    """
    issuer = x509.load_der_x509_certificate(ca.read_bytes())
    octets = asked(5, issuer, nonce=b"\xff\xff\xff" * 8)
    text = b64encode(octets).decode()
    assert "//" in text
    posted = urllib.request.Request(f"{address}/ocsp/{ca.stem}", octets, {"Content-Type": "application/ocsp-request"})  # noqa: S310
    for request in (f"{address}/ocsp/{ca.stem}/{text}", f"{address}/ocsp/{ca.stem}/{quote(text, safe='')}", posted):
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
            assert believed(reply.read(), issuer, utc_now()).serial_number == 5
    with pytest.raises(urllib.error.HTTPError, match="413"):
        urllib.request.urlopen(f"{address}/ocsp/{ca.stem}", b"x" * 2049, timeout=60)  # noqa: S310


class Recorder(BaseHTTPRequestHandler):
    """Service that records the headers of the requests that come through."""

    seen: list[dict[str, str]]

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_words):
        """Log nothing."""


@contextmanager
def nginx_alone(
    folder: Path, changes: dict[str, str] | None = None
) -> Iterator[tuple[int, int, ssl.SSLContext, list[dict[str, str]]]]:
    """Run nginx before a service that answers every request.

    The block gets both ports, the TLS context and the headers of the requests that came through.
    """
    seen: list[dict[str, str]] = []
    with HTTPServer(("127.0.0.1", 0), type("OfThisTest", (Recorder,), {"seen": seen})) as recorder:
        threading.Thread(target=recorder.serve_forever, daemon=True).start()
        try:
            with nginx(folder, recorder.server_port, recorder.server_port, changes) as (secure, plain, anchor):
                yield secure, plain, ssl.create_default_context(cafile=str(anchor)), seen
        finally:
            recorder.shutdown()


def test_what_nginx_lets_through(tmp_path):
    with nginx_alone(tmp_path / "nginx") as (secure, plain, context, seen):

        def post(path: str, body: bytes) -> int:
            headers = {"X-Forwarded-For": "203.0.113.9", "Content-Type": "text/xml"}
            request = urllib.request.Request(f"https://127.0.0.1:{secure}{path}", body, headers)
            try:
                with urllib.request.urlopen(request, timeout=60, context=context) as reply:  # noqa: S310
                    return int(reply.status)
            except urllib.error.HTTPError as refused:
                with refused:
                    return refused.code

        assert post(PATH, b"x") == 200
        assert post(PATH, b"x" * 128 * 1024) == 200
        assert post(PATH, b"x" * (128 * 1024 + 1)) == 413
        assert post("/api/v1/sightings", b"x") == 200
        assert post("/api/v1/sightings/x", b"x") == 404
        assert post("/api/v1/revocations", b"x") == 200
        assert post("/api/v1/renewal-info/a-_9.b", b"x") == 200
        assert post("/api/v1/trust/anchors", b"x") == 200
        assert post("/api/v1/trust/distrust", b"x") == 200
        assert post("/api/v1/trust/other", b"x") == 404
        assert post("/api/v1/renewal-info/", b"x") == 404
        assert post("/healthz", b"x") == 404
        assert [one["x-forwarded-for"] for one in seen] == ["127.0.0.1"] * 7, "what the sender wrote there is gone"
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with (
            socket.create_connection(("127.0.0.1", secure)) as raw,
            context.wrap_socket(raw, server_hostname="127.0.0.1") as spoken,
        ):
            assert spoken.version() == "TLSv1.2"
        for path in ("/ca/x.cer", "/crl/x.crl", "/log/checkpoint"):
            with urllib.request.urlopen(f"http://127.0.0.1:{plain}{path}", b"x", timeout=60) as reply:
                assert reply.status == 200
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{plain}/readyz", timeout=60)


def answered(connection: HTTPConnection, body: bytes = b"x", **headers: str) -> tuple[int, str | None]:
    """Send one POST over a kept connection; return the status and Retry-After."""
    connection.request("POST", PATH, body, {"Content-Type": "text/xml", **headers})
    reply = connection.getresponse()
    reply.read()
    return reply.status, reply.headers["retry-after"]


def begun(port: int, context: ssl.SSLContext) -> socket.socket:
    """Begin a request with an incomplete body; return its socket."""
    one = context.wrap_socket(socket.create_connection(("127.0.0.1", port), WITHIN), server_hostname="127.0.0.1")
    one.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<a".encode())
    return one


AT_ONCE = 128
BURST = 200


def test_nginx_turns_away_who_has_too_many_connections_at_work(tmp_path):
    with nginx_alone(tmp_path / "nginx") as (secure, _, context, _), ExitStack() as stack:
        for _ in range(AT_ONCE - 1):
            stack.enter_context(begun(secure, context))
        last = stack.enter_context(begun(secure, context))
        caller = stack.enter_context(closing(HTTPSConnection("127.0.0.1", secure, timeout=WITHIN, context=context)))
        deadline = monotonic_seconds() + 60
        while (told := answered(caller)) != (503, "5"):  # the headers of the last requests may still be in transit
            assert told[0] == 200
            assert monotonic_seconds() < deadline
        last.sendall(b"x" * 98)
        assert last.recv(12) == b"HTTP/1.1 200"
        deadline = monotonic_seconds() + 60
        while answered(caller)[0] != 200:
            assert monotonic_seconds() < deadline


def test_nginx_turns_away_who_calls_too_often_and_nobody_else(tmp_path):
    """Here a header distinguishes callers, as realip_module does behind a balancer."""
    changes = {
        "rate=100r/s": "rate=1r/m",
        "    ssl_session_tickets off;": "    set_real_ip_from 127.0.0.1;\n    real_ip_header X-Caller;",
    }
    with (
        nginx_alone(tmp_path / "nginx", changes) as (secure, plain, context, _),
        closing(HTTPSConnection("127.0.0.1", secure, timeout=WITHIN, context=context)) as caller,
    ):
        for one, same, other in (
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:3::1"),
            ("2001:db8::1", "2001:db8::2:1", "2001:db8:0:1::1"),
        ):
            assert {answered(caller, **{"X-Caller": one})[0] for _ in range(BURST + 1)} == {200}
            assert answered(caller, **{"X-Caller": same}) == (503, "5")
            assert answered(caller, **{"X-Caller": other})[0] == 200
        lists = [fetched_status(f"http://127.0.0.1:{plain}/crl/x.crl") for _ in range(BURST + 2)]
        assert lists == [501] * (BURST + 1) + [503], "what the Recorder says to GET, until the limit"


def fetched_status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=WITHIN) as reply:  # noqa: S310
            return int(reply.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def test_silent_connections_keep_nobody_out_of_nginx(tmp_path):
    """Here nginx has 512 connections and closes the silent ones first."""
    with nginx_alone(tmp_path / "nginx") as (secure, _, context, _), ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", secure), WITHIN)) for _ in range(900)]
        caller = stack.enter_context(closing(HTTPSConnection("127.0.0.1", secure, timeout=WITHIN, context=context)))
        assert answered(caller)[0] == 200
        assert len(select.select(silent, [], [], 0)[0]) < len(silent), "before the time of the silent ones is up"


def test_the_page_tells_the_exposure_that_systemd_finds():
    page = (DEPLOY / "README.md").read_text(encoding="utf-8")
    told = re.search(r"exposure (\d\.\d)", page)
    assert told
    assert float(told[1]) <= EXPOSURE
