"""Verdicts on certificates of distrusted CAs, and of CAs that a list of anchors added."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.ca.issuance_request import LeafProfile
from sinetti.domain.values import Channel, Environment
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.bridge import Bridge
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.trust_lists.content import DistrustIndex, TrustContent, TrustListSettings
from sinetti.gateway.trust_lists.lists import TrustLists
from sinetti.gateway.verdicts.verdict import RevocationCheck, VerdictReason
from sinetti.gateway.x509.path_validation import authority_of
from sinetti.pki.encoding import certificate_der, load_certificate, serial_hex, sha256_hex
from sinetti.pki.trust_lists.lists import DistrustEntry, DistrustList
from tests.gateway.material import HOUR, SECOND, crl
from tests.gateway.revocation.test_bridge import OWN_RESPONDER, REVOKED_STATUS, BridgeResponder
from tests.gateway.trust_lists.test_lists import URL, Address, Clock
from tests.support import authority
from tests.support.authority import NOW
from tests.support.trust_lists import anchors_list, by_root, root_of, root_sha256

BUILT = authority.authority()
ISSUING, ROOT, MIDDLE = authority.issuer(), root_of(BUILT), BUILT.hierarchy.authorities[1]
T = NOW + HOUR
UNTIL = T + timedelta(hours=72)
ALL = tuple(one for _, one in BUILT.entries.values())[:-1]
LISTS = CrlSource([crl()])


def made(begins=NOW, number=1, serial=None):
    plan = authority.leaf_plan(authority.holder_key(number).public_key(), begins=begins)
    return authority.issue(plan if serial is None else replace(plan, serial=serial), ISSUING, kind=LeafProfile.HOLDER)


REAL = made()
FORGED = made(number=2, serial=serial_hex(REAL.serial_number))


def distrust(*names, since=T, until=UNTIL, number=1):
    entries = tuple(
        DistrustEntry(sha256_hex(certificate_der(BUILT.certificate(name))), name, since, until)
        for name in names or (ISSUING.file_name,)
    )
    return DistrustList(Environment.TEST, root_sha256(BUILT), number, NOW, entries)


def opened(folder, service, *names, source=LISTS, anchors=ALL, **dates):
    address = Address(distrust=by_root(distrust(*names, **dates), BUILT))
    settings = TrustListSettings(
        URL, folder / "trust", (ROOT,), Environment.TEST, (authority.services_issuer().certificate,)
    )
    lists = TrustLists(settings, now=Clock(), send=address, bridge=Bridge(service))
    lists.fetch()
    return Gateway(anchors, source=source, lists=lists)


def confirming(at=T, **changes):
    return BridgeResponder(at=at, names=REAL, **changes)


def reason(gateway, certificate=REAL, now=T):
    verdict = gateway.identify(certificate, now)
    if verdict.reason is not None:
        assert (verdict.customer_id, verdict.serial, verdict.name) == (None, None, None)
    return verdict.reason


def test_a_real_certificate_crosses_the_bridge_and_a_forged_one_with_its_serial_does_not(tmp_path):
    service = confirming()
    gateway = opened(tmp_path, service)
    verdict = gateway.identify(REAL, T)
    assert (verdict.accepted, verdict.revocation) == (True, RevocationCheck.GOOD)
    assert verdict.customer_id == authority.CUSTOMER_ID
    assert reason(gateway, FORGED) is VerdictReason.REVOKED
    assert set(service.asked) == {f"{URL}/status/bridge/{ISSUING.file_name}"}


REFUSED = {
    "revoked meanwhile": ({"status": REVOKED_STATUS}, VerdictReason.REVOKED),
    "silence": ({"raises": OSError("away")}, VerdictReason.STATUS_UNKNOWN),
    "the distrusted CA's own responder": ({"responder": OWN_RESPONDER}, VerdictReason.STATUS_UNKNOWN),
    "an old answer": ({"at": T - timedelta(minutes=11)}, VerdictReason.STATUS_UNKNOWN),
}


@pytest.mark.parametrize(("changes", "why"), REFUSED.values(), ids=REFUSED)
def test_without_a_confirmation_nothing_is_accepted_and_nothing_quoted(tmp_path, changes, why):
    assert reason(opened(tmp_path, confirming(**changes))) is why


def test_the_bridge_ends_at_its_second(tmp_path):
    gateway = opened(tmp_path, confirming(at=UNTIL, life=2 * HOUR))
    assert reason(gateway, now=UNTIL) is None
    assert reason(gateway, now=UNTIL + SECOND) is VerdictReason.REVOKED


def test_a_certificate_that_begins_after_the_instant_is_refused_without_a_question(tmp_path):
    service = confirming(at=T + HOUR)
    gateway = opened(tmp_path, service)
    assert reason(gateway, made(begins=T + SECOND), T + HOUR) is VerdictReason.REVOKED
    assert service.asked == []
    assert reason(gateway, made(begins=T), T + HOUR) is VerdictReason.REVOKED
    assert len(service.asked) == 1


def test_lists_of_the_distrusted_ca_count_for_nothing(tmp_path):
    revoking = CrlSource([crl(revoked=(REAL.serial_number,), at=T)])
    assert reason(opened(tmp_path, confirming(), source=revoking)) is None
    assert reason(opened(tmp_path, confirming(), source=CrlSource([]))) is None


def test_an_entry_on_the_parents_list_is_no_matter_while_the_bridge_is_open(tmp_path):
    parent = crl(
        revoked=(ISSUING.certificate.serial_number,), at=T, issuer=BUILT.certificate(MIDDLE.file_name),
        signer=BUILT.key(MIDDLE.file_name),
    )  # fmt: skip
    source = CrlSource([crl(at=T), parent])
    assert reason(Gateway(ALL, source=source)) is VerdictReason.REVOKED
    gateway = opened(tmp_path, confirming(), source=source)
    assert reason(gateway) is None
    assert reason(gateway, now=UNTIL + SECOND) is VerdictReason.REVOKED


def test_a_ca_above_that_is_revoked_ends_all_bridges_below(tmp_path):
    root_list = crl(
        revoked=(BUILT.certificate(MIDDLE.file_name).serial_number,), at=T, issuer=ROOT,
        signer=BUILT.entries[BUILT.hierarchy.authorities[0].file_name][0],
    )  # fmt: skip
    gateway = opened(tmp_path, confirming(), source=CrlSource([crl(at=T), root_list]))
    assert gateway.identify(REAL, T).reason is VerdictReason.REVOKED


@pytest.mark.parametrize("anchors", [ALL, (*ALL[:0], BUILT.certificate(MIDDLE.file_name), ISSUING.certificate)])
def test_an_intermediate_ca_that_is_distrusted_sends_all_below_to_its_bridge(tmp_path, anchors):
    service = confirming()
    gateway = opened(tmp_path, service, MIDDLE.file_name, anchors=anchors)
    assert reason(gateway) is None
    assert service.asked == [f"{URL}/status/bridge/{MIDDLE.file_name}"]
    assert reason(gateway, FORGED) is VerdictReason.REVOKED


def test_of_two_distrusted_cas_the_earlier_end_counts(tmp_path):
    service = confirming(at=T)
    gateway = opened(tmp_path, service, MIDDLE.file_name, ISSUING.file_name)
    assert reason(gateway) is None
    assert service.asked == [f"{URL}/status/bridge/{MIDDLE.file_name}"]


def test_without_a_revocation_source_the_list_of_distrust_counts_all_the_same(tmp_path):
    gateway = opened(tmp_path, confirming(), source=None)
    verdict = gateway.identify(REAL, T)
    assert (verdict.accepted, verdict.revocation) == (True, RevocationCheck.GOOD)
    assert reason(gateway, FORGED) is VerdictReason.REVOKED


def test_other_cas_are_judged_as_before(tmp_path):
    plan = authority.leaf_plan(authority.holder_key(3).public_key())
    sftp = authority.issuer(Channel.SFTP)
    other = authority.issue(plan, sftp)
    source = CrlSource([crl(issuer=sftp.certificate, signer=BUILT.key(sftp.key_name))])
    service = confirming()
    gateway = opened(tmp_path, service, source=source)
    assert gateway.identify(other, NOW).accepted
    assert service.asked == []
    assert gateway.is_blocking
    assert not Gateway(ALL, source=source).is_blocking


def test_a_distrusted_key_counts_in_each_of_its_certificates():
    twin = authority_of(load_certificate(ISSUING.certificate.public_bytes(Encoding.DER)))
    other = replace(twin, digest=b"\x00" * 32)
    content = TrustContent(distrust=distrust())
    assert DistrustIndex.of(content, (ISSUING.certificate,)).find([other]).place == 0
    assert DistrustIndex.of(content, (ROOT,)).find([other]) is None
    assert DistrustIndex.of(TrustContent(), (ROOT,)).find([other]) is None


def test_a_damaged_list_of_distrust_refuses_all_certificates(tmp_path):
    gateway = opened(tmp_path, confirming())
    (tmp_path / "trust" / "distrust-1.json").write_bytes(b"{}")
    lists = TrustLists(gateway.lists.settings, now=Clock())
    plain = Gateway(ALL, source=LISTS, lists=lists)
    assert reason(plain) is VerdictReason.STATUS_UNKNOWN


def test_a_new_issuing_ca_of_the_list_of_anchors_is_trusted_without_restart(tmp_path):
    fewer = (ROOT, BUILT.certificate(MIDDLE.file_name))
    address = Address()
    settings = TrustListSettings(URL, tmp_path / "trust", (ROOT,), Environment.TEST)
    lists = TrustLists(settings, now=Clock(), send=address)
    gateway = Gateway(fewer, source=LISTS, lists=lists)
    assert gateway.identify(REAL, NOW).reason is VerdictReason.UNTRUSTED
    address.lists["anchors"] = by_root(anchors_list(BUILT), BUILT)
    lists.fetch()
    assert gateway.identify(REAL, NOW).accepted
