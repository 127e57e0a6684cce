"""Revocation of a CA where the key above is at hand: state, list, distrust and anchors; killed at each step."""

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.authority import ca_revocation
from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.ca_revocation import CaRevocationRequest, revoke_authority
from sinetti.authority.ceremony_requests import is_listed
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.succession import SuccessionContext, roll_over
from sinetti.ca.crl import read_list
from sinetti.ca.successors import SuccessorOptions
from sinetti.database.authorities import register
from sinetti.database.authorities.register import CaChangeRefused, CaUnknown
from sinetti.database.issuance import crls
from sinetti.domain.authorities.distrust import DistrustRefused
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.pki.trust_lists.verification import ListReader, verify_anchors
from sinetti.services.authorities.trust_lists import newest_anchors, newest_distrust, newest_list, publish_anchors
from tests.support import golden
from tests.support.ceremonies import NOW, QUICK, ROOTS, founding
from tests.support.foundings import copy_founded
from tests.support.killed import KilledError
from tests.support.registers import all_connections_closed

OLD, SERVICES = "DataProvidersTestIssuingCAv1", "ServicesTestIssuingCAv1"
STOLEN = CaRevocationRequest(OLD, RevocationReason.CA_COMPROMISE, NOW + timedelta(minutes=5))
AT = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def closed():
    with all_connections_closed():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    options = replace(founding(hierarchy=QUICK), passphrase=None)
    return copy_founded(tmp_path_factory.mktemp("revoking") / "authority", options)


@pytest.fixture
def root(made, tmp_path):
    shutil.copytree(made, tmp_path / "authority")
    return tmp_path / "authority"


def opened(root, now=AT, **options):
    authority = open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(now=lambda: now, **options))
    return SuccessionContext(authority, "operator", "request")


def entries(means, name=ROOTS[1]):
    return read_list(crls.latest_crl(means.authority.ctx.db, name, 1).der).entries


def test_a_stolen_ca_is_revoked_listed_and_distrusted(root):
    means = opened(root)
    view = revoke_authority(STOLEN, means)
    ctx = means.authority.ctx
    assert (view.state, view.revocation_reason) == (CaState.REVOKED, "cACompromise")
    assert is_listed(view, ctx)
    (entry,) = entries(means)
    assert (entry.reason, entry.invalidity_date) == ("cACompromise", STOLEN.since)
    (row,) = newest_distrust(ctx.db).authorities
    assert (row.name, row.since, row.bridge_until) == (OLD, STOLEN.since, AT + timedelta(hours=72))
    octets = newest_list(newest_anchors(ctx.db).kind, ctx.db).octets
    reader = ListReader(ctx.environment, (ctx.issuers[ROOTS[0]].certificate,))
    states = {one.state for one in verify_anchors(octets, reader, AT).authorities}
    assert states == {CaState.ISSUING, CaState.REVOKED}
    # The same call again changes nothing that relying parties see.
    number = newest_distrust(ctx.db).number
    assert revoke_authority(replace(STOLEN, since=AT), means) == view
    assert newest_distrust(ctx.db).number == number


def test_a_stricter_declaration_is_not_passed_over_in_silence(root, monkeypatch):
    means = opened(root)
    view = revoke_authority(STOLEN, means)
    with pytest.raises(DistrustRefused, match="--under-checkpoint"):
        revoke_authority(replace(STOLEN, since=NOW), means)
    monkeypatch.setattr(ca_revocation, "read_checkpoint", lambda octets, *_: octets.decode())
    with pytest.raises(DistrustRefused, match="never"):
        revoke_authority(replace(STOLEN, since=None, checkpoint=b"log"), means)
    assert register.get_authority(means.authority.ctx.db, OLD) == view


def test_a_declaration_under_a_checkpoint_is_completed_by_the_same_call(root, monkeypatch):
    monkeypatch.setattr(ca_revocation, "read_checkpoint", lambda octets, *_: octets.decode())
    means = opened(root)
    view = revoke_authority(replace(STOLEN, checkpoint=b"log"), means)
    assert view.distrust.checkpoint == "log"
    for same in (replace(STOLEN, checkpoint=b"log"), replace(STOLEN, since=None)):
        assert revoke_authority(same, means) == view
    with pytest.raises(DistrustRefused, match="checkpoint"):
        revoke_authority(replace(STOLEN, checkpoint=b"later"), means)


