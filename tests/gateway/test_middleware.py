"""Middleware for ASGI and WSGI.

The tests check the accepted callers, the values that the application receives, and that callers cannot forge them.
"""

import asyncio
import json
import threading
from datetime import timedelta
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.revocation.source import MISSING, NO_ANSWER
from sinetti.gateway.web.asgi_middleware import AsgiGateway
from sinetti.gateway.web.guard import DANGEROUSLY_NONE, NoRevocationSource, RequestGuard
from sinetti.gateway.web.trusted_proxies import UNREADABLE, ClientCertificate, TrustedProxies, from_headers
from sinetti.gateway.web.wsgi_middleware import WsgiGateway
from sinetti.pki.chain import load_bundle
from tests.support.authority import NOW
from tests.support.relying import CUSTOMER_ID, material
from tests.support.relying_doors import OURS, SMUGGLED

SECRET = "5ecret-" * 6
UNIX, LISTED = TrustedProxies.on_unix_socket(), TrustedProxies.listed(["192.0.2.7", "2001:db8::/64"], SECRET.encode())
TLS = None
WITH = [("Sinetti-Proxy-Secret", SECRET)]


def gateway():
    made = material(NOW)
    return Gateway(load_bundle(made.anchors()), source=CrlSource([made.crl()]))


def guard(proxies, **changes):
    return RequestGuard(**{"gateway": gateway(), "proxies": proxies, "now": lambda: NOW, **changes})


def pem(kind):
    return material(NOW).certificates[kind].public_bytes(Encoding.PEM).decode()


def rfc9440(kind):
    return ("Client-Cert", f":{material(NOW).rfc9440(kind)}:")


def escaped(kind):
    return ("Client-Cert", quote(pem(kind), safe=""))


class Asgi:
    """Calls an application behind the middleware for ASGI."""

    def __init__(self, one):
        self.told = None
        self.application = AsgiGateway(self._app, one)

    async def _app(self, scope, _receive, send):
        self.told = [(name.decode(), value.decode()) for name, value in scope.get("headers", [])]
        self.verdict = scope.get("sinetti.verdict")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"in"})

    def __call__(self, headers=(), peer=None, tls=None, method="GET"):
        return self.scope(
            {
                "type": "http",
                "method": method,
                "path": "/",
                "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
                "client": None if peer is None else (peer, 1234),
                "extensions": {} if tls is None else {"tls": {"client_cert_chain": tls}},
            }
        )

    def scope(self, scope):
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "websocket.connect"}

        asyncio.run(self.application(scope, receive, send))
        self.sent = sent
        head = sent[0]
        named = {name.decode(): value.decode() for name, value in head.get("headers", [])}
        return head.get("status"), named, sent[-1].get("body", b"")


