"""Text messages to a provider over HTTP: the requests, and the answers' meanings."""

import json
import ssl
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.values import Language
from sinetti.notifications.context import (
    ConnectionLost,
    PermanentFailure,
    RenderedMessage,
    TemporaryFailure,
    TransportUnavailable,
)
from sinetti.notifications.delivery.sms import HttpSms, SmsProvider
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate
from tests.support import golden

ID = "0123456789abcdef0123456789abcdef"
LETTER = RenderedMessage(
    ID, MessageKind.PIN, MessageChannel.SMS, "040 123 4567", Language.FI, "", "PIN-koodi: 123456. Å ä ö €"
)


class Provider(HTTPServer):
    """SMS provider that answers with `status`.

    "hang up" closes the connection, and "wait" sends no answer.
    """

    def __init__(self):
        self.status, self.got, self.headers = 202, [], []
        super().__init__(("127.0.0.1", 0), Answering)


class Answering(BaseHTTPRequestHandler):
    timeout = 5

    def do_POST(self):
        server = self.server
        server.headers.append((self.path, dict(self.headers)))
        server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if server.status == "hang up":
            return
        if server.status == "wait":
            self.rfile.read(1)
            return
        self.send_response(server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_words):
        pass


@contextmanager
def provider(tls=None):
    server = Provider()
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(60)
        server.server_close()


def sms(server, scheme="http", **more):
    url = f"{scheme}://127.0.0.1:{server.server_port}/messages?account=7"
    return HttpSms(replace(SmsProvider(url, "Sinetti", "the-token", timeout=30.0), **more))


def test_what_the_provider_gets():
    with provider() as server:
        sms(server).deliver(LETTER)
    assert server.got == [{"to": "+358401234567", "text": LETTER.text, "sender": "Sinetti", "id": ID}]
    ((path, headers),) = server.headers
    assert path == "/messages?account=7"
    assert headers["Authorization"] == "Bearer the-token"
    assert headers["Idempotency-Key"] == ID
    assert headers["Content-Type"] == "application/json"


ANSWERS = {
    200: None,
    204: None,
    302: TransportUnavailable,
    400: PermanentFailure,
    401: TransportUnavailable,
    403: TransportUnavailable,
    404: TransportUnavailable,
    408: TemporaryFailure,
    409: TemporaryFailure,
    422: PermanentFailure,
    429: TransportUnavailable,
    500: TemporaryFailure,
    503: TransportUnavailable,
    "hang up": ConnectionLost,
}


def test_what_an_answer_means():
    with provider() as server:
        for status, means in ANSWERS.items():
            server.status = status
            if means is None:
                sms(server).deliver(LETTER)
                continue
            with pytest.raises((TemporaryFailure, PermanentFailure)) as told:
                sms(server).deliver(LETTER)
            assert type(told.value) is means, status
            assert "40" not in str(told.value) or str(status) in str(told.value)
        assert len(server.got) == len(ANSWERS), "no redirect was followed, and nothing asked twice"


def test_a_provider_that_says_nothing():
    with provider() as server:
        server.status = "wait"
        with pytest.raises(ConnectionLost, match="did not answer"):
            sms(server, timeout=0.1).deliver(LETTER)


def test_nobody_listens():
    with provider() as server:
        pass
    with golden.refused("sentences/outbox/sms-away", TransportUnavailable):
        sms(server).deliver(LETTER)


def test_a_number_that_cannot_be_called():
    with provider() as server, pytest.raises(PermanentFailure) as told:
        sms(server).deliver(replace(LETTER, to="1234567"))
    assert "1234567" not in str(told.value)
    assert server.got == []


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    made = ServerFiles(folder / "certificate.pem", folder / "key.pem", folder / "anchor.pem")
    make_server_certificate(made)
    return made


def test_over_tls(files, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    with provider(context) as server:
        sms(server, "https", anchors=files.trust).deliver(LETTER)
        assert len(server.got) == 1
        with pytest.raises(TransportUnavailable, match="cannot be reached"):
            sms(server, "https").deliver(LETTER)
        with pytest.raises(TransportUnavailable, match="CA file"):
            sms(server, "https", anchors=tmp_path / "none.pem").deliver(LETTER)
        assert len(server.got) == 1
