"""One POST: its destination, its content, and the result of every kind of answer."""

import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sinetti.client.messages import error_reasons, messages
from sinetti.client.requests import transport
from sinetti.client.requests.transport import ServiceError, ServiceErrorKind, SoapPost, call
from sinetti.client.service_address import InvalidServiceUrl, parse_service_url
from sinetti.domain.values import Language
from sinetti.infra import http_client
from sinetti.infra.http_client import HttpError, HttpRequest, HttpStage
from sinetti.pki import encoding

REFUSED = {
    "http to another machine": "http://certificates.example/x",
    "http to a number that is not this machine": "http://192.0.2.1/x",
    "http to a name that only begins like this machine": "http://localhost.example/x",
    "another scheme": "ftp://127.0.0.1/x",
    "no scheme": "127.0.0.1/x",
    "no host": "https:///x",
    "a user name": "https://user@certificates.example/x",
    "a password": "https://user:secret@certificates.example/x",
    "a fragment": "https://certificates.example/x#y",
    "no port number": "https://certificates.example:port/x",
    "a blank": "https://certificates.example/x y",
    "a line end": "https://certificates.example/x\r\nHost: other",
    "letters outside ASCII": "https://ämpäri.example/",
    "an empty part of a host": "https://certificates..example/",
    "nothing before a dot": "https://.example/",
    "a part of a host that is too long": f"https://{'a' * 64}.example/",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_addresses_that_are_never_called(url):
    with pytest.raises(InvalidServiceUrl):
        parse_service_url(url)


TAKEN = {
    "https": ("https://certificates.example/a/b", (True, "certificates.example", 443, "/a/b")),
    "https with port and query": (
        "https://certificates.example:8443/a?b=c",
        (True, "certificates.example", 8443, "/a?b=c"),
    ),
    "a host with a dot at its end, and the longest part": (
        f"https://{'a' * 63}.example./",
        (True, f"{'a' * 63}.example.", 443, "/"),
    ),
    "http on this machine": ("http://127.0.0.1:8080", (False, "127.0.0.1", 8080, "/")),
    "http on this machine by name": ("http://localhost/x", (False, "localhost", 80, "/x")),
    "http on this machine, IPv6": ("http://[::1]:8080/x", (False, "::1", 8080, "/x")),
}


@pytest.mark.parametrize(("url", "expected"), TAKEN.values(), ids=TAKEN)
def test_addresses_that_are_called(url, expected):
    address = parse_service_url(url)
    assert (address.secure, address.host, address.port, address.path) == expected


@contextmanager
def answering(octets, context=None, received=None):
    """Serve one connection with fixed octets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener:
            try:
                connection, _ = listener.accept()
                with connection if context is None else context.wrap_socket(connection, server_side=True) as plain:
                    plain.settimeout(60)
                    request = b""
                    while b"\r\n\r\n" not in request or not (request.startswith(b"GET") or request.endswith(b"<x/>")):
                        more = plain.recv(65_536)
                        if not more:
                            break
                        request += more
                    if received is not None:
                        received.append(request)
                    plain.sendall(octets)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"{'http' if context is None else 'https'}://127.0.0.1:{listener.getsockname()[1]}/path"
    thread.join(60)


def post(url, tls_ca=None):
    return SoapPost(parse_service_url(url), "getCertificate", b"<x/>", Language.SV, tls_ca)


def ok(body, status="200 OK", extra=""):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
def test_an_answer_comes_back_as_it_is(status):
    with answering(ok(b"<answer/>", status)) as url:
        assert call(post(url)) == b"<answer/>"


def test_what_a_request_carries():
    received = []
    with answering(ok(b""), received=received) as url:
        call(post(url))
    head, _, body = received[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /path HTTP/1.1"
    assert {
        "Content-Type: text/xml; charset=utf-8",
        'SOAPAction: "getCertificate"',
        "Accept-Language: sv",
        "Content-Length: 4",
    } <= set(lines)
    assert body == b"<x/>"


ALERT = bytes.fromhex("15030300020232")
ANSWERS = {
    "a redirect": (
        ok(b"", "302 Found", "Location: https://other.example/\r\n"),
        ServiceErrorKind.NOT_TRUSTED,
        messages.REDIRECTED,
    ),
    "a redirect that keeps the method": (
        ok(b"", "307 Temporary Redirect", "Location: /elsewhere\r\n"),
        ServiceErrorKind.NOT_TRUSTED,
        messages.REDIRECTED,
    ),
    "not found": (ok(b"", "404 Not Found"), ServiceErrorKind.NOT_TRUSTED, messages.WRONG_ADDRESS),
    "busy": (ok(b"", "503 Service Unavailable"), ServiceErrorKind.NOT_SERVED, messages.HTTP_STATUS),
    "nothing": (b"", ServiceErrorKind.LOST, messages.ANSWER_LOST_PLAIN),
    "no HTTP": (b"hello\r\n\r\n", ServiceErrorKind.LOST, messages.ANSWER_LOST_PLAIN),
    "an alert of TLS": (ALERT, ServiceErrorKind.NOT_REACHED, messages.SPEAKS_TLS),
    "half an answer": (ok(b"<answer/>")[:-3], ServiceErrorKind.LOST, messages.ANSWER_LOST),
    "too long": (ok(b"x" * (transport.LIMIT + 1)), ServiceErrorKind.NOT_TRUSTED, messages.ANSWER_TOO_LONG),
}


@pytest.mark.parametrize(("octets", "kind", "text"), ANSWERS.values(), ids=ANSWERS)
def test_answers_that_are_none(octets, kind, text):
    with answering(octets) as url, pytest.raises(ServiceError) as trouble:
        call(post(url))
    assert (trouble.value.kind, trouble.value.message.text) == (kind, text)


def test_a_redirect_is_not_followed_not_even_on_this_machine():
    received = []
    with answering(ok(b"<x/>"), received=received) as other:
        with answering(ok(b"", "307 Temporary Redirect", f"Location: {other}\r\n")) as url, pytest.raises(ServiceError):
            call(post(url))
        assert received == []
        call(post(other))


def test_nobody_there():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(ServiceError) as trouble:
        call(post(f"http://127.0.0.1:{port}/"))
    assert (trouble.value.kind, trouble.value.message.text) == (ServiceErrorKind.NOT_REACHED, messages.NOT_REACHED)


@contextmanager
def dripping(head):
    """Answer the first client with a header that never ends, and return the port.

    `head` is the beginning of the header.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip():
        connection, _ = listener.accept()
        with connection:
            connection.sendall(head)
            while not over.wait(0.02):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        thread.join(60)
        listener.close()


def test_an_answer_that_drips_ends_in_time(monkeypatch):
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.2)
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as port, pytest.raises(ServiceError) as trouble:
        call(post(f"http://127.0.0.1:{port}/"))
    assert trouble.value.kind is ServiceErrorKind.LOST
    assert trouble.value.message.values["why"].text == error_reasons.LATE


