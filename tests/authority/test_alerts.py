"""Alerts of an operator: by the log once a day, by the health check, by `status`."""

import logging
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sinetti.authority import alerts
from sinetti.authority.alerts import (
    AlertLogger,
    health_warnings,
    offline_lists,
    operator_findings,
    own_certificates,
    readiness_checks,
    succession,
    watchdog_findings,
)
from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.initialise import InitOptions
from sinetti.authority.key_relocation import OfflineKeys
from sinetti.ca.hierarchy_config import load_preset
from sinetti.database import models
from sinetti.database.issuance.crls import WHOLE
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.operations.monitoring import FindingKind
from sinetti.domain.values import Environment, KeyType
from sinetti.pki.encoding import generate_key, load_certificate
from sinetti.services.authorities.succession import retire_ca, stop_ca
from sinetti.services.status.crl import fresh_crl
from sinetti.settings.authority import AuthoritySettings
from tests.support.foundings import copy_founded
from tests.support.registers import all_connections_closed
from tests.support.scene import Clock

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
SETTINGS = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example")
ROOT, INTERMEDIATE = "SinettiRootTestCAv1", "SinettiIntermediateTestCAv1"


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("founded")
    offline = OfflineKeys(folder / "vault", b"a pass-phrase that is long enough")
    options = InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), SETTINGS, NOW, offline=offline)
    return copy_founded(folder / "authority", options)


@pytest.fixture
def clock():
    return Clock(NOW)


@pytest.fixture
def authority(founded, tmp_path, clock):
    shutil.copytree(founded, tmp_path / "authority")
    with all_connections_closed():
        yield open_authority(tmp_path / "authority", DirectoryKind.AUTHORITY, RuntimeOptions(clock))


def end(authority):
    return authority.ctx.issuers["DataProvidersTestIssuingCAv1"].certificate.not_valid_after_utc


def test_a_new_authority_has_nothing_to_tell(authority):
    names = ("succession", "offline-lists", "status", "messages", "unregistered", "optional-parts")
    assert {name: look() for name, look in health_warnings(authority).items()} == dict.fromkeys(names)


def test_cas_three_years_before_their_end(authority, clock):
    clock.now = end(authority) - 1095 * DAY - SECOND
    assert succession(authority) is None
    clock.now += SECOND
    found = succession(authority)
    begin = end(authority) - 977 * DAY
    assert f"DataProvidersTestIssuingCAv1 ends on {end(authority):%Y-%m-%d} and needs a successor" in found
    assert f"the step begin is due by {begin:%Y-%m-%d}; sinetti authority ca plan --dir " in found
    assert "DataProvidersSFTPTestIssuingCAv1" in found
    assert "ServicesTestIssuingCAv1" in found
    assert ROOT not in found
    assert {one.kind for one in alerts.succession_findings(authority)} == {FindingKind.SUCCESSION_DUE}
    clock.now = begin + SECOND
    assert "the step begin was due by" in succession(authority)
    late = {one.about for one in alerts.succession_findings(authority) if one.kind is FindingKind.SUCCESSION_LATE}
    assert late == {"DataProvidersTestIssuingCAv1", "DataProvidersSFTPTestIssuingCAv1"}


def test_a_channel_without_a_ca_that_issues(authority):
    check, ctx = readiness_checks(authority)["channels"], authority.ctx
    name, audit = "DataProvidersTestIssuingCAv1", ctx.audit_entry("os-user:root", "0" * 32)
    assert check() is None
    stop_ca(name, ctx, audit)
    sentence = check()
    assert sentence.startswith("no CA issues for WS, so requests for new certificates are answered as unavailable: ")
    assert [one.kind for one in watchdog_findings(authority, {})] == [FindingKind.CHANNEL_STOPPED]
    assert operator_findings(authority)["channel-stopped"] == sentence
    retire_ca(name, ctx, audit)
    assert check() is None


def test_a_ca_with_a_successor_is_reported_no_more(authority, clock):
    clock.now = end(authority) - 1095 * DAY
    rows = models.CertificateAuthority.objects.using(authority.ctx.db.alias)
    rows.filter(role="issuing").update(state=CaState.PUBLISHING)
    assert {one.about for one in alerts.succession_findings(authority)} == {"ServicesTestIssuingCAv1"}
    assert f"{ROOT}.cer" in own_certificates(authority)
    assert "DataProvidersTestIssuingCAv1.cer" not in own_certificates(authority)


def test_lists_that_need_a_key_from_off_line(authority, clock):
    clock.now = NOW + 305 * DAY - SECOND
    assert offline_lists(authority) is None
    clock.now += SECOND
    told = offline_lists(authority)
    assert f"the list of {ROOT} ends on 2027-03-02" in told
    assert INTERMEDIATE in told
    assert f"sinetti authority publish --dir {authority.folder.root}" in told
    models.Crl.objects.using(authority.ctx.db.alias).all().delete()
    assert f"{ROOT} has no list yet" in offline_lists(authority)