@pytest.mark.long
@pytest.mark.parametrize("point", ["ca-revoked", "ca-noted", "distrust-signed", "ca listed", "ca anchors"])
def test_killed_at_a_step_the_same_call_completes_it(point, root):
    def kill(reached):
        if reached == point:
            raise KilledError

    means = opened(root, step=kill)
    with pytest.raises(KilledError):
        revoke_authority(STOLEN, means)
    means.authority.ctx.db.close()
    means = opened(root)
    view = revoke_authority(STOLEN, means)
    ctx = means.authority.ctx
    assert is_listed(view, ctx)
    assert [one.name for one in newest_distrust(ctx.db).authorities] == [OLD]
    assert newest_anchors(ctx.db) is not None


@pytest.mark.long
def test_an_intermediate_ca_takes_those_below_it_out_of_issuing(root):
    means = opened(root)
    roll_over(SERVICES, SuccessorOptions(), means)
    revoke_authority(CaRevocationRequest(ROOTS[1], RevocationReason.SUPERSEDED), means)
    states = {one.name: one.state for one in register.list_authorities(means.authority.ctx.db)}
    assert states[OLD] is CaState.PUBLISHING
    assert states[ROOTS[1]] is CaState.REVOKED
    assert [one.reason for one in entries(means, ROOTS[0])] == ["superseded"]
    assert newest_distrust(means.authority.ctx.db) is None


REFUSED = {
    "the root": (CaRevocationRequest(ROOTS[0], RevocationReason.CA_COMPROMISE), CaChangeRefused),
    "the services CA that signs": (CaRevocationRequest(SERVICES, RevocationReason.SUPERSEDED), CaChangeRefused),
    "another one": (CaRevocationRequest("OtherCA", RevocationReason.SUPERSEDED), CaUnknown),
    "a theft in the future": (replace(STOLEN, since=AT + timedelta(hours=1)), DistrustRefused),
    "a long bridge": (replace(STOLEN, bridge_hours=73), DistrustRefused),
    "a file that is no checkpoint": (replace(STOLEN, checkpoint=b"x"), DistrustRefused),
    "an empty checkpoint": (replace(STOLEN, checkpoint=b""), DistrustRefused),
}


@pytest.mark.long
@pytest.mark.parametrize("case", REFUSED)
def test_revocations_that_are_refused(case, root):
    means, (wanted, error) = opened(root), REFUSED[case]
    said = golden.refusals({case: lambda: revoke_authority(wanted, means)}, error)
    golden.check(f"sentences/ca-revocation/{case.replace(' ', '-')}", {"en.txt": said})
    assert newest_distrust(means.authority.ctx.db) is None
    assert all(one.state is CaState.ISSUING for one in register.list_authorities(means.authority.ctx.db))


@pytest.mark.long
def test_the_successor_of_a_services_ca_lets_it_be_revoked(root):
    means = opened(root)
    roll_over(SERVICES, SuccessorOptions(), means)
    view = revoke_authority(CaRevocationRequest(SERVICES, RevocationReason.CA_COMPROMISE), means)
    assert (view.state, view.distrust.since) == (CaState.REVOKED, AT)
    (row,) = newest_distrust(means.authority.ctx.db).authorities
    assert row.name == SERVICES


@pytest.mark.long
def test_the_list_of_anchors_is_signed_once_for_one_state(root):
    means = opened(root)
    ctx, signed = means.authority.ctx, []

    def sign(name, octets):
        signed.append(name)
        return means.authority.keys.sign(name, octets)

    first = publish_anchors(ctx, sign, ("operator", "request"))
    assert publish_anchors(ctx, sign, ("operator", "request")) == first
    assert signed == [ROOTS[0]]
    assert first.number == newest_anchors(ctx.db).number


@pytest.mark.long
def test_a_root_whose_key_is_at_hand_is_followed_and_certified_both_ways(root):
    means = opened(root)
    new = roll_over(ROOTS[0], SuccessorOptions(), means)
    ctx = means.authority.ctx
    assert (new.name, new.state) == ("SinettiRootTestCAv2", CaState.ISSUING)
    found = newest_list(newest_anchors(ctx.db).kind, ctx.db).octets
    for name in (ROOTS[0], new.name):
        reader = ListReader(ctx.environment, (ctx.issuers[name].certificate,))
        assert len(verify_anchors(found, reader, AT).links) == 2
    below = roll_over(ROOTS[1], SuccessorOptions(), means)
    assert below.issuer == new.name
    assert roll_over(OLD, SuccessorOptions(), means).issuer == below.name
    assert len(newest_anchors(ctx.db).links) == 2
