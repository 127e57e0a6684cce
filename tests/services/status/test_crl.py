"""CRLs: increasing numbers, a new list each day, and the removal of entries.

An entry stays until one list after the end of its certificate.
"""

from datetime import timedelta
from itertools import product
from threading import Event
from time import sleep
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
from tests.support.service_context import DAY, REQUEST, SECOND, Desk, SwitchableSigner, ca_certificate, enrolled


def now_listed(desk: Desk, channel: Channel = Channel.WS):
    return current_crl(desk.ctx.issuing[channel], 1, desk.ctx, REQUEST)


def crl(published) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(published.der)


def ca_name(desk: Desk, channel: Channel = Channel.WS) -> str:
    return desk.ctx.issuing[channel]


def revoked(desk: Desk, held) -> None:
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), desk.ctx, "operator", REQUEST)


def serials(published) -> set[str]:
    return {f"{entry.serial_number:038x}" for entry in crl(published)}


def test_an_empty_list_of_a_new_ca(desk):
    published = now_listed(desk)
    found = crl(published)
    assert len(found) == 0
    assert found.is_signature_valid(ca_certificate().public_key())
    assert found.issuer == ca_certificate().subject
    assert found.last_update_utc == published.this_update == desk.clock.now
    assert found.next_update_utc == published.next_update == desk.clock.now + 7 * DAY
    assert found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == published.number
    scope = found.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert scope.critical
    assert scope.value.full_name[0].value == desk.ctx.issuers[desk.ctx.issuing[Channel.WS]].crl_url


NO_LIST = {
    "no such CA": ("NobodysCAv1", 1),
    "a CA that issues to no holders": ("SinettiRootTestCAv1", 1),
    "a shard that was not opened": ("DataProvidersTestIssuingCAv1", 2),
}


@pytest.mark.parametrize(("authority", "shard"), NO_LIST.values(), ids=NO_LIST)
def test_there_is_no_list(desk, authority, shard):
    assert current_crl(authority, shard, desk.ctx, REQUEST) is None


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
def test_a_list_is_served_for_half_an_hour(desk, age, signed_anew):
    first = now_listed(desk)
    desk.clock.forward(age)
    second = now_listed(desk)
    assert (second != first) is signed_anew
    assert (second.number > first.number) is signed_anew
    assert desk.signer.signatures == (4 if signed_anew else 2), "the whole one and the shard's"


def test_the_whole_list_says_of_no_scope_and_is_the_shards_twin(desk):
    held = enrolled(desk)
    revoked(desk, held)
    whole, shard = (current_crl(desk.ctx.issuing[Channel.WS], one, desk.ctx, REQUEST) for one in (0, 1))
    assert (whole.number, whole.this_update, whole.next_update) == (shard.number, shard.this_update, shard.next_update)
    assert serials(whole) == serials(shard) == {held.serial}
    with pytest.raises(x509.ExtensionNotFound):
        crl(whole).extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert crl(whole).is_signature_valid(ca_certificate().public_key())


def test_numbers_grow_within_a_second_and_begin_with_the_machines_milliseconds(desk):
    numbers = [publish(desk.ctx.issuing[Channel.WS], desk.ctx, REQUEST).number for _ in range(3)]
    begin = int(desk.machine.now.timestamp() * 1000)
    assert numbers == [begin, begin + 1, begin + 2]
    desk.machine.forward(DAY)
    assert publish(desk.ctx.issuing[Channel.WS], desk.ctx, REQUEST).number == begin + 86_400_000
    desk.machine.forward(-DAY)
    assert publish(desk.ctx.issuing[Channel.WS], desk.ctx, REQUEST).number == begin + 86_400_001


def test_a_restored_register_never_goes_back(desk):
    """A copy of the database knows an older number.

    Time has passed, so the next number is greater than any number seen before.
    """
    seen = publish(desk.ctx.issuing[Channel.WS], desk.ctx, REQUEST).number
    models.CertificateAuthority.objects.using(desk.db.alias).update(crl_number=0)
    models.Crl.objects.using(desk.db.alias).all().delete()
    desk.machine.forward(SECOND)
    assert publish(desk.ctx.issuing[Channel.WS], desk.ctx, REQUEST).number > seen


def test_numbers_taken_at_once_differ_and_the_newest_list_stays(desk):
    name = desk.ctx.issuing[Channel.WS]
    crowd(desk.db, 10, lambda _: publish(name, desk.ctx, REQUEST))
    rows = models.AuditEvent.objects.using(desk.db.alias)
    newest, shard = models.Crl.objects.using(desk.db.alias).order_by("shard")
    assert shard.number == newest.number
    begin = int(desk.machine.now.timestamp() * 1000)
    assert newest.number == begin + 9
    assert models.CertificateAuthority.objects.using(desk.db.alias).get(name=name).crl_number == begin + 9
    assert 1 <= rows.filter(action="crl-published").count() <= 10
    assert crl(now_listed(desk)).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == begin + 9


