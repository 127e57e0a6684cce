"""Usage reports of gateways: accepted in any count, and never withdrawn."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.database import models
from sinetti.database.authorities import trust_lists
from sinetti.database.certificates import usage
from sinetti.database.models import CertificateObservation as Row
from sinetti.domain.authorities.readiness import ReaderKind, ReaderState, TrustReader
from sinetti.domain.usage import GatewayRefused, Observation, TrustListNumbers, UsageReport, UsageState
from sinetti.pki.encoding import sha256_hex
from sinetti.services.organisations.registration import certificates
from sinetti.services.status.renewal_info import HintProgram, hint_of
from sinetti.services.status.usage_reports import (
    add_gateway,
    all_gateways,
    gateway_key,
    list_usage,
    record_report,
    withdraw_gateway,
)
from tests.support.authority import NOW
from tests.support.scene import DAY, REQUEST, SECOND, enrolled, in_the_window, renewed


def pem(name):
    """Return the public key of a gateway, always the same for a name."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def added(scene, *names):
    for name in names:
        add_gateway(name, pem(name), scene.ctx, "operator", REQUEST)


def seen(scene, name, *pairs):
    return record_report(name, [Observation(sha256_hex(der), at) for der, at in pairs], scene.ctx)


def known(scene):
    return list_usage(certificates(scene.ctx), scene.ctx)


def test_seen_and_seen_later(scene):
    held, other = enrolled(scene), enrolled(scene)
    assert known(scene) == {
        held.serial: UsageReport(UsageState.NOT_KNOWN),
        other.serial: UsageReport(UsageState.NOT_KNOWN),
    }
    added(scene, "edge-1", "edge-2")
    assert known(scene)[held.serial] == UsageReport(UsageState.NOT_KNOWN), "registered, but it has not reported yet"
    first = scene.clock.forward(DAY)
    taken = seen(scene, "edge-1", (held.der, first), (b"somebody else's", first), (held.der, first - SECOND))
    assert (taken.taken, taken.unknown) == (1, 1)
    assert known(scene) == {
        held.serial: UsageReport(UsageState.SEEN, first),
        other.serial: UsageReport(UsageState.NOT_SEEN, first),
    }
    later = scene.clock.forward(DAY)
    seen(scene, "edge-2", (held.der, later))
    for name, at in (("edge-1", first), ("edge-2", first), ("edge-2", later)):
        seen(scene, name, (held.der, at))
    assert known(scene)[held.serial] == UsageReport(UsageState.SEEN, later), "an older report takes nothing back"
    rows = Row.objects.using(scene.db.alias).order_by("gateway__name")
    assert list(rows.values_list("gateway__name", "last_seen")) == [("edge-1", first), ("edge-2", later)]


def test_what_is_seen_in_the_future_is_seen_now(sqlite_scene):
    held = enrolled(sqlite_scene)
    added(sqlite_scene, "edge-1")
    seen(sqlite_scene, "edge-1", (held.der, NOW + DAY))
    assert known(sqlite_scene) == {held.serial: UsageReport(UsageState.SEEN, NOW)}


def test_a_ca_s_certificate_is_nobody_s(sqlite_scene):
    added(sqlite_scene, "edge-1")
    (der, *_) = sqlite_scene.ctx.certificates.values()
    assert seen(sqlite_scene, "edge-1", (der, NOW)).unknown == 1


def test_an_empty_report_says_that_somebody_looks(scene):
    held = enrolled(scene)
    added(scene, "edge-1")
    assert record_report("edge-1", (), scene.ctx).taken == 0
    scene.clock.forward(timedelta(days=7))
    assert known(scene) == {held.serial: UsageReport(UsageState.NOT_SEEN, NOW)}
    scene.clock.forward(SECOND)
    assert known(scene) == {held.serial: UsageReport(UsageState.NOT_KNOWN)}
    record_report("edge-1", (), scene.ctx)
    scene.clock.now = NOW
    record_report("edge-1", (), scene.ctx)
    (found,) = all_gateways(scene.ctx)
    assert (found.first_report, found.last_report) == (NOW, NOW + timedelta(days=7, seconds=1))


def test_many_at_once(scene, monkeypatch):
    """The count is larger than one statement takes."""
    monkeypatch.setattr(usage, "_CHUNK", 1)
    held, other = enrolled(scene), enrolled(scene)
    added(scene, "edge-1")
    assert seen(scene, "edge-1", (held.der, NOW), (other.der, NOW)).taken == 2
    assert {one.use for one in known(scene).values()} == {UsageState.SEEN}


