"""CRLs: increasing numbers, a new list each day, and the removal of entries.

An entry stays until one list after the end of its certificate.
"""

from datetime import timedelta
from itertools import product
from threading import Event, get_ident
from types import SimpleNamespace

import pytest
from cryptography import x509

from sinetti.database import models
from sinetti.database.certificates import revocation
from sinetti.database.issuance import crls
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.journal.crl_archive import ArchivedCrlName
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.services import context
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import OFFLINE_LIFE, current_crl, publish, publish_all, refresh_crls
from tests.support.authority import authority
from tests.support.registers import crowd
from tests.support.scene import DAY, REQUEST, SECOND, Scene, SwitchableSigner, ca_certificate, enrolled


def now_listed(scene: Scene, channel: Channel = Channel.WS):
    return current_crl(scene.ctx.issuing[channel], 1, scene.ctx, REQUEST)


def crl(published) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(published.der)


def ca_name(scene: Scene, channel: Channel = Channel.WS) -> str:
    return scene.ctx.issuing[channel]


def revoked(scene: Scene, held) -> None:
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)


def serials(published) -> set[str]:
    return {f"{entry.serial_number:038x}" for entry in crl(published)}


def test_an_empty_list_of_a_new_ca(scene):
    published = now_listed(scene)
    found = crl(published)
    assert len(found) == 0
    assert found.is_signature_valid(ca_certificate().public_key())
    assert found.issuer == ca_certificate().subject
    assert found.last_update_utc == published.this_update == scene.clock.now
    assert found.next_update_utc == published.next_update == scene.clock.now + 7 * DAY
    assert found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == published.number
    scope = found.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert scope.critical
    assert scope.value.full_name[0].value == scene.ctx.issuers[scene.ctx.issuing[Channel.WS]].crl_url


NO_LIST = {
    "no such CA": ("NobodysCAv1", 1),
    "a CA that issues to no holders": ("SinettiRootTestCAv1", 1),
    "a shard that was not opened": ("DataProvidersTestIssuingCAv1", 2),
}


@pytest.mark.parametrize(("authority", "shard"), NO_LIST.values(), ids=NO_LIST)
def test_there_is_no_list(scene, authority, shard):
    assert current_crl(authority, shard, scene.ctx, REQUEST) is None


HOUR = timedelta(hours=1)
HALF_AN_HOUR = timedelta(minutes=30)
AGES = {
    "at once": (timedelta(0), False),
    "half an hour old but for a second": (HALF_AN_HOUR - SECOND, False),
    "half an hour old": (HALF_AN_HOUR, True),
    "a year old": (365 * DAY, True),
    "from the future, since the clock was set back": (-SECOND, True),
}


@pytest.mark.parametrize(("age", "signed_anew"), AGES.values(), ids=AGES)
def test_a_list_is_served_for_half_an_hour(scene, age, signed_anew):
    first = now_listed(scene)
    scene.clock.forward(age)
    second = now_listed(scene)
    assert (second != first) is signed_anew
    assert (second.number > first.number) is signed_anew
    assert scene.signer.signatures == (4 if signed_anew else 2), "the whole one and the shard's"


def test_the_whole_list_says_of_no_scope_and_is_the_shards_twin(scene):
    held = enrolled(scene)
    revoked(scene, held)
    whole, shard = (current_crl(scene.ctx.issuing[Channel.WS], one, scene.ctx, REQUEST) for one in (0, 1))
    assert (whole.number, whole.this_update, whole.next_update) == (shard.number, shard.this_update, shard.next_update)
    assert serials(whole) == serials(shard) == {held.serial}
    with pytest.raises(x509.ExtensionNotFound):
        crl(whole).extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert crl(whole).is_signature_valid(ca_certificate().public_key())


