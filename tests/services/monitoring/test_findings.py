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
from tests.support.service_context import DAY, REQUEST, SECOND, KilledError, enrolled, killed_at

SUPERSEDED = RevocationReason.SUPERSEDED


def published(desk):
    """Publish the CRLs of both issuing CAs; return the name of the CA of WS."""
    for name in set(desk.ctx.issuing.values()):
        publish(name, desk.ctx, REQUEST)
    return desk.ctx.issuing[Channel.WS]


def both(name):
    """Return the names of the two CRLs of a CA, the complete one first."""
    return [name, f"{name}-1"]


def found(desk, **rest):
    return [(one.kind, one.about) for one in check_crls(desk.ctx, stored_crls(desk.ctx), **rest)]


def test_nothing_was_issued_yet(sqlite_desk):
    assert list_places(sqlite_desk.ctx) == ()
    assert found(sqlite_desk) == []


def test_lists_that_were_never_published(sqlite_desk):
    enrolled(sqlite_desk)
    assert found(sqlite_desk) == [
        (FindingKind.LIST_MISSING, one) for name in sorted(set(sqlite_desk.ctx.issuing.values())) for one in both(name)
    ]


def test_all_is_well_and_half_a_life_later_it_is_not(desk):
    held = enrolled(desk)
    name = published(desk)
    revoke(RevocationRequest(held.serial, SUPERSEDED), desk.ctx, "operator", REQUEST)
    assert found(desk) == []
    desk.clock.forward(LIFE / 2 - SECOND)
    assert found(desk) == []
    desk.clock.forward(SECOND)
    assert {(FindingKind.LIST_OLD, one) for one in both(name)} <= set(found(desk))
    sentences = [one.sentence for one in check_crls(desk.ctx, stored_crls(desk.ctx))]
    assert len(sentences) == 4
    assert all("the log of" in one for one in sentences)


def test_a_revocation_that_did_not_get_onto_its_list(desk):
    held = [enrolled(desk) for _ in range(4)]
    name = published(desk)
    desk.signer.away = True
    for one in held:
        revoke(RevocationRequest(one.serial, SUPERSEDED), desk.ctx, "operator", REQUEST)
    assert found(desk) == [(FindingKind.LIST_LACKS, one) for one in both(name)]
    (finding, _) = check_crls(desk.ctx, stored_crls(desk.ctx))
    assert f"lacks {min(one.serial for one in held)}" in finding.sentence
    assert "and 1 more" in finding.sentence


def test_what_had_ended_when_the_list_was_made_may_be_missing(sqlite_desk):
    held = enrolled(sqlite_desk)
    sqlite_desk.clock.now = load_certificate(held.der).not_valid_after_utc + SECOND
    published(sqlite_desk)
    sqlite_desk.signer.away = True
    revoke(RevocationRequest(held.serial, SUPERSEDED), sqlite_desk.ctx, "operator", REQUEST)
    assert found(sqlite_desk) == []


def test_a_list_that_knows_more_than_the_register(desk):
    held = enrolled(desk)
    name = published(desk)
    revoke(RevocationRequest(held.serial, SUPERSEDED), desk.ctx, "operator", REQUEST)
    rows = models.Certificate.objects.using(desk.db.alias)
    rows.update(revoked_at=None, revocation_reason="")
    assert found(desk) == [(FindingKind.LIST_HAS_MORE, one) for one in both(name)]
    (finding, _) = check_crls(desk.ctx, stored_crls(desk.ctx))
    assert "reconcile" in finding.sentence


def test_the_whole_list_has_what_every_shard_has(sqlite_desk):
    held = enrolled(sqlite_desk)
    name = published(sqlite_desk)
    revoke(RevocationRequest(held.serial, SUPERSEDED), sqlite_desk.ctx, "operator", REQUEST)
    models.Certificate.objects.using(sqlite_desk.db.alias).update(crl_shard=2)
    places = [one for one in list_places(sqlite_desk.ctx) if one.authority == name]
    assert [one.path for one in places] == [f"/crl/{one}.crl" for one in both(name)]
    assert found(sqlite_desk) == [(FindingKind.LIST_HAS_MORE, f"{name}-1")]