def test_a_gateway_s_key_as_long_as_it_is_there(sqlite_scene):
    added(sqlite_scene, "edge-1")
    assert gateway_key("edge-1", sqlite_scene.ctx) == pem("edge-1")
    assert gateway_key("edge-2", sqlite_scene.ctx) is None
    withdraw_gateway("edge-1", sqlite_scene.ctx, "operator", REQUEST)
    assert gateway_key("edge-1", sqlite_scene.ctx) is None
    (found,) = all_gateways(sqlite_scene.ctx)
    assert (found.name, found.added, found.withdrawn) == ("edge-1", NOW, NOW)
    for again in (lambda: added(sqlite_scene, "edge-1"), lambda: added(sqlite_scene, "no name")):
        with pytest.raises(GatewayRefused):
            again()
    for name in ("edge-1", "edge-2"):
        with pytest.raises(GatewayRefused, match="no gateway"):
            withdraw_gateway(name, sqlite_scene.ctx, "operator", REQUEST)
    rows = models.AuditEvent.objects.using(sqlite_scene.db.alias).filter(object="gateway:edge-1")
    assert list(rows.order_by("sequence").values_list("action", flat=True)) == ["gateway-added", "gateway-withdrawn"]


def test_a_key_is_one_gateway_s_for_good(scene):
    """The withdrawal of a gateway ends its key, and each report has a single sender."""
    added(scene, "edge-1")
    again = pem("edge-1").replace("\n", "\r\n")
    for withdrawn in (False, True):
        if withdrawn:
            withdraw_gateway("edge-1", scene.ctx, "operator", REQUEST)
        with pytest.raises(GatewayRefused, match="this key belongs"):
            add_gateway("edge-3", again, scene.ctx, "operator", REQUEST)
        with pytest.raises(GatewayRefused, match="the name edge-1"):
            add_gateway("edge-1", pem("new"), scene.ctx, "operator", REQUEST)
    added(scene, "edge-2")
    assert [one.name for one in all_gateways(scene.ctx)] == ["edge-1", "edge-2"]


def test_the_newest_trust_lists_of_each_gateway_are_known(scene):
    added(scene, "new", "old", "silent", "gone")
    withdraw_gateway("gone", scene.ctx, "operator", REQUEST)
    record_report("new", [], scene.ctx, TrustListNumbers(2, 5))
    record_report("old", [], scene.ctx, TrustListNumbers(2, 4))
    record_report("old", [], scene.ctx)
    newest = TrustListNumbers(2, 5)
    found = {one.name: one.state(newest) for one in trust_lists.list_gateways(scene.db)}
    assert found == {"new": ReaderState.NEWEST, "old": ReaderState.BEHIND, "silent": ReaderState.UNKNOWN}
    for other in (TrustListNumbers(1, 5), TrustListNumbers(3, 5), TrustListNumbers(2, 6)):
        state = TrustReader(ReaderKind.GATEWAY, "x", None, None, other).state(newest)
        assert state is ReaderState.BEHIND, "it may have the list of a thief"


def test_a_program_counts_for_a_certificate_without_a_successor(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    new = renewed(scene, held)
    (one,) = trust_lists.list_programs(scene.db, scene.clock())
    assert (one.name, one.numbers, one.seen) == (new.serial, None, None)
    assert list(trust_lists.list_programs(scene.db, scene.clock() + 4000 * DAY)) == []


def test_numbers_of_a_program_are_recorded_with_its_request_for_a_hint(sqlite_scene):
    held, numbers = enrolled(sqlite_scene), TrustListNumbers(1, 2)
    issuers = tuple(sqlite_scene.ctx.issuers)
    for program in (
        HintProgram("sinetti/0.1"),
        HintProgram("sinetti/0.1", numbers),
        HintProgram("sinetti/0.1", numbers),
    ):
        assert hint_of(issuers, held.serial, sqlite_scene.ctx, program) is not None
        sqlite_scene.clock.now += timedelta(minutes=1)
    (one,) = trust_lists.list_programs(sqlite_scene.db, sqlite_scene.clock())
    assert (one.numbers, one.seen) == (numbers, sqlite_scene.clock() - timedelta(minutes=2))
    assert hint_of(issuers, "4b" * 19, sqlite_scene.ctx) is None