def test_numbers_grow_within_a_second_and_begin_with_the_machines_milliseconds(scene):
    numbers = [publish(scene.ctx.issuing[Channel.WS], scene.ctx, REQUEST).number for _ in range(3)]
    begin = int(scene.machine.now.timestamp() * 1000)
    assert numbers == [begin, begin + 1, begin + 2]
    scene.machine.forward(DAY)
    assert publish(scene.ctx.issuing[Channel.WS], scene.ctx, REQUEST).number == begin + 86_400_000
    scene.machine.forward(-DAY)
    assert publish(scene.ctx.issuing[Channel.WS], scene.ctx, REQUEST).number == begin + 86_400_001


def test_a_restored_register_never_goes_back(scene):
    """A copy of the database knows an older number.

    Time has passed, so the next number is greater than any number seen before.
    """
    seen = publish(scene.ctx.issuing[Channel.WS], scene.ctx, REQUEST).number
    models.CertificateAuthority.objects.using(scene.db.alias).update(crl_number=0)
    models.Crl.objects.using(scene.db.alias).all().delete()
    scene.machine.forward(SECOND)
    assert publish(scene.ctx.issuing[Channel.WS], scene.ctx, REQUEST).number > seen


def test_numbers_taken_at_once_differ_and_the_newest_list_stays(scene):
    name = scene.ctx.issuing[Channel.WS]
    crowd(scene.db, 10, lambda _: publish(name, scene.ctx, REQUEST))
    rows = models.AuditEvent.objects.using(scene.db.alias)
    newest, shard = models.Crl.objects.using(scene.db.alias).order_by("shard")
    assert shard.number == newest.number
    begin = int(scene.machine.now.timestamp() * 1000)
    assert newest.number == begin + 9
    assert models.CertificateAuthority.objects.using(scene.db.alias).get(name=name).crl_number == begin + 9
    assert 1 <= rows.filter(action="crl-published").count() <= 10
    assert crl(now_listed(scene)).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == begin + 9


def revoked_elsewhere(scene: Scene, held) -> None:
    """Revoke a certificate in a process that has not published yet."""
    lineage = scene.certificate(held.serial).lineage.lineage_id
    why = (RevocationReason.SUPERSEDED, None)
    revocation.revoke(scene.db, lineage, [held.serial], why, scene.audit_entry())


def test_for_a_crowd_that_asks_at_once_one_list_is_made(scene):
    """A million entries take 150 MB while a list is made of them.

    As many lists at once as callers would end the process.
    """
    held = enrolled(scene)
    now_listed(scene)
    revoked_elsewhere(scene, held)
    signatures = scene.signer.signatures
    found = crowd(scene.db, 8, lambda _: now_listed(scene))
    assert [serials(one) for one in found] == 8 * [{held.serial}]
    assert scene.signer.signatures == signatures + 2, "the whole one and the shard's"


def test_for_a_crowd_that_asks_at_once_the_register_is_not_counted_each_time(scene, monkeypatch):
    first, counted, count = now_listed(scene), [], crls.revocations
    coming, all_here, one = set(), Event(), scene.ctx.crl_locks.one

    def slowly(*what):
        counted.append(what)
        assert all_here.wait(60)
        return count(*what)

    def waits(authority):
        coming.add(get_ident())
        if len(coming) == 8:
            all_here.set()
        return one(authority)

    monkeypatch.setattr(scene.ctx.crl_locks, "one", waits)
    monkeypatch.setattr(crls, "revocations", slowly)
    assert crowd(scene.db, 8, lambda _number: now_listed(scene)) == 8 * [first]
    assert len(counted) <= 3, "who waits takes what was counted since he asked"
    now_listed(scene)
    assert len(counted) <= 4, "what was counted before he asked tells nothing"


def test_who_makes_a_list_for_ever_keeps_nobody_waiting_for_ever(scene, monkeypatch):
    monkeypatch.setattr(context, "PATIENCE", 0.1)
    first = now_listed(scene)
    with scene.ctx.crl_locks.one(ca_name(scene)):
        assert crowd(scene.db, 2, lambda _: now_listed(scene)) == 2 * [first]


