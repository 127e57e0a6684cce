"""Incremental growth of long CRLs (docs/relying/lists.md).

Nothing is lost, independent of the process that publishes. The count in the database decides.

Here every list counts as a long one, so that a few entries are enough.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from sinetti.database import models
from sinetti.database.issuance import crls
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.journal.crl_archive import archived_crls, list_name
from sinetti.journal.reader import JournalDamaged
from sinetti.journal.writer import Journal
from sinetti.services.issuance.reconcile import compare, reconcile
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status import crl
from sinetti.services.status.crl import current_crl, refresh_crls
from sinetti.services.status.crl_archive import newest_archived
from tests.support.authority import issuer
from tests.support.journals import keeping
from tests.support.registers import crowd
from tests.support.scene import DAY, REQUEST, SECOND, Scene, SwitchableSigner, enrolled

NAME = issuer().file_name


@pytest.fixture(autouse=True)
def _every_list_is_long(monkeypatch):
    monkeypatch.setattr(crl, "REBUILT_UP_TO", 0)
    monkeypatch.setattr(crl, "SHARE_ADDED", 1)


def begun(scene: Scene, entries: int = 2) -> Scene:
    """Make a CRL with some entries from the database."""
    for _ in range(entries):
        revoked(scene, enrolled(scene))
    publish_anew(scene)
    return scene


def publish_anew(scene: Scene) -> None:
    models.Crl.objects.using(scene.db.alias).all().delete()
    scene.ctx.crl_cache.clear()
    crl.publish(NAME, scene.ctx, REQUEST)


def revoked(scene: Scene, held) -> None:
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)


def serials(one) -> set[str]:
    return {f"{entry.serial_number:038x}" for entry in x509.load_der_x509_crl(one.der)}


def now_listed(scene: Scene, shard: int = 0):
    return current_crl(NAME, shard, scene.ctx, REQUEST)


def in_the_register(scene: Scene) -> set[str]:
    rows = models.Certificate.objects.using(scene.db.alias).filter(revoked_at__isnull=False, authority_id=NAME)
    return set(rows.values_list("serial", flat=True))


def bases(scene: Scene) -> set[int]:
    """Return the numbers of the CRLs that are stored complete."""
    rows = models.Crl.objects.using(scene.db.alias).filter(authority_id=NAME)
    return set(rows.values_list("number", flat=True))


def test_one_revocation_costs_one_entry(scene):
    begun(scene)
    before, stored, held = now_listed(scene), bases(scene), enrolled(scene)
    revoked(scene, held)
    assert bases(scene) == stored, "what is stored whole stays"
    for shard in (0, 1):
        after = now_listed(scene, shard)
        assert serials(after) == in_the_register(scene) == serials(before) | {held.serial}
        assert x509.load_der_x509_crl(after.der).is_signature_valid(issuer().certificate.public_key())
        short = models.CrlDelta.objects.using(scene.db.alias).get(whole__authority_id=NAME, whole__shard=shard)
        assert (short.number, short.base, short.revocations) == (after.number, before.number, 3)
        assert bytes(short.der).count(bytes.fromhex(held.serial)) == 1
        assert all(bytes.fromhex(one) not in bytes(short.der) for one in serials(before))


def test_every_process_reads_the_same(sqlite_scene):
    """A new process reads everything.

    A process that knows an earlier list reads the new entries. A process may have slept through several lists.
    """
    scene = begun(sqlite_scene)
    sleeper = scene.but(crl_cache=dict(scene.ctx.crl_cache))
    for _ in range(2):
        revoked(scene, enrolled(scene))
    newest = now_listed(scene)
    assert now_listed(scene.but(crl_cache={})).der == now_listed(sleeper).der == newest.der
    publish_anew(scene)
    for _ in range(2):
        revoked(scene, enrolled(scene))
    assert now_listed(sleeper).der == now_listed(scene).der
    revoked(sleeper.but(crl_cache={}), enrolled(scene))
    assert serials(now_listed(scene)) == in_the_register(scene)


@pytest.mark.parametrize("ago", [timedelta(0), crl.OVERLAP, 30 * DAY], ids=["now", "ten minutes", "a month"])
def test_a_revocation_is_listed_whatever_its_date(sqlite_scene, ago):
    """A revocation may have waited long for its commit, or come out of a journal.

    Where the revocation is not found by its date, the count in the database reveals it.
    """
    scene = begun(sqlite_scene)
    scene.clock.forward(SECOND)
    stored, held = bases(scene), enrolled(scene)
    rows = models.Certificate.objects.using(scene.db.alias).filter(serial=held.serial)
    rows.update(revoked_at=scene.clock.now - ago, revocation_reason="superseded")
    assert held.serial in serials(now_listed(scene))
    assert serials(now_listed(scene, 1)) == in_the_register(scene)
    assert (bases(scene) == stored) is (ago < 30 * DAY)


def test_entries_leave_when_the_list_is_made_from_the_register_once_a_day(sqlite_scene):
    scene = begun(sqlite_scene)
    ends = scene.certificate(next(iter(in_the_register(scene)))).span.not_after
    scene.clock.now = ends
    publish_anew(scene)
    scene.clock.forward(2 * SECOND)
    revoked(scene, enrolled(scene))
    assert serials(now_listed(scene)) == in_the_register(scene), "one that grows loses nothing"
    scene.clock.forward(timedelta(hours=22))
    stored = bases(scene)
    refresh_crls(scene.ctx, REQUEST)
    assert bases(scene) == stored
    assert serials(now_listed(scene)) == in_the_register(scene)
    scene.clock.forward(timedelta(hours=1))
    refresh_crls(scene.ctx, REQUEST)
    assert bases(scene).isdisjoint(stored)
    assert len(serials(now_listed(scene))) == 1


def test_a_list_that_grew_much_is_made_from_the_register(sqlite_scene, monkeypatch):
    scene = begun(sqlite_scene)
    monkeypatch.setattr(crl, "SHARE_ADDED", 4)
    stored = bases(scene)
    revoked(scene, enrolled(scene))
    assert bases(scene) == stored
    revoked(scene, enrolled(scene))
    assert bases(scene).isdisjoint(stored)
    assert serials(now_listed(scene)) == in_the_register(scene)


def test_what_is_revoked_while_the_register_is_read_comes_along(scene, monkeypatch):
    begun(scene)
    held, read = enrolled(scene), crls.revoked

    def and_then_revoked(*asked):
        rows = list(read(*asked))
        serial_revoked(scene, held.serial)
        return rows

    monkeypatch.setattr(crls, "revoked", and_then_revoked)
    publish_anew(scene)
    assert held.serial in serials(scene.ctx.crl_cache[NAME, 0])


def serial_revoked(scene: Scene, serial: str) -> None:
    rows = models.Certificate.objects.using(scene.db.alias).filter(serial=serial)
    rows.update(revoked_at=scene.clock.now, revocation_reason="superseded")


def test_revocations_that_come_faster_than_they_are_counted(sqlite_scene, monkeypatch):
    scene = begun(sqlite_scene)
    waiting, read = [enrolled(scene) for _ in range(4)], crls.revoked_since

    def and_then_revoked(*asked):
        rows = read(*asked)
        if waiting:
            serial_revoked(scene, waiting.pop().serial)
        return rows

    monkeypatch.setattr(crls, "revoked_since", and_then_revoked)
    serial_revoked(scene, waiting.pop().serial)
    now_listed(scene)
    assert waiting == []
    assert serials(now_listed(scene)) == in_the_register(scene)


def test_of_many_that_revoke_at_once_none_is_lost(scene):
    begun(scene)
    held = [enrolled(scene) for _ in range(6)]
    offices = [scene.but(crl_cache={}) for _ in held]
    crowd(scene.db, len(held), lambda number: revoked(offices[number], held[number]))
    for one in (scene, *offices):
        assert serials(now_listed(one)) == serials(now_listed(one, 1)) == in_the_register(scene)


def test_a_list_that_lacks_a_revocation_and_has_a_higher_number_is_not_the_last_word(scene):
    """Another process counted before the revocation, and took its number after us."""
    begun(scene)
    before, held, stale = {shard: now_listed(scene, shard) for shard in (0, 1)}, enrolled(scene), []

    class Overtaken(SwitchableSigner):
        def sign(self, key_name, octets, proof=None):
            if not stale:
                stale.append(crls.take_crl_number(scene.db, NAME, 0))
                old = {shard: replace(one, number=stale[0]) for shard, one in before.items()}
                crls.publish_lists(scene.db, NAME, old, scene.audit_entry(), lambda *_: None)
            return super().sign(key_name, octets, proof)

    revoked(scene.but(signer=Overtaken(scene.signer.built)), held)
    assert now_listed(scene).number > stale[0]
    assert serials(now_listed(scene)) == in_the_register(scene)


@pytest.mark.parametrize("short", [False, True], ids=["whole", "short"])
def test_a_list_with_fewer_revocations_never_takes_the_place_of_one_with_more(sqlite_scene, short):
    scene = begun(sqlite_scene)
    before = now_listed(scene)
    revoked(scene, enrolled(scene))
    newest, kept = now_listed(scene), []
    late = replace(before, number=newest.number + 5, base=newest.base if short else None)
    crls.publish_lists(scene.db, NAME, {0: late}, scene.audit_entry(), lambda *what: kept.append(what))
    assert now_listed(scene) == newest
    assert kept == [], "nor is it kept beside the journal"


def test_a_short_list_whose_base_is_gone_is_not_stored(sqlite_scene):
    scene = begun(sqlite_scene)
    revoked(scene, enrolled(scene))
    one = now_listed(scene)
    publish_anew(scene)
    newest = now_listed(scene)
    late = replace(one, number=newest.number + 5, revocations=99)
    crls.publish_lists(scene.db, NAME, {0: late}, scene.audit_entry(), lambda *_: None)
    assert now_listed(scene) == newest
    models.Crl.objects.using(scene.db.alias).all().delete()
    crls.publish_lists(scene.db, NAME, {0: late}, scene.audit_entry(), lambda *_: None)
    assert crls.latest_crl(scene.db, NAME, 0) is None


def test_a_base_that_goes_while_its_short_list_is_read(sqlite_scene, monkeypatch):
    scene = begun(sqlite_scene)
    revoked(scene, enrolled(scene))
    newest, first = now_listed(scene), models.Crl.objects.using(scene.db.alias)
    moved = []
    rows_filter = type(first.all()).filter

    def moving(self, *asked, **named):
        if "short__number" in named and not moved:
            moved.append(True)
            publish_anew(scene.but(crl_cache={}))
        return rows_filter(self, *asked, **named)

    monkeypatch.setattr(type(first.all()), "filter", moving)
    found = crls.latest_crl(scene.db, NAME, 0)
    assert moved
    assert found.number > newest.number
    assert serials(found) == serials(newest)


# Lists beside the journal.


@pytest.fixture
def kept(sqlite_scene, tmp_path):
    """Yield a scene that keeps a journal, with a CRL that is kept short."""
    with keeping(sqlite_scene, tmp_path) as scene:
        begun(scene)
        revoked(scene, enrolled(scene))
        yield scene


def names(journal: Journal, shard: int = 0):
    return [list_name(path) for path in archived_crls(journal.folder, NAME, shard)]


def test_a_short_list_is_kept_with_its_base_and_put_together(kept):
    for shard in (0, 1):
        base, short = names(kept.ctx.journal, shard)
        assert (base.base, short.base) == (None, base.number)
        der, signed = newest_archived(kept.ctx.journal.folder, kept.ctx)[NAME, shard]
        assert der == now_listed(kept, shard).der
        assert signed.number == short.number
    revoked(kept, enrolled(kept))
    assert [one.number for one in names(kept.ctx.journal)] == [base.number, now_listed(kept).number]
    publish_anew(kept)
    assert [one.base for one in names(kept.ctx.journal)] == [None]


def test_another_node_keeps_the_base_too(kept, tmp_path):
    with keeping(kept, tmp_path / "other") as other:
        revoked(other, enrolled(other))
        base, short = names(other.ctx.journal)
        assert short.base == base.number
        assert newest_archived(other.ctx.journal.folder, other.ctx)[NAME, 0][0] == now_listed(other).der


def test_a_restored_register_gets_back_what_stands_on_a_short_list(kept):
    held = enrolled(kept)
    revoked(kept, held)
    rows = models.Certificate.objects.using(kept.db.alias).filter(serial=held.serial)
    rows.update(revoked_at=None, revocation_reason="")
    assert compare(kept.ctx, kept.ctx.journal).lost == {held.serial}
    reconcile(kept.ctx, kept.ctx.journal, REQUEST)
    assert kept.certificate(held.serial).revoked


DAMAGE = {
    "its base is gone": (lambda base, _: base.unlink(), "lacks the revocation list that its name begins with"),
    "its base is another list": (
        lambda base, short: base.write_bytes(short.read_bytes()),
        "not a revocation list signed by its CA",
    ),
    "it is cut off": (lambda _, short: short.write_bytes(short.read_bytes()[:40]), "restore them from a copy"),
    "it is empty": (lambda _, short: short.write_bytes(b""), "restore them from a copy"),
    "its base is empty": (lambda base, _: base.write_bytes(b""), "restore them from a copy"),
}


@pytest.mark.parametrize(("harm", "told"), DAMAGE.values(), ids=DAMAGE)
def test_a_short_list_that_cannot_be_put_together_is_named(kept, harm, told):
    base, short = archived_crls(kept.ctx.journal.folder, NAME, 0)
    harm(base, short)
    with pytest.raises(JournalDamaged, match=told) as damaged:
        newest_archived(kept.ctx.journal.folder, kept.ctx)
    assert str(short) in str(damaged.value)


def test_lists_of_another_channel_are_their_own(kept):
    sftp = kept.ctx.issuing[Channel.SFTP]
    assert len(serials(current_crl(sftp, 0, kept.ctx, REQUEST))) == 0