COUNTED = {
    "all is well": (0, []),
    "one of the newest is missing": (1, [FindingKind.LIST_LACKS]),
    "the register forgot": (-1, [FindingKind.LIST_LACKS]),
}


@pytest.mark.parametrize(("more", "kinds"), COUNTED.values(), ids=COUNTED)
def test_a_list_too_long_to_be_compared_one_by_one(sqlite_desk, monkeypatch, more, kinds):
    monkeypatch.setattr(findings, "MOST_COMPARED", 0)
    held = [enrolled(sqlite_desk) for _ in range(2)]
    published(sqlite_desk)
    revoke(RevocationRequest(held[0].serial, SUPERSEDED), sqlite_desk.ctx, "operator", REQUEST)
    if more > 0:
        sqlite_desk.signer.away = True
        revoke(RevocationRequest(held[1].serial, SUPERSEDED), sqlite_desk.ctx, "operator", REQUEST)
    if more < 0:
        models.Certificate.objects.using(sqlite_desk.db.alias).update(revoked_at=None, revocation_reason="")
    assert [kind for kind, _ in found(sqlite_desk)] == [kind for kind in kinds for _ in both("")]


def test_what_is_served_is_judged_as_what_is_stored(sqlite_desk):
    enrolled(sqlite_desk)
    name = published(sqlite_desk)
    good = stored_crls(sqlite_desk.ctx)

    def read(place):
        if place.authority != name:
            sentence = "it answers 404"
            raise NotFound(sentence)
        return b"\x30\x00"

    kinds = {one.about: one.kind for one in check_crls(sqlite_desk.ctx, read)}
    other = sqlite_desk.ctx.issuing[Channel.SFTP]
    wrong = dict.fromkeys(both(name), FindingKind.LIST_WRONG)
    assert kinds == wrong | dict.fromkeys(both(other), FindingKind.LIST_MISSING)
    swapped = {name: other, other: name}
    mixed_up = check_crls(sqlite_desk.ctx, lambda place: good(CrlLocation(swapped[place.authority], 1)))
    assert [one.kind for one in mixed_up] == [FindingKind.LIST_WRONG] * 4


def test_a_list_of_a_ca_whose_certificate_is_gone(sqlite_desk):
    enrolled(sqlite_desk)
    name = published(sqlite_desk)
    certificates = {key: value for key, value in sqlite_desk.ctx.certificates.items() if key != name}
    assert (FindingKind.LIST_WRONG, f"{name}-1") in found(sqlite_desk.but(certificates=certificates))


def test_the_lists_of_cas_that_are_off_line(sqlite_desk):
    root = authority().hierarchy.authorities[0].file_name
    one = replace(authority().issuer(root), shard=1)
    to_be_signed = prepare_crl(one, [], 7, NOW, NOW + timedelta(days=365))
    der = attach_crl_signature(to_be_signed, sign(authority().key(root), to_be_signed), one.certificate)
    store_external_crl(root, 1, der, sqlite_desk.db, sqlite_desk.audit_entry())
    desk = sqlite_desk.but(offline=frozenset({root}))
    assert list_places(desk.ctx) == (CrlLocation(root, 1),)
    desk.clock.now = NOW + 305 * DAY - SECOND
    assert found(desk) == []
    desk.clock.forward(SECOND)
    assert found(desk) == [(FindingKind.OFFLINE_LIST_ENDS, f"{root}-1")]
    assert found(desk, offline=False) == []