class Wsgi:
    """Calls an application behind the middleware for WSGI."""

    def __init__(self, one):
        self.told = None
        self.application = WsgiGateway(self._app, one)

    def _app(self, environ, start_response):
        self.told = [
            (name.removeprefix("HTTP_").lower().replace("_", "-"), value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        ]
        self.verdict = environ["sinetti.verdict"]
        start_response("200 OK", [])
        return [b"in"]

    def __call__(self, headers=(), peer=None, tls=None, method="GET"):
        environ = {"REQUEST_METHOD": method, "REMOTE_ADDR": peer or "", "PATH_INFO": "/"}
        for name, value in headers:
            key = f"HTTP_{name.upper().replace('-', '_')}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        if tls:
            environ["SSL_CLIENT_CERT"] = tls[0]
        begun = []
        body = b"".join(self.application(environ, lambda status, named: begun.append((status, named))))
        status, named = begun[0]
        return int(status.split()[0]), {name.lower(): value for name, value in named}, body


BOTH = pytest.mark.parametrize("kind", [Asgi, Wsgi])

LET_IN = {
    "on a Unix socket, RFC 9440": (UNIX, [rfc9440("good")], None, None),
    "on a Unix socket, as nginx escapes it": (UNIX, [escaped("good")], None, None),
    "a listed proxy with the secret": (LISTED, [rfc9440("good"), *WITH], "192.0.2.7", None),
    "a listed network": (LISTED, [rfc9440("good"), *WITH], "2001:db8::9", None),
    "IPv4 as a socket for both families has it": (LISTED, [rfc9440("good"), *WITH], "::ffff:192.0.2.7", None),
    "the server's own TLS": (TLS, [], "198.51.100.1", [pem("good")]),
    "helpers that help nobody": (UNIX, [rfc9440("good"), ("Client-Cert-Chain", ":AAAA:, x")], None, None),
}


@BOTH
@pytest.mark.parametrize(("proxies", "headers", "peer", "tls"), LET_IN.values(), ids=LET_IN)
def test_who_gets_in(kind, proxies, headers, peer, tls):
    seen = []
    app = kind(guard(proxies, seen=lambda der, at: seen.append((der, at))))
    assert app(headers, peer, tls)[0] == 200
    ours = {name: value for name, value in app.told if name.startswith("sinetti")}
    assert tuple(ours) == OURS
    assert ours["sinetti-customer-id"] == CUSTOMER_ID == app.verdict.customer_id
    assert ours["sinetti-days-left"] == "100"
    assert seen == [(material(NOW).der("good"), NOW)]


TURNED_AWAY = {
    "nothing shown": (UNIX, [], None, None, 401, "certificate-missing"),
    "an empty header, as nginx has it": (UNIX, [("Client-Cert", "")], None, None, 401, "certificate-missing"),
    "no certificate in it": (UNIX, [("Client-Cert", ":AAAA:")], None, None, 401, "malformed"),
    "neither of the two forms": (UNIX, [("Client-Cert", "AAAA")], None, None, 401, "malformed"),
    "base64 that is none": (UNIX, [("Client-Cert", ":A:")], None, None, 401, "malformed"),
    "two certificates": (UNIX, [rfc9440("good"), rfc9440("good")], None, None, 401, "malformed"),
    "two certificates, as nginx escapes them": (
        UNIX, [escaped("good"), escaped("foreign")], None, None, 401, "malformed",
    ),
    "longer than any": (UNIX, [("Client-Cert", ":" + "A" * 70_000 + ":")], None, None, 401, "malformed"),
    "expired": (UNIX, [rfc9440("expired")], None, None, 403, "expired"),
    "revoked": (UNIX, [escaped("revoked")], None, None, 403, "revoked"),
    "of another authority": (UNIX, [rfc9440("foreign")], None, None, 403, "untrusted"),
    "not on the Unix socket": (UNIX, [rfc9440("good")], "127.0.0.1", None, 401, "certificate-missing"),
    "the server's TLS does not count behind a proxy": (UNIX, [], None, [pem("good")], 401, "certificate-missing"),
    "a header where the server has TLS": (TLS, [rfc9440("good")], None, None, 401, "certificate-missing"),
    "a header besides TLS": (TLS, [rfc9440("good")], "192.0.2.7", [pem("revoked")], 403, "revoked"),
    "a proxy that is not listed": (LISTED, [rfc9440("good"), *WITH], "192.0.2.8", None, 401, "certificate-missing"),
    "no peer": (LISTED, [rfc9440("good"), *WITH], None, None, 401, "certificate-missing"),
    "no address": (LISTED, [rfc9440("good"), *WITH], "unix", None, 401, "certificate-missing"),
    "no secret": (LISTED, [rfc9440("good")], "192.0.2.7", None, 401, "certificate-missing"),
    "another secret": (
        LISTED, [rfc9440("good"), ("Sinetti-Proxy-Secret", SECRET[:-1])], "192.0.2.7", None, 401, "certificate-missing",
    ),
    "the secret twice": (LISTED, [rfc9440("good"), *WITH, *WITH], "192.0.2.7", None, 401, "certificate-missing"),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("case", TURNED_AWAY.values(), ids=TURNED_AWAY)
def test_who_is_turned_away(kind, case):
    proxies, headers, peer, tls, status, reason = case
    seen = []
    app = kind(guard(proxies, seen=lambda der, at: seen.append(der)))
    got, named, body = app([*headers, ("Accept-Language", "de, sv;q=0.3")], peer, tls)
    problem = json.loads(body)
    assert (got, problem["status"], problem["reason"]) == (status, status, reason)
    assert named["content-type"] == "application/problem+json"
    assert named["content-language"] == "sv"
    assert named["content-length"] == str(len(body))
    assert ("www-authenticate" in named) is (status == 401)
    assert (app.told, seen) == (None, [])


@pytest.mark.parametrize("between", ["", ",", ", ", "%0A", "%2C"])
@pytest.mark.parametrize("first", ["good", "expired", "foreign"])
def test_two_certificates_in_one_value_are_nobody_s(first, between):
    # A server for WSGI makes one of a caller's Client_Cert and of the proxy's Client-Cert.
    value = escaped(first)[1] + between + escaped("revoked")[1]
    assert from_headers([value]) == ClientCertificate(UNREADABLE)


LANGUAGES = {
    "": "en",
    "fi": "fi",
    "FI-fi, sv": "fi",
    "sv;q=0.8, fi;q=0.9": "fi",
    "fi;q=0, sv;q=0.1": "sv",
    "fi;q=x": "en",
    "fi;level=1": "fi",
    "de, en-GB;q=0.5, sv;q=0.4": "en",
}


@BOTH
@pytest.mark.parametrize(("wish", "language"), LANGUAGES.items())
def test_the_language_of_a_problem(kind, wish, language):
    assert kind(guard(UNIX))([("Accept-Language", wish)])[1]["content-language"] == language


@BOTH
def test_head_gets_no_body(kind):
    assert kind(guard(UNIX))(method="HEAD")[2] == b""


@BOTH
@pytest.mark.parametrize("written", SMUGGLED.values(), ids=SMUGGLED)
def test_nobody_speaks_in_our_name(kind, written):
    app = kind(guard(TLS))
    assert app(written, "198.51.100.1", [pem("good")])[0] == 200
    ours = [
        one for one in app.told if one[0].replace("_", "-").replace(".", "-").startswith(("sinetti", "client-cert"))
    ]
    assert tuple(name for name, _ in ours) == OURS
    assert dict(ours)["sinetti-customer-id"] == CUSTOMER_ID


@BOTH
def test_the_secret_is_not_told_and_what_a_proxy_showed_is(kind):
    app = kind(guard(LISTED))
    app([rfc9440("good"), *WITH], "192.0.2.7")
    assert "client-cert" in dict(app.told)
    assert SECRET not in dict(app.told).values()


@BOTH
def test_the_log_tells_of_a_header_that_is_not_believed(kind, caplog):
    caplog.set_level("INFO")
    app = kind(guard(LISTED))
    app([rfc9440("good"), *WITH], "192.0.2.7")
    assert "not believed" not in caplog.text
    app([rfc9440("good")], "192.0.2.7")
    assert "a certificate in a header was ignored" in caplog.text
    assert SECRET not in caplog.text


@BOTH
def test_a_proxy_on_a_unix_socket_may_have_a_secret_too(kind):
    app = kind(guard(TrustedProxies.on_unix_socket(SECRET.encode())))
    assert app([rfc9440("good"), *WITH])[0] == 200
    assert app([rfc9440("good")])[0] == 401


def test_a_websocket_is_let_in_or_refused_in_words_where_the_server_can():
    app = Asgi(guard(UNIX))
    head = {"type": "websocket", "path": "/", "client": None, "headers": []}
    app.scope(head)
    assert app.sent == [{"type": "websocket.close", "code": 1008, "reason": "certificate-missing"}]
    status, named, body = app.scope({**head, "extensions": {"websocket.http.response": {}}})
    assert (status, named["content-language"], json.loads(body)["reason"]) == (401, "en", "certificate-missing")
    assert app.sent[0]["type"] == "websocket.http.response.start"
    name, value = rfc9440("good")
    app.scope({**head, "headers": [(name.lower().encode(), value.encode())]})
    assert app.verdict.accepted


def test_a_slow_responder_holds_none_of_the_application_s_own_threads():
    released = threading.Event()

    class Slow:
        def status(self, *_):
            released.wait(60)
            return NO_ANSWER

        def above(self, *_):
            return MISSING

    slow = AsgiGateway(None, guard(UNIX, gateway=Gateway(load_bundle(material(NOW).anchors()), source=Slow())))
    name, value = rfc9440("good")
    scope = {"type": "http", "method": "GET", "headers": [(name.lower().encode(), value.encode())]}

    async def nothing(*_):
        """Neither send nor receive anything."""

    async def crowd():
        asking = [asyncio.create_task(slow(scope, nothing, nothing)) for _ in range(40)]
        await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.to_thread(released.is_set), 60)
        released.set()
        await asyncio.gather(*asking)

    try:
        asyncio.run(crowd())
    finally:
        released.set()


def test_the_lifespan_is_the_application_s():
    app = Asgi(guard(UNIX))
    app.scope({"type": "lifespan"})
    assert app.told == []


def test_it_does_not_start_without_a_source_unless_that_is_said():
    bare = Gateway(load_bundle(material(NOW).anchors()))
    for said in (None, "none", "dangerously-none"):
        with pytest.raises(NoRevocationSource, match="DANGEROUSLY-NONE"):
            RequestGuard(bare, UNIX, said)
    app = Asgi(RequestGuard(bare, UNIX, DANGEROUSLY_NONE, now=lambda: NOW))
    assert app([rfc9440("revoked")])[0] == 200
    assert app.verdict.revocation == "not-checked"


def test_an_old_list_lets_nobody_in():
    app = Asgi(guard(UNIX, now=lambda: NOW + timedelta(hours=1, seconds=1)))
    status, _, body = app([rfc9440("good")])
    assert (status, json.loads(body)["reason"]) == (403, "status-unknown")


def test_the_feed_is_read_from_the_first_request_on():
    class Feed:
        started = 0

        def start(self):
            self.started += 1

    one = guard(proxies=UNIX, feed=Feed())
    assert one.feed.started == 0
    assert one.check(None) is None
    assert one.feed.started == 1
