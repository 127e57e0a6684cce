"""CRL shards (docs/relying/lists.md).

A limited number of certificates points to one shard; then the next shard opens.
"""

import re
from datetime import timedelta

import pytest
from cryptography import x509

from sinetti.database import models
from sinetti.database.operations import authorities
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.journal.crl_archive import archived_shards
from sinetti.services.context import ONE_SHARD, Shards
from sinetti.services.issuance.reconcile import compare, reconcile
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import current_crl, refresh_crls
from sinetti.services.status.crl_archive import entries, newest_archived
from tests.support.authority import BASE_URL, issuer
from tests.support.journals import keeping
from tests.support.registers import crowd
from tests.support.scene import REQUEST, Scene, enrolled

NAME = issuer().file_name


def filling(scene: Scene, most: int) -> Scene:
    """Return the scene as a new process, with a limit of certificates for each shard."""
    return scene.but(shards=Shards(scene.db, most), crl_cache={})


def shard_of(scene: Scene, held) -> int:
    """Return the shard of a certificate; check it against the database."""
    (point,) = (
        x509.load_der_x509_certificate(held.der).extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    )
    (name,) = point.full_name
    shard = scene.certificate(held.serial).crl_shard
    assert name.value == f"{BASE_URL}/crl/{NAME}-{shard}.crl"
    return shard


def serials(one) -> set[str]:
    return {f"{entry.serial_number:038x}" for entry in x509.load_der_x509_crl(one.der)}


def test_a_shard_takes_so_many_then_the_next_opens(scene):
    scene = filling(scene, 2)
    held = [enrolled(scene) for _ in range(5)]
    assert [shard_of(scene, one) for one in held] == [1, 1, 2, 2, 3]
    for one in held[:4]:
        revoke(RevocationRequest(one.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    listed = {shard: current_crl(NAME, shard, scene.ctx, REQUEST) for shard in range(4)}
    assert {shard: serials(one) for shard, one in listed.items()} == {
        0: {one.serial for one in held[:4]},
        1: {one.serial for one in held[:2]},
        2: {one.serial for one in held[2:4]},
        3: set(),
    }
    assert len({(one.number, one.this_update, one.next_update) for one in listed.values()}) == 1
    for shard in (1, 2, 3):
        crl = x509.load_der_x509_crl(listed[shard].der)
        (name,) = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value.full_name
        assert re.fullmatch(rf".*/crl/{NAME}-{shard}\.crl", name.value)
    assert current_crl(NAME, 4, scene.ctx, REQUEST) is None


def test_certificates_of_before_count(sqlite_scene):
    """A database may have had no limit, and get one."""
    scene = sqlite_scene
    for _ in range(3):
        enrolled(scene)
    assert [shard_of(scene, enrolled(filling(scene, 4))) for _ in range(2)] == [1, 2]


def test_without_a_limit_the_open_shard_takes_all_and_they_count_later(sqlite_scene):
    scene = sqlite_scene
    for _ in range(2):
        enrolled(filling(scene, 1))
    assert authorities.open_shard(scene.db, NAME) == 2
    free = filling(scene, 0)
    assert [shard_of(scene, enrolled(free)) for _ in range(3)] == [2, 2, 2]
    assert [shard_of(scene, enrolled(filling(scene, most))) for most in (5, 5, 4)] == [2, 3, 3]


def test_no_shard_takes_more_however_many_processes_take_places(scene):
    most, processes, each = 130, 5, 60
    shards = [Shards(scene.db, most) for _ in range(processes)]
    taken = crowd(scene.db, processes, lambda number: [shards[number].take(NAME) for _ in range(each)])
    counts = {shard: sum(one.count(shard) for one in taken) for shard in (1, 2, 3)}
    assert sum(counts.values()) == processes * each
    assert max(counts.values()) == most
    row = models.CertificateAuthority.objects.using(scene.db.alias).get(pk=NAME)
    assert (row.open_shard, most * 2 + row.shard_places - processes * each) == (3, pytest.approx(0, abs=2 * processes))


def test_a_process_asks_the_register_once_for_many_places(sqlite_scene, monkeypatch):
    asked, take = [], authorities.take_places
    monkeypatch.setattr(authorities, "take_places", lambda *what: asked.append(what) or take(*what))
    shards = Shards(sqlite_scene.db, 100_000)
    for _ in range(257):
        shards.take(NAME)
    assert [at_once for _, _, _, at_once in asked] == [256, 256]


def test_where_nothing_is_said_there_is_one_shard():
    assert ONE_SHARD.take(NAME) == 1


def test_lists_of_a_shard_that_was_opened_are_there_though_nobody_asks(sqlite_scene):
    scene = filling(sqlite_scene, 1)
    refresh_crls(scene.ctx, REQUEST)
    for _ in range(2):
        enrolled(scene)
    refresh_crls(scene.ctx, REQUEST)
    rows = models.Crl.objects.using(scene.db.alias).filter(authority_id=NAME)
    assert sorted(rows.values_list("shard", flat=True)) == [0, 1, 2]
    scene.clock.forward(timedelta(minutes=1))
    signatures = scene.signer.signatures
    refresh_crls(scene.ctx, REQUEST)
    assert scene.signer.signatures == signatures


def test_all_shards_come_back_with_a_register_of_yesterday(scene, tmp_path):
    with keeping(filling(scene, 1), tmp_path) as full:
        held = [enrolled(full) for _ in range(3)]
        for one in held:
            revoke(RevocationRequest(one.serial, RevocationReason.SUPERSEDED), full.ctx, "operator", REQUEST)
        assert archived_shards(full.ctx.journal.folder, NAME) == [0, 1, 2, 3]
        kept = newest_archived(full.ctx.journal.folder, full.ctx)
        assert len(entries(kept)) == 3, "the whole list says it all"
        assert len(entries({key: one for key, one in kept.items() if key[1]})) == 3
        rows = models.Certificate.objects.using(full.db.alias)
        rows.filter(serial=held[2].serial).update(revoked_at=None, revocation_reason="")
        old = models.CertificateAuthority.objects.using(full.db.alias).filter(pk=NAME)
        old.update(open_shard=2, crl_number=5)
        standing = compare(full.ctx, full.ctx.journal)
        assert (standing.lost, set(standing.numbers)) == ({held[2].serial}, {NAME})
        reconcile(full.ctx, full.ctx.journal, REQUEST)
        assert authorities.open_shard(full.db, NAME) == 3
        again = filling(full, 1)
        assert shard_of(again, enrolled(again)) == 4
        assert serials(current_crl(NAME, 0, again.ctx, REQUEST)) == {one.serial for one in held}