def test_ocsp_answers_by_the_oldest_of_each_ca(desk):
    """Responses are signed anew from half their life on, and the round takes a while."""
    assert check_ocsp_age(desk.ctx) == ()
    for name, serial, age in (("A", "0a", 13), ("A", "0b", 1), ("B", "0c", 12)):
        made = desk.clock.now - timedelta(hours=age)
        models.OcspResponse.objects.using(desk.db.alias).create(
            authority=name, serial=serial, sha1=b"", sha256=b"", this_update=made, next_update=made + DAY
        )
    (finding,) = check_ocsp_age(desk.ctx)
    assert (finding.kind, finding.about) == (FindingKind.ANSWER_OLD, "A")
    assert "OCSP responses of A are from" in finding.sentence


def test_certificates_of_our_own(sqlite_desk):
    """Of several certificates for one purpose the last one counts.

    The one before it was replaced in time.
    """
    old, new = (certificate_der(holder_certificate(holder_key(), begins=NOW + days * DAY)) for days in (0, 10))
    files = {"a-1.cer": new, "a-2.cer": old, "ca.cer": certificate_der(issuer().certificate), "x.cer": b"x"}
    assert [one.about for one in certificate_findings(files, sqlite_desk.ctx)] == ["x.cer"]
    sqlite_desk.clock.forward(710 * DAY - SECOND)
    assert [one.about for one in certificate_findings(files, sqlite_desk.ctx)] == ["x.cer"]
    sqlite_desk.clock.forward(SECOND)
    (_, finding) = certificate_findings(files, sqlite_desk.ctx)
    assert (finding.kind, finding.about) == (FindingKind.CERTIFICATE_ENDS, "a-1.cer")
    assert "a-1.cer expires on" in finding.sentence
    sqlite_desk.clock.forward(31 * DAY)
    assert "a-1.cer expired on" in certificate_findings({"a-1.cer": new}, sqlite_desk.ctx)[0].sentence


def test_calls_for_early_replacement_that_were_cut_short(sqlite_desk):
    ctx, serial = sqlite_desk.ctx, enrolled(sqlite_desk).serial
    ask = EarlyReplacementRequest(
        CertificateSelection(serials=(serial,)), "a17", "incident", Explanation(), timedelta(hours=1)
    )
    with pytest.raises(KilledError):
        call_early(ask, sqlite_desk.but(step=killed_at("early-stored")).ctx, REQUEST)
    (finding,) = bulk_findings(ctx)
    assert (finding.kind, "with the same options" in finding.sentence) == (FindingKind.EARLY_UNFINISHED, True)
    call_early(ask, ctx, REQUEST)
    assert bulk_findings(ctx) == ()
    (call,) = list_status(ctx)
    with pytest.raises(KilledError):
        cancel(call.call_id, "a17", sqlite_desk.but(step=killed_at("early-undone")).ctx, REQUEST)
    assert f"--end {call.call_id} again" in bulk_findings(ctx)[0].sentence
    cancel(call.call_id, "a17", ctx, REQUEST)
    assert bulk_findings(ctx) == ()


def test_bulk_revocations_that_were_cut_short(sqlite_desk, monkeypatch):
    ctx = sqlite_desk.ctx
    serials = tuple(enrolled(sqlite_desk).serial for _ in range(2))
    ask = BulkRevocationRequest(CertificateSelection(serials=serials[:1]), SUPERSEDED, "a17")
    with pytest.raises(KilledError):
        revoke_many(ask, sqlite_desk.but(step=killed_at("many-stored")).ctx, REQUEST)
    (finding,) = bulk_findings(ctx)
    assert (finding.kind, "revoke-many --resume" in finding.sentence) == (FindingKind.BULK_UNFINISHED, True)
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 0)
    revoke_many(ask, ctx, REQUEST)
    waiting = revoke_many(
        BulkRevocationRequest(CertificateSelection(serials=serials[1:]), SUPERSEDED, "a17"), ctx, REQUEST
    ).proposal
    assert bulk_findings(ctx) == (), "what waits for its second officer is not cut short"
    with pytest.raises(KilledError):
        approve(waiting.proposal_id, "b2", sqlite_desk.but(step=killed_at("many-approved")).ctx, REQUEST)
    assert "revoke-many --resume" in bulk_findings(ctx)[0].sentence