def test_what_the_watchdog_finds_is_told_too_and_looked_for_once_a_minute(authority, clock, monkeypatch):
    ticks = 1000.0
    monkeypatch.setattr(alerts, "monotonic_seconds", lambda: ticks)
    look = health_warnings(authority)["status"]
    signers = [name for name in own_certificates(authority) if name.startswith("Sinetti") and "CA" not in name]
    assert len(signers) == 1
    clock.now = NOW + 1000 * DAY
    assert look() is not None
    assert f"{signers[0]} expired on" in look()
    assert "offline" not in look()
    clock.now = NOW
    assert look() is not None
    ticks += 60
    assert look() is None


def test_a_look_that_takes_long_is_taken_seldom(authority, monkeypatch):
    now, looks = [1000.0], []

    def slow(_authority):
        now[0] += 10
        looks.append(now[0])

    monkeypatch.setattr(alerts, "monotonic_seconds", lambda: now[0])
    monkeypatch.setattr(alerts, "status", slow)
    look = health_warnings(authority)["status"]
    for now[0] in (1000.0, 1010.0 + 200 - 1, 1010.0 + 200):
        look()
    assert looks == [1010.0, 1220.0]


def test_the_log_has_it_once_a_day(authority, clock, monkeypatch, caplog):
    ticks = 1000.0
    monkeypatch.setattr(alerts, "monotonic_seconds", lambda: ticks)
    told = AlertLogger(authority)
    told.tell()
    assert not caplog.records
    clock.now = NOW + 330 * DAY
    ticks += 24 * 3600
    with caplog.at_level(logging.WARNING):
        told.tell()
        assert [ROOT in record.getMessage() for record in caplog.records] == [True]
        ticks += 24 * 3600 - 1
        told.tell()
        assert len(caplog.records) == 1
        ticks += 1
        told.tell()
        assert len(caplog.records) == 2


def a_tls_certificate(ends):
    """Make a TLS certificate as an operator has it from elsewhere."""
    key, name = generate_key(KeyType.EC_P256), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "soap.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, ends)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def test_operators_are_told_of_every_end_and_of_an_overdue_list(authority, clock):
    """Each finding has a name of its own, so that one of this week hides no other."""
    ctx, issuing = authority.ctx, "DataProvidersTestIssuingCAv1"
    assert set(alerts.operator_findings(authority).values()) == {None}
    before = own_certificates(authority)
    responder = ctx.responders[issuing]()
    (of_the_responder,) = own_certificates(authority).keys() - before.keys()
    fresh_crl(issuing, WHOLE, ctx, "0" * 32)
    tls = {"tls.pem": a_tls_certificate(NOW + 90 * DAY)}
    root_ends = load_certificate(before[f"{ROOT}.cer"]).not_valid_after_utc
    told_at = {
        "a list that was not signed anew": (NOW + timedelta(days=3.5), "list-old", issuing),
        "the OCSP responder": (responder.ends - DAY, "certificate-ends", of_the_responder),
        "the signer of answers": (NOW + 720 * DAY, "certificate-ends", "SinettiTestResponseSigner"),
        "a CA of our own": (root_ends - 20 * DAY, "certificate-ends", f"{ROOT}.cer"),
        "TLS": (NOW + 75 * DAY, "certificate-ends", "tls.pem"),
        "an issuing CA that needs a successor": (end(authority) - 1095 * DAY, "succession-due", issuing),
        "the list of a CA that is off line": (NOW + 305 * DAY, "offline-lists", ROOT),
    }
    for what, (at, name, words) in told_at.items():
        clock.now = at
        assert words in (alerts.operator_findings(authority, tls)[name] or ""), what
    clock.now = NOW + 75 * DAY
    assert "tls.pem" not in str(alerts.operator_findings(authority)), "what nobody names is not seen"


def test_operators_are_told_of_messages_that_do_not_leave_or_come_back(authority):
    db, hour = authority.ctx.db, timedelta(hours=1)
    rows = models.OutboxMessage.objects.using(db.alias)

    def told():
        return alerts.operator_findings(authority)["messages"]

    message = {"kind": "operator", "step": "once:email", "channel": "email", "created": NOW, "address": "x@pki.example"}
    rows.create(**message, due=NOW - hour)
    rows.create(kind="renewed", step="once", created=NOW, due=NOW - hour - SECOND)
    assert told() is None, "due for an hour; and without settings nobody is meant to make messages of events"
    authority.folder.notices.touch()
    assert told() == "1 event without messages: run sinetti authority notices plan"
    rows.create(**message, due=NOW - hour - SECOND)
    assert told().startswith(f"1 message should have left by {NOW - hour:%Y-%m-%d} 10:59 UTC; 1 event")
    rows.update(failed_at=NOW)
    assert "given up: sinetti authority notices retry --dir " in told()
    rows.update(failed_at=None, sent=NOW)
    assert told() is None
    for number in range(20):
        rows.create(**message, message_id=f"{number:032}", due=NOW, sent=NOW, bounced=NOW - DAY)
    assert told().startswith("20 of 22 e-mails of the last seven days came back")
