"""Metrics of a serving node, scraped as Prometheus does (docs/operators/metrics.md)."""

import os
import re
import signal
import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import sinetti
from sinetti.infra.clock import utc_now
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import METRICS
from tests.support.programs import CUSTOMER, Holder, codes, fetched, new_key
from tests.support.serving import serving, until

TWO = ("--workers", "2", "--metrics-bind", "127.0.0.1:0")
ACCEPT = "application/openmetrics-text; version=1.0.0"


def metrics_url(served):
    return f"{re.search(r'metrics on (http://[^ ]+:[0-9]+)', served.log)[1]}/metrics"


def scraped(url):
    request = urllib.request.Request(url, headers={"Accept": ACCEPT})  # noqa: S310 - on loopback
    with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 - on loopback
        assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
        assert "Server" not in reply.headers
        return reply.read().decode()


def samples(text):
    """Return the values by name and labels, without buckets, after checks of each name and its labels."""
    found = {}
    for family in text_string_to_metric_families(text):
        name = family.name if family.name in METRICS else f"{family.name}_total"
        for one in family.samples:
            assert {*one.labels} - {"le"} == {*METRICS[name].labels}, one
            if "le" not in one.labels:
                found[one.name, tuple(one.labels[label] for label in METRICS[name].labels)] = one.value
    return found


def status_of(url):
    try:
        fetched(url)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
    return 200


def test_a_life_is_counted_and_no_label_names_its_holder(sqlite_operator):
    operator = sqlite_operator
    operator.found()
    operator.add()
    ids, another, key = operator.order(), operator.order(), new_key()
    with serving(operator.root, *TWO) as served:
        url = metrics_url(served)
        one = Holder(served.soap, operator.root / "trust" / "services.pem", now=utc_now())
        certificate = one.enrolled(ids, key)
        serial = f"{certificate.serial_number:x}"
        assert codes(one.renew(key, certificate, new_key())) == ["PKI034"]
        assert codes(one.new({**another, "transfer_password": "x" * 16}, new_key())) == ["PKI004"]
        paths = (f"/{CUSTOMER['customer_id']}", f"/log/proof/{serial}", f"/crl/{serial}.crl", "/metrics")
        assert {status_of(f"{served.status}{path}") for path in paths} <= {200, 404}
        assert status_of(f"{served.status}/metrics") == status_of(f"{url}/other") == 404
        with urllib.request.urlopen(url, timeout=60) as reply:  # noqa: S310 - on loopback
            assert reply.headers["Content-Type"].startswith("text/plain; version="), "for other clients"
        until(lambda: samples(scraped(url))["sinetti_ready", ()] == 1)
        text = scraped(url)
        assert_counted(samples(text))
        for secret in (CUSTOMER["customer_id"], serial, "Malliyritys", ids["transfer_id"], "127.0.0.1"):
            assert secret not in text
        served.stop()


def assert_counted(found):
    assert found["sinetti_requests_total", ("soap", "new", "ok")] == 1
    assert found["sinetti_requests_total", ("soap", "new", "PKI004")] == 1
    assert found["sinetti_requests_total", ("soap", "renew", "PKI034")] == 1
    assert found["sinetti_requests_total", ("other", "other", "4xx")] == 3
    assert found["sinetti_request_seconds_count", ("log", "proof")] == 1
    assert found["sinetti_request_seconds_count", ("soap", "get")] == 1
    assert found["sinetti_refusals_total", ("renew", "too-early")] == 1
    assert found["sinetti_certificates_issued_total", ("order",)] == 1
    assert found["sinetti_signer_seconds_count", ("file",)] >= 1
    assert found["sinetti_findings", ("list-old",)] == found["sinetti_journal_ahead", ()] == 0
    assert found["sinetti_build_info", (sinetti.build_version(), "authority")] == 1
    assert found["sinetti_worker_restarts_total", ()] == found["sinetti_database_errors_total", ()] == 0


def test_counts_outlive_a_killed_worker_and_the_folder_does_not_outlive_the_node(sqlite_operator, tmp_path):
    sqlite_operator.found()
    with serving(sqlite_operator.root, *TWO, TMPDIR=str(tmp_path)) as served:
        url = metrics_url(served)
        with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), 60):
            assert scraped(url), "a silent client delays no scrape"
        assert [one.stat().st_mode & 0o777 for one in tmp_path.glob("sinetti-metrics-*")] == [0o700]
        ask_eight_times(served)
        key = ("sinetti_requests_total", ("soap", "page", "ok"))
        until(lambda: samples(scraped(url)).get(key) == 8)
        for restarts, victim in enumerate(served.children()[:2], 1):
            os.kill(victim, signal.SIGKILL)
            until(lambda: samples(scraped(url))["sinetti_worker_restarts_total", ()] == restarts)  # noqa: B023
        ask_eight_times(served)
        until(lambda: samples(scraped(url)).get(key) == 16)
        served.stop()
        assert not [*tmp_path.glob("sinetti-metrics-*")]


def ask_eight_times(served):
    for _ in range(8):
        assert fetched(f"{served.soap}?wsdl")


def test_a_port_that_is_taken(sqlite_operator):
    sqlite_operator.found()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        options = ("--bind", "127.0.0.1:0", "--status-bind", "127.0.0.1:0", "--metrics-bind", address)
        assert "cannot listen on" in sqlite_operator.refused(2, "serve", *options)


def test_without_the_library_the_option_is_refused(sqlite_operator, monkeypatch):
    monkeypatch.setattr(recorder, "is_installed", lambda: False)
    sentence = sqlite_operator.refused(2, "serve", "--metrics-bind", "127.0.0.1:9464")
    assert "install sinetti[authority] again" in sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--metrics-bind", "unix:/run/sinetti/metrics"), "IP:PORT"),
        (("--metrics-bind", "9464"), "is not an address"),
        (("--metrics-bind", "127.0.0.1:8080"), "--status-bind and --metrics-bind use the same port 8080"),
    ],
)
def test_addresses_that_do_not_fit(sqlite_operator, options, words):
    assert words in sqlite_operator.refused(2, "serve", *options)
