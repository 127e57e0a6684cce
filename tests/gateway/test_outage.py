"""Six hours without the authority, with and without `freshness_during_outage`."""

from datetime import timedelta
from threading import Event

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from sinetti.cli.gateway import serve
from sinetti.gateway import crl_freshness
from sinetti.gateway.crl_freshness import CrlFreshnessMonitor, extended_sources, watch_of
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.revocation.ocsp import OcspSource
from sinetti.gateway.revocation.source import FallbackSource
from sinetti.gateway.settings import GatewaySettingsError, load_settings, open_gateway, source_of
from sinetti.gateway.verdicts.verdict import VerdictReason
from sinetti.gateway.web.endpoints import IncomingRequest
from sinetti.gateway.web.metrics import GatewayState
from sinetti.gateway.web.settings import ListenSettings
from sinetti.gateway.x509.path_validation import authority_of
from sinetti.infra.clock import utc_now
from sinetti.infra.metrics import catalogue
from tests.gateway.material import DAY, HOUR, SECOND, Responder, crl, holder, loaded
from tests.support import authority
from tests.support.authority import NOW

GOOD, REVOKED = holder(), holder(2)
LISTED = crl(revoked=(loaded(REVOKED).serial_number,))
SETTINGS = 'anchors = "anchors.pem"\nrevocation = "crl"\ncrls = "lists"\n'
OUTAGE = 'freshness_during_outage = "PT6H"\n'
SIX = timedelta(hours=6)
ACCEPTED, UNKNOWN = None, VerdictReason.STATUS_UNKNOWN


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "issuing.crl").write_bytes(LISTED)
    (tmp_path / "anchors.pem").write_bytes(authority.issuer().certificate.public_bytes(Encoding.PEM))
    return tmp_path


def read(folder, text):
    (folder / "gateway.toml").write_text(text, encoding="utf-8")
    return load_settings(folder / "gateway.toml")


AGES = {
    "as old as always": (HOUR, "", ACCEPTED),
    "a second older, without the setting": (HOUR + SECOND, "", UNKNOWN),
    "six hours, without the setting": (SIX, "", UNKNOWN),
    "a second older": (HOUR + SECOND, OUTAGE, ACCEPTED),
    "six hours": (SIX, OUTAGE, ACCEPTED),
    "longer than the setting": (SIX + SECOND, OUTAGE, UNKNOWN),
    "at the end of the list": (7 * DAY, 'freshness_during_outage = "P30D"\n', ACCEPTED),
    "past the end of the list": (7 * DAY + SECOND, 'freshness_during_outage = "P30D"\n', UNKNOWN),
}


@pytest.mark.parametrize(("age", "text", "reason"), AGES.values(), ids=AGES)
def test_a_list_of_this_age(age, text, reason, folder):
    gateway = open_gateway(read(folder, SETTINGS + text))
    assert gateway.identify(GOOD, NOW + age).reason is reason
    revoked = gateway.identify(REVOKED, NOW + age).reason
    assert revoked is (VerdictReason.REVOKED if reason is ACCEPTED else UNKNOWN)


def test_a_newer_list_ends_the_outage_and_its_revocations_count(folder):
    gateway = open_gateway(read(folder, SETTINGS + OUTAGE))
    assert gateway.identify(GOOD, NOW + SIX).accepted
    (folder / "lists" / "newer.crl").write_bytes(crl(at=NOW + SIX, revoked=(loaded(GOOD).serial_number,)))
    gateway.source.refresh()
    assert gateway.identify(GOOD, NOW + SIX).reason is VerdictReason.REVOKED


@pytest.mark.parametrize("text", ['freshness_during_outage = "PT1H"\n', 'freshness_during_outage = "soon"\n'])
def test_a_setting_that_is_no_longer_time_is_refused(text, folder):
    with pytest.raises(GatewaySettingsError, match="freshness_during_outage"):
        read(folder, SETTINGS + text)


def test_the_alarm(folder):
    settings = read(folder, SETTINGS + OUTAGE)
    source = source_of(settings)
    watch = watch_of(settings, source)
    for age in (HOUR, SIX + SECOND):
        assert extended_sources(watch, source, NOW + age) == []
    for age in (HOUR + SECOND, SIX):
        (sentence,) = extended_sources(watch, source, NOW + age)
        assert sentence.startswith("Data Providers Test Issuing CA v1: no list or answer is younger than freshness")
        assert sentence.endswith(f"until {NOW + SIX:%Y-%m-%dT%H:%M:%SZ}")
        assert watch.missing(NOW + age) == []
    assert watch.missing(NOW + SIX + SECOND)
    (folder / "lists" / "issuing.crl").unlink()
    watch.lists.refresh()
    assert extended_sources(watch, source, NOW + SIX) == []