def test_a_proxy_that_drips_ends_in_time(monkeypatch):
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.2)
    with dripping(b"HTTP/1.1 200 Connection established\r\nX-Slow: ") as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        with pytest.raises(ServiceError) as trouble:
            call(post("https://certificates.example/"))
    assert trouble.value.kind is ServiceErrorKind.NOT_REACHED
    assert trouble.value.message.values["why"].text == error_reasons.LATE


def server_certificate(path, names=("127.0.0.1",), days=36_000):
    """Make a server's certificate that is its own anchor, and a context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(one)) for one in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(encoding.dump_private_key(key, None) + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, certificate.public_bytes(Encoding.PEM).decode()


def test_tls_with_the_given_anchor(tmp_path):
    context, anchor = server_certificate(tmp_path / "server.pem")
    with answering(ok(b"<answer/>"), context) as url:
        assert call(post(url, anchor)) == b"<answer/>"


def test_an_anchor_with_a_comment_in_any_letters(tmp_path):
    context, anchor = server_certificate(tmp_path / "server.pem")
    with answering(ok(b"<answer/>"), context) as url:
        assert call(post(url, f"# NetLock Arany Főtanúsítvány\n{anchor}")) == b"<answer/>"


@pytest.mark.parametrize("names", [("127.0.0.1",), ("192.0.2.1",)], ids=["another anchor", "another name"])
def test_tls_that_is_not_trusted(names, tmp_path):
    context, own = server_certificate(tmp_path / "server.pem", names)
    _, other = server_certificate(tmp_path / "other.pem")
    with answering(b"", context) as url, pytest.raises(ServiceError) as trouble:
        call(post(url, own if names != ("127.0.0.1",) else other))
    assert (trouble.value.kind, trouble.value.message.text) == (ServiceErrorKind.NOT_REACHED, messages.TLS_NOT_TRUSTED)


def test_the_clock_of_a_server_counts_although_its_certificate_has_expired(tmp_path):
    """A clock here that is years ahead makes each server's certificate an expired one."""
    context, anchor = server_certificate(tmp_path / "server.pem", days=365)
    _, other = server_certificate(tmp_path / "other.pem")
    date = datetime(2026, 3, 2, 12, tzinfo=UTC)
    answer = ok(b"", extra="Date: Mon, 02 Mar 2026 12:00:00 GMT\r\n")
    with answering(answer, context) as url, pytest.raises(ServiceError) as trouble:
        call(post(url, anchor))
    assert trouble.value.message.values["why"].text == error_reasons.TLS[10]
    for trusted, expected in ((anchor, date), (other, None)):
        with answering(answer, context) as url:
            assert transport.fetch_date(url, trusted) == expected