def revoked_elsewhere(desk: Desk, held) -> None:
    """Revoke a certificate in a process that has not published yet."""
    lineage = desk.certificate(held.serial).lineage.lineage_id
    why = (RevocationReason.SUPERSEDED, None)
    revocation.revoke(desk.db, lineage, [held.serial], why, desk.audit_entry())


def test_for_a_crowd_that_asks_at_once_one_list_is_made(desk):
    """A million entries take 150 MB while a list is made of them.

    As many lists at once as callers would end the process.
    """
    held = enrolled(desk)
    now_listed(desk)
    revoked_elsewhere(desk, held)
    signatures = desk.signer.signatures
    found = crowd(desk.db, 8, lambda _: now_listed(desk))
    assert [serials(one) for one in found] == 8 * [{held.serial}]
    assert desk.signer.signatures == signatures + 2, "the whole one and the shard's"


def test_for_a_crowd_that_asks_at_once_the_register_is_not_counted_each_time(desk, monkeypatch):
    first, counted, count = now_listed(desk), [], crls.revocations
    coming, all_here = [], Event()

    def slowly(*what):
        counted.append(what)
        assert all_here.wait(30)
        sleep(0.3)
        return count(*what)

    def comes(_number):
        coming.append(True)
        if len(coming) == 8:
            all_here.set()
        return now_listed(desk)

    monkeypatch.setattr(crls, "revocations", slowly)
    assert crowd(desk.db, 8, comes) == 8 * [first]
    assert len(counted) <= 3, "who waits takes what was counted since he asked"
    now_listed(desk)
    assert len(counted) <= 4, "what was counted before he asked tells nothing"


def test_who_makes_a_list_for_ever_keeps_nobody_waiting_for_ever(desk, monkeypatch):
    monkeypatch.setattr(context, "PATIENCE", 0.1)
    first = now_listed(desk)
    with desk.ctx.crl_locks.one(ca_name(desk)):
        assert crowd(desk.db, 2, lambda _: now_listed(desk)) == 2 * [first]


def test_an_older_list_never_takes_the_place_of_a_newer_one(desk):
    """Its signature took longer."""
    name = desk.ctx.issuing[Channel.WS]
    newer = []

    class Slow(SwitchableSigner):
        def sign(self, key_name, octets, proof=None):
            if not newer:
                newer.append(publish(name, desk.ctx, REQUEST))
            return super().sign(key_name, octets, proof)

    slow = desk.but(signer=Slow(desk.signer.built))
    assert publish(name, slow.ctx, REQUEST) == newer[0] == current_crl(name, 0, desk.ctx, REQUEST)


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
def test_a_signer_that_saw_a_higher_number_gets_a_new_one(desk, times, is_signed):
    name, refusing = desk.ctx.issuing[Channel.WS], desk.but(signer=RefusingSigner(desk.signer.built))
    RefusingSigner.left = times
    if is_signed:
        assert publish(name, refusing.ctx, REQUEST).number
        return
    with pytest.raises(SignatureRefused):
        publish(name, refusing.ctx, REQUEST)


def test_an_entry_stays_until_it_was_on_one_list_after_its_end(desk):
    held = enrolled(desk)
    ends = desk.certificate(held.serial).span.not_after
    revoked(desk, held)
    desk.clock.now = ends
    assert serials(now_listed(desk)) == {held.serial}, "its last second"
    desk.clock.now = ends + DAY
    assert serials(now_listed(desk)) == {held.serial}, "the first list after its end"
    desk.clock.forward(DAY)
    assert serials(now_listed(desk)) == set()
    desk.clock.forward(DAY)
    assert serials(now_listed(desk)) == set()


def test_an_entry_stays_however_long_no_list_was_made(desk):
    held = enrolled(desk)
    ends = desk.certificate(held.serial).span.not_after
    revoked(desk, held)
    desk.clock.now = ends + 300 * DAY
    assert serials(now_listed(desk)) == {held.serial}
    desk.clock.forward(DAY)
    assert serials(now_listed(desk)) == set()


def test_the_clock_is_set_back_and_the_entry_comes_back(desk):
    held = enrolled(desk)
    ends = desk.certificate(held.serial).span.not_after
    revoked(desk, held)
    desk.clock.now = ends + DAY
    now_listed(desk)
    desk.clock.forward(DAY)
    assert serials(now_listed(desk)) == set()
    desk.clock.now = ends - DAY
    assert serials(now_listed(desk)) == {held.serial}


def test_the_list_is_stored_as_it_was_signed(desk):
    published = now_listed(desk)
    row = models.Crl.objects.using(desk.db.alias).get(shard=1)
    assert (bytes(row.der), row.number, row.revocations) == (published.der, published.number, 0)


