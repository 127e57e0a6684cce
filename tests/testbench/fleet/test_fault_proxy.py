"""The fault proxy, which forwards every request for any fault of the answer.

The tests also run over TLS.
"""

import http.client
import ssl
from urllib.parse import urlsplit

import pytest

from sinetti.authority.data_directory import DataDirectory
from sinetti.testbench.core.layout import server_files
from sinetti.testbench.core.server_certificate import make_server_certificate
from sinetti.testbench.fleet.fault_proxy import FaultInjectingProxy, FaultRates, ProxyTls
from tests.support.small_server import small_server

SILENT = (OSError, http.client.HTTPException)


def echo(asked):
    return 202, {"content-type": "text/xml"}, asked.body


@pytest.fixture
def service():
    """Yield a service that returns each request as its answer, and records it."""
    with small_server(echo) as server:
        yield server


def address_of(service):
    return f"{service.url}/a/path"


def post(address, body, action='"x"', context=None):
    parts = urlsplit(address)
    kind = http.client.HTTPConnection if context is None else http.client.HTTPSConnection
    more = {} if context is None else {"context": context}
    connection = kind(parts.hostname, parts.port, timeout=30, **more)
    try:
        connection.request("POST", parts.path, body, {"SOAPAction": action, "Connection": "close"})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def test_untouched_it_is_the_service_itself(service):
    with FaultInjectingProxy(address_of(service), 1, None) as meddler:
        assert post(meddler.address, b"<ask/>") == (202, b"<ask/>")
    (asked,) = service.asked
    assert (asked.path, asked.headers["soapaction"], asked.body) == ("/a/path", '"x"', b"<ask/>")
    assert not meddler.met


def test_a_lost_answer_was_a_request_that_arrived(service):
    with FaultInjectingProxy(address_of(service), 1, None) as meddler:
        meddler.rates = FaultRates(lost=1, wrong=0)
        for _ in range(8):
            with pytest.raises(SILENT):
                post(meddler.address, b"<ask/>")
    assert len(service.asked) == 8
    assert sum(meddler.met.values()) == 8


def test_a_replayed_answer_is_an_earlier_one_to_the_same_operation(service):
    with FaultInjectingProxy(address_of(service), 5, None) as meddler:
        post(meddler.address, b"<first/>")
        post(meddler.address, b"<other/>", action='"y"')
        meddler.rates = FaultRates(lost=0, wrong=1)
        answers = [post(meddler.address, f"<ask number='{number}'/>".encode()) for number in range(30)]
    assert not any(b"other" in body for _, body in answers)
    numbered = [(at, body) for at, (_, body) in enumerate(answers) if b"number='" in body and body.endswith(b"/>")]
    assert any(body == f"<ask number='{at - 1}'/>".encode() for at, body in numbered)


def test_the_same_order_meets_the_same_faults(service):
    met = []
    for _ in range(2):
        with FaultInjectingProxy(address_of(service), 3, None) as meddler:
            meddler.rates = FaultRates(lost=0, wrong=0.5)
            met.append([post(meddler.address, b"<ask of='the same'/>") for _ in range(12)])
    assert met[0] == met[1]


def test_over_tls(tmp_path, monkeypatch):
    """The proxy shows the bench's certificate, and verifies the bench by it."""
    folder = DataDirectory(tmp_path)
    for place in (folder.secrets, folder.trust):
        place.mkdir(parents=True)
    files = server_files(folder)
    make_server_certificate(files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    trusting = ssl.create_default_context(cafile=folder.trust / "server.pem")
    with (
        small_server(echo, context) as server,
        FaultInjectingProxy(
            address_of(server), 1, ProxyTls(files.certificate, files.key, folder.trust / "server.pem")
        ) as meddler,
    ):
        assert meddler.address.startswith("https://127.0.0.1:")
        assert post(meddler.address, b"<ask/>", context=trusting) == (202, b"<ask/>")
        meddler.rates = FaultRates(lost=1, wrong=0)
        with pytest.raises(SILENT):
            post(meddler.address, b"<ask/>", context=trusting)
    assert len(server.asked) == 2


def test_where_the_service_is_away_there_is_no_answer():
    with small_server(echo) as server:
        away = address_of(server)
    with FaultInjectingProxy(away, 1, None) as meddler, pytest.raises(SILENT):
        post(meddler.address, b"<ask/>")
