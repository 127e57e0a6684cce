"""Later CAs, a new root and revoked CAs: from the request to their place in the service."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.authority.ceremony_requests import (
    begin_founding,
    import_founding,
    import_signed,
    is_listed,
    request_certificates,
    request_revocations,
)
from sinetti.authority.data_directory import DataDirectory, FolderError
from sinetti.authority.offline_medium import open_medium
from sinetti.authority.succession import SuccessionContext, begin_successor
from sinetti.ca.ceremony.sets import parse_result_set
from sinetti.ca.ceremony.shares import combine_shares, parse_share
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.crl import read_list
from sinetti.ca.hierarchy_config import with_standby
from sinetti.ca.successors import SuccessorOptions
from sinetti.database.authorities import register
from sinetti.database.authorities.register import Distrust
from sinetti.database.issuance import crls
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, KeyType
from sinetti.pki.encoding import load_certificate, serial_hex
from sinetti.pki.trust_lists.lists import SignedList, TrustListKind
from sinetti.pki.trust_lists.verification import ListReader, verify_anchors, verify_distrust
from sinetti.services.authorities.succession import activate_ca
from sinetti.services.authorities.trust_lists import newest_anchors, newest_list, store_list
from sinetti.services.status.crl import current_crl
from tests.support.ceremonies import NOW, QUICK, ROOTS, Founded, ceremony, founded, founding, options, plan_text
from tests.support.foundings import copy_founded
from tests.support.registers import all_connections_closed

OLD, NEW = "DataProvidersTestIssuingCAv1", "DataProvidersTestIssuingCAv2"
NEW_ROOT = "SinettiRootTestCAv2"
LATER = NOW + timedelta(hours=4)


@pytest.fixture(autouse=True)
def closed():
    with all_connections_closed():
        yield


@pytest.fixture
def there(tmp_path):
    """Return a copy of an authority that a ceremony founded."""
    return founded().copied_to(tmp_path)


def begin(authority, name):
    return begin_successor(name, SuccessorOptions(), SuccessionContext(authority, "operator", "request"))


def answered(there, tmp_path, request, exchange="second"):
    return there.answer(tmp_path, request, plan_text(request.kind, request=request), exchange)


def reader(authority, *names):
    roots = tuple(authority.ctx.issuers[name].certificate for name in names or ROOTS[:1])
    return ListReader(authority.ctx.environment, roots)


def state(authority, name):
    return register.get_authority(authority.ctx.db, name).state


def test_a_successor_becomes_a_standby_and_an_anchor(there, tmp_path):
    authority = there.opened()
    assert begin(authority, OLD).name == NEW
    request = request_certificates(authority)
    assert request_certificates(authority) == request, "the same request waits"
    assert request.anchors.states[NEW] is CaState.STANDBY
    result = answered(there, tmp_path, request)
    import_signed(authority, result, options(LATER))
    assert state(authority, NEW) is CaState.STANDBY
    assert register.find_pending(authority.ctx.db, NEW).installed_at is not None
    octets = newest_list(TrustListKind.ANCHORS, authority.ctx.db).octets
    found = verify_anchors(octets, reader(authority), LATER)
    assert found.number == request.anchors.number
    assert load_certificate(register.get_authority(authority.ctx.db, NEW).certificate) in {
        one.certificate for one in found.authorities
    }
    for bundle in ("holders.pem", "services.pem"):
        count = (there.root / "trust" / bundle).read_bytes().count(b"BEGIN CERTIFICATE")
        assert count == (5 if bundle == "holders.pem" else 3)
    register.activate(authority.ctx.db, NEW, authority.ctx.audit_entry("operator", "request"))
    assert state(authority, OLD) is CaState.PUBLISHING
    with pytest.raises(FolderError, match="no CA that was begun waits"):
        request_certificates(authority)


@pytest.mark.long
def test_taken_in_after_an_interruption(there, tmp_path):
    authority = there.opened()
    begin(authority, OLD)
    result = answered(there, tmp_path, request_certificates(authority))

    def stop(reached):
        if reached == "installed":
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        import_signed(authority, result, options(LATER, step=stop))
    import_signed(authority, result, options(LATER))
    assert newest_anchors(authority.ctx.db) is not None
    assert not DataDirectory(there.root).request_set.exists()


@pytest.mark.long
def test_a_root_and_then_an_intermediate_ca_below_it(there, tmp_path):
    authority = there.opened()
    old = ROOTS[0]
    assert begin(authority, old).request == b""
    import_signed(authority, answered(there, tmp_path, request_certificates(authority)), options(LATER))
    assert state(authority, NEW_ROOT) is CaState.STANDBY
    assert NEW_ROOT in authority.ctx.offline
    lists = [crls.latest_crl(authority.ctx.db, NEW_ROOT, shard) for shard in (0, 1)]
    assert all(read_list(one.der).entries == () for one in lists)
    octets = newest_list(TrustListKind.ANCHORS, authority.ctx.db).octets
    for roots in ((old,), (NEW_ROOT,)):
        assert verify_anchors(octets, reader(authority, *roots), LATER).number
    register.activate(authority.ctx.db, NEW_ROOT, authority.ctx.audit_entry("operator", "request"))
    authority.ctx.refresh_authorities()
    assert begin(authority, ROOTS[1]).issuer == NEW_ROOT
    second = request_certificates(authority)
    import_signed(authority, answered(there, tmp_path, second, "third"), options(LATER))
    assert state(authority, "SinettiIntermediateTestCAv2") is CaState.STANDBY
    octets = newest_list(TrustListKind.ANCHORS, authority.ctx.db).octets
    for roots in ((old,), (NEW_ROOT,)):
        assert len(verify_anchors(octets, reader(authority, *roots), LATER).links) == 2


@pytest.mark.long
def test_a_list_of_anchors_that_was_stored_meanwhile(there, tmp_path):
    authority = there.opened()
    begin(authority, OLD)
    first = request_certificates(authority)
    result = answered(there, tmp_path, first)
    import_signed(authority, result, options(LATER))
    begin(authority, "DataProvidersSFTPTestIssuingCAv1")
    second = request_certificates(authority)
    assert second.anchors.number > first.anchors.number
    with pytest.raises(CeremonyError, match="another request"):
        import_signed(authority, result, options(LATER))
    newest = newest_anchors(authority.ctx.db)
    newer = replace(newest, number=second.anchors.number + 1)
    store_list(newer, SignedList(newer.payload, ()).octets, newest.number, authority.ctx, ("operator", "request"))
    with pytest.raises(CeremonyError, match="a list of anchors was stored after the request"):
        import_signed(authority, answered(there, tmp_path, second, "third"), options(LATER))
    assert request_certificates(authority).anchors.number > newer.number


def revoked(authority, reason, distrust=None):
    audit = authority.ctx.audit_entry("operator", "request")
    register.revoke(authority.ctx.db, OLD, reason, distrust, audit)
    authority.ctx.refresh_authorities()
    return register.get_authority(authority.ctx.db, OLD)


@pytest.mark.long
def test_a_stolen_ca_is_listed_and_distrusted(there, tmp_path):
    authority = there.opened()
    with pytest.raises(FolderError, match="every revoked CA is on the list"):
        request_revocations(authority)
    since = NOW + timedelta(hours=1)
    distrust = Distrust(since, authority.ctx.now(), authority.ctx.now() + timedelta(hours=72))
    one = revoked(authority, RevocationReason.CA_COMPROMISE, distrust)
    assert not is_listed(one, authority.ctx)
    request = request_revocations(authority)
    assert [(line.name, line.since) for line in request.revocations] == [(OLD, since)]
    import_signed(authority, answered(there, tmp_path, request), options(LATER))
    assert is_listed(one, authority.ctx)
    newest = crls.latest_crl(authority.ctx.db, ROOTS[1], 1)
    (entry,) = read_list(newest.der).entries
    serial = serial_hex(load_certificate(one.certificate).serial_number)
    assert (entry.serial, entry.reason, entry.invalidity_date) == (serial, "cACompromise", since)
    octets = newest_list(TrustListKind.DISTRUST, authority.ctx.db).octets
    (row,) = verify_distrust(octets, reader(authority), LATER).authorities
    assert (row.name, row.since) == (OLD, since)


@pytest.mark.long
def test_a_ca_that_was_superseded_is_listed_alone(there, tmp_path):
    authority = there.opened()
    one = revoked(authority, RevocationReason.SUPERSEDED)
    request = request_revocations(authority)
    assert request.distrust is None
    import_signed(authority, answered(there, tmp_path, request), options(LATER))
    assert is_listed(one, authority.ctx)
    assert newest_list(TrustListKind.DISTRUST, authority.ctx.db) is None


@pytest.mark.long
def test_requests_need_offline_keys(tmp_path):
    copy_founded(tmp_path / "authority", founding(hierarchy=QUICK))
    authority = Founded(tmp_path / "authority", tmp_path / "medium", {}).opened()
    begin(authority, OLD)
    with pytest.raises(FolderError, match="no CA that was begun waits"):
        request_certificates(authority)


@pytest.mark.long
def test_a_standby_of_the_founding_is_known_from_the_first_day(tmp_path):
    text = with_standby(QUICK)
    begun = begin_founding(tmp_path / "authority", founding(hierarchy=text))
    done = ceremony(tmp_path, plan_text(hierarchy=text), begun)
    done.run()
    import_founding(tmp_path / "authority", (done.exchange / "result-set.json").read_bytes(), options())
    authority = Founded(tmp_path / "authority", tmp_path / "medium", {}).opened()
    ctx = authority.ctx
    assert {name: one for name, one in ctx.states.items() if one is CaState.STANDBY} == {
        NEW: CaState.STANDBY,
        "DataProvidersSFTPTestIssuingCAv2": CaState.STANDBY,
    }
    assert ctx.issuing[Channel.WS] == OLD
    assert (tmp_path / "authority" / "trust" / "holders.pem").read_bytes().count(b"BEGIN CERTIFICATE") == 6
    assert current_crl(NEW, 1, ctx, "request").number
    assert ctx.responders[NEW]()
    activate_ca(NEW, ctx, ctx.audit_entry("operator", "request"))
    assert ctx.issuing[Channel.WS] == NEW


@pytest.mark.long
@pytest.mark.parametrize("point", ["keys", f"signed {NEW_ROOT}", "step sign", "step result"])
def test_an_interrupted_ceremony_for_a_root_continues(point, there, tmp_path):
    authority = there.opened()
    begin(authority, ROOTS[0])
    request = request_certificates(authority)
    text = plan_text(request.kind, request=request)

    class StoppedError(Exception):
        pass

    def stop(reached):
        if reached == point:
            raise StoppedError

    with pytest.raises(StoppedError):
        there.answer(tmp_path, request, text, step=stop)
    key = (tmp_path / "medium" / f"{NEW_ROOT}.pem").read_bytes()
    done = ceremony(tmp_path, text, request, exchange="second")
    done.desk.sheets.update(there.sheets)
    transcript = done.run()
    assert (tmp_path / "medium" / f"{NEW_ROOT}.pem").read_bytes() == key
    facts = {name for step in transcript.steps for name, _ in step.facts}
    assert {"key", "certificate", "list", "link", "anchors"} <= facts
    import_signed(authority, (tmp_path / "second" / "result-set.json").read_bytes(), options(LATER))
    assert state(authority, NEW_ROOT) is CaState.STANDBY


@pytest.mark.long
def test_a_medium_with_a_key_of_another_type_and_a_forged_list(there, tmp_path):
    authority = there.opened()
    begin(authority, ROOTS[0])
    request = request_certificates(authority)
    done = ceremony(tmp_path, plan_text(request.kind, request=request), request, exchange="second")
    done.desk.sheets.update(there.sheets)
    done.step = lambda reached: forge(done) if reached == "step sign" else None

    def forge(done):
        path = done.exchange / "result-set.json"
        path.write_bytes(replace(parse_result_set(path.read_bytes()), anchors=b"{}").octets)

    with pytest.raises(CeremonyError, match="not the one that this ceremony wrote"):
        done.run()
    medium = open_medium(there.medium, combine_shares(*(parse_share(there.sheets["AB", one]) for one in "AB")))
    with pytest.raises(CeremonyError, match="name that type in the plan"):
        medium.with_keys([replace(request.authorities[0], key_type=KeyType.EC_P384)])
