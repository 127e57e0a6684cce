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
from tests.support.service_context import REQUEST, Desk, enrolled

NAME = issuer().file_name


def filling(desk: Desk, most: int) -> Desk:
    """Return the desk as a new process, with a limit of certificates for each shard."""
    return desk.but(shards=Shards(desk.db, most), crl_cache={})


def shard_of(desk: Desk, held) -> int:
    """Return the shard of a certificate; check it against the database."""
    (point,) = (
        x509.load_der_x509_certificate(held.der).extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    )
    (name,) = point.full_name
    shard = desk.certificate(held.serial).crl_shard
    assert name.value == f"{BASE_URL}/crl/{NAME}-{shard}.crl"
    return shard


def serials(one) -> set[str]:
    return {f"{entry.serial_number:038x}" for entry in x509.load_der_x509_crl(one.der)}


def test_a_shard_takes_so_many_then_the_next_opens(desk):
    desk = filling(desk, 2)
    held = [enrolled(desk) for _ in range(5)]
    assert [shard_of(desk, one) for one in held] == [1, 1, 2, 2, 3]
    for one in held[:4]:
        revoke(RevocationRequest(one.serial, RevocationReason.SUPERSEDED), desk.ctx, "operator", REQUEST)
    listed = {shard: current_crl(NAME, shard, desk.ctx, REQUEST) for shard in range(4)}
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
    assert current_crl(NAME, 4, desk.ctx, REQUEST) is None


def test_certificates_of_before_count(sqlite_desk):
    """A database may have had no limit, and get one."""
    desk = sqlite_desk
    for _ in range(3):
        enrolled(desk)
    assert [shard_of(desk, enrolled(filling(desk, 4))) for _ in range(2)] == [1, 2]


def test_without_a_limit_the_open_shard_takes_all_and_they_count_later(sqlite_desk):
    desk = sqlite_desk
    for _ in range(2):
        enrolled(filling(desk, 1))
    assert authorities.open_shard(desk.db, NAME) == 2
    free = filling(desk, 0)
    assert [shard_of(desk, enrolled(free)) for _ in range(3)] == [2, 2, 2]
    assert [shard_of(desk, enrolled(filling(desk, most))) for most in (5, 5, 4)] == [2, 3, 3]


def test_no_shard_takes_more_however_many_processes_take_places(desk):
    most, processes, each = 130, 5, 60
    shards = [Shards(desk.db, most) for _ in range(processes)]
    taken = crowd(desk.db, processes, lambda number: [shards[number].take(NAME) for _ in range(each)])
    counts = {shard: sum(one.count(shard) for one in taken) for shard in (1, 2, 3)}
    assert sum(counts.values()) == processes * each
    assert max(counts.values()) == most
    row = models.CertificateAuthority.objects.using(desk.db.alias).get(pk=NAME)
    assert (row.open_shard, most * 2 + row.shard_places - processes * each) == (3, pytest.approx(0, abs=2 * processes))


def test_a_process_asks_the_register_once_for_many_places(sqlite_desk, monkeypatch):
    asked, take = [], authorities.take_places
    monkeypatch.setattr(authorities, "take_places", lambda *what: asked.append(what) or take(*what))
    shards = Shards(sqlite_desk.db, 100_000)
    for _ in range(257):
        shards.take(NAME)
    assert [at_once for _, _, _, at_once in asked] == [256, 256]


def test_where_nothing_is_said_there_is_one_shard():
    assert ONE_SHARD.take(NAME) == 1


def test_lists_of_a_shard_that_was_opened_are_there_though_nobody_asks(sqlite_desk):
    desk = filling(sqlite_desk, 1)
    refresh_crls(desk.ctx, REQUEST)
    for _ in range(2):
        enrolled(desk)
    refresh_crls(desk.ctx, REQUEST)
    rows = models.Crl.objects.using(desk.db.alias).filter(authority_id=NAME)
    assert sorted(rows.values_list("shard", flat=True)) == [0, 1, 2]
    desk.clock.forward(timedelta(minutes=1))
    signatures = desk.signer.signatures
    refresh_crls(desk.ctx, REQUEST)
    assert desk.signer.signatures == signatures


def test_all_shards_come_back_with_a_register_of_yesterday(desk, tmp_path):
    with keeping(filling(desk, 1), tmp_path) as full:
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