def test_an_older_list_never_takes_the_place_of_a_newer_one(scene):
    """Its signature took longer."""
    name = scene.ctx.issuing[Channel.WS]
    newer = []

    class Slow(SwitchableSigner):
        def sign(self, key_name, octets, proof=None):
            if not newer:
                newer.append(publish(name, scene.ctx, REQUEST))
            return super().sign(key_name, octets, proof)

    slow = scene.but(signer=Slow(scene.signer.built))
    assert publish(name, slow.ctx, REQUEST) == newer[0] == current_crl(name, 0, scene.ctx, REQUEST)


class RefusingSigner(SwitchableSigner):
    """Signer with rules of its own that refuses the first lists."""

    left = 0

    def sign(self, key_name, octets, proof=None):
        if RefusingSigner.left:
            RefusingSigner.left -= 1
            sentence = "its number is not above the last"
            raise SignatureRefused(sentence)
        return super().sign(key_name, octets, proof)


@pytest.mark.parametrize(("times", "is_signed"), [(1, True), (2, True), (3, False)])
def test_a_signer_that_saw_a_higher_number_gets_a_new_one(scene, times, is_signed):
    name, refusing = scene.ctx.issuing[Channel.WS], scene.but(signer=RefusingSigner(scene.signer.built))
    RefusingSigner.left = times
    if is_signed:
        assert publish(name, refusing.ctx, REQUEST).number
        return
    with pytest.raises(SignatureRefused):
        publish(name, refusing.ctx, REQUEST)


def test_an_entry_stays_until_it_was_on_one_list_after_its_end(scene):
    held = enrolled(scene)
    ends = scene.certificate(held.serial).span.not_after
    revoked(scene, held)
    scene.clock.now = ends
    assert serials(now_listed(scene)) == {held.serial}, "its last second"
    scene.clock.now = ends + DAY
    assert serials(now_listed(scene)) == {held.serial}, "the first list after its end"
    scene.clock.forward(DAY)
    assert serials(now_listed(scene)) == set()
    scene.clock.forward(DAY)
    assert serials(now_listed(scene)) == set()


def test_an_entry_stays_however_long_no_list_was_made(scene):
    held = enrolled(scene)
    ends = scene.certificate(held.serial).span.not_after
    revoked(scene, held)
    scene.clock.now = ends + 300 * DAY
    assert serials(now_listed(scene)) == {held.serial}
    scene.clock.forward(DAY)
    assert serials(now_listed(scene)) == set()


def test_the_clock_is_set_back_and_the_entry_comes_back(scene):
    held = enrolled(scene)
    ends = scene.certificate(held.serial).span.not_after
    revoked(scene, held)
    scene.clock.now = ends + DAY
    now_listed(scene)
    scene.clock.forward(DAY)
    assert serials(now_listed(scene)) == set()
    scene.clock.now = ends - DAY
    assert serials(now_listed(scene)) == {held.serial}


def test_the_list_is_stored_as_it_was_signed(scene):
    published = now_listed(scene)
    row = models.Crl.objects.using(scene.db.alias).get(shard=1)
    assert (bytes(row.der), row.number, row.revocations) == (published.der, published.number, 0)


def test_without_its_signer_there_is_no_new_list(scene):
    scene.signer.away = True
    with pytest.raises(SignerUnavailable):
        now_listed(scene)
    scene.signer.away = False
    now_listed(scene)


ROOT = "SinettiRootTestCAv1"


@pytest.fixture
def offline_scene(scene):
    """Return the scene with the CRL of the root signed once.

    The key of the root is gone since then.
    """
    known = scene.but(issuers={**scene.ctx.issuers, ROOT: authority().issuer(ROOT)})
    publish(ROOT, known.ctx, REQUEST, known.ctx.now() + OFFLINE_LIFE)
    return known.but(offline=frozenset({ROOT}))


