"""Metrics of a serving node, scraped as Prometheus does (docs/operators/metrics.md)."""

import os
import re
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path
from tempfile import gettempdir

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from sinetti.infra.clock import utc_now
from sinetti.metrics.catalogue import METRICS, MetricSource
from tests.support.programs import CUSTOMER, Holder, codes, fetched, new_key, ran
from tests.support.serving import serving, tls_pair, until

TWO = ("--workers", "2", "--metrics-bind", "127.0.0.1:0")
ACCEPT = "application/openmetrics-text; version=1.0.0"
SERVED = {MetricSource.NODE, MetricSource.DATABASE}


def metrics_url(served):
    return f"{re.search(r'metrics on (http://[^ ]+:[0-9]+)', served.log)[1]}/metrics"


def scraped(url):
    request = urllib.request.Request(url, headers={"Accept": ACCEPT})
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
        assert "Server" not in reply.headers
        return reply.read().decode()


def samples(text):
    """Return the values by name and labels, without buckets, after checks of each name and its labels."""
    found = {}
    for family in text_string_to_metric_families(text):
        name = family.name if family.name in METRICS else f"{family.name}_total"
        for one in family.samples:
            labels = {key: value for key, value in one.labels.items() if key != "le"}
            assert set(labels) == set(METRICS[name].labels), one
            if "le" not in one.labels:
                found[one.name, tuple(labels.values())] = one.value
    return found


def status_of(url):
    try:
        fetched(url)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
    return 200


def computed(url):
    """Return the samples of the first scrape after the keeper's first round."""
    until(lambda: samples(scraped(url)).get(("sinetti_ready", ())) == 1.0)
    return scraped(url)


def test_a_life_is_counted_and_no_label_names_its_holder(operator):
    operator.found()
    operator.add()
    ids, another, key = operator.order(), operator.order(), new_key()
    with serving(operator.root, *TWO, **operator.database) as served:
        url = metrics_url(served)
        one = Holder(served.soap, operator.root / "trust" / "services.pem", now=utc_now())
        certificate = one.enrolled(ids, key)
        serial = f"{certificate.serial_number:x}"
        assert codes(one.renew(key, certificate, new_key())) == ["PKI034"]
        assert codes(one.new({**another, "transfer_password": "x" * 16}, new_key())) == ["PKI004"]
        for path in (f"/{CUSTOMER['customer_id']}", f"/log/proof/{serial}", f"/crl/{serial}.crl", "/metrics"):
            status_of(f"{served.status}{path}")
        text = computed(url)
        found = samples(text)
        assert found["sinetti_requests_total", ("soap", "new", "ok")] == 1
        assert found["sinetti_requests_total", ("soap", "new", "PKI004")] == 1
        assert found["sinetti_requests_total", ("soap", "renew", "PKI034")] == 1
        assert found["sinetti_request_seconds_count", ("log", "proof")] == 1
        assert found["sinetti_requests_total", ("other", "other", "4xx")] == 2
        assert found["sinetti_refusals_total", ("renew", "too-early")] == 1
        assert found["sinetti_certificates_issued_total", ("order",)] == 1
        assert found["sinetti_request_seconds_count", ("soap", "get")] == 1
        assert found["sinetti_signer_seconds_count", ("file",)] >= 1
        assert found["sinetti_certificates", ("fetched",)] == 1
        assert found["sinetti_crl_age_seconds", ("DataProvidersTestIssuingCAv1",)] >= 0
        assert found["sinetti_findings", ("list-old",)] == found["sinetti_journal_ahead", ()] == 0
        missing = {
            name
            for name, metric in METRICS.items()
            if SERVED & {*metric.sources} and name not in {key[0].removesuffix("_count") for key in found}
        }
        silent = {"sinetti_certificates_revoked_total", "sinetti_signer_errors_total"}
        no_server = {"sinetti_database_connections"} - ({"sinetti_database_connections"} if operator.database else set())
        assert missing - silent == no_server, "every metric is shown, but for what did not happen"
        for secret in (CUSTOMER["customer_id"], serial, "Malliyritys", ids["transfer_id"], "127.0.0.1"):
            assert secret not in text
        served.stop()


def test_counts_outlive_a_killed_worker_and_the_folder_does_not_outlive_the_node(sqlite_operator):
    sqlite_operator.found()
    with serving(sqlite_operator.root, *TWO) as served:
        url = metrics_url(served)
        before = {one for one in Path(gettempdir()).glob("sinetti-metrics-*") if one.stat().st_uid == os.getuid()}
        for _ in range(8):
            assert fetched(f"{served.soap}?wsdl")
        key = ("sinetti_requests_total", ("soap", "page", "ok"))
        until(lambda: samples(scraped(url)).get(key) == 8)
        for restarts, victim in enumerate(served.children()[:2], 1):
            os.kill(victim, signal.SIGKILL)
            until(lambda: samples(scraped(url))["sinetti_worker_restarts_total", ()] == restarts)  # noqa: B023
        for _ in range(8):
            assert fetched(f"{served.soap}?wsdl")
        until(lambda: samples(scraped(url)).get(key) == 16)
        served.stop()
    left = {one for one in before if one.exists()}
    assert len(left) < len(before)


def test_the_address_answers_scrapes_alone(sqlite_operator):
    sqlite_operator.found()
    with serving(sqlite_operator.root, *TWO) as served:
        url = metrics_url(served)
        with urllib.request.urlopen(url, timeout=10) as reply:
            assert reply.headers["Content-Type"].startswith("text/plain; version=")
        for other in (f"{url.removesuffix('/metrics')}/healthz", f"{served.status}/metrics"):
            assert status_of(other) == 404
        with socket.create_connection((url.split("/")[2].split(":")[0], int(url.split(":")[2].split("/")[0])), 5):
            assert scraped(url), "a silent client delays no scrape"
        served.stop()


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


def test_without_the_option_nothing_is_loaded():
    done = ran("authority", "serve", "--help")
    assert "--metrics-bind" in done.stdout