def test_without_the_setting_there_is_no_alarm_but_a_missing_list(folder):
    settings = read(folder, SETTINGS)
    watch = watch_of(settings, source_of(settings))
    assert watch.extended(NOW + SIX) == []
    assert watch.missing(NOW + SIX)


def test_lists_of_cas_count_until_they_end(folder):
    settings = read(folder, SETTINGS + OUTAGE)
    watch = crl_freshness.CrlRequirements(
        source_of(settings), ((authority_of(authority.issuer().certificate), None),), (), SIX
    )
    assert watch.extended(NOW + SIX) == []


class Network:
    """Responder that is reached only while `is_away` is False."""

    def __init__(self, responder):
        responder.about = loaded(GOOD)
        self.responder, self.is_away = responder, False

    def __call__(self, address, request):
        if self.is_away:
            raise OSError
        return self.responder(address, request)


def by_ocsp(ask, outage=SIX):
    return OcspSource(["http://ocsp.example"], ask, freshness_during_outage=outage)


def reason(source, now, der=GOOD):
    return Gateway([authority.issuer().certificate], source=source).identify(der, now).reason


def test_an_answer_that_was_had_before_the_outage():
    network = Network(Responder())
    source, without = by_ocsp(network), by_ocsp(network, None)
    for one in (source, without):
        assert reason(one, NOW) is ACCEPTED
    network.is_away = True
    assert reason(source, NOW + HOUR) is ACCEPTED
    assert not source.is_extended(NOW + HOUR)
    assert reason(without, NOW + HOUR + SECOND) is UNKNOWN
    assert reason(source, NOW + SIX) is ACCEPTED
    both = FallbackSource((source, CrlSource()))
    assert extended_sources(None, both, NOW + SIX) == [f"OCSP: {crl_freshness.EXTENDED}"]
    assert extended_sources(None, both, NOW + SIX + HOUR) == []
    assert reason(source, NOW + SIX + SECOND) is UNKNOWN


def test_an_answer_that_the_service_signed_before_the_outage():
    """Without its database the service repeats what it signed last, and other addresses may have less old ones."""
    responder = Responder(at=NOW, nonce=None)
    responder.busy = 1
    assert reason(by_ocsp(Network(responder)), NOW + SIX) is ACCEPTED
    for late, outage in ((SIX + SECOND, SIX), (SIX, None)):
        responder.busy = 1
        assert reason(by_ocsp(Network(responder), outage), NOW + late) is UNKNOWN


def test_a_fresh_answer_counts_before_an_older_one():
    old, fresh = Responder(at=NOW), Responder(at=NOW + SIX, status=ocsp.OCSPCertStatus.REVOKED)
    old.about = fresh.about = loaded(GOOD)
    answers = {"http://one.example": old, "http://two.example": fresh}
    source = OcspSource(list(answers), lambda at, asked: answers[at](at, asked), freshness_during_outage=SIX)
    assert reason(source, NOW + SIX) is VerdictReason.REVOKED
    assert not source.is_extended(NOW + SIX)


def test_what_was_revoked_before_stays_revoked():
    network = Network(Responder(status=ocsp.OCSPCertStatus.REVOKED))
    source = by_ocsp(network)
    assert reason(source, NOW) is VerdictReason.REVOKED
    network.is_away = True
    assert reason(source, NOW + SIX) is VerdictReason.REVOKED


def test_readyz_and_the_metric_say_so(folder):
    """The clock of the service is that of its machine, so the list is as old as the test wants it."""
    now = utc_now().replace(microsecond=0)
    (folder / "lists" / "issuing.crl").write_bytes(crl(at=now - 2 * HOUR))
    service = serve._service(read(folder, SETTINGS + OUTAGE), ListenSettings("", None, None), lambda *_: None)
    answer = service.answer(IncomingRequest("GET", "/readyz", [], None))
    assert answer.status == 200
    assert b"freshness_during_outage" in answer.body
    state = GatewayState(service.lists, service.unready, service.guard.now, lambda: None, extended=service.extended)
    assert state.samples()[catalogue.GATEWAY_OUTAGE] == [((), 1.0)]
    calm = GatewayState(service.lists, service.unready, service.guard.now, lambda: None)
    assert calm.samples()[catalogue.GATEWAY_OUTAGE] == [((), 0.0)]


def test_the_log_has_one_line_for_its_begin_and_one_for_its_end(caplog):
    caplog.set_level("INFO")
    states, over = iter([["OCSP: older"], ["OCSP: older"], []]), Event()

    def extended():
        try:
            return next(states)
        except StopIteration:
            over.set()
            return []

    monitor = CrlFreshnessMonitor(list, 0.01, extended=extended)
    monitor.start()
    assert over.wait(60)
    monitor.stop()
    lines = [(record.levelname, record.facts) for record in caplog.records if record.message == "outage"]
    assert lines == [("WARNING", {"extended": ["OCSP: older"]}), ("INFO", {"extended": []})]