def test_the_list_of_a_ca_that_is_off_line_is_served_while_it_lives(offline_scene):
    scene = offline_scene
    first = current_crl(ROOT, 1, scene.ctx, REQUEST)
    signatures = scene.signer.signatures
    scene.clock.forward(365 * DAY)
    assert first.next_update == scene.clock.now
    assert current_crl(ROOT, 1, scene.ctx, REQUEST) == first
    scene.clock.forward(SECOND)
    with pytest.raises(SignerUnavailable, match="sinetti authority publish"):
        current_crl(ROOT, 1, scene.ctx, REQUEST)
    assert scene.signer.signatures == signatures


def test_by_a_clock_that_is_not_believed_no_list_has_ended(offline_scene):
    """The last lists are served (docs/operators/clock.md), because clients have a clock, too."""
    unbelieved = offline_scene.but(issuance_allowed=lambda: False)
    first = [current_crl(ROOT, 1, offline_scene.ctx, REQUEST), now_listed(offline_scene)]
    held = enrolled(offline_scene)
    revoked_elsewhere(offline_scene, held)
    offline_scene.clock.forward(2 * 365 * DAY)
    offline_scene.signer.away = True
    assert [current_crl(ROOT, 1, unbelieved.ctx, REQUEST), now_listed(unbelieved)] == first


def test_a_ca_that_is_off_line_and_has_no_list(offline_scene):
    models.Crl.objects.using(offline_scene.db.alias).all().delete()
    with pytest.raises(SignerUnavailable, match="offline"):
        current_crl(ROOT, 1, offline_scene.ctx, REQUEST)
    publish_all(offline_scene.ctx, REQUEST)


def test_serving_begins_with_a_list_of_each_ca(offline_scene):
    scene, kept = offline_scene, []
    journal = SimpleNamespace(keep_list=lambda name, *_: kept.append(name))
    before = current_crl(ROOT, 1, scene.ctx, REQUEST)
    scene.clock.forward(SECOND)
    publish_all(scene.but(journal=journal).ctx, REQUEST)
    assert sorted((one.authority, one.shard) for one in kept) == sorted(product(scene.ctx.issuers, (0, 1)))
    assert {ArchivedCrlName(ROOT, shard, before.number) for shard in (0, 1)} <= set(kept)
    assert current_crl(ROOT, 1, scene.ctx, REQUEST) == before
    assert now_listed(scene).this_update == scene.clock.now


def test_a_ca_that_is_off_line_is_not_signed_for_by_who_keeps_the_lists(offline_scene):
    scene = offline_scene
    before = current_crl(ROOT, 1, scene.ctx, REQUEST)
    scene.clock.forward(2 * DAY)
    refresh_crls(scene.ctx, REQUEST)
    assert current_crl(ROOT, 1, scene.ctx, REQUEST) == before


KEPT = {
    "at once": (timedelta(0), False),
    "a second before they are due": (23 * HOUR - SECOND, False),
    "a day is nearly over": (23 * HOUR, True),
}


@pytest.mark.parametrize(("age", "signed_anew"), KEPT.values(), ids=KEPT)
def test_lists_are_made_daily_though_nobody_asks(sqlite_scene, age, signed_anew):
    scene = sqlite_scene
    refresh_crls(scene.ctx, REQUEST)
    signatures = scene.signer.signatures
    assert signatures == 2 * len(scene.ctx.issuers), "the first ones"
    scene.clock.forward(age)
    refresh_crls(scene.ctx, REQUEST)
    assert scene.signer.signatures == (2 if signed_anew else 1) * signatures


def test_who_keeps_the_lists_publishes_what_a_command_without_keys_revoked(sqlite_scene, caplog):
    scene, held = sqlite_scene, enrolled(sqlite_scene)
    refresh_crls(scene.ctx, REQUEST)
    scene.signer.away = True
    revoked(scene, held)
    refresh_crls(scene.ctx, REQUEST)
    assert "are due and cannot be signed now" in caplog.text
    scene.signer.away = False
    refresh_crls(scene.ctx, REQUEST)
    row = models.Crl.objects.using(scene.db.alias).get(authority_id=ca_name(scene), shard=0)
    assert serials(row) == {held.serial}