LEFT_WHILE_SENDING = {
    "an alert of TLS is there": (ALERT, ServiceErrorKind.NOT_REACHED),
    "something else is there": (b"HTTP/1.1 413", ServiceErrorKind.LOST),
    "nothing is there": (b"", ServiceErrorKind.LOST),
    "it is gone": (ConnectionResetError(), ServiceErrorKind.LOST),
}


@pytest.mark.parametrize(("left", "kind"), LEFT_WHILE_SENDING.values(), ids=LEFT_WHILE_SENDING)
def test_who_leaves_while_a_request_is_being_sent(left, kind):
    def recv(length):
        if isinstance(left, Exception):
            raise left
        return left[:length]

    connection = SimpleNamespace(sock=SimpleNamespace(recv=recv))
    speaks_tls = http_client._refused_by_tls(connection, BrokenPipeError())
    lost = HttpError("gone", HttpStage.LOST, peer_speaks_tls=speaks_tls)
    assert transport._service_error(parse_service_url("http://127.0.0.1/"), lost).kind is kind


def test_tls_without_an_anchor_takes_the_systems(tmp_path):
    context, _ = server_certificate(tmp_path / "server.pem")
    with answering(b"", context) as url, pytest.raises(ServiceError) as trouble:
        call(post(url))
    assert trouble.value.kind is ServiceErrorKind.NOT_REACHED


def test_old_tls_is_not_spoken():
    assert http_client.tls_context().minimum_version is ssl.TLSVersion.TLSv1_2


PROXIES = {
    "another machine, through the proxy": ("https://certificates.example/", "proxy.example", "certificates.example"),
    "this machine, never": ("https://127.0.0.1:8443/", "127.0.0.1", None),
}


@pytest.mark.parametrize(("url", "host", "tunnel"), PROXIES.values(), ids=PROXIES)
def test_proxies(url, host, tunnel, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://user:pass%20word@proxy.example:3128")
    address = parse_service_url(url)
    connection = http_client._connection(HttpRequest(address.url, proxy=transport._proxy(address.host)))
    assert (connection.host, connection._tunnel_host) == (host, tunnel)
    if tunnel:
        assert connection._tunnel_headers["Proxy-Authorization"] == "Basic dXNlcjpwYXNzIHdvcmQ="


UNREADABLE = {
    "a sign of a password that begins a fragment": "http://user:pa#ss@proxy.example:3128",
    "a port that is none": "http://proxy.example:99999",
    "no host": "http://:3128",
    "an empty part of a host": "proxy..example:3128",
}


@pytest.mark.parametrize("proxy", UNREADABLE.values(), ids=UNREADABLE)
def test_a_proxy_whose_address_cannot_be_read_is_told_without_its_password(proxy, monkeypatch):
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(ServiceError) as trouble:
        call(post("https://certificates.example/"))
    assert (trouble.value.kind, trouble.value.message.text) == (
        ServiceErrorKind.NOT_REACHED,
        messages.PROXY_UNREADABLE,
    )
    assert trouble.value.is_permanent
    assert trouble.value.message.values == {}


BEYOND = "Sun, 02 May 2027 12:03:00 +99999999999999999999"


def test_a_time_beyond_any_clock_says_nothing():
    """An answer that comes from a proxy is not signed.

    No such line may end a run over all names.
    """
    away = ok(b"<x/>", "503 Service Unavailable", f"Retry-After: {BEYOND}\r\nDate: {BEYOND}\r\n")
    with answering(away) as url, pytest.raises(ServiceError) as trouble:
        call(post(url))
    assert (trouble.value.kind, trouble.value.retry_after) == (ServiceErrorKind.NOT_SERVED, None)
    assert transport._look(SimpleNamespace(headers={"date": BEYOND}, status=200, peer=None)).date is None
