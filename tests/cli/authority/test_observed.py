"""A node with traces and security.txt, over the real servers: what leaves it, and what never does."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from sinetti.infra.clock import utc_now
from tests.cli.authority.test_pages import ADDRESS, founded, with_notices
from tests.support.collectors import attributes, collector
from tests.support.programs import CUSTOMER, Holder, codes, exchange, new_key
from tests.support.serving import serving, until

__all__ = ["founded"]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PROXY = {"x-forwarded-for": "203.0.113.7", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
EXPIRES = (utc_now() + timedelta(days=30)).isoformat()
SECURITY = '\n[security_txt]\ncontact = ["mailto:security@authority.example"]\nexpires = {}\n'
TELEMETRY = '\n[telemetry]\nendpoint = "{}"\nsampled_percent = 100\n'


def with_settings(operator, text):
    """Add tables to the settings of the authority."""
    path = operator.root / "authority.toml"
    path.write_text(path.read_text() + text)


def people_of(served):
    """Return the address of the e-service."""
    return served.log.partition("e-service on ")[2].split()[0].rstrip('",')


@pytest.mark.long
def test_a_life_on_a_node_with_everything_on(founded):
    with_notices(founded)
    (founded.root / "eservice.toml").write_text("hsts_subdomains = true\n")
    (founded.root / "eservice.toml").chmod(0o600)
    ids = founded.order()
    with collector() as one:
        with_settings(founded, SECURITY.format(EXPIRES) + TELEMETRY.format(one.url))
        with serving(founded.root, "--people-bind", "127.0.0.1:0", "--behind-proxy", "--workers", "1") as served:
            holder = Holder(served.soap, founded.root / "trust" / "services.pem", now=utc_now())
            key, people = new_key(), people_of(served)
            certificate = holder.enrolled(ids, key)
            assert codes(holder.renew(key, certificate, new_key())) == ["PKI034"]
            assert exchange(served.status, "GET", "/nothing")[0] == 404
            assert_headers(served, people)
            served.stop()
    names = [(root.name, attributes(root)["sinetti.outcome"]) for root in one.roots()]
    assert {("new", "ok"), ("get", "ok"), ("renew", "too-early"), ("GET", "HTTP 404")} <= set(names)
    assert one.services == {"sinetti-authority", "sinetti-eservice"}
    assert TRACE in {root.trace_id.hex() for root in one.roots()}
    (new,) = (root for root in one.roots() if root.name == "new")
    assert {"9 reserve", "10 sign", "11 store", "11 journal"} <= set(one.steps(new))
    lines = [line for line in served.events() if "trace_id" in line]
    assert new.trace_id.hex() in {line["trace_id"] for line in lines if line.get("operation") == "new"}
    serial = f"{certificate.serial_number:x}"
    secrets = [ids[name] for name in ("order_id", "transfer_id", "transfer_password")]
    secrets += [
        CUSTOMER["customer_id"],
        "customer.example",
        serial,
        str(certificate.serial_number),
        "203.0.113.7",
        "127.0.0.1",
        "/nothing",
    ]
    for octets in one.octets:
        assert not [secret for secret in secrets if secret.encode().lower() in octets.lower()]


def assert_headers(served, people):
    """Check the headers and small endpoints of the three listeners."""
    for address, path in ((served.soap, "/.well-known/security.txt"), (people, "/.well-known/security.txt")):
        status, headers, body = exchange(address, "GET", path, headers=PROXY)
        assert (status, headers["server"]) == (200, "")
        assert body.startswith(b"Contact: mailto:security@authority.example\r\nExpires: ")
    status, headers, _ = exchange(people, "GET", "/", headers={"host": "people.example", **PROXY})
    assert (status, headers["server"]) == (200, "")
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert "report-uri /csp-reports; report-to csp" in headers["content-security-policy"]
    report = json.dumps({"csp-report": {"document-uri": f"{ADDRESS}/m/secret", "effective-directive": "img-src"}})
    kind = {"content-type": "application/csp-report", **PROXY}
    assert exchange(people, "POST", "/csp-reports", report.encode(), kind)[0] == 204
    until(lambda: '"directive": "img-src"' in served.log)
    assert "/m/secret" not in served.log
    assert exchange(served.status, "GET", "/readyz")[1]["server"] == ""


@pytest.mark.long
def test_wrong_optional_parts_are_left_out_with_a_warning(founded):
    past = SECURITY.format('"2026-01-01T00:00:00Z"')
    with_settings(founded, f'{past}\n[telemetry]\nendpoint = "http://collector.example:4318"\n')
    ids = founded.order()
    with serving(founded.root, "--workers", "1") as served:
        holder = Holder(served.soap, founded.root / "trust" / "services.pem", now=utc_now())
        holder.enrolled(ids, new_key())
        assert exchange(served.soap, "GET", "/.well-known/security.txt")[0] == 404
        for pid in served.children():
            assert "google/_upb" not in Path(f"/proc/{pid}/maps").read_text(), "OpenTelemetry is not loaded"
        served.stop()
    warned = [line["event"] for line in served.events() if line["level"] == "warning"]
    assert any("telemetry is left out: " in event and "endpoint" in event for event in warned)
    assert any("expires is past" in event for event in warned)
    assert not [line for line in served.events() if "trace_id" in line]
