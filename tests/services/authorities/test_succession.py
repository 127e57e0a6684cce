"""Moves of CAs: what issues afterwards, what is in the journal, and kills at each step."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.ca.crl import read_list
from sinetti.ca.issuance import last_issuance_time
from sinetti.database import models
from sinetti.database.authorities import journal_lines, register
from sinetti.database.authorities.register import CaChangeRefused
from sinetti.database.issuance import journal_records
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.values import Channel
from sinetti.pki.encoding import load_certificate
from sinetti.services.authorities.succession import activate_ca, install_ca, list_cas, retire_ca, revoke_ca, stop_ca
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.reconcile import compare, preview, reconcile, resolve_reservations
from sinetti.services.issuance.renew import renew
from sinetti.services.status.crl import current_crl, publish, publish_all, refresh_crls
from sinetti.services.status.ocsp import OcspRefresher
from tests.support.backups import backed_up, restored
from tests.support.journals import keeping
from tests.support.killed import KilledError, killed_at, once_at
from tests.support.scene import (
    DAY,
    REQUEST,
    accepted,
    authority_rows,
    enrolled,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    refused,
    renew_ask,
    renewed,
)
from tests.support.successors import FIRST, SECOND, authority_with_standby, scene_with_standby

COMPROMISED = RevocationReason.CA_COMPROMISE


@pytest.fixture
def scene(db, tmp_path):
    with keeping(scene_with_standby(db), tmp_path) as opened:
        yield opened


@pytest.fixture
def sqlite_scene(sqlite_db, tmp_path):
    with keeping(scene_with_standby(sqlite_db), tmp_path) as opened:
        yield opened


def issuer_of(scene, held):
    return scene.certificate(held.serial).authority


def lines(scene):
    """Return name, state and version of each line of a CA in the journal."""
    found = journal_records.lines(scene.ctx.journal.folder, scene.ctx.journal.instance_id)
    return [tuple(one.facts[part] for part in ("name", "state", "version")) for one in found if one.kind == "authority"]


def state_of(scene, name):
    return register.get_authority(scene.db, name).state


def test_a_renewal_after_the_activation_is_of_the_successor(scene):
    held = enrolled(scene)
    assert activate_ca(SECOND, scene.ctx, scene.audit_entry()) == FIRST
    in_the_window(scene, held)
    new = renewed(scene, held)
    assert (issuer_of(scene, held), issuer_of(scene, new)) == (FIRST, SECOND)
    assert lines(scene) == [(FIRST, "publishing", 1), (SECOND, "issuing", 1)]
    # Both publish.
    publish_all(scene.ctx, REQUEST)
    assert all(current_crl(name, 1, scene.ctx, REQUEST) for name in (FIRST, SECOND))


def test_a_ca_that_another_node_has_closed_issues_nothing(scene):
    """This process still believes that v1 issues; the statement of commit 1 decides."""
    held, ids = enrolled(scene), ordered(scene)
    register.activate(scene.db, SECOND, scene.audit_entry())
    assert scene.ctx.issuing[Channel.WS] == FIRST
    enrolling = new_ask(ids, new_key())
    accepted(enrol(enrolling, scene.ctx, REQUEST))
    in_the_window(scene, held)
    assert issuer_of(scene, renewed(scene, held)) == SECOND
    rows = models.Certificate.objects.using(scene.db.alias).filter(authority_id=FIRST)
    assert rows.count() == 1, "nothing of v1 was reserved"


MEANWHILE = {
    "an order": lambda scene, held: enrol(new_ask(ordered(scene), new_key()), scene.ctx, REQUEST),
    "a renewal": lambda scene, held: renew(renew_ask(held, new_key()), scene.ctx, REQUEST),
}


@pytest.mark.parametrize("ask", MEANWHILE.values(), ids=MEANWHILE)
def test_a_ca_that_is_closed_between_steps_8_and_9(scene, ask):
    held = enrolled(scene)
    in_the_window(scene, held)
    closing = once_at("8-prepared", lambda: register.activate(scene.db, SECOND, scene.audit_entry()))
    accepted(ask(scene.but(step=closing), held))
    newest = models.Certificate.objects.using(scene.db.alias).order_by("-pk").first()
    assert newest.authority_id == SECOND


@pytest.mark.parametrize("ask", MEANWHILE.values(), ids=MEANWHILE)
def test_a_stopped_channel_is_unavailable_until_a_ca_is_activated(scene, ask):
    held = enrolled(scene)
    assert stop_ca(FIRST, scene.ctx, scene.audit_entry())
    assert not stop_ca(FIRST, scene.ctx, scene.audit_entry())
    in_the_window(scene, held)
    assert refused(ask(scene, held)) is RejectionReason.UNAVAILABLE
    activate_ca(SECOND, scene.ctx, scene.audit_entry())
    accepted(ask(scene, held))
    assert lines(scene) == [(FIRST, "publishing", 1), (SECOND, "issuing", 1)]


def test_a_ca_issues_only_between_its_dates(sqlite_scene):
    held = enrolled(sqlite_scene)
    rows = models.CertificateAuthority.objects.using(sqlite_scene.db.alias).filter(pk=FIRST)
    rows.update(signs_until=sqlite_scene.clock.now - timedelta(seconds=1))
    in_the_window(sqlite_scene, held)
    assert refused(renew(renew_ask(held, new_key()), sqlite_scene.ctx, REQUEST)) is RejectionReason.UNAVAILABLE


def test_what_was_reserved_before_the_close_is_finished(sqlite_scene):
    scene, ids, key = sqlite_scene, ordered(sqlite_scene), new_key()
    scene.signer.away = True
    assert refused(enrol(new_ask(ids, key), scene.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    activate_ca(SECOND, scene.ctx, scene.audit_entry())
    scene.signer.away = False
    accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))
    assert models.Certificate.objects.using(scene.db.alias).get().authority_id == FIRST


def test_a_revoked_ca_signs_nothing_that_it_reserved_before(scene):
    ids, key = ordered(scene), new_key()
    scene.signer.away = True
    assert refused(enrol(new_ask(ids, key), scene.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    scene.signer.away = False
    assert revoke_ca(FIRST, COMPROMISED, None, scene.ctx, scene.audit_entry()).state is CaState.REVOKED
    activate_ca(SECOND, scene.ctx, scene.audit_entry())
    assert refused(enrol(new_ask(ids, key), scene.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    scene.machine.forward(DAY)
    assert resolve_reservations(scene.ctx, REQUEST) == (0, 1)
    accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))
    (row,) = models.Certificate.objects.using(scene.db.alias).filter(sha256__isnull=False)
    assert row.authority_id == SECOND


@pytest.mark.parametrize("is_known", [True, False], ids=["known here", "not yet known here"])
def test_a_ca_that_is_revoked_during_a_signature(scene, is_known):
    """Commit 2 repeats the condition: no certificate of a revoked CA is stored."""

    def revoking():
        register.revoke(scene.db, FIRST, COMPROMISED, None, scene.audit_entry())
        if is_known:
            scene.ctx.refresh_authorities()

    asked = new_ask(ordered(scene), new_key())
    answer = enrol(asked, scene.but(step=once_at("10-signed", revoking)).ctx, REQUEST)
    assert refused(answer) is RejectionReason.UNAVAILABLE
    row = models.Certificate.objects.using(scene.db.alias).get()
    assert (row.sha256, row.revoked_at) == (None, None)
    assert list(journal_records.lines(scene.ctx.journal.folder, scene.ctx.journal.instance_id)) == []


def test_the_last_lists_of_a_retired_ca(scene):
    ctx, held = scene.ctx, enrolled(scene)
    activate_ca(SECOND, ctx, scene.audit_entry())
    with pytest.raises(CaChangeRefused, match="must publish until"):
        retire_ca(FIRST, ctx, scene.audit_entry())
    end = load_certificate(held.der).not_valid_after_utc
    scene.clock.now = end + timedelta(seconds=1)
    assert retire_ca(FIRST, ctx, scene.audit_entry())
    ends = ctx.issuers[FIRST].certificate.not_valid_after_utc
    last = {shard: current_crl(FIRST, shard, ctx, REQUEST) for shard in (0, 1)}
    assert {read_list(one.der).next_update for one in last.values()} == {ends}
    assert not retire_ca(FIRST, ctx, scene.audit_entry()), "the same command again changes nothing"
    # No other list follows: neither by the clock, nor at a start, nor on request after the end.
    scene.clock.now = ends + DAY
    refresh_crls(replace(ctx, issuing={}), REQUEST)
    assert {shard: current_crl(FIRST, shard, ctx, REQUEST).number for shard in last} == {
        shard: one.number for shard, one in last.items()
    }
    assert not models.OcspResponse.objects.using(scene.db.alias).filter(authority=FIRST).exists()
    assert lines(scene)[-1] == (FIRST, "retired", 2)


def test_an_offline_ca_is_retired_with_the_lists_of_its_ceremony(sqlite_scene):
    scene = sqlite_scene.but(offline=frozenset({FIRST}))
    activate_ca(SECOND, scene.ctx, scene.audit_entry())
    assert retire_ca(FIRST, scene.ctx, scene.audit_entry())
    assert current_crl(SECOND, 0, scene.ctx, REQUEST) is not None
    assert not models.Crl.objects.using(scene.db.alias).filter(authority_id=FIRST).exists()


KILLS = {
    "activation, after its commit": ("ca-activated", lambda scene: activate_ca(SECOND, scene.ctx, scene.audit_entry())),
    "activation, after its lines": ("ca-noted", lambda scene: activate_ca(SECOND, scene.ctx, scene.audit_entry())),
    "stop, after its commit": ("ca-stopped", lambda scene: stop_ca(FIRST, scene.ctx, scene.audit_entry())),
    "revocation, after its commit": (
        "ca-revoked",
        lambda scene: revoke_ca(FIRST, COMPROMISED, None, scene.ctx, scene.audit_entry()),
    ),
}


@pytest.mark.parametrize(("step", "act"), KILLS.values(), ids=KILLS)
@pytest.mark.parametrize("again", ["the same command", "the next start"])
def test_a_change_that_was_killed_is_in_the_journal_afterwards(sqlite_scene, step, act, again):
    scene = sqlite_scene
    with pytest.raises(KilledError):
        act(scene.but(step=killed_at(step)))
    if again == "the same command":
        act(scene)
    else:
        compare(scene.ctx, scene.ctx.journal)
    there = {one.name: one.version for one in register.list_authorities(scene.db) if one.version}
    assert {name: version for name, _, version in lines(scene)} == there
    assert preview(scene.ctx, scene.ctx.journal).agrees
    before = len(lines(scene))
    compare(scene.ctx, scene.ctx.journal)
    assert len(lines(scene)) == before


@pytest.mark.parametrize("step", ["ca-last-lists", "ca-retired"])
def test_a_retirement_that_was_killed_continues(sqlite_scene, step):
    scene = sqlite_scene
    activate_ca(SECOND, scene.ctx, scene.audit_entry())
    with pytest.raises(KilledError):
        retire_ca(FIRST, scene.but(step=killed_at(step)).ctx, scene.audit_entry())
    retire_ca(FIRST, scene.ctx, scene.audit_entry())
    assert (state_of(scene, FIRST), lines(scene)[-1]) == (CaState.RETIRED, (FIRST, "retired", 2))


def test_an_installed_ca_is_listed_and_in_the_journal(sqlite_scene):
    scene, built = sqlite_scene, authority_with_standby()
    rows = {one.name: one for one in authority_rows(built)}
    models.CertificateAuthority.objects.using(scene.db.alias).filter(pk=SECOND).delete()
    new = register.NewPendingAuthority(
        SECOND, rows[SECOND].common_name, "issuing", Channel.WS, rows[SECOND].issuer, FIRST, "ec-p256", 3650, b"request"
    )
    register.insert_pending(scene.db, new, scene.audit_entry())
    (pending,) = [one for one in list_cas(scene.ctx) if one.sha256 is None]
    assert (pending.name, pending.state, pending.generation, pending.certificate) == (SECOND, CaState.PENDING, 2, None)
    for _ in range(2):
        assert install_ca(rows[SECOND], scene.ctx, scene.audit_entry()).state is CaState.STANDBY
    assert [one.state for one in list_cas(scene.ctx) if one.name == SECOND] == [CaState.STANDBY]
    assert lines(scene)[0] == (SECOND, "standby", 1)


def test_a_backup_from_before_the_activation_gets_states_and_certificates_back(scene, tmp_path):
    held = enrolled(scene)
    before = backed_up(scene.db, tmp_path)
    activate_ca(SECOND, scene.ctx, scene.audit_entry())
    in_the_window(scene, held)
    new = renewed(scene, held)
    restored(scene.db, before)
    scene.ctx.refresh_authorities()
    assert scene.ctx.issuing[Channel.WS] == FIRST
    status = preview(scene.ctx, scene.ctx.journal)
    assert (status.agrees, status.authorities.lost) == (False, {FIRST, SECOND})
    assert f"CAs: {FIRST} {SECOND}" in status.ahead
    report = reconcile(scene.ctx, scene.ctx.journal, REQUEST)
    assert (report.restored, report.failed) == ((new.serial,), ())
    assert (state_of(scene, FIRST), state_of(scene, SECOND)) == (CaState.PUBLISHING, CaState.ISSUING)
    assert scene.ctx.issuing[Channel.WS] == SECOND
    assert issuer_of(scene, new) == SECOND
    assert preview(scene.ctx, scene.ctx.journal).agrees


def test_a_backup_from_before_the_installation_gets_the_ca_back(sqlite_scene):
    scene, built = sqlite_scene, authority_with_standby()
    alias, rows = scene.db.alias, {one.name: one for one in authority_rows(built)}
    models.CertificateAuthority.objects.using(alias).filter(pk=SECOND).delete()
    install_ca(rows[SECOND], scene.ctx, scene.audit_entry())
    declared = register.Distrust(scene.clock.now - DAY, scene.clock.now, scene.clock.now + DAY, "log\n7\n")
    revoke_ca(SECOND, COMPROMISED, declared, scene.ctx, scene.audit_entry())
    kept = register.get_authority(scene.db, SECOND)
    models.CaDistrust.objects.using(alias).all().delete()
    models.CertificateAuthority.objects.using(alias).filter(pk=SECOND).delete()
    for _ in range(2):
        assert reconcile(scene.ctx, scene.ctx.journal, REQUEST).failed == ()
        assert register.get_authority(scene.db, SECOND) == kept
    assert kept.distrust == declared


def test_the_line_with_the_highest_version_counts(sqlite_scene):
    known = {}
    activate_ca(SECOND, sqlite_scene.ctx, sqlite_scene.audit_entry())
    stop_ca(SECOND, sqlite_scene.ctx, sqlite_scene.audit_entry())
    found = list(journal_records.lines(sqlite_scene.ctx.journal.folder, sqlite_scene.ctx.journal.instance_id))
    for line in (*found, *reversed(found)):
        journal_lines.collect(known, line)
    assert {name: facts["version"] for name, facts in known.items()} == {FIRST: 1, SECOND: 2}


def test_dates_of_the_register_are_those_of_the_certificate(sqlite_scene):
    one = register.get_authority(sqlite_scene.db, SECOND)
    certificate = load_certificate(one.certificate)
    assert one.signs_until == last_issuance_time(certificate, sqlite_scene.ctx.validity)
    assert publish(SECOND, sqlite_scene.ctx, REQUEST).number > 0
    assert OcspRefresher().look(sqlite_scene.ctx) == 0
