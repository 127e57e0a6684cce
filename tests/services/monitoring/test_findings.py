"""The watchdog: each possible fault, and the instruction that reports it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.ca.crl import attach_crl_signature, prepare_crl
from sinetti.database import models
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.operations.monitoring import FindingKind
from sinetti.domain.values import Channel
from sinetti.pki.encoding import certificate_der, load_certificate, sign
from sinetti.services.monitoring import findings
from sinetti.services.monitoring.findings import (
    CrlLocation,
    NotFound,
    bulk_findings,
    certificate_findings,
    check_crls,
    check_ocsp_age,
    list_places,
    stored_crls,
)
from sinetti.services.revocation.bulk_revoke import BulkRevocationRequest, approve, revoke_many
from sinetti.services.revocation.early_replacement import EarlyReplacementRequest, call_early, cancel, list_status
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import LIFE, publish, store_external_crl
from tests.support.authority import NOW, authority, holder_certificate, holder_key, issuer
from tests.support.killed import KilledError, killed_at
from tests.support.scene import DAY, REQUEST, SECOND, enrolled

SUPERSEDED = RevocationReason.SUPERSEDED


def published(scene):
    """Publish the CRLs of both issuing CAs; return the name of the CA of WS."""
    for name in set(scene.ctx.issuing.values()):
        publish(name, scene.ctx, REQUEST)
    return scene.ctx.issuing[Channel.WS]


def both(name):
    """Return the names of the two CRLs of a CA, the complete one first."""
    return [name, f"{name}-1"]


def found(scene, **rest):
    return [(one.kind, one.about) for one in check_crls(scene.ctx, stored_crls(scene.ctx), **rest)]


def test_nothing_was_issued_yet(sqlite_scene):
    assert list_places(sqlite_scene.ctx) == ()
    assert found(sqlite_scene) == []


def test_lists_that_were_never_published(sqlite_scene):
    enrolled(sqlite_scene)
    assert found(sqlite_scene) == [
        (FindingKind.LIST_MISSING, one) for name in sorted(set(sqlite_scene.ctx.issuing.values())) for one in both(name)
    ]


def test_all_is_well_and_half_a_life_later_it_is_not(scene):
    held = enrolled(scene)
    name = published(scene)
    revoke(RevocationRequest(held.serial, SUPERSEDED), scene.ctx, "operator", REQUEST)
    assert found(scene) == []
    scene.clock.forward(LIFE / 2 - SECOND)
    assert found(scene) == []
    scene.clock.forward(SECOND)
    assert {(FindingKind.LIST_OLD, one) for one in both(name)} <= set(found(scene))
    sentences = [one.sentence for one in check_crls(scene.ctx, stored_crls(scene.ctx))]
    assert len(sentences) == 4
    assert all("the log of" in one for one in sentences)


def test_a_revocation_that_did_not_get_onto_its_list(scene):
    held = [enrolled(scene) for _ in range(4)]
    name = published(scene)
    scene.signer.away = True
    for one in held:
        revoke(RevocationRequest(one.serial, SUPERSEDED), scene.ctx, "operator", REQUEST)
    assert found(scene) == [(FindingKind.LIST_LACKS, one) for one in both(name)]
    (finding, _) = check_crls(scene.ctx, stored_crls(scene.ctx))
    assert f"lacks {min(one.serial for one in held)}" in finding.sentence
    assert "and 1 more" in finding.sentence


def test_what_had_ended_when_the_list_was_made_may_be_missing(sqlite_scene):
    held = enrolled(sqlite_scene)
    sqlite_scene.clock.now = load_certificate(held.der).not_valid_after_utc + SECOND
    published(sqlite_scene)
    sqlite_scene.signer.away = True
    revoke(RevocationRequest(held.serial, SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    assert found(sqlite_scene) == []


def test_a_list_that_knows_more_than_the_register(scene):
    held = enrolled(scene)
    name = published(scene)
    revoke(RevocationRequest(held.serial, SUPERSEDED), scene.ctx, "operator", REQUEST)
    rows = models.Certificate.objects.using(scene.db.alias)
    rows.update(revoked_at=None, revocation_reason="")
    assert found(scene) == [(FindingKind.LIST_HAS_MORE, one) for one in both(name)]
    (finding, _) = check_crls(scene.ctx, stored_crls(scene.ctx))
    assert "reconcile" in finding.sentence


def test_the_whole_list_has_what_every_shard_has(sqlite_scene):
    held = enrolled(sqlite_scene)
    name = published(sqlite_scene)
    revoke(RevocationRequest(held.serial, SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    models.Certificate.objects.using(sqlite_scene.db.alias).update(crl_shard=2)
    places = [one for one in list_places(sqlite_scene.ctx) if one.authority == name]
    assert [one.path for one in places] == [f"/crl/{one}.crl" for one in both(name)]
    assert found(sqlite_scene) == [(FindingKind.LIST_HAS_MORE, f"{name}-1")]


COUNTED = {
    "all is well": (0, []),
    "one of the newest is missing": (1, [FindingKind.LIST_LACKS]),
    "the register forgot": (-1, [FindingKind.LIST_LACKS]),
}


@pytest.mark.parametrize(("more", "kinds"), COUNTED.values(), ids=COUNTED)
def test_a_list_too_long_to_be_compared_one_by_one(sqlite_scene, monkeypatch, more, kinds):
    monkeypatch.setattr(findings, "MOST_COMPARED", 0)
    held = [enrolled(sqlite_scene) for _ in range(2)]
    published(sqlite_scene)
    revoke(RevocationRequest(held[0].serial, SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    if more > 0:
        sqlite_scene.signer.away = True
        revoke(RevocationRequest(held[1].serial, SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    if more < 0:
        models.Certificate.objects.using(sqlite_scene.db.alias).update(revoked_at=None, revocation_reason="")
    assert [kind for kind, _ in found(sqlite_scene)] == [kind for kind in kinds for _ in both("")]


def test_what_is_served_is_judged_as_what_is_stored(sqlite_scene):
    enrolled(sqlite_scene)
    name = published(sqlite_scene)
    good = stored_crls(sqlite_scene.ctx)

    def read(place):
        if place.authority != name:
            sentence = "it answers 404"
            raise NotFound(sentence)
        return b"\x30\x00"

    kinds = {one.about: one.kind for one in check_crls(sqlite_scene.ctx, read)}
    other = sqlite_scene.ctx.issuing[Channel.SFTP]
    wrong = dict.fromkeys(both(name), FindingKind.LIST_WRONG)
    assert kinds == wrong | dict.fromkeys(both(other), FindingKind.LIST_MISSING)
    swapped = {name: other, other: name}
    mixed_up = check_crls(sqlite_scene.ctx, lambda place: good(CrlLocation(swapped[place.authority], 1)))
    assert [one.kind for one in mixed_up] == [FindingKind.LIST_WRONG] * 4


def test_a_list_of_a_ca_whose_certificate_is_gone(sqlite_scene):
    enrolled(sqlite_scene)
    name = published(sqlite_scene)
    certificates = {key: value for key, value in sqlite_scene.ctx.certificates.items() if key != name}
    assert (FindingKind.LIST_WRONG, f"{name}-1") in found(sqlite_scene.but(certificates=certificates))


def test_the_lists_of_cas_that_are_off_line(sqlite_scene):
    root = authority().hierarchy.authorities[0].file_name
    one = replace(authority().issuer(root), shard=1)
    to_be_signed = prepare_crl(one, [], 7, NOW, NOW + timedelta(days=365))
    der = attach_crl_signature(to_be_signed, sign(authority().key(root), to_be_signed), one.certificate)
    store_external_crl(root, 1, der, sqlite_scene.db, sqlite_scene.audit_entry())
    scene = sqlite_scene.but(offline=frozenset({root}))
    assert list_places(scene.ctx) == (CrlLocation(root, 1),)
    scene.clock.now = NOW + 305 * DAY - SECOND
    assert found(scene) == []
    scene.clock.forward(SECOND)
    assert found(scene) == [(FindingKind.OFFLINE_LIST_ENDS, f"{root}-1")]
    assert found(scene, offline=False) == []


def test_ocsp_answers_by_the_oldest_of_each_ca(scene):
    """Responses are signed anew from half their life on, and the round takes a while."""
    assert check_ocsp_age(scene.ctx) == ()
    for name, serial, age in (("A", "0a", 13), ("A", "0b", 1), ("B", "0c", 12)):
        made = scene.clock.now - timedelta(hours=age)
        models.OcspResponse.objects.using(scene.db.alias).create(
            authority=name, serial=serial, sha1=b"", sha256=b"", this_update=made, next_update=made + DAY
        )
    (finding,) = check_ocsp_age(scene.ctx)
    assert (finding.kind, finding.about) == (FindingKind.ANSWER_OLD, "A")
    assert "OCSP responses of A are from" in finding.sentence


def test_certificates_of_our_own(sqlite_scene):
    """Of several certificates for one purpose the last one counts.

    The one before it was replaced in time.
    """
    old, new = (certificate_der(holder_certificate(holder_key(), begins=NOW + days * DAY)) for days in (0, 10))
    files = {"a-1.cer": new, "a-2.cer": old, "ca.cer": certificate_der(issuer().certificate), "x.cer": b"x"}
    assert [one.about for one in certificate_findings(files, sqlite_scene.ctx)] == ["x.cer"]
    sqlite_scene.clock.forward(710 * DAY - SECOND)
    assert [one.about for one in certificate_findings(files, sqlite_scene.ctx)] == ["x.cer"]
    sqlite_scene.clock.forward(SECOND)
    (_, finding) = certificate_findings(files, sqlite_scene.ctx)
    assert (finding.kind, finding.about) == (FindingKind.CERTIFICATE_ENDS, "a-1.cer")
    assert "a-1.cer expires on" in finding.sentence
    sqlite_scene.clock.forward(31 * DAY)
    assert "a-1.cer expired on" in certificate_findings({"a-1.cer": new}, sqlite_scene.ctx)[0].sentence


def test_calls_for_early_replacement_that_were_cut_short(sqlite_scene):
    ctx, serial = sqlite_scene.ctx, enrolled(sqlite_scene).serial
    ask = EarlyReplacementRequest(
        CertificateSelection(serials=(serial,)), "a17", "incident", Explanation(), timedelta(hours=1)
    )
    with pytest.raises(KilledError):
        call_early(ask, sqlite_scene.but(step=killed_at("early-stored")).ctx, REQUEST)
    (finding,) = bulk_findings(ctx)
    assert (finding.kind, "with the same options" in finding.sentence) == (FindingKind.EARLY_UNFINISHED, True)
    call_early(ask, ctx, REQUEST)
    assert bulk_findings(ctx) == ()
    (call,) = list_status(ctx)
    with pytest.raises(KilledError):
        cancel(call.call_id, "a17", sqlite_scene.but(step=killed_at("early-undone")).ctx, REQUEST)
    assert f"--end {call.call_id} again" in bulk_findings(ctx)[0].sentence
    cancel(call.call_id, "a17", ctx, REQUEST)
    assert bulk_findings(ctx) == ()


def test_bulk_revocations_that_were_cut_short(sqlite_scene, monkeypatch):
    ctx = sqlite_scene.ctx
    serials = tuple(enrolled(sqlite_scene).serial for _ in range(2))
    ask = BulkRevocationRequest(CertificateSelection(serials=serials[:1]), SUPERSEDED, "a17")
    with pytest.raises(KilledError):
        revoke_many(ask, sqlite_scene.but(step=killed_at("many-stored")).ctx, REQUEST)
    (finding,) = bulk_findings(ctx)
    assert (finding.kind, "revoke-many --resume" in finding.sentence) == (FindingKind.BULK_UNFINISHED, True)
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 0)
    revoke_many(ask, ctx, REQUEST)
    waiting = revoke_many(
        BulkRevocationRequest(CertificateSelection(serials=serials[1:]), SUPERSEDED, "a17"), ctx, REQUEST
    ).proposal
    assert bulk_findings(ctx) == (), "what waits for its second officer is not cut short"
    with pytest.raises(KilledError):
        approve(waiting.proposal_id, "b2", sqlite_scene.but(step=killed_at("many-approved")).ctx, REQUEST)
    assert "revoke-many --resume" in bulk_findings(ctx)[0].sentence