def test_without_its_signer_there_is_no_new_list(desk):
    desk.signer.away = True
    with pytest.raises(SignerUnavailable):
        now_listed(desk)
    desk.signer.away = False
    now_listed(desk)


ROOT = "SinettiRootTestCAv1"


@pytest.fixture
def offline_desk(desk):
    """Return the desk with the CRL of the root signed once.

    The key of the root is gone since then.
    """
    known = desk.but(issuers={**desk.ctx.issuers, ROOT: authority().issuer(ROOT)})
    publish(ROOT, known.ctx, REQUEST, known.ctx.now() + OFFLINE_LIFE)
    return known.but(offline=frozenset({ROOT}))


def test_the_list_of_a_ca_that_is_off_line_is_served_while_it_lives(offline_desk):
    desk = offline_desk
    first = current_crl(ROOT, 1, desk.ctx, REQUEST)
    signatures = desk.signer.signatures
    desk.clock.forward(365 * DAY)
    assert first.next_update == desk.clock.now
    assert current_crl(ROOT, 1, desk.ctx, REQUEST) == first
    desk.clock.forward(SECOND)
    with pytest.raises(SignerUnavailable, match="sinetti authority publish"):
        current_crl(ROOT, 1, desk.ctx, REQUEST)
    assert desk.signer.signatures == signatures


def test_by_a_clock_that_is_not_believed_no_list_has_ended(offline_desk):
    """The last lists are served (docs/operators/clock.md), because clients have a clock, too."""
    unbelieved = offline_desk.but(issuance_allowed=lambda: False)
    first = [current_crl(ROOT, 1, offline_desk.ctx, REQUEST), now_listed(offline_desk)]
    held = enrolled(offline_desk)
    revoked_elsewhere(offline_desk, held)
    offline_desk.clock.forward(2 * 365 * DAY)
    offline_desk.signer.away = True
    assert [current_crl(ROOT, 1, unbelieved.ctx, REQUEST), now_listed(unbelieved)] == first


def test_a_ca_that_is_off_line_and_has_no_list(offline_desk):
    models.Crl.objects.using(offline_desk.db.alias).all().delete()
    with pytest.raises(SignerUnavailable, match="offline"):
        current_crl(ROOT, 1, offline_desk.ctx, REQUEST)
    publish_all(offline_desk.ctx, REQUEST)


def test_serving_begins_with_a_list_of_each_ca(offline_desk):
    desk, kept = offline_desk, []
    journal = SimpleNamespace(keep_list=lambda name, *_: kept.append(name))
    before = current_crl(ROOT, 1, desk.ctx, REQUEST)
    desk.clock.forward(SECOND)
    publish_all(desk.but(journal=journal).ctx, REQUEST)
    assert sorted((one.authority, one.shard) for one in kept) == sorted(product(desk.ctx.issuers, (0, 1)))
    assert {ArchivedCrlName(ROOT, shard, before.number) for shard in (0, 1)} <= set(kept)
    assert current_crl(ROOT, 1, desk.ctx, REQUEST) == before
    assert now_listed(desk).this_update == desk.clock.now


def test_a_ca_that_is_off_line_is_not_signed_for_by_who_keeps_the_lists(offline_desk):
    desk = offline_desk
    before = current_crl(ROOT, 1, desk.ctx, REQUEST)
    desk.clock.forward(2 * DAY)
    refresh_crls(desk.ctx, REQUEST)
    assert current_crl(ROOT, 1, desk.ctx, REQUEST) == before


KEPT = {
    "at once": (timedelta(0), False),
    "a second before they are due": (23 * HOUR - SECOND, False),
    "a day is nearly over": (23 * HOUR, True),
}


@pytest.mark.parametrize(("age", "signed_anew"), KEPT.values(), ids=KEPT)
def test_lists_are_made_daily_though_nobody_asks(sqlite_desk, age, signed_anew):
    desk = sqlite_desk
    refresh_crls(desk.ctx, REQUEST)
    signatures = desk.signer.signatures
    assert signatures == 2 * len(desk.ctx.issuers), "the first ones"
    desk.clock.forward(age)
    refresh_crls(desk.ctx, REQUEST)
    assert desk.signer.signatures == (2 if signed_anew else 1) * signatures


def test_who_keeps_the_lists_publishes_what_a_command_without_keys_revoked(sqlite_desk, caplog):
    desk, held = sqlite_desk, enrolled(sqlite_desk)
    refresh_crls(desk.ctx, REQUEST)
    desk.signer.away = True
    revoked(desk, held)
    refresh_crls(desk.ctx, REQUEST)
    assert "are due and cannot be signed now" in caplog.text
    desk.signer.away = False
    refresh_crls(desk.ctx, REQUEST)
    row = models.Crl.objects.using(desk.db.alias).get(authority_id=ca_name(desk), shard=0)
    assert serials(row) == {held.serial}
